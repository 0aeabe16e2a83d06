// The network between devices and hub: connections with latency, cut in pieces, half-open, slow, reset.
//
// The hub's end is a real Duplex, so that the product's flow control runs as on a socket; the device's end is a handful
// of calls. What a dead process writes goes nowhere.

import { EventEmitter } from "node:events";
import { Duplex, Readable } from "node:stream";
import { type Chance, Process, type World } from "./world.ts";

export interface NetworkFaults {
  /** Share of connections that go half-open or are reset, per chunk. */
  resetShare: number;
  halfOpenShare: number;
  /** Devices that read late. */
  slowShare: number;
}

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** All of the body is with the hub. */
  delivered(): void;
  /** The hub says its answer. */
  said?(status: number): void;
  /** Null: no answer came. @param headers  in the hub's spelling. */
  answered(status: number | null, headers: Headers): void;
}

type Headers = Readonly<Record<string, string | number>>;

interface Listening {
  readonly listener: object;
  readonly take: (...args: unknown[]) => void;
  readonly owner: Process | undefined;
}

export class Network {
  readonly faults: NetworkFaults = { resetShare: 0, halfOpenShare: 0, slowShare: 0 };
  readonly #world: World;
  readonly #chance: Chance;
  readonly #listening = new Map<string, Listening>();
  readonly #links = new Set<Link>();

  constructor(world: World) {
    this.#world = world;
    this.#chance = world.chance("network");
  }

  listen(kind: "mqtt" | "http", listener: object, take: (...args: unknown[]) => void): void {
    this.#listening.set(kind, { listener, take, owner: Process.current });
  }

  stopListening(kind: "mqtt" | "http", listener: object): void {
    if (this.#listening.get(kind)?.listener === listener) this.#listening.delete(kind);
  }

  /** Bytes that the hub holds back for each device that does not read. */
  unsentBytes(): readonly number[] {
    return [...this.#links].map(({ server }) => server.writableLength);
  }

  /** The process is gone: nobody listens, and every connection is cut, which some devices hear of. */
  drop(owner: Process): void {
    for (const [kind, one] of this.#listening) if (one.owner === owner) this.#listening.delete(kind);
    for (const link of this.#links) if (link.owner === owner) link.cut(this.#chance.is(0.8));
  }

  /** Connects a device over MQTT; null when nobody listens. */
  connect(on: LinkEvents): Link | null {
    const listening = this.#listening.get("mqtt");
    if (listening?.owner === undefined || listening.owner.state !== "alive") return null;
    const { owner, take } = listening;
    const link = new Link(this.#world, this.#chance, this.faults, owner, on, () => this.#links.delete(link));
    this.#links.add(link);
    owner.run(() => take(link.server));
    return link;
  }

  /** One HTTPS request. */
  request(request: HttpRequest): void {
    const world = this.#world;
    const chance = this.#chance;
    const listening = this.#listening.get("http");
    if (listening?.owner === undefined || listening.owner.state !== "alive") {
      world.later(chance.int(1, 20), () => request.answered(null, {}));
      return;
    }
    const { owner, take } = listening;
    let isAnswered = false;
    const answer = (status: number | null, headers: Headers = {}): void => {
      if (isAnswered) return;
      isAnswered = true;
      const isLost = status !== null && chance.is(this.faults.resetShare);
      if (isLost) world.count("http answer lost");
      world.later(chance.int(1, 20), () => request.answered(isLost ? null : status, headers));
    };
    const incoming = new IncomingRequest(request);
    const response = new Response((status, headers) => {
      if (owner.state !== "alive") return;
      world.outside(() => request.said?.(status));
      answer(status, headers);
    });
    // Without a body the request is whole with its headers.
    const isWhole = request.body.length === 0;
    if (isWhole) request.delivered();
    owner.run(() => take(incoming, response));
    const isCut = chance.is(this.faults.resetShare);
    const pieces = isCut ? [request.body.subarray(0, request.body.length / 2)] : piecesOf(request.body, chance);
    let delayMs = 0;
    for (const [index, piece] of pieces.entries()) {
      delayMs += chance.int(1, 10);
      world.later(delayMs, () => {
        if (owner.state === "dead") return;
        const isLast = index === pieces.length - 1;
        owner.run(() => {
          incoming.push(piece);
          if (isLast && isCut) {
            incoming.destroy();
            response.drop();
          } else if (isLast) {
            if (!isWhole) request.delivered();
            incoming.push(null);
          }
        });
        if (isLast && isCut) answer(null);
      });
    }
    // A client waits for so long.
    world.later(delayMs + 20_000, () => answer(null));
  }
}

function piecesOf(bytes: Buffer, chance: Chance): readonly Buffer[] {
  if (bytes.length < 2 || chance.is(0.7)) return [bytes];
  const at = chance.int(1, bytes.length - 1);
  return [bytes.subarray(0, at), ...piecesOf(bytes.subarray(at), chance)];
}

export interface LinkEvents {
  /** The hub says something, which may never come. */
  said?(bytes: Buffer): void;
  data(bytes: Buffer): void;
  closed(): void;
}

/** One connection, seen from the device. */
export class Link {
  readonly owner: Process;
  readonly server: ServerSocket;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #faults: NetworkFaults;
  readonly #on: LinkEvents;
  readonly #gone: () => void;
  #state: "open" | "half-open" | "closed" = "open";
  #isSlow: boolean;
  /** When the last byte under way arrives: order is kept. */
  #arrivesMs = { hub: 0, device: 0 };

  constructor(world: World, chance: Chance, faults: NetworkFaults, owner: Process, on: LinkEvents, gone: () => void) {
    this.#world = world;
    this.#chance = chance;
    this.#faults = faults;
    this.owner = owner;
    this.#on = on;
    this.#gone = gone;
    this.#isSlow = chance.is(faults.slowShare);
    if (this.#isSlow) world.count("slow reader");
    this.server = new ServerSocket(this);
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /** Sends bytes to the hub. @param delivered  told, when they are there, in the moment before the hub reads them. */
  send(bytes: Buffer, delivered: () => void = () => {}): void {
    if (this.#state === "closed") return;
    if (this.#state === "open" && this.#chance.is(this.#faults.halfOpenShare)) {
      this.#state = "half-open";
      this.#world.count("half-open");
    }
    if (this.#state === "half-open") return;
    const isReset = this.#chance.is(this.#faults.resetShare);
    const pieces = isReset ? [bytes.subarray(0, this.#chance.int(0, bytes.length))] : piecesOf(bytes, this.#chance);
    for (const [index, piece] of pieces.entries()) {
      this.#arrive("hub", () => {
        if (this.owner.state === "dead" || this.#state !== "open") return;
        if (index === pieces.length - 1 && (!isReset || piece.length === bytes.length)) delivered();
        this.owner.run(() => this.server.receive(piece));
      });
    }
    if (!isReset) return;
    this.#world.count("connection reset");
    this.#arrive("hub", () => this.cut(true));
  }

  /** The hub has written it. */
  said(bytes: Buffer): void {
    if (this.owner.state === "alive" && this.#state !== "closed") this.#world.outside(() => this.#on.said?.(bytes));
  }

  /** From the hub to the device. @param sent  told when there is room for more. */
  answer(bytes: Buffer, sent: () => void): void {
    if (this.owner.state !== "alive" || this.#state === "closed") return;
    if (this.#state === "half-open") return; // never acknowledged by the other side: the buffer fills
    const lateMs = this.#isSlow ? this.#chance.int(500, 10_000) : 0;
    this.#arrive(
      "device",
      () => {
        if (this.#state !== "open") return;
        this.#on.data(bytes);
        if (this.owner.state !== "dead") this.owner.run(sent);
      },
      lateMs,
    );
  }

  /** The connection ends for both sides; the device may not hear of it. */
  cut(tellsDevice: boolean): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#gone();
    if (this.owner.state === "alive") this.owner.run(() => this.server.destroy());
    if (tellsDevice) this.#world.later(this.#chance.int(1, 20), () => this.#on.closed());
  }

  /** The device hangs up. */
  close(): void {
    this.cut(false);
  }

  /** The hub hung up: what it sent before still arrives. */
  hubClosed(): void {
    if (this.#state === "closed" || this.owner.state !== "alive") return;
    this.#gone();
    if (this.#state === "half-open") {
      this.#state = "closed";
      return;
    }
    this.#arrive("device", () => {
      if (this.#state === "closed") return;
      this.#state = "closed";
      this.#on.closed();
    });
  }

  #arrive(where: "hub" | "device", then: () => void, lateMs = 0): void {
    const arrivesMs = Math.max(this.#arrivesMs[where], this.#world.flowMs + lateMs + this.#chance.int(1, 10));
    this.#arrivesMs[where] = arrivesMs;
    this.#world.later(arrivesMs - this.#world.flowMs, then);
  }
}

type Done = (error: Error | null | undefined) => void;

/** The hub's end: what the product takes for a net.Socket. */
export class ServerSocket extends Duplex {
  readonly remoteAddress = "192.0.2.1";
  readonly #link: Link;
  #inbox: Buffer[] = [];
  #isWanted = false;

  constructor(link: Link) {
    super({ readableHighWaterMark: 2048, writableHighWaterMark: 64 });
    this.#link = link;
  }
  setNoDelay(): this {
    return this;
  }
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }
  /** Bytes from the device, given on as the reader wants them. */
  receive(bytes: Buffer): void {
    if (this.destroyed) return;
    this.#inbox.push(bytes);
    this.#pump();
  }
  override _read(): void {
    this.#isWanted = true;
    this.#pump();
  }
  override write(chunk: Buffer, encoding?: BufferEncoding | Done, done?: Done): boolean {
    this.#link.said(chunk);
    return typeof encoding === "string" ? super.write(chunk, encoding, done) : super.write(chunk, encoding);
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#link.answer(Buffer.from(chunk), done);
  }
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#inbox = [];
    this.#link.hubClosed();
    done(error);
  }
  #pump(): void {
    while (this.#isWanted && this.#inbox.length > 0 && !this.destroyed) {
      this.#isWanted = false;
      // `push` may ask for more at once.
      if (this.push(this.#inbox.shift())) this.#isWanted = true;
    }
  }
}

/** What the product takes for an http.IncomingMessage. */
class IncomingRequest extends Readable {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly rawHeaders: string[];
  readonly socket = { remoteAddress: "192.0.2.1" };

  constructor(request: HttpRequest) {
    super();
    this.method = request.method;
    this.url = request.url;
    this.rawHeaders = Object.entries(request.headers).flat();
    this.headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    this.on("error", () => {});
  }
  override _read(): void {}
}

/** What the product takes for an http.ServerResponse. */
class Response extends EventEmitter {
  headersSent = false;
  destroyed = false;
  #status = 0;
  #headers: Headers = {};
  readonly #answer: (status: number, headers: Headers) => void;

  constructor(answer: (status: number, headers: Headers) => void) {
    super();
    this.#answer = answer;
  }
  setHeader(): this {
    return this;
  }
  writeHead(status: number, headers: Headers = {}): this {
    this.#status = status;
    this.#headers = headers;
    this.headersSent = true;
    return this;
  }
  end(): this {
    this.#answer(this.#status, this.#headers);
    this.drop();
    return this;
  }
  drop(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    process.nextTick(() => this.emit("close"));
  }
}
