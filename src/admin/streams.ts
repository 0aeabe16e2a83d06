// Streams of server-sent events: answers that stay open (https://html.spec.whatwg.org/multipage/server-sent-events.html).
//
// Owns:      how many are open, what each may leave unread, how they end.
// Does not:  know what is sent.
//
//   M1  Streams are counted. A reader that does not read is ended when more than so many bytes wait for it, or when it has
//       read nothing for a minute: whoever comes back asks for everything anew.
//   A1  A stream ends with the session or token that it was opened with.

import type { FastifyReply, FastifyRequest } from "fastify";
import type { ServerResponse } from "node:http";
import { must } from "../lib/assert.ts";
import { ColdpathError } from "../lib/errors.ts";
import { type WatchedRegistry, watchPrincipal } from "./principal.ts";

export interface StreamsOptions {
  readonly registry: WatchedRegistry;
  readonly streamsMax: number;
  readonly unsentBytesMax: number;
}

const heartBeatMs = 15_000;
/** How long a stream may end in peace. */
const farewellMs = 1000;
const heartBeatsUnreadMax = 4;
/** What a browser waits before it comes back. */
const reconnectMs = 3000;
/** What is of the moment only is left out while more than this is unread. */
const behindBytes = 64 * 1024;

export class Streams {
  readonly #options: StreamsOptions;
  readonly #open = new Set<Stream>();
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Turns the answer into a stream, which ends when its caller's session or token does.
   *
   * @throws ColdpathError `streams-full`.
   */
  open(request: FastifyRequest, reply: FastifyReply): Stream {
    const { registry, streamsMax, unsentBytesMax } = this.#options;
    if (this.#isClosed || this.#open.size >= streamsMax) {
      throw new ColdpathError("unavailable", "streams-full", `${streamsMax} live streams are open already.`, {
        hint: "Close another page of this server, or raise its --streams-max.",
      });
    }
    reply.hijack();
    const stream = new Stream(reply.raw, unsentBytesMax, () => this.#ended(stream));
    this.#open.add(stream);
    this.#timer ??= setInterval(() => this.#heartBeat(), heartBeatMs);
    this.#timer.unref();
    stream.begin(request.raw.socket.destroyed);
    const principal = must(request.principal, "nobody unknown gets this far");
    stream.onEnd(watchPrincipal(registry, principal, () => stream.end()));
    return stream;
  }

  /** Ends all, and takes none any more: the server stops. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#open) stream.end();
  }

  #ended(stream: Stream): void {
    this.#open.delete(stream);
    if (this.#open.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #heartBeat(): void {
    for (const stream of this.#open) stream.heartBeat();
  }
}

export class Stream {
  readonly #response: ServerResponse;
  readonly #unsentBytesMax: number;
  readonly #ended: () => void;
  readonly #onEnd: (() => void)[] = [];
  #isOver = false;
  #heartBeatsUnread = 0;

  constructor(response: ServerResponse, unsentBytesMax: number, ended: () => void) {
    this.#response = response;
    this.#unsentBytesMax = unsentBytesMax;
    this.#ended = ended;
  }

  /** @param isGone  the reader left before it began. */
  begin(isGone: boolean): void {
    const response = this.#response;
    response.on("drain", () => (this.#heartBeatsUnread = 0));
    response.once("close", () => this.#over());
    response.on("error", () => this.#over());
    // `cache-control: no-store` and the like are on every answer. The connection is of no further use.
    response.shouldKeepAlive = false;
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" });
    response.write(`retry: ${reconnectMs}\n\n`);
    if (isGone) this.#over();
  }

  /** Calls when the stream is over, however it ends; at once when it is. */
  onEnd(call: () => void): void {
    if (this.#isOver) call();
    else this.#onEnd.push(call);
  }

  /** Whether its reader is slow: then what is of the moment only need not be sent. */
  get isBehind(): boolean {
    return this.#response.writableLength > behindBytes;
  }

  /** @param data  JSON, which has no line break. */
  send(event: string, data: string): void {
    this.#write(`event: ${event}\ndata: ${data}\n\n`);
  }

  /** A comment, by which both sides and all between them see that the other is there. */
  heartBeat(): void {
    if (this.#response.writableLength > 0) this.#heartBeatsUnread++;
    if (this.#heartBeatsUnread > heartBeatsUnreadMax) this.#response.destroy();
    else this.#write(": still here\n\n");
  }

  /** What was sent arrives, if its reader reads within a second. */
  end(): void {
    if (this.#isOver) return;
    const response = this.#response;
    this.#over();
    const late = setTimeout(() => response.destroy(), farewellMs);
    response.once("close", () => clearTimeout(late));
    response.end();
  }

  #write(text: string): void {
    if (this.#isOver) return;
    // Looked at before, so that one event may be large.
    if (this.#response.writableLength > this.#unsentBytesMax) this.#response.destroy();
    else this.#response.write(text);
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended();
    for (const call of this.#onEnd) call();
  }
}
