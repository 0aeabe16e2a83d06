// One HTTPS request and its answer.
//
//   J1  204 is written when the journal calls `durable`; a batch is one frame, so all of it or nothing is taken.
//   D1  The request claims its device before credentials are read; when access changes before the journal took the
//       messages, it is authenticated again.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Refusal as JournalRefusal } from "../../journal/journal.ts";
import { codeOf, messageOf } from "../../lib/errors.ts";
import { type Sender, countedBytes } from "../../message/message.ts";
import { recordHead } from "../../message/record-encoder.ts";
import { type AuthOutcome, authenticate } from "../authenticate.ts";
import { clientCertificateOf } from "../client-certificate.ts";
import { type LiveConnection, connectionId } from "../connection-table.ts";
import type { RejectionReason } from "../ingest.ts";
import { type Answer, type HttpsReason, answerBody, answerOf, notImplemented } from "./answer.ts";
import { type IncomingMessage as DeviceMessage, isBatchType, parseBatch } from "./batch.ts";
import { pieceBytesMin, readBody } from "./body.ts";
import type { HttpsContext } from "./context.ts";
import { deliveryHeaders } from "./devicebound.ts";
import { propertiesOfHeaders } from "./headers.ts";
import { inTurn } from "../turns.ts";
import { withRoom } from "./room.ts";
import { type ProvisioningAnswer, errorAnswer } from "../provisioning/answer.ts";
import { type Route, routeOf } from "./route.ts";

type Identity = Extract<AuthOutcome, { kind: "known" }>;
/** Null: taken, and to be answered when durable; or why not. */
type Attempt = JournalRefusal | "access-changed" | Refusal;
/** Null: answered, or to be answered when durable. */
type Refusal = {
  readonly reason: HttpsReason;
  readonly text?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
  /** Nothing more is read from the connection. */
  readonly isLast?: boolean;
} | null;

/** Of a registration's payload only a model id is used. */
const registrationBytesMax = 64 * 1024;
const fragmentedText = `The body comes in too many pieces: send at least ${pieceBytesMin} bytes in each.`;
/** Changes of access while one request is authenticated, after which it is told to come back. */
const attemptsMax = 3;

export class Exchange implements LiveConnection {
  /** The table tells every claim of every changed policy. */
  readonly policy = null;
  readonly #context: HttpsContext;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #deviceId: string | null = null;
  #moduleId: string | undefined;
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
        case "settle":
          this.#deviceId = route.deviceId;
          this.#moduleId = route.kind === "events" ? route.moduleId : undefined;
          table.claim(connectionId(route.deviceId, this.#moduleId), this);
          this.#refuse(await this.#serve(route));
          break;
        case "register":
        case "operation":
          await this.#provision(route);
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
      if (this.#deviceId !== null) table.leave(connectionId(this.#deviceId, this.#moduleId), this);
      budget.giveBack(this.#budgetBytes);
    }
  }

  async #serve(route: Extract<Route, { readonly deviceId: string }>): Promise<Refusal> {
    switch (route.kind) {
      case "events":
        return await this.#takeEvents();
      case "devicebound":
        return await this.#giveMessage(route.deviceId);
      case "settle":
        return await this.#settleMessage(route);
    }
  }

  async #takeEvents(): Promise<Refusal> {
    const { accept, limits, budget } = this.#context;
    // Before the body is read: a device need not send what cannot be taken.
    if (accept.refusal !== null && accept.refusal !== "wait") return refusalOf(accept.refusal);
    const rejected = (await this.#authenticate()) ?? this.#throttled();
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
    if (body === "fragmented") return { reason: "malformed-request", text: fragmentedText, isLast: true };
    return await this.#journal(body, isBatch);
  }

  async #journal(body: Buffer, isBatch: boolean): Promise<Refusal> {
    const { accept, bounds, turns } = this.#context;
    const { writer } = accept.pathOf(this.#deviceId ?? "");
    const endMs = performance.now() + bounds.roomWaitMs;
    for (;;) {
      const attempt = (): Attempt => this.#attempt(body, isBatch);
      const begin = (): Promise<Attempt> => withRoom(writer, body.length, endMs - performance.now(), attempt);
      // A batch costs a few milliseconds: many of them leave others their time in between.
      const outcome = await (isBatch ? inTurn(turns, begin) : begin());
      if (outcome === "access-changed") {
        const rejected = await this.#authenticate();
        if (rejected !== null) return rejected;
      } else if (outcome === "wait") return { reason: "overloaded" };
      else return typeof outcome === "string" ? refusalOf(outcome) : outcome;
    }
  }

  /** Takes all messages or none. D1: nothing else runs from the look at the identity to the commit. */
  #attempt(body: Buffer, isBatch: boolean): Attempt {
    const { accept, limits } = this.#context;
    const identity = this.#identity;
    if (identity === null) return "access-changed";
    const throttled = this.#throttled(); // others of this device may have been taken since it was asked first
    if (throttled !== null) return throttled;
    const deviceId = this.#deviceId ?? "";
    const path = accept.pathOf(deviceId);
    let messages: readonly DeviceMessage[];
    if (isBatch) {
      // M1: a batch waits as the bytes it came in, and is taken apart when there seems to be room: it is many times larger then.
      const refusal = path.writer.reserve(Math.min(2 * body.length, path.writer.reserveBytesMax));
      if (refusal !== null) return refusal;
      const parsed = parseBatch(body);
      if (typeof parsed === "string") return { reason: "invalid-batch", text: parsed };
      messages = parsed;
    } else messages = [{ properties: propertiesOfHeaders(this.#request.rawHeaders), body }];
    const counted = messages.reduce((sum, one) => sum + countedBytes(one.properties, one.body.length), 0);
    if (counted > limits.messageBytesMax) return { reason: "message-too-large" };
    const { authScope, moduleId, generationId } = identity;
    const sender: Sender = { deviceId, moduleId, authScope, generationId };
    const refusal = path.acceptAll(
      messages.map(({ properties, body: bytes }) => ({ head: recordHead(sender, properties), body: bytes })),
    );
    if (refusal === "too-large") return { reason: "message-too-large" };
    if (refusal !== null) return refusal;
    accept.rates?.bucketOf(deviceId).spend(messages.length, body.length);
    path.writer.onDurable({ durable: () => this.#noContent() }); // J1
    return null;
  }

  /** The device sent more than it may. */
  #throttled(): Refusal {
    const bucket = this.#context.accept.rates?.bucketOf(this.#deviceId ?? "");
    if (bucket === undefined || bucket.hasRoom) return null;
    return { reason: "throttled", retryAfterSeconds: Math.ceil(bucket.waitMs / 1000) };
  }

  /** The next cloud-to-device message, locked for the device, or 204: there is none. */
  async #giveMessage(deviceId: string): Promise<Refusal> {
    const { cloudMessages } = this.#context;
    const rejected = await this.#authenticate();
    if (rejected !== null) return rejected;
    const generationId = this.#identity?.generationId ?? "";
    const owner = { deviceId, generationId };
    const delivery = await cloudMessages.receive(owner);
    if (delivery === null) {
      this.#noContent();
      return null;
    }
    // Its access may have changed meanwhile, or nobody listens any more: then the next poll gets it.
    if (this.#identity === null || this.#response.destroyed) {
      await cloudMessages.settle(owner, delivery.lockToken, "abandoned");
      return { reason: "overloaded" };
    }
    // As text, byte for byte: before a Buffer, Node writes the head in front of a `100 Continue` that still waits (fuzzing found it).
    this.#response.writeHead(200, deliveryHeaders(deviceId, delivery)).end(delivery.body.toString("latin1"), "latin1");
    return null;
  }

  /** Answered when it is durable. */
  async #settleMessage({ deviceId, lockToken, outcome }: Extract<Route, { kind: "settle" }>): Promise<Refusal> {
    const rejected = await this.#authenticate();
    if (rejected !== null) return rejected;
    const owner = { deviceId, generationId: this.#identity?.generationId ?? "" };
    try {
      await this.#context.cloudMessages.settle(owner, lockToken, outcome);
    } catch (error) {
      if (codeOf(error) === "lock-lost") return { reason: "lock-lost" };
      throw error;
    }
    this.#noContent();
    return null;
  }

  /** Authenticates for itself: who asks is no device yet. */
  async #provision(route: Extract<Route, { kind: "register" | "operation" }>): Promise<void> {
    const { provisioning, budget } = this.#context;
    const { idScope, registrationId } = route;
    const claim = {
      idScope,
      registrationId,
      token: this.#request.headers.authorization ?? null,
      certificate: clientCertificateOf(this.#request.socket),
    };
    // A poll may have one, too: the Node SDK sends `{}`.
    const body = await readBody(this.#request, registrationBytesMax, budget, (bytes) => {
      this.#budgetBytes += bytes;
    });
    if (body === "gone") return;
    if (body === "too-large" || body === "overloaded") {
      const reason = body === "too-large" ? "message-too-large" : body;
      this.#context.reject(reason, registrationId, this.#request.socket.remoteAddress);
      const isLarge = body === "too-large";
      return this.#tell(
        isLarge
          ? errorAnswer(413, `The body is larger than ${registrationBytesMax} bytes.`)
          : errorAnswer(503, "The hub has more to do than it can take now.", 5),
      );
    }
    if (body === "fragmented") return this.#refuse({ reason: "malformed-request", text: fragmentedText, isLast: true });
    const answer =
      route.kind === "register" ? provisioning.register(claim, body) : provisioning.poll(claim, route.operationId);
    this.#tell(await answer);
  }

  #tell({ status, body, retryAfterSeconds }: ProvisioningAnswer): void {
    if (this.#response.headersSent || this.#response.destroyed) return;
    this.#response.writeHead(status, {
      "Content-Type": "application/json; charset=utf-8",
      "Content-Length": Buffer.byteLength(body),
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
      ...(retryAfterSeconds === undefined ? {} : { "Retry-After": retryAfterSeconds }),
    });
    this.#response.end(body);
  }

  async #authenticate(): Promise<Refusal> {
    const { registry, isOurHost } = this.#context;
    const claim = {
      deviceId: this.#deviceId ?? "",
      moduleId: this.#moduleId,
      token: this.#request.headers.authorization ?? null,
      certificate: clientCertificateOf(this.#request.socket),
    };
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
    if (refusal === null) return;
    const { reason, text, retryAfterSeconds, isLast } = refusal;
    this.#reject(reason, answerOf(reason, text, retryAfterSeconds), isLast);
  }

  #reject(reason: HttpsReason, answer: Answer, isLast = false): void {
    this.#context.reject(reason, this.#deviceId, this.#request.socket.remoteAddress);
    if (this.#response.headersSent || this.#response.destroyed) return;
    const body = answerBody(answer);
    this.#response.writeHead(answer.status, {
      "Content-Type": "application/json; charset=utf-8",
      "Content-Length": Buffer.byteLength(body),
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
      ...(isLast ? { Connection: "close" } : {}),
      ...(answer.retryAfterSeconds === undefined ? {} : { "Retry-After": answer.retryAfterSeconds }),
    });
    this.#response.end(body);
  }

  #noContent(): void {
    if (!this.#response.destroyed) this.#response.writeHead(204).end();
  }
}

function refusalOf(refusal: Exclude<JournalRefusal, "wait">): Refusal {
  return { reason: refusal === "full" ? "journal-full" : "not-ready" };
}

/** Authentication rejects with reasons of its own only; any other would be answered like a wrong key. */
function httpsReason(reason: RejectionReason): HttpsReason {
  switch (reason) {
    case "token-malformed":
    case "unknown-device":
    case "unknown-module":
    case "unknown-policy":
    case "token-signature":
    case "token-expired":
    case "token-resource":
    case "device-disabled":
    case "authentication-type":
    case "certificate-thumbprint":
    case "certificate-name":
    case "certificate-untrusted":
    case "certificate-expired":
      return reason;
    default:
      return "token-signature";
  }
}
