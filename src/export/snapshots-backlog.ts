// The owed snapshots of one export and type: staged cuts that it has not written.

import { type RecordRun, deviceEncoder, templateEncoder, type DeviceState, type TemplateState } from "../avro/avro.ts";
import { must } from "../lib/assert.ts";
import type { Clock } from "../lib/clock.ts";
import type { Window } from "../lib/window.ts";
import type { ExportDefinition, OwedSnapshot, Registry, SnapshotCut, SnapshotType } from "../registry/registry.ts";
import type { Backlog, BacklogSize, OwedWindow } from "./backlog.ts";
import type { SnapshotStage } from "./snapshot-stage.ts";

/** Records a run. */
const runRecords = 500;

export class SnapshotsBacklog implements Backlog {
  readonly type: SnapshotType;
  readonly partition = 0;
  readonly #registry: Registry;
  readonly #stage: SnapshotStage;
  readonly #clock: Clock;
  readonly #exportId: string;
  #owed: readonly OwedSnapshot[] = [];

  constructor(of: { registry: Registry; stage: SnapshotStage; clock: Clock; exportId: string; type: SnapshotType }) {
    this.type = of.type;
    this.#registry = of.registry;
    this.#stage = of.stage;
    this.#clock = of.clock;
    this.#exportId = of.exportId;
  }

  async next(): Promise<OwedWindow | null> {
    await this.#refresh();
    const owed = this.#owed[0];
    if (owed === undefined) return null;
    const { definitions } = await this.#registry.export(this.#exportId);
    const definition = definitions.find(({ version }) => version === owed.definitionVersion);
    const { cut } = owed;
    return {
      type: this.type,
      partition: 0,
      window: cut.window,
      definition: must(definition, "a definition version is kept while something is owed under it"),
      source: { runs: () => this.#encode(cut, must(definition, "as above")) },
      // A part's identity is the cut's revisions and its number: states have no offsets.
      firstOf: () => cut.revisionFrom,
      nextOf: () => cut.revisionTo,
      whenLost: { records: cut.records, letGo: () => this.#letGoLost(owed) },
      commit: (runs) => this.#registry.settleSnapshot(owed, runs),
    };
  }

  size(): BacklogSize {
    const bytes = this.#owed.reduce((sum, { cut }) => sum + cut.bytes, 0);
    return { files: this.#owed.length, bytes, oldestWindow: this.#owed[0]?.cut.window ?? null };
  }

  owed(): readonly { readonly window: Window; readonly bytes: number }[] {
    return this.#owed.map(({ cut }) => ({ window: cut.window, bytes: cut.bytes }));
  }

  async discard(windowLast: Window, reason: string): Promise<number> {
    await this.#refresh();
    let count = 0;
    for (const owed of this.#owed) {
      if (owed.cut.window > windowLast) break;
      if (await this.#settleWithGap(owed, reason)) count++;
    }
    await this.#refresh();
    return count;
  }

  async #letGoLost(owed: OwedSnapshot): Promise<boolean> {
    const reason = await this.#stage.lostBy(owed.cut);
    return reason !== null && (await this.#settleWithGap(owed, reason));
  }

  async #settleWithGap(owed: OwedSnapshot, reason: string): Promise<boolean> {
    const { window, revisionFrom: first, revisionTo: next, records } = owed.cut;
    const stream = { exportId: this.#exportId, type: this.type, partition: 0 };
    const at = new Date(this.#clock.nowMs()).toISOString();
    const gap = { ...stream, windowFirst: window, windowLast: window, reason, at, offsets: { first, next }, records };
    return await this.#registry.settleSnapshot(owed, [], gap);
  }

  async #refresh(): Promise<void> {
    this.#owed = (await this.#registry.owedSnapshots(this.#exportId)).filter(({ cut }) => cut.type === this.type);
  }

  async *#encode(cut: SnapshotCut, definition: ExportDefinition): AsyncGenerator<RecordRun, void, void> {
    const device = deviceEncoder(definition.formatRevision);
    const template = templateEncoder(definition.formatRevision);
    let records: Buffer[] = [];
    const run = (): RecordRun => ({
      bytes: Buffer.concat(records),
      lengths: Uint32Array.from(records, ({ length }) => length),
    });
    for await (const state of this.#stage.read(cut)) {
      records.push(cut.type === "devices" ? device(state as DeviceState) : template(state as TemplateState));
      if (records.length < runRecords) continue;
      yield run();
      records = [];
    }
    if (records.length > 0) yield run();
  }
}
