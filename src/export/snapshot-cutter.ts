// Cuts snapshots when windows close: what the registry changed, once a type, staged and recorded.
//
//   S1  A cut starts where the one before it ended; a tenure's first is full. Which windows must be cut is
//       `snapshotWindowNext`'s to say (registry/tenure.ts).
//   S2  All of a cut is read from one view, which is opened after the window closed.
//
// A crash anywhere leaves either a recorded cut or none: staging is done again, and replaces what was staged.

import type { Log } from "../lib/log.ts";
import { type Window, printWindow } from "../lib/window.ts";
import type { Journal } from "../journal/journal.ts";
import type { Registry, SnapshotCut } from "../registry/registry.ts";
import { snapshotWindowNext } from "../registry/tenure.ts";
import type { SnapshotStage } from "./snapshot-stage.ts";

export class SnapshotCutter {
  readonly #registry: Registry;
  readonly #journal: Journal;
  readonly #stage: SnapshotStage;
  readonly #log: Log;

  constructor(of: { registry: Registry; journal: Journal; stage: SnapshotStage; log: Log }) {
    this.#registry = of.registry;
    this.#journal = of.journal;
    this.#stage = of.stage;
    this.#log = of.log;
  }

  /** Cuts every window that is closed and due. @returns the window up to which nothing is due any more. */
  async cutDue(): Promise<Window> {
    for (;;) {
      const windowClosed = this.#journal.windowNext() - 1;
      // Read after the window was seen closed: whatever concerns it is committed (decision 0004).
      const exports = await this.#registry.exports();
      const window = snapshotWindowNext(exports, await this.#registry.snapshotWindow(), windowClosed);
      if (window === null) return windowClosed;
      await this.#cut(window);
    }
  }

  async #cut(window: Window): Promise<void> {
    const demand = await this.#registry.snapshotDemand(window);
    const cuts: SnapshotCut[] = [];
    const view = this.#registry.openView();
    try {
      for (const { type, revisionFrom, full, delta } of demand) {
        if (full.length > 0) {
          const cut = await this.#stage.write(view, { type, window, scope: "full", revisionFrom: 0 });
          if (cut !== null) cuts.push(cut);
        }
        if (delta.length > 0) {
          const cut = await this.#stage.write(view, { type, window, scope: "delta", revisionFrom });
          if (cut !== null) cuts.push(cut);
        }
      }
    } finally {
      view.close();
    }
    await this.#registry.recordCuts(window, view.revision, cuts, demand);
    for (const { type, scope, records } of cuts) {
      this.#log.debug({ window: printWindow(window), type, scope, records }, "Cut a snapshot.");
    }
  }
}
