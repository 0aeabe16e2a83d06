// Calls of the API, one at a time, made in the hub's process. A call is lost when that dies under it: then nobody knows what
// became of it.

import { codeOf, messageOf } from "../../src/lib/errors.ts";
import type { Hub, Machine } from "./hub.ts";
import { DeadProcess, type World } from "./world.ts";

/** What a call came to: `lost` when its process died under it. */
export type Outcome<T> = { readonly kind: "done"; readonly value: T } | { readonly kind: "refused" | "lost" };

export class ApiCalls {
  /** A call was lost: what became of it must be looked at. */
  isUnsure = false;
  readonly #world: World;
  readonly #machine: Machine;
  readonly #who: string;
  #giveUp: (() => void) | null = null;

  constructor(world: World, machine: Machine, who = "admin") {
    this.#world = world;
    this.#machine = machine;
    this.#who = who;
  }

  /** The process is gone: whoever waits for its answer waits no longer. */
  processGone(): void {
    this.#giveUp?.();
  }

  async must<T>(what: string, call: (hub: Hub) => Promise<T>): Promise<T> {
    const outcome = await this.call(what, call);
    if (outcome.kind !== "done") throw new Error(`a story cannot begin without ${what}`);
    return outcome.value;
  }

  /** One call of the API, in the hub's process. It is lost when that dies, or does not answer. */
  call<T>(what: string, call: (hub: Hub) => Promise<T>): Promise<Outcome<T>> {
    const { hub } = this.#machine;
    if (hub === null) return Promise.resolve({ kind: "lost" });
    this.#world.tell(this.#who, what);
    return new Promise((resolve) => {
      const settle = (outcome: Outcome<T>, text: string): void => {
        if (this.#giveUp !== giveUp) return;
        this.#giveUp = null;
        if (outcome.kind === "lost") this.isUnsure = true;
        this.#world.tell(this.#who, `  ${text}`);
        this.#world.outside(() => resolve(outcome));
      };
      const giveUp = (): void => settle({ kind: "lost" }, "lost");
      this.#giveUp = giveUp;
      hub.process.run(() => {
        call(hub).then(
          (value) => {
            if (hub.process.state === "alive") settle({ kind: "done", value }, "done");
          },
          (error: unknown) => {
            if (hub.process.state !== "alive" || error instanceof DeadProcess) return;
            settle({ kind: "refused" }, `refused: ${codeOf(error)} ${messageOf(error)}`);
          },
        );
      });
    });
  }

  /** Whether it was done; what it answered is of no interest. */
  async isDone<T>(what: string, call: (hub: Hub) => Promise<T>): Promise<boolean> {
    return (await this.call(what, call)).kind === "done";
  }
}
