// The will of a device: a message of its own that the hub takes when its connection ends without a farewell.
// MQTT 3.1.1 §3.1.2.5. Nobody is told whether it was taken.

import type { RecordHead } from "../../message/record-encoder.ts";
import type { AcceptPath } from "../accept.ts";

export interface Will {
  readonly head: RecordHead;
  readonly body: Buffer;
}

/** How often a will asks for room in full frames before it is given up: it must not wait for ever. */
const attemptsMax = 11;

/** @param onLost  told when the journal did not take it. */
export function sendWill(path: AcceptPath, will: Will, onLost: () => void, attempt = 1): void {
  // Never folded: a device that dies twice leaves the same will twice.
  const refusal = path.append(will.head, will.body, 0, will.body.length);
  if (refusal === null) path.writer.onDurable({ durable: () => {} });
  else if (refusal === "wait" && attempt < attemptsMax) {
    path.writer.onRoom(() => sendWill(path, will, onLost, attempt + 1), will.body.length);
  } else onLost();
}
