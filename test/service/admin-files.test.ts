// Exported files by the REST API: browsed, looked into, downloaded, over a real exporter and a folder.

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AdminBench } from "../lib/admin-bench.ts";

let bench: AdminBench;
let lake: string;
let id: string;
const query = (values: Readonly<Record<string, string | number>>): string =>
  new URLSearchParams(
    Object.entries(values).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
const files = (values: Readonly<Record<string, string | number>> = {}) =>
  bench.expect(200, "GET", `/exports/${id}/files?${query(values)}`);
const minute = "measurements/hub/2026/01/02/03/04/";
const path = `${minute}00.avro`;

beforeEach(async () => {
  bench = await AdminBench.open();
  lake = await bench.folder("lake");
  const types = ["measurements", "devices", "deviceTemplates"];
  const made = await bench.expect(201, "POST", "/exports", {
    name: "all",
    storageAccountId: lake,
    container: "iot",
    types,
  });
  id = made.id;
  await bench.rooms.device("dev-1");
  await bench.rooms.send(3);
  await bench.rooms.pass(2);
});
afterEach(async () => await bench.close());

test("files are browsed from the top, each with its run", async () => {
  expect(await files()).toMatchObject({
    prefix: "",
    folders: ["deviceTemplates", "devices", "measurements"],
    files: [],
    next: null,
    places: [{ version: 1, storageAccountId: lake, container: "iot" }],
  });
  const walked: string[] = [];
  let prefix = "measurements";
  for (;;) {
    const level = await files({ prefix });
    walked.push(level.prefix);
    if (level.folders.length === 0) break;
    expect(level.folders).toHaveLength(1);
    prefix = `${level.prefix}${level.folders[0]}`;
  }
  expect(walked.at(-1)).toBe(minute);
  const [run] = (await bench.expect(200, "GET", `/exports/${id}/runs`)).items.filter(
    (one: { path: string }) => one.path === path,
  );
  const { bytes } = run;
  expect(await files({ prefix: minute })).toMatchObject({
    folders: [],
    files: [
      {
        path,
        name: "00.avro",
        bytes,
        type: "measurements",
        window: "2026-01-02T03:04:00Z",
        run: { number: run.number, records: 3, attempts: 1, committedAt: run.committedAt, durationMs: run.durationMs },
      },
    ],
    next: null,
  });
});

test("A3: nothing but the export's own files is shown or read", async () => {
  const root = `${bench.rooms.directory}/lake/iot`;
  const put = (name: string): void => {
    mkdirSync(`${root}/${name.slice(0, name.lastIndexOf("/") + 1)}`, { recursive: true });
    writeFileSync(`${root}/${name}`, "secret");
  };
  const foreign = [
    "private/key.txt",
    "notes.txt",
    "measurements/notes.txt",
    "measurements/other/2026/01/02/03/04/00.avro",
    `${minute}notes.txt`,
    `${minute}00.avro.bak`,
    "measurements/hub/2026/02/30/00/00/00.avro",
  ];
  for (const name of foreign) put(name);
  symlinkSync("/etc", `${root}/measurements/hub/2027`);
  symlinkSync("/etc/hostname", `${root}/${minute}01.avro`);
  expect((await files()).folders).toEqual(["deviceTemplates", "devices", "measurements"]);
  expect(await files({ prefix: "measurements/" })).toMatchObject({ folders: ["hub"], files: [] });
  expect((await files({ prefix: "measurements/hub" })).folders).toEqual(["2026"]);
  expect((await files({ prefix: minute })).files.map((file: { path: string }) => file.path)).toEqual([path]);
  for (const prefix of [
    "private",
    "..",
    "../",
    "measurements/../private",
    "measurements/other",
    "/",
    "/etc",
    ".coldpath",
    "measurements//",
  ]) {
    expect([prefix, (await bench.refused(400, "GET", `/exports/${id}/files?${query({ prefix })}`)).code]).toEqual([
      prefix,
      "path-foreign",
    ]);
  }
  const hostile = [
    ...foreign,
    `${root}/${path}`,
    `${minute}../04/00.avro`,
    `/${path}`,
    `${path}/`,
    `${path}\0`,
    `${path}#`,
  ];
  for (const route of ["files/preview", "files/content", "reading"]) {
    for (const one of hostile) {
      const refused = await bench.refused(400, "GET", `/exports/${id}/${route}?${query({ path: one })}`);
      expect([one, refused.code, refused.field]).toEqual([one, "path-foreign", "path"]);
    }
    // Encoded twice it is another name.
    await bench.refused(400, "GET", `/exports/${id}/${route}?path=${encodeURIComponent(encodeURIComponent(path))}`);
  }
  // Under a name of ours, but a link.
  for (const route of ["files/preview", "files/content"]) {
    const link = await bench.refused(409, "GET", `/exports/${id}/${route}?${query({ path: `${minute}01.avro` })}`);
    expect(link.code).toBe("storage-refused");
  }
  expect(JSON.stringify(bench.answers)).not.toContain("c2VjcmV0");
});

test("a file that is not there yet, or of no definition, is said to be so", async () => {
  const later = path.replace("/04/00", "/59/00");
  for (const route of ["files/preview", "files/content"]) {
    expect(await bench.refused(404, "GET", `/exports/${id}/${route}?${query({ path: later })}`)).toMatchObject({
      code: "file-not-found",
      field: "path",
    });
  }
  expect(await bench.refused(400, "GET", `/exports/${id}/files?version=9`)).toMatchObject({ field: "version" });
  for (const route of ["files", "files/preview", "files/content", "reading"]) {
    const given = route === "files" ? "" : `?${query({ path })}`;
    expect((await bench.refused(404, "GET", `/exports/none/${route}${given}`)).code).toBe("export-not-found");
  }
});

test("messages are shown as they were sent, a page at a time", async () => {
  const preview = (values: object) =>
    bench.expect(200, "GET", `/exports/${id}/files/preview?${query({ path, ...values })}`);
  const whole = await preview({});
  expect(whole).toMatchObject({
    path,
    type: "measurements",
    codec: "null",
    schema: { name: "Message" },
    offset: 0,
    next: null,
    recordsSeen: 3,
    complete: true,
    damage: null,
    isCut: false,
  });
  expect(whole.records.map((record: { Body: object }) => record.Body)).toEqual([
    { json: { n: 0 }, bytes: 7 },
    { json: { n: 1 }, bytes: 7 },
    { json: { n: 2 }, bytes: 7 },
  ]);
  expect(await preview({ limit: 2 })).toMatchObject({ next: 2, recordsSeen: 2, complete: false });
  const rest = await preview({ offset: 2, limit: 2 });
  expect(rest).toMatchObject({ offset: 2, next: null, recordsSeen: 3, complete: true });
  expect(rest.records).toEqual(whole.records.slice(2));
  expect(await preview({ offset: 9 })).toMatchObject({ records: [], recordsSeen: 3, complete: true, next: null });
  expect((await bench.refused(400, "GET", `/exports/${id}/files/preview?${query({ path, limit: 0 })}`)).field).toBe(
    "limit",
  );
});

test("devices and device templates are shown, too", async () => {
  for (const [type, record] of [
    ["devices", { id: "dev-1", deviceTemplate: { id: "cooler" } }],
    ["deviceTemplates", { id: "cooler", measurements: { telemetry: { temp: { name: "Temperature" } } } }],
  ] as const) {
    const { files: found } = await files({ prefix: minute.replace("measurements", type) });
    const shown = await bench.expect(200, "GET", `/exports/${id}/files/preview?${query({ path: found[0].path })}`);
    expect(shown).toMatchObject({ type, complete: true, records: [record] });
  }
});

test("a file is downloaded whole, as an attachment that no browser guesses at", async () => {
  const response = await fetch(`${bench.url}/api/v1/exports/${id}/files/content?${query({ path })}`, {
    headers: { authorization: "Bearer test-token-of-the-administrator-0123456789" },
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(bytes).toEqual(bench.rooms.bytes("lake", `iot/${path}`));
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "application/octet-stream",
    "content-length": String(bytes.length),
    "content-disposition": 'attachment; filename="measurements_hub_2026_01_02_03_04_00.avro"',
    "x-content-type-options": "nosniff",
  });
});
