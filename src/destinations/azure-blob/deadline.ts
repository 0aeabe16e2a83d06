// A bound on how long one request may take. The SDK's own option bounds only the server's side of it.

/** Fires its signal when `timeoutMs` pass, or with the caller's own signal. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  readonly #caller: AbortSignal | undefined;
  readonly #forward = (): void => this.#controller.abort();
  #timer: NodeJS.Timeout | undefined;
  #hasPassed = false;

  constructor(timeoutMs: number, caller: AbortSignal | undefined) {
    this.#timeoutMs = timeoutMs;
    this.#caller = caller;
    if (caller?.aborted === true) this.#controller.abort();
    else caller?.addEventListener("abort", this.#forward, { once: true });
    this.restart();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get hasPassed(): boolean {
    return this.#hasPassed;
  }

  /** Begins the time anew: the next bytes or the next page are asked for. */
  restart(): void {
    this.pause();
    this.#timer = setTimeout(() => {
      this.#hasPassed = true;
      this.#controller.abort();
    }, this.#timeoutMs);
  }

  /** Stops the time while the consumer has its turn: how long that takes is not the service's doing. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  /** What `pending` gives, unless the signal fires first: not everything in the SDK heeds a signal (tokens). */
  async race<T>(pending: Promise<T>): Promise<T> {
    const { signal } = this.#controller;
    let stop = (): void => {};
    const fired = new Promise<never>((_, reject) => {
      stop = () => reject(new DOMException("the request was given up", "AbortError"));
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    });
    try {
      return await Promise.race([pending, fired]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Always called, or the timer outlives the request. */
  end(): void {
    this.pause();
    this.#caller?.removeEventListener("abort", this.#forward);
  }
}
