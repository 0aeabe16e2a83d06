// Devices and published device templates are edited under a running export, and the server is killed again and again: no
// answered edit is lost (D2), the snapshots hold every one of them (S1), and each record is a state that the thing had, whole
// (S2). Edits that would break a version are refused, and nobody ever sees them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { parsePath } from "../../src/export/path-template.ts";
import { type Window, windowOf } from "../../src/lib/window.ts";
import { HubProcess } from "../lib/hub-process.ts";
import { lakeFiles, lakeRecords } from "../lib/lake.ts";

/** Real milliseconds are so many of the window clock: a window lasts one second. */
const rate = 60;
const rounds = Number(process.env["COLDPATH_REGISTRY_EDIT_ROUNDS"] ?? 6);
const pathTemplate = "{type}/{hub}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro";

let hub: HubProcess | null = null;
let directory = "";
afterEach(async () => {
  await hub?.kill();
  hub = null;
  rmSync(directory, { recursive: true, force: true });
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  if (hub === null) throw new Error("no server");
  return hub.api<T>(method, path, body);
}

/** The number of an edit stands in two places of the thing, so that half an edit would show. */
interface Thing {
  readonly id: string;
  /** Makes the edit, by one call. */
  edit(number: number): Promise<unknown>;
  /** Tries what must be refused with 409. */
  breaking?(number: number): Promise<unknown>;
  /** The numbers in what the API, or a snapshot's record, says of it. */
  numbersIn(record: unknown): readonly number[];
  readonly path: string;
}

const numberOf = (name: string): number => Number(name.split(" ").at(-1));

function device(id: string): Thing {
  return {
    id,
    path: `/devices/${id}`,
    edit: (number) => api("PATCH", `/devices/${id}`, { name: `Edited ${number}`, properties: { cloud: { number } } }),
    numbersIn(record) {
      const { name, properties } = record as { name: string; properties: { cloud: { number: number } } };
      return [numberOf(name), properties.cloud.number];
    },
  };
}

function templateContent(number: number) {
  return {
    name: `Edited ${number}`,
    measurements: {
      telemetry: { temp: { name: "T", dataType: "double", minValue: 0 - number } },
      states: {},
      events: {},
    },
    settings: { device: {} },
    properties: { cloud: { number: { name: "Number", dataType: "double", initialValue: 0 } }, device: {} },
  };
}

function template(id: string): Thing {
  const path = `/device-templates/${id}/versions/1.0.0`;
  return {
    id,
    path,
    edit: (number) => api("PUT", path, templateContent(number)),
    breaking: (number) => api("PUT", path, { ...templateContent(number), properties: { cloud: {}, device: {} } }),
    numbersIn(record) {
      const { name, measurements } = record as {
        name: string;
        measurements: { telemetry: { temp: { minValue: number } } };
      };
      return [numberOf(name), 0 - measurements.telemetry.temp.minValue];
    },
  };
}

/** Edits one thing, a call at a time, until the server is gone. */
class Editor {
  readonly thing: Thing;
  /** Of edits that must not be refused. */
  readonly sent = new Set<number>([0]);
  /** Those that were answered, with the oldest window that was open afterwards. */
  readonly answered: { readonly number: number; readonly window: Window }[] = [];
  refused = 0;
  /** `work` said why. */
  hasFailed = false;
  #number = 0;
  #isStopped = false;

  constructor(thing: Thing) {
    this.thing = thing;
  }

  async work(): Promise<void> {
    this.#isStopped = false;
    try {
      await this.look();
      while (!this.#isStopped) {
        await this.#act();
        await pause(Math.random() * 30);
      }
    } catch (error) {
      // Killed in the middle of a call: what became of it is seen at the next start.
      if (error instanceof TypeError) return;
      this.hasFailed = true;
      throw error;
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** D2: what is there now is the newest edit that was answered, or one that was sent after it. */
  async look(): Promise<void> {
    const [number = -1, ...others] = this.thing.numbersIn(await api("GET", this.thing.path));
    expect(others).toEqual([number]);
    expect(this.sent).toContain(number);
    expect(number).toBeGreaterThanOrEqual(this.answered.at(-1)?.number ?? 0);
  }

  async #act(): Promise<void> {
    const number = ++this.#number;
    if (this.thing.breaking !== undefined && number % 4 === 2) {
      const answer = await this.thing.breaking(number).then(() => "made", refusal);
      expect(answer).toMatch(/: 409 .*template-edit-breaking/);
      this.refused++;
      return;
    }
    this.sent.add(number);
    await this.thing.edit(number);
    const { windowOpen } = await api<{ windowOpen: string }>("GET", "/status");
    this.answered.push({ number, window: windowOf(Date.parse(windowOpen)) });
  }
}

/** What the server said; a server that is gone says nothing. */
function refusal(error: unknown): string {
  if (error instanceof TypeError) throw error;
  return String(error);
}

test(`D2, S1, S2: devices and published templates edited under a running export, SIGKILL ${rounds} times: the snapshots hold every answered edit, and only states there were`, async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-registry-edits-"));
  const originMs = Date.parse("2026-03-04T05:06:30.000Z");
  const startMs = performance.now();
  const start = (): Promise<HubProcess> => {
    const clockMs = Math.round(originMs + (performance.now() - startMs) * rate);
    const origin = `--test-clock-origin=${new Date(clockMs).toISOString()}`;
    return HubProcess.start(join(directory, "data"), "--no-sample", `--test-clock-rate=${rate}`, origin);
  };
  hub = await start();
  const lake = join(directory, "lake");
  const account = await api<{ id: string }>("POST", "/storage-accounts", {
    name: "lake",
    settings: { kind: "folder", path: lake },
  });
  await api("POST", `/storage-accounts/${account.id}/containers`, { name: "c" });
  const things = [device("d0"), device("d1"), template("t0"), template("t1")];
  for (const id of ["t0", "t1"]) await api("POST", "/device-templates", { id, publish: true, ...templateContent(0) });
  for (const id of ["d0", "d1"]) await api("POST", "/devices", { id, name: "Edited 0", templateId: "t0" });
  await api("POST", "/exports", {
    name: "all",
    storageAccountId: account.id,
    container: "c",
    types: ["devices", "deviceTemplates"],
    pathTemplate,
    on: true,
  });
  const editors = things.map((thing) => new Editor(thing));
  for (let round = 0; round <= rounds; round++) {
    const working = Promise.all(editors.map((editor) => editor.work()));
    working.catch(() => {}); // told where it is awaited
    const answersMin = editors.map(({ answered }) => answered.length + 2);
    await pause(500 + Math.random() * 1500);
    // However slow the machine is: each round has edits of each thing.
    const isBusy = ({ answered, hasFailed }: Editor, at: number): boolean =>
      !hasFailed && answered.length < (answersMin[at] ?? 0);
    while (editors.some(isBusy)) await pause(20);
    if (round < rounds) await hub.kill();
    for (const editor of editors) editor.stop();
    await working;
    if (round < rounds) hub = await start();
  }
  for (const editor of editors) await editor.look();

  // Until the windows of the last edits are closed, and nothing is owed.
  const lastEdit = Math.max(...editors.flatMap(({ answered }) => answered.map(({ window }) => window)));
  for (;;) {
    await pause(500);
    const { windowOpen } = await api<{ windowOpen: string }>("GET", "/status");
    const { items } = await api<{ items: { status: { state: string; owedFiles: number } }[] }>("GET", "/exports");
    const isDone = items.every(({ status }) => status.state === "healthy" && status.owedFiles === 0);
    if (windowOf(Date.parse(windowOpen)) > lastEdit + 2 && isDone) break;
  }
  expect(await hub.stop()).toBe(0);

  const container = join(lake, "c");
  const seen = new Map<string, { readonly window: Window; readonly numbers: readonly number[] }[]>();
  for (const path of lakeFiles(container)) {
    const name = parsePath(pathTemplate, "coldpath", path.slice(container.length + 1));
    if (name === null) throw new Error(`a strange file: ${path}`);
    const ofFile = new Set<string>();
    for (const record of await lakeRecords(path)) {
      const id = String(record["deviceId"] ?? record["id"]);
      const thing = things.find((one) => one.id === id);
      if (thing === undefined) throw new Error(`${path}: ${id} was never made`);
      expect(ofFile.has(id), `${path}: ${id} twice`).toBe(false);
      ofFile.add(id);
      const states = seen.get(id) ?? [];
      seen.set(id, [...states, { window: name.window, numbers: thing.numbersIn(record) }]);
    }
  }
  for (const { thing, sent, answered, refused } of editors) {
    const states = (seen.get(thing.id) ?? []).toSorted((one, other) => one.window - other.window);
    expect(answered.length, thing.id).toBeGreaterThan(rounds);
    expect(refused > 0, thing.id).toBe(thing.breaking !== undefined);
    expect(states.length, thing.id).toBeGreaterThan(rounds / 2);
    // S2: whole, and one that was asked for, or the first.
    for (const { numbers } of states) {
      expect(new Set(numbers).size, `${thing.id}: half an edit, ${String(numbers)}`).toBe(1);
      expect(sent, thing.id).toContain(numbers[0]);
    }
    // Each change once, in order: the newest edit is never followed by an older one.
    const told = states.map(({ numbers }) => numbers[0] ?? -1);
    expect(told, thing.id).toEqual([...new Set(told)].toSorted((one, other) => one - other));
    // S1: by the snapshot of the window that was open after its answer, or the next that there was while the server was down.
    const missed = answered.filter(({ number, window }) => {
      const next = states.find((state) => state.window > window)?.window ?? window;
      return !states.some((state) => state.window <= next && (state.numbers[0] ?? -1) >= number);
    });
    expect(missed, thing.id).toEqual([]);
  }
});
