// One HTTPS request and its answer.
//
//   J1  204 is written when the journal calls `durable`; a batch is one frame, so all of it or nothing is taken.
//   D1  The request claims its device before credentials are read; when access changes before the journal took the
//       messages, it is authenticated again.

import type { IncomingMessage, ServerResponse } from "node:http";
import { messageOf } from "../../lib/errors.ts";
import { type Sender, countedBytes } from "../../message/message.ts";
import { recordHead } from "../../message/record-encoder.ts";
import { type AuthOutcome, authenticate } from "../authenticate.ts";
import type { LiveConnection } from "../connection-table.ts";
import type { RejectionReason } from "../ingest.ts";
import { type Answer, type HttpsReason, answerBody, answerOf, notImplemented } from "./answer.ts";
import { type IncomingMessage as DeviceMessage, isBatchType, parseBatch } from "./batch.ts";
import { readBody } from "./body.ts";
import type { HttpsContext } from "./context.ts";
import { propertiesOfHeaders } from "./headers.ts";
import { routeOf } from "./route.ts";

type Identity = Extract<AuthOutcome, { kind: "known" }>;
/** Null: answered, or to be answered when durable. */
type Refusal = { readonly reason: HttpsReason; readonly text?: string | undefined } | null;

/** Changes of access while one request is authenticated, after which it is told to come back. */
const attemptsMax = 3;

export class Exchange implements LiveConnection {
  /** The table tells every claim of every changed policy. */
  readonly policy = null;
  readonly #context: HttpsContext;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #deviceId: string | null = null;
  /** Null until authenticated, and again when access changed. */
  #identity: Identity | null = null;
  #changes = 0;
  #budgetBytes = 0;

  constructor(context: HttpsContext, request: IncomingMessage, response: ServerResponse) {
    this.#context = context;
    this.#request = request;
    this.#response = response;
  }

  /** Access changed (D1). */
  end(): void {
    this.#identity = null;
    this.#changes++;
  }

  /** Answers the request, now or when it is durable. Never rejects. */
  async run(): Promise<void> {
    const { table, budget, log } = this.#context;
    const route = routeOf(this.#request.method ?? "", this.#request.url ?? "");
    try {
      switch (route.kind) {
        case "events":
        case "devicebound":
          this.#deviceId = route.deviceId;
          table.claim(route.deviceId, this);
          this.#refuse(route.kind === "events" ? await this.#takeEvents() : await this.#giveMessages());
          break;
        case "missing":
          this.#reject("path", notImplemented(route.name));
          break;
        case "unknown":
          this.#refuse({ reason: "path" });
          break;
      }
    } catch (error) {
      log.error({ error: messageOf(error), deviceId: this.#deviceId }, "An HTTPS request could not be answered.");
      this.#refuse({ reason: "not-ready" });
    } finally {
      if (this.#deviceId !== null) table.leave(this.#deviceId, this);
      budget.giveBack(this.#budgetBytes);
    }
  }

  async #takeEvents(): Promise<Refusal> {
    const { accept, limits, budget } = this.#context;
    // Before the body is read: a device need not send what cannot be taken.
    if (accept.refusal !== null && accept.refusal !== "wait") return refusalOf(accept.refusal);
    const rejected = await this.#authenticate();
    if (rejected !== null) return rejected;
    const isBatch = isBatchType(this.#request.headers["content-type"]);
    // A batch counts as its messages do; base64 and JSON around them are given as much room again.
    const bytesMax = isBatch ? 2 * limits.messageBytesMax : limits.messageBytesMax;
    const body = await readBody(this.#request, bytesMax, budget, (bytes) => {
      this.#budgetBytes += bytes;
    });
    if (body === "gone") return null;
    if (body === "too-large") return { reason: "message-too-large" };
    if (body === "overloaded") return { reason: "overloaded" };
    const messages = isBatch ? parseBatch(body) : [{ properties: propertiesOfHeaders(this.#request.rawHeaders), body }];
    if (typeof messages === "string") return { reason: "invalid-batch", text: messages };
    const counted = messages.reduce((sum, one) => sum + countedBytes(one.properties, one.body.length), 0);
    if (counted > limits.messageBytesMax) return { reason: "message-too-large" };
    return await this.#journal(messages);
  }

  async #journal(messages: readonly DeviceMessage[]): Promise<Refusal> {
    const { accept, room, bounds } = this.#context;
    const deviceId = this.#deviceId ?? "";
    const path = accept.pathOf(deviceId);
    const endMs = performance.now() + bounds.roomWaitMs;
    for (;;) {
      const identity = this.#identity;
      if (identity === null) {
        const rejected = await this.#authenticate();
        if (rejected !== null) return rejected;
        continue;
      }
      // D1: from here to the commit nothing else runs, so the identity still holds.
      const { authScope, generationId } = identity;
      const sender: Sender = { deviceId, authScope, generationId };
      const records = messages.map(({ properties, body }) => ({ head: recordHead(sender, properties), body }));
      const refusal = path.acceptAll(records);
      if (refusal === null) {
        path.writer.onDurable({ durable: () => this.#noContent() }); // J1
        return null;
      }
      if (refusal === "too-large") return { reason: "message-too-large" };
      if (refusal !== "wait") return refusalOf(refusal);
      const leftMs = endMs - performance.now();
      if (leftMs <= 0 || !(await room.wait(path, leftMs))) return { reason: "overloaded" };
    }
  }

  /** Cloud-to-device messages: there are none, which is what SDKs that poll for them should hear. */
  async #giveMessages(): Promise<Refusal> {
    const rejected = await this.#authenticate();
    if (rejected === null) this.#noContent();
    return rejected;
  }

  async #authenticate(): Promise<Refusal> {
    const { registry, isOurHost } = this.#context;
    const claim = { deviceId: this.#deviceId ?? "", token: this.#request.headers.authorization ?? "" };
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const changes = this.#changes;
      const outcome = await authenticate(registry, isOurHost, claim, Date.now());
      if (this.#changes !== changes) continue; // what was read may be what was changed
      if (outcome.kind === "rejected") return { reason: httpsReason(outcome.reason) };
      this.#identity = outcome;
      return null;
    }
    return { reason: "overloaded" };
  }

  #refuse(refusal: Refusal): void {
    if (refusal !== null) this.#reject(refusal.reason, answerOf(refusal.reason, refusal.text));
  }

  #reject(reason: HttpsReason, answer: Answer): void {
    this.#context.reject(reason, this.#deviceId, this.#request.socket.remoteAddress);
    if (this.#response.headersSent || this.#response.destroyed) return;
    const body = answerBody(answer);
    this.#response.writeHead(answer.status, {
      "Content-Type": "application/json; charset=utf-8",
      "Content-Length": Buffer.byteLength(body),
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
      ...(answer.retryAfterSeconds === undefined ? {} : { "Retry-After": answer.retryAfterSeconds }),
    });
    this.#response.end(body);
  }

  #noContent(): void {
    if (!this.#response.destroyed) this.#response.writeHead(204).end();
  }
}

function refusalOf(refusal: "full" | "clock" | "starting" | "draining" | "failed"): Refusal {
  return { reason: refusal === "full" ? "journal-full" : "not-ready" };
}

/** Authentication rejects with reasons of its own only; any other would be answered like a wrong key. */
function httpsReason(reason: RejectionReason): HttpsReason {
  switch (reason) {
    case "token-malformed":
    case "unknown-device":
    case "unknown-policy":
    case "token-signature":
    case "token-expired":
    case "token-resource":
    case "device-disabled":
      return reason;
    default:
      return "token-signature";
  }
}
