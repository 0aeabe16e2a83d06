import { describe, expect, test } from "vitest";
import type { Destination, LevelRequest, ListedLevel } from "../../destinations/destination.ts";
import type { Export, ExportDefinition, ExportType } from "../../registry/registry.ts";
import { fileLevel, filePlace, filePlaces, requireFileName } from "./exported-files.ts";

const definition = (version: number, pathTemplate: string, more: Partial<ExportDefinition> = {}): ExportDefinition => ({
  version,
  windowFirst: version,
  storageAccountId: "a",
  container: "iot",
  types: ["measurements", "devices"] as readonly ExportType[],
  pathTemplate,
  codec: "null",
  formatRevision: "2018-07",
  blockBytes: 1024,
  fileBytesMax: 1 << 30,
  ...more,
});
const exportOf = (...definitions: ExportDefinition[]): Export => ({
  id: "e",
  name: "all",
  on: true,
  definitions,
  tenures: [],
  backlog: { letGoAfterHours: null, letGoAfterBytes: null },
  etag: 1,
  createdAt: "2026-01-02T03:04:05Z",
});
const usual = "{type}/{hub}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro";

/** A store in memory with an order of names, as Azure's; counts what it is asked for. */
class Store implements Pick<Destination, "listLevel"> {
  readonly paths: readonly string[];
  readonly requests: LevelRequest[] = [];
  constructor(paths: readonly string[]) {
    this.paths = paths.toSorted();
  }
  // oxlint-disable-next-line require-await -- the port's shape
  async listLevel(request: LevelRequest): Promise<ListedLevel> {
    this.requests.push(request);
    const { prefix, limit, after = "" } = request;
    const names = new Set<string>();
    for (const path of this.paths) {
      if (!path.startsWith(prefix)) continue;
      const slash = path.indexOf("/", prefix.length);
      names.add(slash < 0 ? path : path.slice(0, slash + 1));
    }
    const found = [...names].filter((name) => name > after);
    const page = found.slice(0, limit);
    return {
      folders: page.filter((name) => name.endsWith("/")),
      files: page.filter((name) => !name.endsWith("/")).map((path) => ({ path, bytes: 1 })),
      next: found.length > limit ? (page.at(-1) ?? null) : null,
    };
  }
}

/** Every file, by going into every folder. */
async function walk(one: Export, store: Store, limit = 100): Promise<readonly string[]> {
  const found: string[] = [];
  const prefixes = [""];
  for (let prefix = prefixes.pop(); prefix !== undefined; prefix = prefixes.pop()) {
    let after: string | undefined;
    do {
      const level = await fileLevel(filePlace(one, undefined), store, "hub", { prefix, limit, after });
      expect(level.folders.length + level.files.length).toBeLessThanOrEqual(limit);
      found.push(...level.files.map(({ path }) => path));
      prefixes.push(...level.folders.map((name) => `${level.prefix}${name}`));
      after = level.next ?? undefined;
    } while (after !== undefined);
  }
  return found.toSorted();
}

const foreign = [
  "readme.txt",
  "secrets/key.txt",
  "measurements/readme.txt",
  "measurements/elsewhere/2026/01/02/03/04/00.avro",
  "measurements/hub/2026/01/02/03/04/notes.txt",
  "deviceTemplates/hub/2026/01/02/03/04/00.avro",
];

describe("A3: whatever the path template, walking shows all of the export's files and no other", () => {
  test.each([
    [usual, "measurements/hub/2026/01/02/03/04/00.avro", "devices/hub/2026/01/02/03/04/00_001.avro"],
    ["{type}/{YYYY}-{MM}-{dd}/{hh}{mm} {hub} {NN}.avro", "measurements/2026-01-02/0304 hub 00.avro"],
    [
      "lake=1/{NN}/{type}/{YYYY}/{MM}/{dd}/{hh}-{mm}.avro",
      "lake=1/00/measurements/2026/01/02/03-04.avro",
      "lake=1/00_001/devices/2026/01/02/03-04.avro",
    ],
    [
      "{YYYY}{MM}{dd}{hh}{mm}/{NN}-{type}.avro",
      "202601020304/00-measurements.avro",
      "202601020304/01_002-devices.avro",
    ],
    ["{type}-{YYYY}-{MM}-{dd}-{hh}-{mm}-{NN}.avro", "measurements-2026-01-02-03-04-00.avro"],
    ["x/{NN}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{type}/data.avro", "x/00/2026/01/02/03/04/devices/data.avro"],
  ])("%s", async (template, ...paths) => {
    const one = exportOf(definition(1, template));
    for (const limit of [1, 3, 100]) {
      expect(await walk(one, new Store([...paths, ...foreign.filter((path) => !paths.includes(path))]), limit)).toEqual(
        paths.toSorted(),
      );
    }
  });

  test("files of former templates in the same container are there, too; of former containers under their version", async () => {
    const other = definition(2, `new/${usual}`, { types: ["measurements"] });
    const moved = definition(3, usual, { container: "second" });
    const one = exportOf(definition(1, usual), other, moved);
    expect(filePlaces(one)).toMatchObject([
      { container: "second", version: 3 },
      { container: "iot", version: 2 },
    ]);
    const [first] = filePlaces(exportOf(definition(1, usual), other));
    expect(first?.definitions.map(({ pathTemplate }) => pathTemplate).toSorted()).toEqual([`new/${usual}`, usual]);
    expect(filePlace(one, 1).container).toBe("iot");
    expect(filePlace(one, undefined).container).toBe("second");
    expect(() => filePlace(one, 4)).toThrow(expect.objectContaining({ field: "version" }));
    const files = ["devices/hub/2026/01/02/03/04/00.avro", "new/measurements/hub/2026/01/02/03/05/00.avro"];
    expect(
      await walk(
        exportOf(definition(1, usual), other),
        new Store([...files, "new/devices/hub/2026/01/02/03/05/00.avro"]),
      ),
    ).toEqual(files);
  });
});

test("M1: a million foreign names at the top are not even looked at", async () => {
  const store = new Store([
    ...Array.from({ length: 50_000 }, (_, at) => `aaa-${at}`),
    "measurements/hub/2026/01/02/03/04/00.avro",
  ]);
  const level = await fileLevel(filePlace(exportOf(definition(1, usual)), undefined), store, "hub", {
    prefix: "",
    limit: 100,
  });
  expect(level).toMatchObject({ folders: ["measurements"], files: [], next: null });
  expect(store.requests.map(({ prefix, limit }) => [prefix, limit])).toEqual([
    ["devices/", 1],
    ["measurements/", 1],
  ]);
});

test("M1: among foreign names a page ends after so many, and the next goes on there", async () => {
  const minute = "measurements/hub/2026/01/02/03/04";
  const paths = [
    ...Array.from({ length: 30_000 }, (_, at) => `${minute}/${at}.txt`),
    `${minute}/00.avro`,
    `${minute}/99.avro`,
  ];
  const store = new Store(paths);
  const place = filePlace(exportOf(definition(1, usual)), undefined);
  const found: string[] = [];
  let after: string | undefined;
  let pages = 0;
  do {
    const before = store.requests.length;
    const level = await fileLevel(place, store, "hub", { prefix: minute, limit: 1000, after });
    expect(store.requests.length - before).toBeLessThanOrEqual(20);
    found.push(...level.files.map(({ path }) => path));
    after = level.next ?? undefined;
    pages++;
  } while (after !== undefined);
  expect(found).toEqual([`${minute}/00.avro`, `${minute}/99.avro`]);
  expect([3, 4]).toContain(pages);
});

test.each([
  "..",
  "../x",
  "/",
  "//",
  "measurements//",
  "measurements/hub/20a6",
  "MEASUREMENTS",
  "measurements/hub/2026/01/02/03/04/00.avro/x",
  "\0",
  "measurements/hub/２０２６",
])("A3: %j leads nowhere", async (prefix) => {
  const store = new Store([]);
  const place = filePlace(exportOf(definition(1, usual)), undefined);
  await expect(fileLevel(place, store, "hub", { prefix, limit: 10 })).rejects.toMatchObject({
    code: "path-foreign",
    field: "prefix",
  });
  expect(store.requests).toEqual([]);
  expect(() => requireFileName(place, "hub", prefix)).toThrow(expect.objectContaining({ code: "path-foreign" }));
});
