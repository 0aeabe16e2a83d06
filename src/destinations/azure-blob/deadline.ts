// A bound on how long one request may take. The SDK's own option bounds only the server's side of it.

/** An abort signal that fires when `timeoutMs` pass without `progress`, or with the caller's own signal. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #caller: AbortSignal | undefined;
  readonly #forward = (): void => this.#controller.abort();
  #hasPassed = false;

  constructor(timeoutMs: number, caller: AbortSignal | undefined) {
    this.#caller = caller;
    this.#timer = setTimeout(() => {
      this.#hasPassed = true;
      this.#controller.abort();
    }, timeoutMs);
    if (caller?.aborted === true) this.#controller.abort();
    else caller?.addEventListener("abort", this.#forward, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get hasPassed(): boolean {
    return this.#hasPassed;
  }

  /** Begins the time anew: bytes came, or the next page is asked for. */
  progress(): void {
    if (!this.#hasPassed) this.#timer.refresh();
  }

  /** Always called, or the timer outlives the request. */
  end(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener("abort", this.#forward);
  }
}
