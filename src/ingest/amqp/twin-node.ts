// The twin of a device over AMQP: requests on one link, answers and pushes of what is wanted on another, both at
// `/devices/{id}/twin`. Annotations: docs/formats.md "AMQP".
//
//   D2  An answer is sent after its change is durable.
//   M1  A device has at most `requestsMax` requests that are not answered.

import { ColdpathError, messageOf } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { TwinOwner, Twins } from "../../twins/twins.ts";
import { connectionId } from "../connection-table.ts";
import { DesiredPushes } from "../desired-pushes.ts";
import type { RejectionReason } from "../ingest.ts";
import type { KeptSession, KeptSessions } from "../kept-sessions.ts";
import { bounds } from "./context.ts";
import type { Delivery, Giver, OutgoingLink, Taken, Taker } from "./links.ts";
import { readMessage, writeMessage } from "./message.ts";
import { Malformed, encode, textOf } from "./values.ts";

const requestsMax = 10;
const desired = "/notifications/twin/properties/desired";

interface Request {
  readonly operation: string;
  readonly resource: string;
  readonly correlationId: Buffer | null;
  readonly body: Buffer;
}

export interface TwinNodeOptions {
  readonly twins: Twins;
  readonly sessions: KeptSessions;
  readonly owner: TwinOwner;
  /** Monotonic, a second old at most. */
  readonly coarseMs: () => number;
  /** Counts what is refused. */
  readonly reject: (reason: RejectionReason, deviceId: string) => void;
  readonly log: Log;
}

export class TwinNode {
  readonly taker: Taker;
  readonly giver: Giver;
  readonly #twins: Twins;
  readonly #log: Log;
  readonly #owner: TwinOwner;
  readonly #sessions: KeptSessions;
  readonly #session: KeptSession;
  readonly #desired: DesiredPushes;
  readonly #reject: TwinNodeOptions["reject"];
  #link: OutgoingLink | null = null;
  /** Requests one after the other: who reads after a report finds it. */
  #tail: Promise<void> = Promise.resolve();
  #requests = 0;
  #isOver = false;

  constructor(options: TwinNodeOptions) {
    const { twins, sessions, owner, log, reject } = options;
    this.#twins = twins;
    this.#reject = reject;
    this.#log = log;
    this.#owner = owner;
    this.#sessions = sessions;
    this.#session = { owner, isClean: false, usedMs: null };
    this.#desired = new DesiredPushes({ ...options, session: this.#session, tell: (patch) => this.#push(patch) });
    sessions.begin(this.#session);
    this.taker = {
      credit: bounds.requestCredit,
      bytesMax: 256 * 1024,
      take: (delivery) => this.#take(delivery),
    };
    this.giver = {
      begin: (link) => (this.#link = link),
      end: (link) => {
        if (this.#link !== link) return; // another one has taken its place
        this.#link = null;
        this.#desired.close();
      },
    };
  }

  /** @param heardMs  when something was last read from the device, in the time of `coarseMs`. */
  heard(heardMs: number): void {
    this.#desired.heard(heardMs);
  }

  end(): void {
    this.#isOver = true;
    this.#desired.close();
    this.#sessions.end(this.#session);
  }

  #take({ message }: Delivery): Taken {
    try {
      const { annotations, properties, body } = readMessage(message);
      const request = {
        operation: textOf(annotations?.get("operation")) ?? "",
        resource: textOf(annotations?.get("resource")) ?? "",
        correlationId: encode.id(properties[5] ?? null),
        body: Buffer.from(body.source.subarray(body.first, body.next)), // not the chunk that was read
      };
      if (this.#requests >= requestsMax) {
        this.#refuse(request, 429, `More than ${requestsMax} requests wait for their answers.`);
        return "accepted";
      }
      this.#requests++;
      this.#tail = this.#tail.then(() => this.#answer(request)).finally(() => this.#requests--);
      return "accepted";
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      return { condition: "amqp:decode-error", description: error.message };
    }
  }

  async #answer(request: Request): Promise<void> {
    if (this.#isOver) return;
    const { operation, resource, body } = request;
    try {
      if (operation === "GET") this.#reply(request, 200, await this.#twins.read(this.#owner));
      else if (operation === "PATCH" && resource === "/properties/reported") {
        this.#reply(request, 200, "", await this.#twins.report(this.#owner, body));
      } else if ((operation === "PUT" || operation === "DELETE") && resource === desired) {
        const isFollowed = operation === "PUT";
        await this.#sessions.follow(this.#session, isFollowed, Date.now());
        this.#reply(request, 200, "");
        // Behind the answer: what the device missed while it was away.
        if (isFollowed && !this.#isOver) this.#desired.follow();
        else this.#desired.close();
      } else
        this.#refuse(request, 400, `There is no operation ${operation} on ${resource === "" ? "the twin" : resource}.`);
    } catch (error) {
      if (error instanceof ColdpathError && error.kind === "invalid") {
        this.#refuse(request, 400, `${error.message} ${error.hint ?? ""}`.trim());
      } else if (error instanceof ColdpathError && error.kind === "not-found")
        this.#refuse(request, 404, error.message);
      else {
        const fields = { deviceId: this.#owner.deviceId, error: messageOf(error) };
        this.#log.error(fields, "A device's request to its twin failed.");
        this.#refuse(request, 500, "The hub could not carry it out; try again.");
      }
    }
  }

  /** The Node SDK reads the body of a refusal as JSON. */
  #refuse(request: Request, status: number, message: string): void {
    const { deviceId, moduleId } = this.#owner;
    const reason = status === 400 ? "invalid-twin-request" : status === 429 ? "too-many-requests" : null;
    if (reason !== null) this.#reject(reason, connectionId(deviceId, moduleId));
    this.#reply(request, status, JSON.stringify(message));
  }

  #reply({ correlationId }: Request, status: number, body: string, version?: number): void {
    if (this.#isOver) return;
    const annotations: [string, Buffer][] = [["status", encode.int(status)]];
    if (version !== undefined) annotations.push(["version", encode.long(BigInt(version))]);
    this.#link?.send(writeMessage({ annotations, correlationId, body: Buffer.from(body) }));
  }

  /** What has no correlation id is a push. */
  #push(patch: string): void {
    const annotations = [["resource", encode.string(desired)]] as const;
    this.#link?.send(writeMessage({ annotations, body: Buffer.from(patch) }));
  }
}
