// The messages in the measurements files of a folder, as they come; and the comparison with what was sent.

import { createReadStream } from "node:fs";
import { expect } from "vitest";
import { openContainer } from "../../src/avro/avro.ts";
import { lakeFiles } from "./lake.ts";

type Entries = readonly (readonly [string, string])[];

/** One record; maps as entries, because order counts. */
export interface ExportedMessage {
  /** Of its file, below the folder. */
  readonly path: string;
  readonly enqueued: string;
  readonly application: Entries;
  readonly system: Entries;
  readonly body: Buffer;
}

/** What a client was told to send, in the words of the file. */
export interface SentMessage {
  readonly body: Buffer;
  readonly application: Entries;
  /** What the device set, in the order of the file. */
  readonly system: Entries;
}

/** What the hub adds. */
export interface SentBy {
  readonly deviceId: string;
  readonly moduleId?: string | undefined;
  readonly scope: "device" | "hub" | "module";
  /** "sas" when left out. */
  readonly signsInBy?: "sas" | "x509";
  readonly generationId: string;
  /** The window clock before the first message was sent and after the last was acknowledged. */
  readonly fromMs: number;
  readonly toMs: number;
}

interface MeasurementsRecord {
  readonly EnqueuedTimeUtc: string;
  readonly Properties: Readonly<Record<string, string>>;
  readonly SystemProperties: Readonly<Record<string, string>>;
  readonly Body: Buffer;
}

export class ExportedMessages {
  readonly #folder: string;
  readonly #read = new Set<string>();
  readonly #messages: ExportedMessage[] = [];

  /** @param folder  the container's folder, which `measurements/` is in. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** All that is there now. A file is read once: it never changes (E5). */
  async all(): Promise<readonly ExportedMessage[]> {
    for (const path of lakeFiles(this.#folder)) {
      if (this.#read.has(path) || !path.startsWith(`${this.#folder}/measurements/`)) continue;
      this.#read.add(path);
      for await (const record of openContainer(createReadStream(path))) {
        const { EnqueuedTimeUtc, Properties, SystemProperties, Body } = record as MeasurementsRecord;
        this.#messages.push({
          path: path.slice(this.#folder.length + 1),
          enqueued: EnqueuedTimeUtc,
          application: Object.entries(Properties),
          system: Object.entries(SystemProperties),
          body: Body,
        });
      }
    }
    return this.#messages;
  }

  /** Messages of one device. */
  async of(deviceId: string): Promise<readonly ExportedMessage[]> {
    return (await this.all()).filter(({ system }) => valueOf(system, "connectionDeviceId") === deviceId);
  }

  /** Waits for a file with a message that `isIt`. */
  async until(isIt: (message: ExportedMessage) => boolean, timeoutMs = 60_000): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    while (!(await this.all()).some(isIt)) {
      if (performance.now() > endMs) throw new Error(`not in any file after ${timeoutMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Each of `sent` stands exactly once in `found`, every field right, and nothing else does. */
export function expectExactly(found: readonly ExportedMessage[], sent: readonly SentMessage[], by: SentBy): void {
  const { deviceId, moduleId, scope, generationId, signsInBy = "sas" } = by;
  const [type, issuer] = signsInBy === "sas" ? ["sas", "iothub"] : ["x509Certificate", "external"];
  const expected = sent.map(({ body, application, system }) =>
    print(body, application, [
      ["connectionDeviceId", deviceId],
      ...(moduleId === undefined ? [] : ([["connectionModuleId", moduleId]] as const)),
      [
        "connectionAuthMethod",
        `{"scope":"${scope}","type":"${type}","issuer":"${issuer}","acceptingIpFilterRule":null}`,
      ],
      ["connectionDeviceGenerationId", generationId],
      ...system,
      ["enqueuedTime", "EnqueuedTimeUtc"],
    ]),
  );
  expect(new Set(expected).size, "the test sends no two equal messages").toBe(expected.length);
  const actual = found.map(({ body, application, system, enqueued }) =>
    print(
      body,
      application,
      system.map(([name, value]) =>
        name === "enqueuedTime" && value === enqueued ? [name, "EnqueuedTimeUtc"] : [name, value],
      ),
    ),
  );
  const counts = new Map<string, number>();
  for (const one of actual) counts.set(one, (counts.get(one) ?? 0) + 1);
  const known = new Set(expected);
  expect({
    lost: expected.filter((one) => !counts.has(one)),
    doubled: [...counts].filter(([, count]) => count > 1).map(([one]) => one),
    foreign: [...counts.keys()].filter((one) => !known.has(one)),
  }).toEqual({ lost: [], doubled: [], foreign: [] });
  for (const { enqueued, path } of found) expectTimes(enqueued, path, by);
}

function expectTimes(enqueued: string, path: string, { fromMs, toMs }: SentBy): void {
  expect(enqueued).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}0000Z$/);
  const atMs = Date.parse(enqueued);
  expect(atMs).toBeGreaterThanOrEqual(fromMs);
  expect(atMs).toBeLessThanOrEqual(toMs);
  const [minute] = enqueued.split(/:\d\d\./);
  expect(path).toBe(`measurements/coldpath/${minute?.replaceAll(/[-T:]/g, "/")}/00.avro`);
}

export function valueOf(entries: Entries, name: string): string | undefined {
  return entries.find(([one]) => one === name)?.[1];
}

function print(body: Buffer, application: Entries, system: Entries): string {
  return JSON.stringify({ body: body.toString("base64"), application, system });
}
