// Node's own time, chance and I/O, replaced by the present world's. Imported before anything of the product.
//
// What the product takes from Node: timers, Date.now, performance.now, setImmediate, random bytes, zlib's threads, TCP
// servers, SQLite connections. Each becomes deterministic here; the product's code is untouched and knows nothing of it.
// Without a world (before the first story) everything is as Node has it.

import crypto from "node:crypto";
import { EventEmitter } from "node:events";
import http from "node:http";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import sqlite from "node:sqlite";
import zlib from "node:zlib";
import type { Network } from "./network.ts";
import { DeadProcess, Process, type World } from "./world.ts";

let world: World | null = null;
let network: Network | null = null;

/** From now on Node's time, chance and network are these. */
export function enter(newWorld: World, newNetwork: Network): void {
  world = newWorld;
  network = newNetwork;
}

const real = {
  dateNow: Date.now.bind(Date),
  performanceNow: performance.now.bind(performance),
  random: Math.random.bind(Math),
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate,
  randomBytes: crypto.randomBytes,
  randomUUID: crypto.randomUUID,
};

Date.now = () => world?.wallMs ?? real.dateNow();
performance.now = () => world?.flowMs ?? real.performanceNow();
Math.random = () => world?.random("Math.random")() ?? real.random();

/** What setTimeout and setInterval return. */
class Timer {
  cancel: () => void = () => {};
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
}

type Call = (...args: unknown[]) => void;

Object.assign(globalThis, {
  setTimeout: (call: Call, ms = 0, ...args: unknown[]) => {
    if (world === null) return real.setTimeout(call, ms, ...args);
    const timer = new Timer();
    timer.cancel = world.at(Math.max(1, ms), () => call(...args));
    return timer;
  },
  setInterval: (call: Call, ms = 0, ...args: unknown[]) => {
    if (world === null) return real.setInterval(call, ms, ...args);
    const timer = new Timer();
    const arm = world.at.bind(world);
    const tick = (): void => {
      timer.cancel = arm(Math.max(1, ms), tick);
      call(...args);
    };
    timer.cancel = arm(Math.max(1, ms), tick);
    return timer;
  },
  clearTimeout: (timer?: unknown) => (timer instanceof Timer ? timer.cancel() : real.clearTimeout(timer as never)),
  clearInterval: (timer?: unknown) => (timer instanceof Timer ? timer.cancel() : real.clearInterval(timer as never)),
  setImmediate: (call: Call, ...args: unknown[]) =>
    world === null ? real.setImmediate(call, ...args) : world.immediate(() => call(...args)),
  clearImmediate: (handle?: unknown) => {
    if (typeof handle === "object" && handle !== null && "cancel" in handle) (handle.cancel as () => void)();
    else real.clearImmediate(handle as never);
  },
});

crypto.randomBytes = ((count: number) =>
  world === null ? real.randomBytes(count) : world.bytes(count)) as typeof crypto.randomBytes;
crypto.randomUUID = () => {
  if (world === null) return real.randomUUID();
  const hex = world.bytes(16).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
};

type ZlibCall = (bytes: Buffer, options: unknown, done: (error: Error | null, result?: Buffer) => void) => void;

/** As its threaded twin, in this thread and one turn later. */
function inTurn(sync: (bytes: Buffer, options: never) => Buffer): ZlibCall {
  return (bytes, options, done) => {
    const [given, call] = typeof options === "function" ? [{}, options as typeof done] : [options, done];
    // The bytes as they are now, as a thread would not promise: but a caller may not touch them meanwhile either.
    setImmediate(() => {
      let result: Buffer;
      try {
        result = sync(bytes, given as never);
      } catch (error) {
        call(error as Error);
        return;
      }
      call(null, result);
    });
  };
}
zlib.deflateRaw = inTurn(zlib.deflateRawSync) as unknown as typeof zlib.deflateRaw;
zlib.inflateRaw = inTurn(zlib.inflateRawSync) as unknown as typeof zlib.inflateRaw;

/** A TCP or HTTP server that listens on the world's network. */
class Listener extends EventEmitter {
  readonly #take: (...args: never[]) => void;
  readonly #kind: "mqtt" | "http";
  readonly owner = Process.current;
  maxConnections = 0;
  maxHeadersCount = 0;

  constructor(kind: "mqtt" | "http", take: (...args: never[]) => void) {
    super();
    this.#kind = kind;
    this.#take = take;
  }
  listen(_options: unknown, done: () => void): this {
    network?.listen(this.#kind, this, (...args) => this.#take(...(args as never[])));
    process.nextTick(done);
    return this;
  }
  address(): { port: number } {
    return { port: this.#kind === "mqtt" ? 1883 : 443 };
  }
  close(): this {
    network?.stopListening(this.#kind, this);
    return this;
  }
  closeIdleConnections(): void {}
  closeAllConnections(): void {}
}

net.createServer = ((_options: unknown, take: (...args: never[]) => void) =>
  new Listener("mqtt", take)) as unknown as typeof net.createServer;
http.createServer = ((_options: unknown, take: (...args: never[]) => void) =>
  new Listener("http", take)) as unknown as typeof http.createServer;

/** A connection belongs to the process that uses it first, and is lost with it: what was not committed is gone. */
function begin(connection: sqlite.DatabaseSync, sql: string): void {
  const { current } = Process;
  if (current === undefined) return; // an onlooker
  world?.onOperation(`sqlite ${sql.slice(0, 40)}`);
  if (current.state === "dead") {
    if (connection.isOpen) connection.close();
    throw new DeadProcess("a dead process asks its database");
  }
  current.connections.add(connection);
}

// The prototype, because the ES module's export of the class cannot be replaced.
const { prototype } = sqlite.DatabaseSync;
// oxlint-disable-next-line typescript/unbound-method -- called with the connection below
const { prepare, exec } = prototype;
/** Compiled once a connection: a third of a story's time otherwise. */
const statements = new WeakMap<sqlite.DatabaseSync, Map<string, sqlite.StatementSync>>();
prototype.prepare = function (this: sqlite.DatabaseSync, sql: string, ...rest): sqlite.StatementSync {
  begin(this, sql);
  let known = statements.get(this);
  if (known === undefined) statements.set(this, (known = new Map<string, sqlite.StatementSync>()));
  let statement = known.get(sql);
  if (statement === undefined) known.set(sql, (statement = prepare.call(this, sql, ...rest)));
  return statement;
};
prototype.exec = function (this: sqlite.DatabaseSync, sql: string): void {
  begin(this, sql);
  exec.call(this, sql);
};

syncBuiltinESMExports();
