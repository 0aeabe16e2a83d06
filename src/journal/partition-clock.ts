// Partition time: the wall clock, made fit to decide windows.
//
// J4  It never goes back, also over a restart (it starts at the partition's floor). While the wall clock is behind, time
//     creeps on at half the monotonic clock's speed, so that windows keep closing and the wall clock catches up.
// A jump of the wall clock beyond `jumpMaxMs`, either way, is not believed until it has lasted `believeMs`: meanwhile
// `now` answers null and devices are refused for a time (docs/operating.md, "…the clock jumps?").

import type { Clock } from "../lib/clock.ts";

/** How long a jump must last before it is believed. */
const believeMs = 60_000;

/** Tells jumps of the wall clock from its flow, against the monotonic clock. One for all partitions. */
export class ClockGuard {
  readonly #clock: Clock;
  readonly #jumpMaxMs: number;
  readonly #onJump: (jumpMs: number, isBelieved: boolean) => void;
  #wallMs: number;
  #monotonicMs: number;
  /** When the present jump was first seen (monotonic), and how far it went. */
  #jump: { readonly sinceMs: number; readonly byMs: number } | null = null;

  constructor(clock: Clock, jumpMaxMs: number, onJump: (jumpMs: number, isBelieved: boolean) => void) {
    this.#clock = clock;
    this.#jumpMaxMs = jumpMaxMs;
    this.#onJump = onJump;
    this.#wallMs = clock.nowMs();
    this.#monotonicMs = clock.monotonicMs();
  }

  /** The wall time, or null while a jump is not believed. */
  wallMs(): number | null {
    const wallMs = this.#clock.nowMs();
    const monotonicMs = this.#clock.monotonicMs();
    const byMs = wallMs - (this.#wallMs + (monotonicMs - this.#monotonicMs));
    if (Math.abs(byMs) <= this.#jumpMaxMs) {
      this.#jump = null;
      this.#wallMs = wallMs;
      this.#monotonicMs = monotonicMs;
      return wallMs;
    }
    if (this.#jump === null || Math.abs(byMs - this.#jump.byMs) > this.#jumpMaxMs) {
      this.#jump = { sinceMs: monotonicMs, byMs };
      this.#onJump(byMs, false);
      return null;
    }
    if (monotonicMs - this.#jump.sinceMs < believeMs) return null;
    this.#onJump(byMs, true);
    this.#jump = null;
    this.#wallMs = wallMs;
    this.#monotonicMs = monotonicMs;
    return wallMs;
  }
}

export class PartitionClock {
  readonly #clock: Clock;
  readonly #guard: ClockGuard;
  #lastMs: number;
  /** While the wall clock is behind: where creeping started. */
  #creep: { readonly fromMs: number; readonly monotonicMs: number } | null = null;

  /** @param floorMs  no stamp may be less. */
  constructor(clock: Clock, guard: ClockGuard, floorMs: number) {
    this.#clock = clock;
    this.#guard = guard;
    this.#lastMs = floorMs;
  }

  /** Partition time in whole milliseconds (J4), or null while the wall clock is not believed. */
  now(): number | null {
    const wallMs = this.#guard.wallMs();
    if (wallMs === null) return null;
    if (wallMs >= this.#lastMs) {
      this.#creep = null;
      this.#lastMs = wallMs;
      return wallMs;
    }
    const monotonicMs = this.#clock.monotonicMs();
    this.#creep ??= { fromMs: this.#lastMs, monotonicMs };
    const creptMs = this.#creep.fromMs + Math.floor((monotonicMs - this.#creep.monotonicMs) / 2);
    this.#lastMs = Math.max(this.#lastMs, creptMs);
    return this.#lastMs;
  }

  /** Partition time minus wall time, 0 when they agree. */
  aheadMs(): number {
    return Math.max(0, this.#lastMs - this.#clock.nowMs());
  }

  /** How long until partition time reaches `timeMs`, at the present speed. */
  untilMs(timeMs: number): number {
    const restMs = timeMs - this.#lastMs;
    return this.#creep === null ? timeMs - this.#clock.nowMs() : restMs * 2;
  }
}
