// Direct methods of a device over AMQP: calls on one link, answers on another, both at `/devices/{id}/methods/devicebound`.
// Calls wait in the room twins.

import type { MethodCall, MethodOwner, Methods } from "../../twins/methods.ts";
import { bounds } from "./context.ts";
import type { Delivery, Giver, Taken, Taker } from "./links.ts";
import { readMessage, wordOf, writeMessage } from "./message.ts";
import { Malformed, encode } from "./values.ts";

export function methodAnswers(methods: Methods, owner: MethodOwner): Taker {
  return {
    credit: bounds.requestCredit,
    bytesMax: 256 * 1024,
    take: (delivery) => takeAnswer(methods, owner, delivery),
  };
}

export function methodCalls(methods: Methods, owner: MethodOwner): Giver {
  let stop = (): void => {};
  return {
    begin: (link) => {
      stop = methods.serve(owner, (call) => link.send(callMessage(call)));
    },
    end: () => stop(),
  };
}

function takeAnswer(methods: Methods, owner: MethodOwner, { message }: Delivery): Taken {
  try {
    const { properties, application, body } = readMessage(message);
    const said = wordOf(application?.get("IoThub-status") ?? null);
    const status = Number(said);
    const requestId = wordOf(properties[5] ?? null);
    if (said.trim() === "" || !Number.isInteger(status)) throw new Malformed("IoThub-status is no whole number");
    methods.answer(owner, requestId, status, Buffer.from(body.source.subarray(body.first, body.next)));
    return "accepted";
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { condition: "amqp:decode-error", description: error.message };
  }
}

/** Its id as a UUID, which SDKs give back as they got it. */
function callMessage({ requestId, name, payload }: MethodCall): Buffer {
  return writeMessage({
    correlationId: encode.uuid(Buffer.from(requestId.replaceAll("-", ""), "hex")),
    application: [["IoThub-methodname", encode.string(name)]],
    body: Buffer.from(payload),
  });
}
