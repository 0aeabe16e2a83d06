// X3: the readers that users have read the exported files: the documented Node.js and Python snippets as they were
// written, fastavro, Apache Avro for Java. Files of all three types and both codecs, written by a real server; every
// reader's answer is compared, through JSON, with what was sent and defined.

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BenchDevice, DeviceBench } from "../lib/device-bench.ts";
import { lakeFiles } from "../lib/lake.ts";
import { javaClassPath, needs, pythonPath } from "../lib/needs.ts";

const execute = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const snippet = (name: string): string => join(root, "test/snippets", name);

interface Row {
  readonly [field: string]: unknown;
}

/** Which files a reader is asked for: a minute of text, a minute of bytes, devices, templates. */
const contents = ["text", "bytes", "devices", "deviceTemplates"] as const;
type Content = (typeof contents)[number];
const containers = [
  { container: "plain", codec: "null", formatRevision: "2018-07" },
  { container: "packed", codec: "deflate", formatRevision: "2018-09" },
] as const;
type Container = (typeof containers)[number];
/** Every file there is. */
const files = containers.flatMap((container) =>
  contents.map((content) => [container.codec, content, container] as const),
);

let bench: DeviceBench;
let from: BenchDevice;
const paths = new Map<string, string>();
const pathOf = ({ container }: Container, content: Content): string => paths.get(`${container}/${content}`) ?? "";

const definition = {
  id: "cooler",
  name: "Kühlgerät 🧊",
  publish: true,
  measurements: {
    telemetry: {
      temp: { name: "Temperature", dataType: "double", unit: "°C", minValue: -20.5, maxValue: 50 },
      place: { name: "Place", dataType: "location" },
    },
    states: { door: { name: "Door", values: [{ value: "open", name: "Open" }] } },
    events: { fault: { name: "Fault", category: "error" } },
  },
  settings: {
    device: {
      fan: { name: "Fan", dataType: "double", initialValue: 0 },
      mode: { name: "Mode", dataType: "enum", values: [{ value: "eco", name: "Eco" }], initialValue: "eco" },
    },
  },
  properties: {
    cloud: {
      site: { name: "Site", dataType: "string", initialValue: "Zürich" },
      serviced: { name: "Serviced", dataType: "boolean", initialValue: true },
      limit: { name: "Limit", dataType: "double" },
      at: { name: "At", dataType: "location", initialValue: { lon: 8.54, lat: 47.37 } },
    },
    device: { lastBoot: { name: "Last boot", dataType: "dateTime" } },
  },
};

const expectedTemplate = {
  id: "cooler",
  name: "Kühlgerät 🧊",
  version: "1.0.0",
  measurements: {
    telemetry: {
      temp: { dataType: "double", name: "Temperature", minValue: -20.5, maxValue: 50 },
      place: { dataType: "location", name: "Place", minValue: null, maxValue: null },
    },
    states: { door: { dataType: "enum", name: "Door" } },
    events: { fault: { name: "Fault", category: "error" } },
  },
  settings: {
    device: {
      fan: { dataType: "double", name: "Fan", initialValue: 0 },
      mode: { dataType: "enum", name: "Mode", initialValue: "eco" },
    },
  },
  properties: {
    cloud: {
      site: { dataType: "string", name: "Site", initialValue: "Zürich" },
      serviced: { dataType: "boolean", name: "Serviced", initialValue: true },
      limit: { dataType: "double", name: "Limit", initialValue: null },
      at: { dataType: "location", name: "At", initialValue: { lon: 8.54, lat: 47.37 } },
    },
    device: { lastBoot: { dataType: "dateTime", name: "Last boot" } },
  },
};

/** The first is as its template makes it; the second has a value of every kind of its own. */
const devices = [
  { id: "fridge-1", name: "Fridge 1" },
  {
    id: "fridge-2",
    name: "Grüße, 世界",
    simulated: true,
    properties: {
      cloud: { site: "New York", serviced: false, limit: 20.25, at: { lon: -74, lat: 40.7, alt: 10 } },
      device: { lastBoot: "2018-02-09T22:22:47.156Z" },
    },
    settings: { device: { fan: 3 } },
  },
];

const expectedDevices = [
  {
    id: "fridge-1",
    name: "Fridge 1",
    simulated: false,
    deviceTemplate: { id: "cooler", version: "1.0.0" },
    properties: { cloud: { site: "Zürich", serviced: true, at: { lon: 8.54, lat: 47.37 } }, device: {} },
    settings: { device: { fan: 0, mode: "eco" } },
  },
  {
    id: "fridge-2",
    name: "Grüße, 世界",
    simulated: true,
    deviceTemplate: { id: "cooler", version: "1.0.0" },
    properties: {
      cloud: { site: "New York", serviced: false, limit: 20.25, at: { lon: -74, lat: 40.7, alt: 10 } },
      device: { lastBoot: "2018-02-09T22:22:47.156Z" },
    },
    settings: { device: { fan: 3, mode: "eco" } },
  },
];

interface Sent {
  readonly body: Buffer;
  readonly application: Readonly<Record<string, string>>;
  readonly messageId?: string;
}

const texts = ['{"temp":5.5}', "", "plain: Grüße, 世界 🧊", '{"door":"open","nested":{"list":[1,2,3]}}'];
const sent: Readonly<Record<"text" | "bytes", readonly Sent[]>> = {
  // Enough for several blocks.
  text: Array.from({ length: 600 }, (_, index) => ({
    body: Buffer.from(texts[index % texts.length] as string),
    application: index % 2 === 0 ? {} : { number: String(index), "Größe & Maß": "世界 =/%", empty: "" },
    ...(index % 3 === 0 ? { messageId: `m-${index}` } : {}),
  })),
  bytes: Array.from({ length: 50 }, (_, index) => ({
    body: Buffer.from(Uint8Array.from({ length: index * 40 }, (_, at) => (at * 7 + index) % 256)),
    application: {},
  })),
};

function expectedMeasurements(content: "text" | "bytes"): Row[] {
  return sent[content].map(({ body, application, messageId }) => ({
    Properties: application,
    SystemProperties: {
      connectionDeviceId: "fridge-1",
      connectionAuthMethod: '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
      connectionDeviceGenerationId: from.generationId,
      ...(messageId === undefined ? {} : { messageId }),
    },
    Body: body.toString("base64"),
  }));
}

function expectedRows({ formatRevision }: Container, content: Content): Row[] {
  switch (content) {
    case "text":
    case "bytes":
      return expectedMeasurements(content);
    case "devices":
      return expectedDevices.map((device) =>
        formatRevision === "2018-07" ? device : { ...device, deviceId: device.id },
      );
    case "deviceTemplates":
      return [expectedTemplate];
  }
}

/** A reader's answer is what was sent; times, which only the hub knows, agree with each other and with the path. */
function expectRows(rows: readonly Row[], container: Container, content: Content): void {
  if (content === "devices" || content === "deviceTemplates") {
    // The bench has a template and a device of its own.
    const ours = rows.filter((row) => row["id"] !== "plain" && row["id"] !== "marker");
    expect(ours).toEqual(expectedRows(container, content));
    return;
  }
  const withoutTimes = rows.map(({ EnqueuedTimeUtc, SystemProperties, ...rest }) => {
    const { enqueuedTime, ...system } = SystemProperties as Record<string, string>;
    expect(enqueuedTime).toBe(EnqueuedTimeUtc);
    const minute = String(EnqueuedTimeUtc).slice(0, 16).replaceAll(/[-T:]/g, "/");
    expect(pathOf(container, content)).toContain(`/measurements/coldpath/${minute}/00.avro`);
    return { ...rest, SystemProperties: system };
  });
  expect(withoutTimes).toEqual(expectedRows(container, content));
}

async function sendBatches(messages: readonly Sent[]): Promise<void> {
  // One request is one frame: its messages keep their order and share a file.
  const batch = messages.map(({ body, application, messageId }) => ({
    body: body.toString("base64"),
    properties: {
      ...Object.fromEntries(Object.entries(application).map(([name, value]) => [`iothub-app-${name}`, value])),
      ...(messageId === undefined ? {} : { "iothub-messageid": messageId }),
    },
  }));
  await bench.post(from, JSON.stringify(batch), { "content-type": "application/vnd.microsoft.iothub.json" });
}

/** The one file below `folder` that appeared since `known` and begins with `prefix`; waits for it. */
async function newFile(folder: string, prefix: string, known: ReadonlySet<string>): Promise<string> {
  for (let turn = 0; turn < 600; turn++) {
    const fresh = lakeFiles(join(folder, prefix)).filter((path) => !known.has(path));
    if (fresh[0] !== undefined) return fresh[0];
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no new file under ${folder}/${prefix}`);
}

beforeAll(async () => {
  // Nobody else sends, and no simulated device reports.
  bench = await DeviceBench.open("--simulator-interval=1d");
  await bench.hub.api("POST", "/device-templates", definition);
  for (const device of devices) await bench.hub.api("POST", "/devices", { ...device, templateId: "cooler" });
  from = await bench.keysOf("fridge-1");
  const folders = new Map<Container, string>();
  for (const settings of containers) {
    const types = ["measurements", "devices", "deviceTemplates"];
    folders.set(settings, await bench.export({ ...settings, types }));
  }
  for (const content of ["text", "bytes"] as const) {
    const known = new Set([...folders.values()].flatMap((folder) => lakeFiles(folder)));
    await sendBatches(sent[content]);
    for (const [{ container }, folder] of folders) {
      paths.set(`${container}/${content}`, await newFile(folder, "measurements", known));
    }
  }
  for (const [{ container }, folder] of folders) {
    for (const type of ["devices", "deviceTemplates"]) {
      paths.set(`${container}/${type}`, await newFile(folder, type, new Set()));
    }
  }
});
afterAll(async () => {
  await bench?.close();
});

/** A directory as a user has it after `npm install avsc`, with a file in it. */
async function inUsersDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "coldpath-reader-"));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The text of a documented snippet, only the path replaced. */
function documented(name: string, path: string): string {
  const text = readFileSync(snippet(name), "utf8");
  expect(text.split("/path/to/file.avro")).toHaveLength(2);
  return text.replace("/path/to/file.avro", path);
}

const linesOf = (output: string): Row[] =>
  output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Row);

const outputMax = { maxBuffer: 64 * 1024 * 1024 };

describe("the documented Node.js snippet (npm avsc)", () => {
  /** Runs it where its `console.log(records)` prints JSON; `plain` leaves that as it is. */
  async function run(path: string, plain = false): Promise<string> {
    return await inUsersDirectory(async (directory) => {
      symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
      writeFileSync(join(directory, "read.cjs"), documented("documented-node.txt", path));
      writeFileSync(
        join(directory, "print.cjs"),
        "console.log = (records) => process.stdout.write(JSON.stringify(records));\n",
      );
      const print = plain ? [] : ["--require", "./print.cjs"];
      const { stdout } = await execute(process.execPath, [...print, "read.cjs"], { cwd: directory, ...outputMax });
      return stdout;
    });
  }

  test.each(files)("reads codec %s, %s: every value bare, as it was sent", async (_, content, container) => {
    const output = await run(pathOf(container, content));
    // A Buffer as JSON is { type, data }.
    const rows = JSON.parse(output, (key, value: { data?: number[] }) =>
      key === "Body" ? Buffer.from(value.data ?? []).toString("base64") : value,
    ) as Row[];
    expectRows(rows, container, content);
    if (content === "devices") expect(output).toContain('"cloud":{"site":"New York","serviced":false,"limit":20.25,');
  });

  test("prints records when nothing about it is changed but the path", async () => {
    expect(await run(pathOf(containers[0], "devices"), true)).toMatch(/^\[[\s\S]*id: 'fridge-1',[\s\S]*\]\n$/);
  });
});

needs("python")("Python", () => {
  describe("the documented snippet (pandas and pandavro)", () => {
    async function run(text: string): Promise<Row[]> {
      return await inUsersDirectory(async (directory) => {
        const path = join(directory, "read.py");
        writeFileSync(path, text);
        const { stdout } = await execute(pythonPath, [snippet("run_documented.py"), path], outputMax);
        return linesOf(stdout);
      });
    }

    test.each(containers.map((container) => [container.codec, container] as const))(
      "reads measurements of codec %s as written, and Body_decoded is the text that was sent",
      async (_, container) => {
        const rows = await run(documented("documented-python.txt", pathOf(container, "text")));
        expect(rows.map((row) => row["Body_decoded"])).toEqual(sent.text.map(({ body }) => String(body)));
        const columns = rows.map((row) => Object.entries(row).filter(([name]) => name !== "Body_decoded"));
        expectRows(columns.map(Object.fromEntries<unknown>), container, "text");
      },
    );

    test.each(files.filter(([, content]) => content !== "text"))(
      "reads codec %s, %s, up to the decoding of text",
      async (_, content, container) => {
        const text = documented("documented-python.txt", pathOf(container, content));
        const [reading] = text.split("# decode the device message body");
        expectRows(await run(reading as string), container, content);
      },
    );
  });

  describe("fastavro", () => {
    test.each(files)("reads codec %s, %s: every value as it was sent", async (_, content, container) => {
      const { stdout } = await execute(
        pythonPath,
        [snippet("read_with_fastavro.py"), pathOf(container, content)],
        outputMax,
      );
      expectRows(linesOf(stdout), container, content);
    });
  });
});

needs("java")("Apache Avro for Java", () => {
  let classes = "";
  beforeAll(async () => {
    classes = mkdtempSync(join(tmpdir(), "coldpath-java-"));
    const paths = ["-cp", javaClassPath, "-d", classes];
    await execute("javac", ["-encoding", "UTF-8", ...paths, snippet("ReadAvro.java")]);
    expect(existsSync(join(classes, "ReadAvro.class"))).toBe(true);
  });
  afterAll(() => {
    rmSync(classes, { recursive: true, force: true });
  });

  test.each(files)("reads codec %s, %s: every value as it was sent", async (_, content, container) => {
    const { stdout } = await execute(
      "java",
      ["-cp", `${classes}:${javaClassPath}`, "ReadAvro", pathOf(container, content)],
      outputMax,
    );
    expectRows(linesOf(stdout), container, content);
  });
});
