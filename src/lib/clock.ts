// The clock: the one place where window time comes from.
//
// Rooms receive a Clock; none reads Date.now() for a decision. Tokens and TLS keep real time (`Date.now`), because the
// other side of the wire does. A test-only clock (options `test-clock-origin`, `test-clock-rate`) runs the windows of
// an hour in seconds; a window itself is never shorter than a minute of its clock, or names would collide.

export interface Clock {
  /** Wall time in whole milliseconds since the epoch. May jump either way. */
  nowMs(): number;
  /** Time that only grows, in milliseconds, with no relation to the epoch. */
  monotonicMs(): number;
  /** Calls `fire` once, after `delayMs` of this clock's time. Returns a function that cancels it. */
  timer(delayMs: number, fire: () => void): () => void;
}

/** Real time. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  timer: (delayMs, fire) => startTimer(delayMs, fire),
};

/**
 * A clock that starts at `originMs` and runs `rate` times as fast as real time. For tests.
 *
 * @param rate  above 0; 60 makes a window last one second.
 */
export function scaledClock(originMs: number, rate: number): Clock {
  const startMs = performance.now();
  return {
    nowMs: () => Math.floor(originMs + (performance.now() - startMs) * rate),
    monotonicMs: () => performance.now() * rate,
    timer: (delayMs, fire) => startTimer(delayMs / rate, fire),
  };
}

/** Resolves after `delayMs` of the clock's time, or at once when `signal` aborts. Never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const wake = (): void => {
      cancel();
      signal?.removeEventListener("abort", wake);
      resolve();
    };
    const cancel = clock.timer(delayMs, wake);
    signal?.addEventListener("abort", wake, { once: true });
  });
}

/** setTimeout holds 2^31-1 ms at most; longer delays are waited for in turns. */
const timeoutMsMax = 2 ** 31 - 1;

function startTimer(delayMs: number, fire: () => void): () => void {
  const endMs = performance.now() + delayMs;
  let handle: NodeJS.Timeout;
  const arm = (): void => {
    const restMs = endMs - performance.now();
    handle = setTimeout(restMs > timeoutMsMax ? arm : fire, Math.min(Math.max(0, Math.ceil(restMs)), timeoutMsMax));
  };
  arm();
  return () => clearTimeout(handle);
}
