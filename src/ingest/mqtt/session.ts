// What an authenticated connection has.

import { type Sender, noProperties } from "../../message/message.ts";
import { type RecordHead, recordHead } from "../../message/record-encoder.ts";
import type { GrantedQos, KeptMqttSession, SessionOwner } from "../../registry/registry.ts";
import type { AcceptPath } from "../accept.ts";
import type { AuthOutcome } from "../authenticate.ts";
import type { ConnectRequest } from "./connect.ts";
import type { Will } from "./will.ts";

export interface Session {
  readonly sender: Sender;
  readonly path: AcceptPath;
  readonly events: string;
  /** Of this device and generation, and of the module if it is one: the name under which its session is kept. */
  readonly name: string;
  readonly isClean: boolean;
  /** Real time. */
  readonly expiresMs: number;
  /** The topic of the message before this one, its head, and what it counts against the limit. */
  topic: Buffer;
  head: RecordHead;
  counted: number;
  will: Will | null;
  readonly subscriptions: Map<string, GrantedQos>;
  readonly owner: SessionOwner;
  /** When the registry was last told that it is used; null: nothing of it is kept. */
  usedMs: number | null;
}

export function openSession(
  request: ConnectRequest,
  identity: Extract<AuthOutcome, { kind: "known" }>,
  path: AcceptPath,
  kept: KeptMqttSession | null,
): Session {
  const { deviceId, moduleId, modelId, events, will, isCleanSession } = request;
  const { authScope, generationId, identityGenerationId, expiresMs } = identity;
  const sender: Sender = { deviceId, moduleId, authScope, generationId, modelId };
  return {
    sender,
    path,
    events,
    name: `${identityGenerationId} ${events}`,
    isClean: isCleanSession,
    expiresMs,
    topic: Buffer.from(events),
    head: recordHead(sender, noProperties),
    counted: 0,
    will: will === null ? null : { head: recordHead(sender, will.properties), body: will.body },
    subscriptions: new Map(kept?.subscriptions),
    owner: { deviceId, moduleId, generationId: identityGenerationId },
    usedMs: kept?.usedMs ?? null,
  };
}
