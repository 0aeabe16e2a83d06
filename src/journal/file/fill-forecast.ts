// When the journal will be full, at the present rate. Pure: it is told what is owed, and when.
//
// What counts is what exports still owe: exported segments go as soon as room is needed. So a journal that is full of
// exported messages never warns, and one whose export stands still is told hours before devices are refused.

/** The present rate is that of so long. */
const spanMsMax = 10 * 60_000;
/** Less than this says nothing: a minute is owed until it is written. */
const spanMsMin = 3 * 60_000;
const sampleEveryMs = 20_000;
/** Beyond this it does not fill. */
const untilFullMsMax = 365 * 24 * 3_600_000;

interface Sample {
  readonly atMs: number;
  readonly owedBytes: number;
}

export class FillForecast {
  readonly #samples: Sample[] = [];

  /** How many moments it remembers: it is bounded (M1). */
  get samples(): number {
    return this.#samples.length;
  }

  /** @param atMs  time that only grows. */
  observe(atMs: number, owedBytes: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && atMs - last.atMs < sampleEveryMs) return;
    this.#samples.push({ atMs, owedBytes });
    // The first of the rest is the one that is just old enough.
    while ((this.#samples[1]?.atMs ?? Infinity) <= atMs - spanMsMax) this.#samples.shift();
  }

  /** How long until `roomBytes` more are owed, in ms; null while that is not to be expected. */
  untilFullMs(roomBytes: number): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs - first.atMs < spanMsMin) return null;
    const bytesPerMs = (last.owedBytes - first.owedBytes) / (last.atMs - first.atMs);
    if (bytesPerMs <= 0) return null;
    const ms = Math.max(0, roomBytes) / bytesPerMs;
    return ms > untilFullMsMax ? null : Math.round(ms);
  }
}
