// The promise, while an administrator turns exports on and off and edits them, the server is killed, and three partitions
// take messages: what stands in each export's files is what its tenures and definitions say (E1), and its snapshots
// start full and then tell every change (S1). COLDPATH_ADMINISTRATOR_ROUNDS=100 goes on for longer.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { parsePath, printPath } from "../../src/export/path-template.ts";
import { type Window, windowOf } from "../../src/lib/window.ts";
import { exportTypes, type ExportType } from "../../src/registry/registry.ts";
import { HubProcess } from "../lib/hub-process.ts";
import { lakeFiles, lakeRecords } from "../lib/lake.ts";
import { Ledger } from "../lib/ledger.ts";
import { MqttPublisher } from "../lib/mqtt-publisher.ts";

/** Real milliseconds are so many of the window clock: a window lasts one second. */
const rate = 60;
const rounds = Number(process.env["COLDPATH_ADMINISTRATOR_ROUNDS"] ?? 6);
const publishersCount = 4;
const names = ["a", "b"];
const templates = ["", "second/", "third/"].map(
  (prefix) => `${prefix}{type}/{hub}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro`,
);
const standardTemplate = templates[0] ?? "";

let hub: HubProcess | null = null;
let directory = "";
afterEach(async () => {
  await hub?.kill();
  hub = null;
  rmSync(directory, { recursive: true, force: true });
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)] as T;

interface Definition {
  readonly version: number;
  readonly windowFirst: string;
  readonly container: string;
  readonly types: readonly ExportType[];
  readonly pathTemplate: string;
  readonly codec: string;
  readonly formatRevision: string;
}
interface Answer {
  readonly id: string;
  readonly name: string;
  readonly on: boolean;
  readonly latestDefinition: Definition;
  readonly tenures: readonly { readonly windowFirst: string; readonly windowLast: string | null }[];
  readonly status: { readonly state: string; readonly trouble: unknown; readonly owedFiles: number };
}
/** A change of a device that was confirmed, and the oldest window that was open afterwards. */
interface Confirmed {
  readonly deviceId: string;
  readonly count: number;
  readonly window: Window;
}

function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  if (hub === null) throw new Error("no server");
  return hub.api<T>(method, path, body);
}

/** Turns exports on and off, edits them, and changes devices, a call at a time, until the server is gone. */
class Administrator {
  readonly definitions = new Map<string, Map<number, Definition>>();
  readonly confirmed: Confirmed[] = [];
  readonly templateId: string;
  changes = 0;
  #count = 0;
  #isStopped = false;

  constructor(templateId: string) {
    this.templateId = templateId;
  }

  async work(): Promise<void> {
    this.#isStopped = false;
    try {
      for (const one of (await api<{ items: Answer[] }>("GET", "/exports")).items) this.note(one);
      while (!this.#isStopped) {
        await this.#act();
        await pause(Math.random() * 250);
      }
    } catch (error) {
      // Killed in the middle of a call: what became of it is seen at the next start.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  note(one: Answer): void {
    const versions = this.definitions.get(one.id) ?? new Map<number, Definition>();
    versions.set(one.latestDefinition.version, one.latestDefinition);
    this.definitions.set(one.id, versions);
  }

  async #act(): Promise<void> {
    const { items } = await api<{ items: Answer[] }>("GET", "/exports");
    const one = pick(items.filter(({ name }) => names.includes(name)));
    const choice = Math.random();
    if (choice < 0.35) await this.#changeDevice();
    else if (choice < 0.65) this.note(await api("POST", `/exports/${one.id}/${one.on ? "off" : "on"}`, {}));
    else {
      const types = exportTypes.filter(() => Math.random() < 0.7);
      this.note(
        await api("PATCH", `/exports/${one.id}`, {
          codec: pick(["null", "deflate"]),
          ...(types.length === 0 || Math.random() < 0.4 ? {} : { types }),
          ...(Math.random() < 0.6
            ? {}
            : { pathTemplate: pick(templates), formatRevision: pick(["2018-07", "2018-09"]) }),
          ...(Math.random() < 0.8 ? {} : { on: !one.on }),
        }),
      );
    }
    this.changes++;
  }

  async #changeDevice(): Promise<void> {
    const count = ++this.#count;
    const properties = { cloud: { count } };
    let deviceId = `dev-${Math.floor(Math.random() * publishersCount)}`;
    if (Math.random() < 0.5) await api("PATCH", `/devices/${deviceId}`, { properties });
    else {
      deviceId = `new-${count}`;
      await api("POST", "/devices", { id: deviceId, templateId: this.templateId, properties });
    }
    const { windowOpen } = await api<{ windowOpen: string }>("GET", "/status");
    this.confirmed.push({ deviceId, count, window: windowOf(Date.parse(windowOpen)) });
  }
}

/** What an export's tenures and definitions say of a window. */
class Schedule {
  readonly #definitions: readonly (Definition & { readonly window: Window })[];
  readonly #tenures: readonly { readonly first: Window; readonly last: Window }[];

  constructor(one: Answer, versions: ReadonlyMap<number, Definition>) {
    const window = (time: string): Window => windowOf(Date.parse(time));
    this.#definitions = [...versions.values()]
      .toSorted((a, b) => a.version - b.version)
      .map((definition) => ({ ...definition, window: window(definition.windowFirst) }));
    expect(this.#definitions.map(({ version }) => version)).toEqual(this.#definitions.map((_, index) => index + 1));
    this.#tenures = one.tenures.map(({ windowFirst, windowLast }) => ({
      first: window(windowFirst),
      last: windowLast === null ? Infinity : window(windowLast),
    }));
  }

  /** The number of the tenure and the definition, when `type` of this window is owed. */
  at(window: Window, type: ExportType): { readonly tenure: number; readonly definition: Definition } | null {
    const tenure = this.#tenures.findLastIndex(({ first, last }) => first <= window && window <= last);
    const definition = this.#definitions.findLast((one) => one.window <= window);
    return tenure >= 0 && definition?.types.includes(type) === true ? { tenure, definition } : null;
  }
}

interface Found {
  readonly path: string;
  readonly window: Window;
  readonly partition: number;
  readonly records: readonly Record<string, unknown>[];
}

/** The files of one type below a container, by window, whatever template they were written under. */
async function filesOf(container: string, type: ExportType): Promise<Found[]> {
  const found: Found[] = [];
  for (const full of lakeFiles(container)) {
    const path = full.slice(container.length + 1);
    const name = templates.map((template) => parsePath(template, "coldpath", path)).find((one) => one !== null);
    if (name === undefined || name === null) throw new Error(`a strange file: ${path}`);
    if (name.type !== type) continue;
    found.push({ path, window: name.window, partition: name.partition, records: await lakeRecords(full) });
  }
  return found.toSorted((a, b) => a.window - b.window);
}

/** Number of a message → the window and partition it was taken in. */
function placesOf(files: readonly Found[]): Map<number, { window: Window; partition: number; path: string }> {
  const places = new Map<number, { window: Window; partition: number; path: string }>();
  for (const { path, window, partition, records } of files) {
    for (const { Body, EnqueuedTimeUtc } of records) {
      const { number } = JSON.parse(String(Body)) as { number: number };
      expect(windowOf(Date.parse(String(EnqueuedTimeUtc))), path).toBe(window);
      expect(places.has(number), `message ${number} stands twice: ${places.get(number)?.path}, ${path}`).toBe(false);
      places.set(number, { window, partition, path });
    }
  }
  return places;
}

function expectMeasurements(
  schedule: Schedule,
  all: ReturnType<typeof placesOf>,
  found: ReturnType<typeof placesOf>,
): void {
  const lost: unknown[] = [];
  const strange: unknown[] = [];
  for (const [number, { window, partition }] of all) {
    const owed = schedule.at(window, "measurements");
    const there = found.get(number);
    const name = { type: "measurements", window, partition, part: 0 } as const;
    const path = owed === null ? undefined : printPath(owed.definition.pathTemplate, "coldpath", name);
    if (path === there?.path) continue;
    (there === undefined ? lost : strange).push({ number, should: path, is: there?.path });
  }
  for (const number of found.keys()) if (!all.has(number)) strange.push({ number, should: undefined });
  expect({ lost: lost.slice(0, 5), strange: strange.slice(0, 5) }).toEqual({ lost: [], strange: [] });
}

/** S1, for devices. @returns how many runs of windows without a break were looked at. */
function expectSnapshots(
  schedule: Schedule,
  files: readonly Found[],
  confirmed: readonly Confirmed[],
  last: Window,
): number {
  const first = Math.min(...files.map(({ window }) => window), last);
  let runs = 0;
  let key = "";
  let run: { files: Found[]; first: Window } | null = null;
  const finish = (windowLast: Window): void => {
    if (run === null) return;
    runs++;
    const counts = new Map<string, number>();
    for (const [index, { path, records }] of run.files.entries()) {
      const ids = records.map((record) => String(record["deviceId"] ?? record["id"]));
      expect(new Set(ids).size, path).toBe(ids.length);
      for (const [at, id] of ids.entries()) {
        const { properties } = records[at] as { properties: { cloud: { count: number } } };
        const before = counts.get(id);
        expect(before ?? -1, `${path}: ${id} again, without a change`).toBeLessThan(properties.cloud.count);
        counts.set(id, properties.cloud.count);
      }
      if (index > 0) continue;
      for (let device = 0; device < publishersCount; device++) {
        expect(ids, `${path} is not full`).toContain(`dev-${device}`);
      }
    }
    const missed = confirmed.filter(
      ({ deviceId, count, window }) => window <= windowLast && (counts.get(deviceId) ?? -1) < count,
    );
    expect({ run: [run.first, windowLast], missed: missed.slice(0, 5) }).toEqual({
      run: [run.first, windowLast],
      missed: [],
    });
    run = null;
  };
  for (let window = first; window <= last; window++) {
    const owed = schedule.at(window, "devices");
    const { pathTemplate = "", formatRevision = "" } = owed?.definition ?? {};
    const now = owed === null ? "" : `${owed.tenure} ${pathTemplate} ${formatRevision}`;
    if (now !== key) finish(window - 1);
    key = now;
    const there = files.filter((file) => file.window === window);
    if (owed === null) {
      expect(there.map(({ path }) => path)).toEqual([]);
      continue;
    }
    run ??= { files: [], first: window };
    expect(there.length).toBeLessThanOrEqual(1);
    run.files.push(...there);
  }
  finish(last);
  return runs;
}

test.each([
  { what: "a steady clock", stepsMs: [0] },
  { what: "a clock that steps", stepsMs: [0, 20 * 60_000, -20 * 60_000, 3_600_000, -3_600_000] },
])(
  `E1, E3, S1: exports turned on and off and edited under load, SIGKILL ${rounds} times, $what: each file is as tenures and definitions say`,
  async ({ stepsMs }) => {
    directory = mkdtempSync(join(tmpdir(), "coldpath-administrator-"));
    const originMs = Date.parse("2026-03-04T05:06:30.000Z");
    const startMs = performance.now();
    const start = (): Promise<HubProcess> => {
      const clockMs = originMs + (performance.now() - startMs) * rate + pick(stepsMs);
      const origin = `--test-clock-origin=${new Date(Math.round(clockMs)).toISOString()}`;
      return HubProcess.start(
        join(directory, "data"),
        "--no-sample",
        "--journal-partitions=3",
        `--test-clock-rate=${rate}`,
        origin,
      );
    };
    hub = await start();
    const lake = join(directory, "lake");
    const account = await api<{ id: string }>("POST", "/storage-accounts", {
      name: "lake",
      settings: { kind: "folder", path: lake },
    });
    const { id: templateId } = await api<{ id: string }>("POST", "/device-templates", {
      name: "T",
      publish: true,
      measurements: { telemetry: {}, states: {}, events: {} },
      settings: { device: {} },
      properties: { cloud: { count: { name: "Count", dataType: "double", initialValue: 0 } }, device: {} },
    });
    for (let index = 0; index < publishersCount; index++) {
      await api("POST", "/devices", { id: `dev-${index}`, templateId });
    }
    // `all` stays on from first to last: it tells in which window each message was taken.
    for (const name of ["all", ...names]) {
      await api("POST", `/storage-accounts/${account.id}/containers`, { name });
      const types = name === "all" ? ["measurements"] : exportTypes;
      const settings = { storageAccountId: account.id, container: name, types, pathTemplate: standardTemplate };
      await api("POST", "/exports", { name, ...settings, on: name !== "b" });
    }
    const { primaryKey: policyKey } = await api<{ primaryKey: string }>("GET", "/policies/device/keys");
    const ledger = new Ledger();
    const administrator = new Administrator(templateId);
    for (let round = 0; round <= rounds; round++) {
      const port = hub.address.ports.mqtt;
      const publishers = Array.from(
        { length: publishersCount },
        (_, index) => new MqttPublisher({ port, deviceId: `dev-${index}`, policyKey, ledger, inFlight: 4 }),
      );
      const working = administrator.work();
      await pause(700 + Math.random() * 1500);
      if (round < rounds) await hub.kill();
      else await Promise.all(publishers.map((publisher) => publisher.stop()));
      administrator.stop();
      await working;
      await Promise.all(publishers.map(({ ended }) => ended));
      if (round < rounds) hub = await start();
    }

    // Until nothing is owed and some windows more have closed.
    let answers: Answer[] = [];
    for (let turn = 0; turn < 100; turn++) {
      await pause(turn < 3 ? 1500 : 500);
      answers = (await api<{ items: Answer[] }>("GET", "/exports")).items;
      if (
        turn >= 3 &&
        answers.every(({ status }) => ["healthy", "off"].includes(status.state) && status.owedFiles === 0)
      )
        break;
    }
    const { windowOpen } = await api<{ windowOpen: string }>("GET", "/status");
    for (const one of answers) administrator.note(one);
    expect(await hub.stop()).toBe(0);

    const all = placesOf(await filesOf(join(lake, "all"), "measurements"));
    expect([...ledger.acknowledged].filter((number) => !all.has(number))).toEqual([]);
    expect([...all.keys()].filter((number) => !ledger.hasSent(number))).toEqual([]);
    expect(ledger.acknowledged.size).toBeGreaterThan(100);
    expect(administrator.changes).toBeGreaterThan(rounds);
    for (const one of answers.filter(({ name }) => names.includes(name))) {
      const schedule = new Schedule(one, administrator.definitions.get(one.id) ?? new Map());
      const container = join(lake, one.name);
      expectMeasurements(schedule, all, placesOf(await filesOf(container, "measurements")));
      const files = await filesOf(container, "devices");
      // Two windows less: the newest may have been cut after the last look.
      expectSnapshots(schedule, files, administrator.confirmed, windowOf(Date.parse(windowOpen)) - 2);
      if (process.env["COLDPATH_ADMINISTRATOR_TALK"] !== undefined) {
        console.log(one.name, {
          tenures: one.tenures.length,
          changes: administrator.changes,
          records: all.size,
          files: files.length,
        });
      }
    }
  },
);
