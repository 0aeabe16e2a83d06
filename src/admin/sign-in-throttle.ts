// How often somebody may try to sign in: per name, and per address. Real time; what is remembered is bounded.
//
// Each name and each address has a number of tries, which grow back slowly; a try that succeeds is given back. Names that do
// not exist are counted alike, so that being throttled tells nothing. An address from which a user signed in before has tries
// of its own for that name: a stranger who guesses at the name from elsewhere does not lock its owner out.

import { isIPv6 } from "node:net";

interface Allowance {
  readonly tries: number;
  readonly everyMs: number;
}

/** 10 at once, then 2,880 a day: guessing a password of 12 characters is hopeless. */
const perName: Allowance = { tries: 10, everyMs: 30_000 };
/** Behind a proxy all people have one address. */
const perAddress: Allowance = { tries: 100, everyMs: 6_000 };
const entriesMax = 10_000;

export class SignInThrottle {
  readonly #names = new Tries(perName);
  readonly #addresses = new Tries(perAddress);
  /** By name and address, for the pairs in `#known`. */
  readonly #pairs = new Tries(perName);
  readonly #known = new Set<string>();

  /**
   * Counts a try.
   *
   * @param name  in the form that equal names share.
   * @returns 0, or for how many milliseconds none is allowed.
   */
  take(name: string, address: string, nowMs: number): number {
    const { pair, network } = keysOf(name, address);
    const waitMs = this.#addresses.waitMs(network, nowMs);
    const own = this.#known.has(pair) ? { tries: this.#pairs, key: pair } : { tries: this.#names, key: name };
    const longestMs = Math.max(waitMs, own.tries.waitMs(own.key, nowMs));
    if (longestMs > 0) return longestMs;
    this.#addresses.take(network, nowMs);
    own.tries.take(own.key, nowMs);
    return 0;
  }

  /** It was the right password, or nobody looked: the try does not count. */
  giveBack(name: string, address: string, nowMs: number): void {
    const { pair, network } = keysOf(name, address);
    this.#addresses.giveBack(network, nowMs);
    if (this.#known.has(pair)) this.#pairs.giveBack(pair, nowMs);
    else this.#names.giveBack(name, nowMs);
  }

  /** After `giveBack`. */
  succeeded(name: string, address: string): void {
    const { pair } = keysOf(name, address);
    this.#known.delete(pair);
    this.#known.add(pair);
    forgetOldest(this.#known);
  }
}

/** For each key the time at which all its tries will have grown back. */
class Tries {
  readonly #allowance: Allowance;
  readonly #fullAtMs = new Map<string, number>();

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
  }

  waitMs(key: string, nowMs: number): number {
    const { tries, everyMs } = this.#allowance;
    const fullAtMs = this.#fullAtMs.get(key) ?? nowMs;
    return Math.max(0, fullAtMs - nowMs - (tries - 1) * everyMs);
  }

  take(key: string, nowMs: number): void {
    const fullAtMs = Math.max(this.#fullAtMs.get(key) ?? nowMs, nowMs) + this.#allowance.everyMs;
    // Anew, so that the order is that of use: the one used longest ago is forgotten first.
    this.#fullAtMs.delete(key);
    this.#fullAtMs.set(key, fullAtMs);
    forgetOldest(this.#fullAtMs);
  }

  giveBack(key: string, nowMs: number): void {
    const fullAtMs = (this.#fullAtMs.get(key) ?? nowMs) - this.#allowance.everyMs;
    if (fullAtMs <= nowMs) this.#fullAtMs.delete(key);
    else this.#fullAtMs.set(key, fullAtMs);
  }
}

/** A tenth at once: to find the oldest one, V8 passes over all that were deleted before it. */
function forgetOldest(remembered: Map<string, unknown> | Set<string>): void {
  if (remembered.size <= entriesMax) return;
  let left = entriesMax / 10;
  for (const key of remembered.keys()) {
    if (left-- === 0) return;
    remembered.delete(key);
  }
}

/** Whoever has one IPv6 address has the 2^64 of its network. */
function keysOf(name: string, address: string): { readonly pair: string; readonly network: string } {
  const network = networkOf(address);
  return { network, pair: JSON.stringify([name, network]) };
}

function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = tail === undefined ? 0 : 8 - first.length - last.length;
  return [...first, ...Array.from({ length: Math.max(0, missing) }, () => "0"), ...last].slice(0, 4).join(":");
}
