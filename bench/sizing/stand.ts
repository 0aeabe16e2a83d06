// A real server whose memory is looked at: what each scenario of `npm run sizing` gets, and the row it prints for a phase.
//
// Figures come from the kernel (RSS, its peak, CPU) and from the server's own /metrics (heap, external memory, descriptors,
// the longest time the event loop was held). Linux only.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { HubProcess } from "../../test/lib/hub-process.ts";
import { metricOf } from "../../test/soak/samples.ts";
import { cpuMicros, rssMiB } from "../process-usage.ts";

export interface SizingRow {
  readonly phase: string;
  /** Resident now, and at most since the row before. */
  readonly rssMiB: number;
  readonly peakMiB: number;
  readonly heapMiB: number;
  readonly externalMiB: number;
  readonly fds: number;
  /** The longest time the event loop was held since the row before. A timing: wants a quiet machine. */
  readonly loopMaxMs: number;
  /** CPU since the row before. */
  readonly cpuSeconds: number;
  /** What else there is to say: a time, a rate, bytes for each of something. */
  readonly note: string;
}

const mebibyte = 1024 * 1024;
/** A start may take long in a scenario: that is one of the things to be seen. */
const startMsMax = 600_000;

export class SizingStand {
  readonly directory: string;
  readonly rows: SizingRow[] = [];
  /** What follows from the rows: bytes for each of something, a time. */
  readonly findings: string[] = [];
  readonly #onRow: (row: SizingRow) => void;
  #hub: HubProcess | null = null;
  #cpuBefore = 0;

  constructor(directory: string, onRow: (row: SizingRow) => void) {
    this.directory = directory;
    this.#onRow = onRow;
  }

  get dataDir(): string {
    return join(this.directory, "data");
  }

  get hub(): HubProcess {
    if (this.#hub === null) throw new Error("no server runs");
    return this.#hub;
  }

  /** @returns how long it took until it listened, in ms. */
  async start(...flags: string[]): Promise<number> {
    const startMs = performance.now();
    const hub = HubProcess.launch(this.dataDir, "--no-sample", "--log-level=warn", ...flags);
    this.#hub = hub;
    for (;;) {
      try {
        await hub.listening();
        break;
      } catch (error) {
        const isOver = await Promise.race([hub.exited.then(() => true), pause(10).then(() => false)]);
        if (isOver || performance.now() - startMs > startMsMax) throw error;
      }
    }
    const tookMs = performance.now() - startMs;
    this.#cpuBefore = 0;
    return tookMs;
  }

  async stop(): Promise<void> {
    await this.#hub?.stop();
    this.#hub = null;
  }

  async kill(): Promise<void> {
    await this.#hub?.kill();
    this.#hub = null;
  }

  /** Looks at the server, tells the row, and begins the next one. */
  async row(phase: string, note = ""): Promise<SizingRow> {
    const { pid, url } = this.hub.address;
    const resident = rssMiB(pid);
    const peakMiB = Math.max(resident, peakRssMiB(pid));
    const cpu = cpuMicros(pid);
    const page = await (await fetch(`${url}/metrics`)).text();
    const row: SizingRow = {
      phase,
      rssMiB: resident,
      peakMiB,
      heapMiB: Math.round(metricOf(page, "nodejs_heap_size_used_bytes") / mebibyte),
      externalMiB: Math.round(metricOf(page, "nodejs_external_memory_bytes") / mebibyte),
      fds: metricOf(page, "process_open_fds"),
      loopMaxMs: Math.round(metricOf(page, "nodejs_eventloop_lag_max_seconds") * 1000),
      cpuSeconds: Math.round((cpu - this.#cpuBefore) / 100_000) / 10,
      note,
    };
    this.#cpuBefore = cpu;
    writeFileSync(`/proc/${pid}/clear_refs`, "5"); // the peak begins again
    this.rows.push(row);
    this.#onRow(row);
    return row;
  }

  say(finding: string): void {
    this.findings.push(finding);
  }

  /** One value of /metrics; the greatest, where there are several. */
  async metric(name: string): Promise<number> {
    return metricOf(await (await fetch(`${this.hub.address.url}/metrics`)).text(), name);
  }

  /** Of all series of a metric. */
  async sum(name: string): Promise<number> {
    const page = await (await fetch(`${this.hub.address.url}/metrics`)).text();
    return [...page.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  }

  /** Makes devices, 5,000 in a call; `start` with `--request-bytes-max=16MiB` before. */
  async makeDevices(count: number, idOf: (index: number) => string): Promise<void> {
    await this.makeTemplate();
    for (let first = 0; first < count; first += 5000) {
      const devices = Array.from({ length: Math.min(5000, count - first) }, (_, index) => ({
        id: idOf(first + index),
        templateId: "sizing",
      }));
      await this.hub.api("POST", "/devices/batch", { devices });
    }
  }

  async makeTemplate(): Promise<void> {
    await this.hub.api("POST", "/device-templates", {
      id: "sizing",
      name: "Sizing",
      publish: true,
      measurements: { telemetry: { humidity: { name: "Humidity", dataType: "double" } }, states: {}, events: {} },
      settings: { device: { fan: { name: "Fan", dataType: "double", initialValue: 0 } } },
      properties: { cloud: { site: { name: "Site", dataType: "string", initialValue: "Leeds" } }, device: {} },
    });
  }

  async policyKey(): Promise<string> {
    return (await this.hub.api<{ primaryKey: string }>("GET", "/policies/device/keys")).primaryKey;
  }

  /** A folder account `lake` with one container. @returns its id. */
  async makeLake(container: string): Promise<string> {
    const { id } = await this.hub.api<{ id: string }>("POST", "/storage-accounts", {
      name: "lake",
      settings: { kind: "folder", path: join(this.directory, "lake") },
    });
    await this.hub.api("POST", `/storage-accounts/${id}/containers`, { name: container });
    return id;
  }
}

/** The most that was resident since `clear_refs`. */
function peakRssMiB(pid: number): number {
  const match = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Math.round(Number(match?.[1] ?? 0) / 1024);
}
