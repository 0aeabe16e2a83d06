// A device that is provisioned over AMQP: requests on one link, answers on another, both at `{idScope}/registrations/{registrationId}`.
// The application property `iotdps-operation-type` says what is asked. A request that is refused is rejected, with the answer as
// description (azure-iot-sdk-csharp reads it there); else it is accepted, and the answer comes on the other link.
//
//   D2  A request is accepted, and answered, after what it changed is durable.
//   M1  A device has at most `requestsMax` requests that are not answered.

import type { Provisioning, ProvisioningClaim } from "../provisioning/provisioning.ts";
import { type ProvisioningAnswer, errorAnswer } from "../provisioning/answer.ts";
import { bounds } from "./context.ts";
import type { Delivery, Giver, OutgoingLink, Taken, Taker } from "./links.ts";
import { readMessage, writeMessage } from "./message.ts";
import { type AmqpError, codes, errorValue, performative } from "./performatives.ts";
import { Malformed, encode, textOf } from "./values.ts";

const requestsMax = 4;
const conditions: Readonly<Record<number, string>> = {
  400: "amqp:invalid-field",
  401: "amqp:unauthorized-access",
  404: "amqp:not-found",
};

interface Request {
  /** Of the message, encoded; it comes back as correlation id. */
  readonly id: Buffer | null;
  /** Null: to register. */
  readonly operationId: string | null;
  readonly body: Buffer;
}

export class ProvisioningNode {
  readonly taker: Taker;
  readonly giver: Giver;
  readonly claim: ProvisioningClaim;
  /** Real time at which its token, or certificate, ends. */
  readonly expiresMs: number;
  readonly #provisioning: Provisioning;
  #link: OutgoingLink | null = null;
  /** Requests one after the other. */
  #tail: Promise<void> = Promise.resolve();
  #requests = 0;

  constructor(provisioning: Provisioning, claim: ProvisioningClaim, expiresMs: number) {
    this.#provisioning = provisioning;
    this.claim = claim;
    this.expiresMs = expiresMs;
    this.taker = {
      credit: bounds.requestCredit,
      bytesMax: 64 * 1024,
      take: (delivery) => this.#take(delivery),
    };
    this.giver = {
      begin: (link) => (this.#link = link),
      end: (link) => {
        if (this.#link === link) this.#link = null;
      },
    };
  }

  #take({ message, session, id, isSettled }: Delivery): Taken {
    let request: Request;
    try {
      request = requestOf(message);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      return { condition: "amqp:decode-error", description: error.message };
    }
    if (this.#requests >= requestsMax)
      return refusalOf(errorAnswer(429, `More than ${requestsMax} requests wait for their answers.`, 5));
    this.#requests++;
    const answered = async (): Promise<void> => {
      const answer = await this.#answerTo(request);
      const isTaken = answer.status < 400;
      const state = isTaken
        ? performative(codes.accepted, [])
        : performative(codes.rejected, [errorValue(refusalOf(answer))]);
      if (!isSettled) session.settle(id, id, state);
      if (isTaken) this.#link?.send(messageOf(request, answer));
    };
    this.#tail = this.#tail.then(answered).finally(() => this.#requests--);
    return "pending";
  }

  async #answerTo({ operationId, body }: Request): Promise<ProvisioningAnswer> {
    return operationId === null
      ? await this.#provisioning.register(this.claim, body)
      : await this.#provisioning.poll(this.claim, operationId);
  }
}

function requestOf(message: Buffer): Request {
  const { properties, application, body } = readMessage(message);
  const word = (name: string): string => textOf(application?.get(name) ?? null) ?? "";
  const operation = word("iotdps-operation-type");
  const isRegister = operation === "iotdps-register";
  if (!isRegister && operation !== "iotdps-get-operationstatus")
    throw new Malformed("iotdps-operation-type is neither iotdps-register nor iotdps-get-operationstatus");
  return {
    id: encode.id(properties[5] ?? properties[0] ?? null),
    operationId: isRegister ? null : word("iotdps-operation-id"),
    // The message lies in the chunk that was read.
    body: Buffer.from(body.source.subarray(body.first, body.next)),
  };
}

/** With the time to wait under the names by which Java's SDK and C#'s know it. */
function messageOf({ id }: Request, { body, retryAfterSeconds }: ProvisioningAnswer): Buffer {
  const names = retryAfterSeconds === undefined ? [] : ["retry-after", "Retry-After"];
  return writeMessage({
    correlationId: id,
    application: names.map((name) => [name, encode.int(retryAfterSeconds ?? 0)] as const),
    body: Buffer.from(body),
  });
}

function refusalOf({ status, body }: ProvisioningAnswer): AmqpError {
  return { condition: conditions[status] ?? "com.microsoft:timeout", description: body };
}
