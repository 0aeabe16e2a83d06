// The cut record of a window, found by way of the page it is in: listings go by time, as a rule.
//
//   M1  The pages read last are kept.

import type { Window } from "../../lib/window.ts";
import type { CutRecord, Registry, StreamKey } from "../../registry/registry.ts";
import { streamName } from "../audit/read-cuts.ts";

/** Windows of a page of cut records, and pages kept. */
const pageWindows = 240;
const pagesMax = 64;

export class CutLookup {
  readonly #registry: Pick<Registry, "cuts">;
  readonly #exportId: string;
  readonly #pages = new Map<string, Promise<readonly CutRecord[]>>();
  readonly #horizons = new Map<string, Promise<Window>>();

  constructor(registry: Pick<Registry, "cuts">, exportId: string) {
    this.#registry = registry;
    this.#exportId = exportId;
  }

  async at({ type, partition }: StreamKey, window: Window): Promise<CutRecord | null> {
    const number = Math.floor(window / pageWindows);
    const key = `${streamName({ type, partition })}/${number}`;
    let page = this.#pages.get(key);
    if (page === undefined) {
      const windowFirst = number * pageWindows;
      const windows = { windowFirst, windowLast: windowFirst + pageWindows - 1 };
      const query = { exportId: this.#exportId, stream: { type, partition }, ...windows, limit: pageWindows };
      page = this.#registry.cuts(query);
      this.#pages.set(key, page);
      const [oldest] = this.#pages.keys();
      if (this.#pages.size > pagesMax && oldest !== undefined) this.#pages.delete(oldest);
    }
    return (await page).find((cut) => cut.window === window) ?? null;
  }

  /** As it is in the registry now: the server may have gone on since its page was read. */
  async now({ type, partition }: StreamKey, window: Window): Promise<CutRecord | null> {
    const windows = { windowFirst: window, windowLast: window };
    const query = { exportId: this.#exportId, stream: { type, partition }, ...windows, limit: 1 };
    const [cut] = await this.#registry.cuts(query);
    return cut ?? null;
  }

  /** The first window that has a cut record; Infinity when none has. */
  async horizon({ type, partition }: StreamKey): Promise<Window> {
    const key = streamName({ type, partition });
    let horizon = this.#horizons.get(key);
    if (horizon === undefined) {
      horizon = this.#registry
        .cuts({ exportId: this.#exportId, stream: { type, partition }, windowFirst: 0, limit: 1 })
        .then(([first]) => first?.window ?? Infinity);
      this.#horizons.set(key, horizon);
    }
    return await horizon;
  }
}
