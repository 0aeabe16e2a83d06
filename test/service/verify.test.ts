// `coldpath verify` on folders and on Azurite: proven when all is well, and exact about each kind of harm.

import { spawn } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { BlobServiceClient } from "@azure/storage-blob";
import { afterEach, describe, expect, test } from "vitest";
import { type Azurite, connectionStringOf, startAzurite } from "../lib/azurite.ts";
import { ExportBench } from "../lib/export-bench.ts";

const root = join(import.meta.dirname, "../..");
let bench: ExportBench;
let azurite: Azurite | null = null;
afterEach(async () => {
  await bench.close();
  await azurite?.stop();
  azurite = null;
});

interface Answer {
  readonly isProven: boolean;
  readonly faultCount: number;
  readonly faults: readonly { readonly kind: string; readonly window: string | null; readonly path: string | null }[];
  readonly notes: readonly { readonly kind: string; readonly path: string | null }[];
  readonly days: readonly { readonly windows: number; readonly files: number; readonly records: number }[];
  readonly unrecordedFiles: number;
}

function run(...words: string[]): Promise<{ stdout: string; stderr: string; status: number | null }> {
  return new Promise((resolve) => {
    const child = spawn(join(root, "coldpath"), ["verify", "--data-dir", bench.directory, ...words], {
      env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1" },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("close", (status) => resolve({ stdout, stderr, status }));
  });
}

async function verify(...words: string[]): Promise<Answer & { readonly status: number | null }> {
  const { stdout, stderr, status } = await run("--json", ...words);
  expect(stderr).toBe("");
  const [answer] = JSON.parse(stdout) as Answer[];
  return { ...answer!, status };
}

/** Kind, minute and path of all faults. */
const faultsOf = ({ faults }: Answer) => faults.map(({ kind, window, path }) => [kind, window, path]);

/** An export with three minutes of measurements and two snapshots. */
async function fill(storage: string): Promise<string> {
  await bench.device("dev-1");
  const { id } = await bench.createExport("lake", bench.settings(storage));
  for (const count of [3, 3, 5]) {
    await bench.send(count);
    await bench.pass(1);
  }
  return id;
}

const path = (minute: string, type = "measurements", name = "00.avro"): string =>
  `${type}/hub/2026/01/02/03/${minute}/${name}`;

describe("a folder", () => {
  const file = (name: string): string => join(bench.directory, "lake/iot", name);

  async function open(): Promise<string> {
    bench = await ExportBench.open();
    return await fill(await bench.folder("lake"));
  }

  test("E1: is proven, beside the running server and without it; in a table for people", async () => {
    await open();
    const days = [{ windows: 5, files: 5, records: 13 }];
    expect(await verify()).toMatchObject({ status: 0, isProven: true, faultCount: 0, notes: [], days });
    expect(await verify("--deep")).toMatchObject({ status: 0, isProven: true, days });
    await bench.exporter.stop();
    await bench.registry.close();
    const shown = await run();
    await bench.openRegistry();
    await bench.startExporter();
    expect(shown).toMatchObject({ status: 0, stderr: "" });
    expect(shown.stdout).toContain("2026-01-02");
    expect(shown.stdout).toContain("proven: 5 files, each there once and as it was written");
    expect(readdirSync(bench.directory).filter((name) => name.startsWith("registry.db-"))).not.toEqual([]);
  });

  test("names a file that is gone", async () => {
    await open();
    rmSync(file(path("05")));
    const found = await verify();
    expect(found.status).toBe(1);
    expect(faultsOf(found)).toEqual([["missing", "2026-01-02T03:05", path("05")]]);
    expect((await run()).stdout).toMatch(
      /FAULT missing 2026-01-02T03:05: .*05\/00\.avro: it is not there \(3 records\)\./,
    );
    // Only what was asked for is looked at.
    expect(await verify("--from", "2026-01-02T03:06")).toMatchObject({ status: 0, days: [{ records: 5 }] });
    expect(await verify("--to", "2026-01-01")).toMatchObject({ status: 0, days: [] });
  });

  test("names a file that was cut off, and one that is empty", async () => {
    await open();
    truncateSync(file(path("05")), statSync(file(path("05"))).size - 10);
    truncateSync(file(path("06")), 0);
    expect(faultsOf(await verify())).toEqual([
      ["damaged", "2026-01-02T03:05", path("05")],
      ["damaged", "2026-01-02T03:06", path("06")],
    ]);
  });

  test("names a file with one byte changed; with its times put back, only --deep sees it", async () => {
    await open();
    const name = file(path("05"));
    const { atime, mtime } = statSync(name);
    const bytes = readFileSync(name);
    const at = bytes.lastIndexOf('"n":') + 4;
    bytes[at] = 0x39;
    writeFileSync(name, bytes);
    expect(faultsOf(await verify())).toEqual([["altered", "2026-01-02T03:05", path("05")]]);
    utimesSync(name, atime, mtime); // not to the nanosecond, so the label still does not fit
    expect(faultsOf(await verify("--deep"))).toEqual([["altered", "2026-01-02T03:05", path("05")]]);
  });

  test("names a copy as a further part, and a file of a minute that was never written", async () => {
    await open();
    copyFileSync(file(path("05")), file(path("05", "measurements", "00_001.avro")));
    const elsewhere = "measurements/hub/2026/01/02/01/04/01.avro";
    mkdirSync(dirname(file(elsewhere)), { recursive: true });
    copyFileSync(file(path("05")), file(elsewhere));
    mkdirSync(dirname(file(path("01"))), { recursive: true });
    copyFileSync(file(path("05")), file(path("01")));
    const found = await verify();
    expect(found.status).toBe(1);
    expect(faultsOf(found)).toEqual([
      ["unknown", "2026-01-02T01:04", elsewhere],
      ["unknown", "2026-01-02T03:01", path("01")],
      ["doubled", "2026-01-02T03:05", path("05", "measurements", "00_001.avro")],
    ]);
  });

  test("names a file that another minute's took the place of, with as many records", async () => {
    await open();
    copyFileSync(file(path("04")), file(path("05")));
    expect(faultsOf(await verify())).toEqual([["misplaced", "2026-01-02T03:05", path("05")]]);
  });

  test("a lost side record is noted: the bytes are the proof", async () => {
    await open();
    rmSync(file(`.coldpath/labels/${path("05")}.json`));
    const found = await verify();
    expect(found).toMatchObject({ status: 0, isProven: true, notes: [{ kind: "label-missing", path: path("05") }] });
  });

  test("foreign files are listed, a second export's files beside it are not", async () => {
    await open();
    const storage = (await bench.registry.storageAccounts())[0]!.id;
    const other = bench.settings(storage, {
      types: ["measurements"],
      pathTemplate: "measurements/hub/z/{YYYY}{MM}{dd}{hh}{mm}/{NN}.avro",
    });
    await bench.createExport("other", other);
    await bench.send(1);
    await bench.pass(1);
    writeFileSync(file("measurements/hub/2026/notes.txt"), "mine");
    const found = await verify("--export", "lake");
    expect(found).toMatchObject({ status: 0, notes: [{ kind: "foreign", path: "measurements/hub/2026/notes.txt" }] });
    expect(found.notes).toHaveLength(1);
    expect(await verify("--export", "other")).toMatchObject({ status: 0, days: [{ records: 1 }] });
  });

  test("after an edit of the path, an older definition's path for a newer minute is a double", async () => {
    const id = await open();
    const { definitions } = await bench.registry.export(id);
    const { version: _version, windowFirst: _windowFirst, ...settings } = definitions[0]!;
    const pathTemplate = `new/${settings.pathTemplate}`;
    await bench.registry.updateExport(id, { settings: { ...settings, pathTemplate } }, bench.windowOpen);
    await bench.pass(1);
    await bench.send(2);
    await bench.pass(1);
    expect(await verify()).toMatchObject({ status: 0, notes: [] });
    mkdirSync(dirname(file(path("08"))), { recursive: true });
    copyFileSync(file(`new/${path("08")}`), file(path("08")));
    expect(faultsOf(await verify())).toEqual([["doubled", "2026-01-02T03:08", path("08")]]);
  });

  test("what was let go is told, and is no fault; a minute that was passed over is", async () => {
    const id = await open();
    const real = bench.registry.advanceCheckpoint.bind(bench.registry);
    bench.registry.advanceCheckpoint = async (move) => await real({ ...move, runs: [], cut: undefined });
    await bench.send(2); // 03:07
    await bench.pass(1);
    bench.registry.advanceCheckpoint = real;
    rmSync(file(path("07")));
    await bench.send(2);
    await bench.pass(1);
    expect(faultsOf(await verify())).toEqual([["lost", "2026-01-02T03:07", null]]);
    const stream = { exportId: id, type: "measurements", partition: 0 } as const;
    const window = bench.windowOpen() - 2;
    const windows = { windowFirst: window, windowLast: window };
    const offsets = { first: 11, next: 13 };
    await bench.registry.recordGap({ ...stream, ...windows, reason: "known", at: "now", offsets, records: 2 });
    expect(await verify()).toMatchObject({ status: 0, isProven: true });
    expect((await run()).stdout).toContain("let go: 2026-01-02T03:07 of measurements, partition 0: 2 records (known)");
  });

  test("E1: a loss of several minutes is told for each of them", async () => {
    await open();
    const real = bench.registry.advanceCheckpoint.bind(bench.registry);
    bench.registry.advanceCheckpoint = async (move) => await real({ ...move, runs: [], cut: undefined });
    for (let minute = 7; minute <= 9; minute++) {
      await bench.send(2);
      await bench.pass(1);
    }
    bench.registry.advanceCheckpoint = real;
    for (const minute of ["07", "08", "09"]) rmSync(file(path(minute)));
    await bench.send(2);
    await bench.pass(1);
    for (const minute of ["07", "08", "09"]) {
      const found = await verify("--from", `2026-01-02T03:${minute}`, "--to", `2026-01-02T03:${minute}`);
      expect(faultsOf(found)).toEqual([["lost", "2026-01-02T03:07", null]]);
    }
    expect(await verify("--to", "2026-01-02T03:06")).toMatchObject({ status: 0, isProven: true });
  });

  test("several files a minute are all looked for", async () => {
    bench = await ExportBench.open();
    const storage = await bench.folder("lake");
    await bench.createExport(
      "lake",
      bench.settings(storage, { types: ["measurements"], fileBytesMax: 1_048_576, blockBytes: 1024 }),
    );
    await bench.send(10_000);
    await bench.pass(1);
    const files = bench.files("lake");
    expect(files.length).toBeGreaterThan(1);
    expect(await verify("--deep")).toMatchObject({ status: 0, days: [{ files: files.length, records: 10_000 }] });
    rmSync(join(bench.directory, "lake", files[1]!));
    expect(faultsOf(await verify())).toEqual([
      ["missing", "2026-01-02T03:04", path("04", "measurements", "00_001.avro")],
    ]);
  });

  test("what keeps it from looking is exit code 2, and keeps it from nothing else", async () => {
    await open();
    rmSync(join(bench.directory, "lake/iot"), { recursive: true });
    expect(await run()).toMatchObject({
      status: 2,
      stdout: expect.stringMatching(
        /^lake\n  NOT looked at: .* does not exist \(container-not-found\)\.\n    → /,
      ) as string,
    });
    const { id } = await bench.createExport("well", bench.settings(await bench.folder("well")));
    await bench.send(2);
    await bench.pass(1);
    const both = await run("--json");
    expect(both.status).toBe(2);
    expect(JSON.parse(both.stdout)).toMatchObject([
      { name: "lake", isProven: false, error: { code: "container-not-found" } },
      { exportId: id, isProven: true, faultCount: 0, days: [{ records: 4 }] },
    ]);
    expect(await run("--export", "lack")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('"lake"') as string,
    });
    expect(await run("--from", "2026-01-02", "--to", "2026-01-01")).toMatchObject({ status: 2 });
  });
});

test("a container: proven with the secret of the registry; a blob that is gone, cut off, replaced or extra is named", async () => {
  azurite = await startAzurite();
  bench = await ExportBench.open();
  const client = BlobServiceClient.fromConnectionString(azurite.connectionString);
  const { containerClient: container } = await client.createContainer("iot");
  const account = await bench.registry.createStorageAccount({
    name: "azure",
    settings: {
      kind: "azure-blob",
      auth: "connection-string",
      endpoint: azurite.endpoint,
      accountName: azurite.accountName,
    },
    secret: connectionStringOf(azurite.endpoint),
  });
  await fill(account.id);
  expect(await verify()).toMatchObject({ status: 0, isProven: true, days: [{ files: 5, records: 13 }] });
  expect(await verify("--deep")).toMatchObject({ status: 0, isProven: true });
  const bytes = await container.getBlobClient(path("04")).downloadToBuffer();
  const put = async (name: string, body: Buffer): Promise<void> => {
    await container.getBlockBlobClient(name).uploadData(body);
  };
  await container.deleteBlob(path("06"));
  await put(path("05"), bytes);
  await put(path("05", "measurements", "00_001.avro"), bytes);
  await put(path("04", "devices"), Buffer.from("Obj\u0001 and no more"));
  const found = await verify();
  expect(found.status).toBe(1);
  expect(faultsOf(found).toSorted((a, b) => (String(a) < String(b) ? -1 : 1))).toEqual([
    ["damaged", "2026-01-02T03:04", path("04", "devices")],
    ["doubled", "2026-01-02T03:05", path("05", "measurements", "00_001.avro")],
    ["misplaced", "2026-01-02T03:05", path("05")],
    ["missing", "2026-01-02T03:06", path("06")],
  ]);
});
