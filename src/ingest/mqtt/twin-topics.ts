// The twin of a connected device over MQTT: its requests on `$iothub/twin/…`, answered in their order. Topics and answers:
// docs/formats.md "MQTT". What it is told unasked: desired-pushes.ts.
//
//   D2  An answer is sent after its change is durable.
//   M1  A connection has at most `requestsMax` requests that are not answered.

import { ColdpathError, messageOf } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { Subscriptions } from "../../registry/registry.ts";
import type { TwinOwner, Twins } from "../../twins/twins.ts";
import { connectionId } from "../connection-table.ts";
import type { RejectionReason } from "../ingest.ts";
import { publishPacket } from "./packets.ts";
import { type TwinRequest, twinAnswersFilter } from "./topics.ts";

const requestsMax = 10;

export interface TwinTopicsOptions {
  readonly twins: Twins;
  readonly log: Log;
  readonly owner: TwinOwner;
  readonly subscriptions: Subscriptions;
  readonly write: (packet: Buffer) => void;
  /** Counts it. */
  readonly reject: (reason: RejectionReason, deviceId: string | null, address: string | undefined) => void;
}

/** IoT Hub's own numbers where it has them: the Node SDK looks for one in the body, and not at the status. */
const errorCodes: Readonly<Record<number, number>> = {
  400: 400_004,
  404: 404_001,
  429: 429_001,
  500: 500_001,
};

export class TwinTopics {
  readonly #options: TwinTopicsOptions;
  /** Requests one after the other: who reads after a report finds it. */
  #tail: Promise<void> = Promise.resolve();
  #requests = 0;
  #isClosed = false;

  constructor(options: TwinTopicsOptions) {
    this.#options = options;
  }

  request(request: TwinRequest, payload: Buffer): void {
    const { requestId } = request;
    if (this.#requests >= requestsMax) {
      this.#count("too-many-requests");
      return this.#refuse(requestId, 429, `More than ${requestsMax} requests wait for their answers.`);
    }
    this.#requests++;
    // The payload lies in the chunk that was read.
    const body = Buffer.from(payload);
    this.#tail = this.#tail.then(() => this.#answer(request, body)).finally(() => this.#requests--);
  }

  close(): void {
    this.#isClosed = true;
  }

  async #answer({ kind, requestId }: TwinRequest, body: Buffer): Promise<void> {
    const { twins, owner, log } = this.#options;
    if (this.#isClosed) return;
    try {
      if (kind === "twin-read") this.#reply(`200/?${rid(requestId)}`, await twins.read(owner));
      else this.#reply(`204/?${rid(requestId)}&$version=${await twins.report(owner, body)}`, "");
    } catch (error) {
      if (error instanceof ColdpathError && error.kind === "invalid") {
        this.#count("invalid-twin-request");
        this.#refuse(requestId, 400, `${error.message} ${error.hint ?? ""}`.trim());
      } else if (error instanceof ColdpathError && error.kind === "not-found") {
        this.#refuse(requestId, 404, error.message);
      } else {
        log.error({ deviceId: owner.deviceId, error: messageOf(error) }, "A device's request to its twin failed.");
        this.#refuse(requestId, 500, "The hub could not carry it out; try again.");
      }
    }
  }

  #count(reason: RejectionReason): void {
    const { owner, reject } = this.#options;
    reject(reason, connectionId(owner.deviceId, owner.moduleId), undefined);
  }

  #refuse(requestId: string, status: number, message: string): void {
    const timestampUtc = new Date().toISOString();
    this.#reply(
      `${status}/?${rid(requestId)}`,
      JSON.stringify({ errorCode: errorCodes[status], message, timestampUtc }),
    );
  }

  #reply(rest: string, payload: string): void {
    if (this.#isClosed || !this.#options.subscriptions.has(twinAnswersFilter)) return;
    this.#options.write(publishPacket(`$iothub/twin/res/${rest}`, payload));
  }
}

function rid(requestId: string): string {
  return `$rid=${requestId}`;
}
