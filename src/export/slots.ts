// Places for uploads, taken and given back: bounds what runs at once (M1), and keeps a store that hangs from holding all of
// them, so that the exports to other stores go on:
//
//   -   One storage account never holds the last place.
//   -   What failed the last time gets at most half of the places: more than one store may hang.
//
// With a single place neither can hold.

/** Who asks for a place. */
export interface Claim {
  readonly storageAccountId: string;
  /** The stream's last attempt failed. */
  readonly isRetry: boolean;
}

interface Waiting {
  readonly claim: Claim;
  readonly granted: (isGranted: boolean) => void;
}

export class Slots {
  readonly #count: number;
  readonly #held = new Set<Claim>();
  readonly #waiting: Waiting[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  /** Waits for a place. @returns the function that gives it back, or null when `signal` aborted first. */
  async take({ storageAccountId, isRetry }: Claim, signal: AbortSignal): Promise<(() => void) | null> {
    if (signal.aborted) return null;
    const claim = { storageAccountId, isRetry }; // one object for one place
    if (this.#isFree(claim)) this.#held.add(claim);
    else if (!(await this.#wait(claim, signal))) return null;
    return () => {
      if (this.#held.delete(claim)) this.#grant();
    };
  }

  #isFree({ storageAccountId, isRetry }: Claim): boolean {
    const held = [...this.#held];
    const ofAccount = held.filter((other) => other.storageAccountId === storageAccountId).length;
    const retries = held.filter((other) => other.isRetry).length;
    return (
      held.length < this.#count &&
      ofAccount < Math.max(1, this.#count - 1) &&
      (!isRetry || retries < Math.max(1, Math.floor(this.#count / 2)))
    );
  }

  /** In the order they came, but past those that may not have one now. */
  #grant(): void {
    for (;;) {
      const at = this.#waiting.findIndex(({ claim }) => this.#isFree(claim));
      const [next] = at < 0 ? [] : this.#waiting.splice(at, 1);
      if (next === undefined) return;
      this.#held.add(next.claim);
      next.granted(true);
    }
  }

  #wait(claim: Claim, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const waiting = {
        claim,
        granted: (isGranted: boolean): void => {
          signal.removeEventListener("abort", aborted);
          resolve(isGranted);
        },
      };
      const aborted = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        resolve(false);
      };
      this.#waiting.push(waiting);
      signal.addEventListener("abort", aborted, { once: true });
    });
  }
}
