// A device that is provisioned over MQTT, on the ports of all devices: its user name begins with an ID scope.
//
//     {idScope}/registrations/{registrationId}/api-version=2019-03-31&ClientVersion=…
//
// It may subscribe to `$dps/registrations/res/#`, register, and ask how far that is; nothing else. MqttConnection reads the packets.
//
//   M1  A connection has at most `requestsMax` requests that are not answered.

import type { ProvisioningClaim, Provisioning } from "../provisioning/provisioning.ts";
import { type ProvisioningAnswer, errorAnswer } from "../provisioning/answer.ts";
import type { RejectionReason } from "../ingest.ts";
import { requestIdOf } from "./topics.ts";
import {
  type IConnectPacket,
  type Packet,
  publishPacket,
  pubackPacket,
  subackPacket,
  unsubackPacket,
} from "./packets.ts";

const requestsMax = 4;
const answersFilter = "$dps/registrations/res/#";
const answersStart = "$dps/registrations/res/";

/** The claim of a CONNECT that asks for provisioning, without its certificate; null when it asks for the hub. */
export function provisioningClaimOf(packet: IConnectPacket): Omit<ProvisioningClaim, "certificate"> | null {
  const [idScope = "", registrations, registrationId = ""] = (packet.username ?? "").split("/");
  if (registrations !== "registrations" || idScope === "" || registrationId === "") return null;
  return { idScope, registrationId, token: packet.password?.toString("utf8") ?? null };
}

export interface ProvisioningSessionOptions {
  readonly provisioning: Provisioning;
  readonly claim: ProvisioningClaim;
  /** Real time at which the token ends. */
  readonly expiresMs: number;
  readonly write: (packet: Buffer) => void;
  /** The device has said goodbye. */
  readonly leave: () => void;
  /** What is refused while the connection goes on: counted. */
  readonly refused: (reason: RejectionReason) => void;
  /** What it may not do: the connection ends. */
  readonly violation: (reason: RejectionReason) => void;
}

export class ProvisioningSession {
  readonly #options: ProvisioningSessionOptions;
  /** Requests one after the other. */
  #tail: Promise<void> = Promise.resolve();
  #requests = 0;
  #isSubscribed = false;
  #isClosed = false;

  constructor(options: ProvisioningSessionOptions) {
    this.#options = options;
  }

  get registrationId(): string {
    return this.#options.claim.registrationId;
  }

  get expiresMs(): number {
    return this.#options.expiresMs;
  }

  take(packet: Packet): void {
    const { write, leave, violation } = this.#options;
    switch (packet.cmd) {
      case "subscribe": {
        const granted = packet.subscriptions.map(({ topic, qos }) => {
          // Or to the topic of one answer, for clients that cannot do with a filter.
          if (topic !== answersFilter && !topic.startsWith(answersStart)) return 0x80;
          this.#isSubscribed = true;
          return Math.min(qos, 1);
        });
        if (granted.length === 0) return violation("malformed-packet"); // §3.8.3-3
        return write(subackPacket(packet.messageId ?? 0, granted));
      }
      case "unsubscribe":
        if (packet.unsubscriptions.includes(answersFilter)) this.#isSubscribed = false;
        return write(unsubackPacket(packet.messageId ?? 0));
      case "publish": {
        if (packet.qos > 1) return violation("qos-2");
        const request = parseRequest(packet.topic);
        if (request === null) return violation("topic");
        if (packet.qos === 1) write(pubackPacket(packet.messageId ?? 0));
        return this.#request(request, packet.payload);
      }
      case "puback":
        return; // none is awaited
      case "disconnect":
        return leave();
      default:
        return violation("unexpected-packet");
    }
  }

  close(): void {
    this.#isClosed = true;
  }

  #request({ requestId, operationId }: Request, payload: string | Buffer): void {
    if (this.#requests >= requestsMax) {
      this.#options.refused("too-many-requests");
      return this.#reply(requestId, errorAnswer(429, `More than ${requestsMax} requests wait for their answers.`, 5));
    }
    this.#requests++;
    const { provisioning, claim } = this.#options;
    // The payload lies in the chunk that was read.
    const body = Buffer.from(payload as Buffer);
    const answer = async (): Promise<void> => {
      if (this.#isClosed) return;
      const told = operationId === null ? provisioning.register(claim, body) : provisioning.poll(claim, operationId);
      this.#reply(requestId, await told);
    };
    this.#tail = this.#tail.then(answer).finally(() => this.#requests--);
  }

  #reply(requestId: string, { status, retryAfterSeconds, body }: ProvisioningAnswer): void {
    if (this.#isClosed || !this.#isSubscribed) return;
    const retryAfter = retryAfterSeconds === undefined ? "" : `&retry-after=${retryAfterSeconds}`;
    const topic = `$dps/registrations/res/${status}/?$rid=${requestId}${retryAfter}`;
    this.#options.write(publishPacket(topic, body));
  }
}

interface Request {
  readonly requestId: string;
  /** Null: to register. */
  readonly operationId: string | null;
}

function parseRequest(topic: string): Request | null {
  const match = /^\$dps\/registrations\/(PUT\/iotdps-register|GET\/iotdps-get-operationstatus)\/\?(.*)$/.exec(topic);
  if (match === null) return null;
  const query = match[2] ?? "";
  const requestId = requestIdOf(query);
  if (requestId === null) return null;
  const operationId = new URLSearchParams(query).get("operationId") ?? "";
  return { requestId, operationId: match[1]?.startsWith("PUT") === true ? null : operationId };
}
