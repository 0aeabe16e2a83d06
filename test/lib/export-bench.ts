// A workbench for the exporter: a real registry, a journal in memory, folders in a temporary directory, a clock that the
// test moves. One call sends messages, one lets windows pass.

import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openContainer } from "../../src/avro/avro.ts";
import type { StorageAccess } from "../../src/destinations/destination.ts";
import { openStorage } from "../../src/destinations/open-storage.ts";
import { Exporter } from "../../src/export/exporter.ts";
import { defaultPathTemplate } from "../../src/export/path-template.ts";
import { ManualClock } from "../../src/journal/journal.contract.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { MemoryJournal } from "../../src/journal/memory/memory-journal.ts";
import { type Log, silentLog } from "../../src/lib/log.ts";
import { windowMs } from "../../src/lib/window.ts";
import { EnqueuedTime } from "../../src/message/enqueued-time.ts";
import { noProperties } from "../../src/message/message.ts";
import { recordBytesMax, recordHead, writeRecord } from "../../src/message/record-encoder.ts";
import type { Device, Export, ExportSettings, NewTemplate, Registry } from "../../src/registry/registry.ts";
import { openSqliteRegistry } from "../../src/registry/sqlite/sqlite-registry.ts";
import { until } from "./ingest-hub.ts";

const coolerTemplate: NewTemplate = {
  id: "cooler",
  name: "Cooler",
  publish: true,
  measurements: {
    telemetry: { temp: { name: "Temperature", dataType: "double", minValue: -20, maxValue: 50 } },
    states: { door: { name: "Door", values: [{ value: "open", name: "Open" }] } },
    events: { fault: { name: "Fault", category: "error" } },
  },
  settings: { device: { fan: { name: "Fan", dataType: "double", initialValue: 0 } } },
  properties: {
    cloud: { site: { name: "Site", dataType: "string", initialValue: "Leeds" } },
    device: { lastBoot: { name: "Last boot", dataType: "dateTime" } },
  },
};

export interface BenchOptions {
  readonly startMs?: number;
  /** Puts something between the exporter and the store. */
  readonly wrap?: (storage: StorageAccess) => StorageAccess;
  readonly openStorage?: (id: string) => Promise<StorageAccess>;
  readonly log?: Log;
}

export class ExportBench {
  readonly directory: string;
  readonly clock: ManualClock;
  registry!: Registry;
  journal!: Journal;
  exporter!: Exporter;
  readonly #options: BenchOptions;
  #sent = 0;

  private constructor(options: BenchOptions) {
    this.#options = options;
    this.directory = mkdtempSync(join(tmpdir(), "coldpath-export-"));
    this.clock = new ManualClock(options.startMs ?? Date.parse("2026-01-02T03:04:05.000Z"));
  }

  static async open(options: BenchOptions = {}): Promise<ExportBench> {
    const bench = new ExportBench(options);
    bench.journal = new MemoryJournal({ clock: bench.clock });
    await bench.openRegistry();
    await bench.registry.createTemplate(coolerTemplate);
    await bench.startExporter();
    return bench;
  }

  async openRegistry(): Promise<void> {
    this.registry = await openSqliteRegistry({ directory: this.directory, hubName: "hub", clock: this.clock });
  }

  async startExporter(): Promise<void> {
    const wrap = this.#options.wrap ?? ((storage: StorageAccess) => storage);
    this.exporter = await Exporter.start({
      registry: this.registry,
      journal: this.journal,
      clock: this.clock,
      log: this.#options.log ?? silentLog,
      stageDirectory: join(this.directory, "snapshots"),
      uploadsMax: 4,
      runsKept: 1000,
      cutsRetentionMs: 100 * 86_400_000,
      random: () => 0.5,
      openStorage:
        this.#options.openStorage ??
        (async (id) => {
          const { settings } = await this.registry.storageAccount(id);
          return wrap(openStorage(settings, (await this.registry.storageSecret(id)) ?? undefined));
        }),
    });
  }

  /** A folder account with one container. @returns its id. */
  async folder(name: string, container = "iot"): Promise<string> {
    const path = join(this.directory, name);
    const account = await this.registry.createStorageAccount({ name, settings: { kind: "folder", path } });
    const storage = openStorage({ kind: "folder", path }, undefined);
    await storage.createContainer(container);
    return account.id;
  }

  settings(storageAccountId: string, more: Partial<ExportSettings> = {}): ExportSettings {
    return {
      storageAccountId,
      container: "iot",
      types: ["measurements", "devices", "deviceTemplates"],
      pathTemplate: defaultPathTemplate,
      codec: "null",
      formatRevision: "2018-07",
      blockBytes: 65_536,
      fileBytesMax: 1 << 30,
      ...more,
    };
  }

  async createExport(name: string, settings: ExportSettings): Promise<Export> {
    const made = await this.registry.createExport(name, settings, this.windowOpen);
    return await this.registry.setExportOn(made.id, true, this.windowOpen);
  }

  readonly windowOpen = (): number => this.journal.windowNext();

  async device(id: string): Promise<Device> {
    return await this.registry.createDevice({ id, templateId: "cooler" });
  }

  /** Sends messages of one device into the n-th partition; bodies count up over the life of the bench. @returns the bodies. */
  async send(count: number, deviceId = "dev-1", partition = 0): Promise<string[]> {
    const writer = this.journal.partitions[partition];
    if (writer === undefined) throw new Error("no partition");
    const head = recordHead({ deviceId, authScope: "device", generationId: "639000000000000000" }, noProperties);
    const time = new EnqueuedTime();
    const bodies: string[] = [];
    for (let index = 0; index < count; index++) {
      const text = JSON.stringify({ n: this.#sent++ });
      const body = Buffer.from(text);
      const refusal = writer.reserve(recordBytesMax(head, body.length));
      if (refusal !== null) throw new Error(`refused: ${refusal}`);
      time.set(writer.timeMs);
      writer.commit(writeRecord(writer.buffer, writer.position, time, head, body, 0, body.length));
      bodies.push(text);
    }
    await writer.flush();
    return bodies;
  }

  /** Lets windows pass, and what they start come to rest. */
  async pass(windows: number): Promise<void> {
    for (let index = 0; index < windows; index++) {
      await this.clock.pass(windowMs);
      await this.settle();
    }
  }

  /** Waits until `isSo`; fails when that takes longer than some seconds. */
  async until(isSo: () => boolean): Promise<void> {
    await until(isSo, isSo.toString(), 10_000);
  }

  /** Waits until every stream rests: nothing to do, or waiting after a failure. */
  async settle(): Promise<void> {
    await this.exporter.resting();
  }

  /** Paths below a folder account's root, without what Coldpath keeps for itself. */
  files(name: string): string[] {
    const root = join(this.directory, name);
    return readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".avro") && !entry.parentPath.includes(".coldpath"))
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
      .sort();
  }

  bytes(name: string, path: string): Buffer {
    return readFileSync(join(this.directory, name, path));
  }

  async records(name: string, path: string): Promise<Record<string, unknown>[]> {
    const bytes = this.bytes(name, path);
    const records: Record<string, unknown>[] = [];
    // oxlint-disable-next-line require-await -- a source of one chunk
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes;
    };
    for await (const record of openContainer(source())) records.push(record as Record<string, unknown>);
    return records;
  }

  /** The bodies in all measurements files of a folder, in path order. */
  async bodies(name: string, prefix = "iot/measurements/"): Promise<string[]> {
    const found: string[] = [];
    for (const path of this.files(name).filter((one) => one.startsWith(prefix))) {
      for (const record of await this.records(name, path)) found.push(String(record["Body"]));
    }
    return found;
  }

  async close(): Promise<void> {
    await this.exporter.stop();
    await this.journal.close();
    await this.registry.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
