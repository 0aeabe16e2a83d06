// What the hub did in each of the last seconds and minutes: plain counters, looked at once a second of real time.
//
// While nobody asks this costs a timer and a few numbers; the messages themselves do not pass here.

/** Numbers that only grow, and how many are connected now. */
export interface Totals {
  readonly messages: number;
  readonly bytes: number;
  readonly rejections: number;
  readonly connected: number;
}

/** What happened in a time that ended at `atMs` and lasted `spanMs`: about a second, more when the process stood still. */
export interface Interval {
  readonly atMs: number;
  readonly spanMs: number;
  readonly messages: number;
  readonly bytes: number;
  readonly rejections: number;
  /** At its end. */
  readonly connected: number;
}

export interface RatesOptions {
  readonly totals: () => Totals;
  /** Real time, for labels. */
  readonly nowMs?: () => number;
  /** Real time that only grows, for lengths. */
  readonly monotonicMs?: () => number;
}

export const secondsKept = 300;
export const minutesKept = 180;
const secondMs = 1000;
const minuteMs = 60_000;

export class Rates {
  readonly #totals: () => Totals;
  readonly #nowMs: () => number;
  readonly #monotonicMs: () => number;
  readonly #seconds: Interval[] = [];
  readonly #minutes: Interval[] = [];
  readonly #listeners = new Set<(second: Interval) => void>();
  #last: Totals;
  #lastMs: number;
  /** The minute that gathers: which it is, and what came in it so far. */
  #minute: { number: number; interval: Interval } | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor({ totals, nowMs = Date.now, monotonicMs = () => performance.now() }: RatesOptions) {
    this.#totals = totals;
    this.#nowMs = nowMs;
    this.#monotonicMs = monotonicMs;
    this.#last = totals();
    this.#lastMs = monotonicMs();
  }

  start(): void {
    this.#timer ??= setInterval(() => this.tick(), secondMs);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** The last seconds, oldest first. */
  get seconds(): readonly Interval[] {
    return this.#seconds;
  }

  /** The last minutes, oldest first; the one that gathers is not among them. */
  get minutes(): readonly Interval[] {
    return this.#minutes;
  }

  /** Called once a second. Returns a function that ends it. */
  onSecond(listener: (second: Interval) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A second is over: `start` calls it. */
  tick(): void {
    const totals = this.#totals();
    const monotonicMs = this.#monotonicMs();
    const second: Interval = {
      atMs: this.#nowMs(),
      spanMs: Math.max(1, monotonicMs - this.#lastMs),
      messages: totals.messages - this.#last.messages,
      bytes: totals.bytes - this.#last.bytes,
      rejections: totals.rejections - this.#last.rejections,
      connected: totals.connected,
    };
    this.#last = totals;
    this.#lastMs = monotonicMs;
    keep(this.#seconds, second, secondsKept);
    this.#gather(second);
    for (const listener of this.#listeners) listener(second);
  }

  /** Into the minute of the clock that it ended in: one second of 60 may be a neighbour's. */
  #gather(second: Interval): void {
    const number = Math.floor(second.atMs / minuteMs);
    if (this.#minute === null) this.#minute = { number, interval: second };
    else if (this.#minute.number === number) this.#minute.interval = sumOf(this.#minute.interval, second);
    else {
      const { number: former, interval } = this.#minute;
      keep(this.#minutes, { ...interval, atMs: (former + 1) * minuteMs }, minutesKept);
      this.#minute = { number, interval: second };
    }
  }
}

function keep(list: Interval[], interval: Interval, max: number): void {
  list.push(interval);
  if (list.length > max) list.shift();
}

function sumOf(one: Interval, later: Interval): Interval {
  return {
    atMs: later.atMs,
    spanMs: one.spanMs + later.spanMs,
    messages: one.messages + later.messages,
    bytes: one.bytes + later.bytes,
    rejections: one.rejections + later.rejections,
    connected: later.connected,
  };
}
