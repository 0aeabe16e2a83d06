// "How to read this": the text that the API gives for a file, run as it stands. Folders have names that every language must
// escape; what cannot be run here (C#, Azure's command line) is read as its language reads it.

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FileLocation, blobUrl, localName, readingOf } from "../../src/export/files/reading.ts";
import { AdminBench } from "../lib/admin-bench.ts";
import { needs, pythonPath } from "../lib/needs.ts";

const execute = promisify(execFile);
const root = join(import.meta.dirname, "../..");
/** Quotes, escapes, line breaks of other languages, expansions of shells, what URLs treat as theirs. */
const odd = `o'd "d" \\n \\u0041 $HOME \`x\` #1 100% {0} é 世界 🧊 \u2028 &;|<> --x`;
const minute = "hub/2026/01/02/03/04/00.avro";

let bench: AdminBench;
let directory: string;
let id: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-reading-"));
  mkdirSync(join(directory, odd));
  bench = await AdminBench.open();
  const folder = join(directory, odd);
  const account = await bench.expect(201, "POST", "/storage-accounts", {
    name: "odd",
    settings: { kind: "folder", path: folder },
  });
  await bench.expect(201, "POST", `/storage-accounts/${account.id}/containers`, { name: "i o#t" });
  const types = ["measurements", "devices", "deviceTemplates"];
  const body = { name: "all", storageAccountId: account.id, container: "i o#t", types };
  id = (await bench.expect(201, "POST", "/exports", body)).id;
  await bench.rooms.device("dev-1");
  await bench.rooms.send(3);
  await bench.rooms.pass(2);
});
afterAll(async () => {
  await bench.close();
  rmSync(directory, { recursive: true, force: true });
});

const reading = (type: string) =>
  bench.expect(200, "GET", `/exports/${id}/reading?${new URLSearchParams({ path: `${type}/${minute}` }).toString()}`);
const marks: Readonly<Record<string, readonly string[]>> = {
  measurements: ["dev-1", '{"n":0}', '{"n":2}'],
  devices: ["dev-1", "cooler"],
  deviceTemplates: ["cooler", "Cooler"],
};
const types = Object.keys(marks);

/** Runs a file with this text in a directory of its own. */
async function run(program: string, file: string, text: string): Promise<string> {
  const place = mkdtempSync(join(directory, "run-"));
  symlinkSync(join(root, "node_modules"), join(place, "node_modules"));
  writeFileSync(join(place, file), text);
  return (await execute(program, [file], { cwd: place })).stdout;
}

test("says where the file is: below the account's folder, as it is written there", async () => {
  const { location, type, cli } = await reading("devices");
  expect(location).toBe(`${join(directory, odd)}/i o#t/devices/${minute}`);
  expect(type).toBe("devices");
  expect(cli.code.startsWith("coldpath read '")).toBe(true);
});

test.each(types)("Node.js reads %s", async (type) => {
  const { nodejs } = await reading(type);
  expect(nodejs.install).toBe("npm install avsc");
  const output = await run(process.execPath, "read.cjs", nodejs.code);
  // Bytes are printed in hexadecimal.
  const shown = type === "measurements" ? ["dev-1", "7b 22 6e 22 3a 32 7d"] : (marks[type] ?? []);
  for (const mark of shown) expect(output).toContain(mark);
});

test.each(types)("the shell reads %s with coldpath read", async (type) => {
  const { cli } = await reading(type);
  const { stdout } = await execute("sh", ["-c", cli.code.replace(/^coldpath /, `'${join(root, "coldpath")}' `)]);
  for (const mark of marks[type] ?? []) expect(stdout).toContain(mark);
});

needs("python")("Python", () => {
  test.each(types)("pandas and pandavro read %s", async (type) => {
    const { python } = await reading(type);
    expect(python.install).toBe("pip install pandas pandavro");
    const output = await run(
      pythonPath,
      "read.py",
      `${python.code}\npd.set_option('display.max_columns', None, 'display.width', 10000, 'display.max_colwidth', None)\nprint(${type === "deviceTemplates" ? "device_templates" : type})\n`,
    );
    for (const mark of marks[type] ?? []) expect(output).toContain(mark);
  });

  test.each(types)("fastavro reads %s", async (type) => {
    const { fastavro } = await reading(type);
    const output = await run(pythonPath, "read.py", fastavro.code);
    const shown = type === "measurements" ? ['{"n":0}', '{"n":2}'] : (marks[type] ?? []);
    for (const mark of shown) expect(output).toContain(mark);
  });

  test("Python reads every text that is put into its quotes as it is", async () => {
    const file = `/lake/${odd}/\t\u0001\u0085\u007f.avro`;
    const { fastavro } = readingOf({ kind: "folder", file }, "x", "devices");
    const literal = /open\((".*"), 'rb'\)/.exec(fastavro.code)?.[1] ?? "";
    expect(await run(pythonPath, "print.py", `import sys\nsys.stdout.buffer.write(${literal}.encode('utf-8'))\n`)).toBe(
      file,
    );
  });
});

describe("a blob is fetched first, and no secret is in the text", () => {
  const path = `measurements/${minute}`;
  const url = blobUrl("https://acct.blob.core.windows.net", "iot", path);
  const location: FileLocation = { kind: "azure-blob", url };
  const all = readingOf(location, path, "measurements");

  test("its address is escaped, part by part", () => {
    expect(url).toBe(`https://acct.blob.core.windows.net/iot/${path}`);
    expect(blobUrl("http://127.0.0.1:10000/acct", "iot", "a b/c=d.avro")).toBe(
      "http://127.0.0.1:10000/acct/iot/a%20b/c%3Dd.avro",
    );
    expect(localName("-a b/../c=d#.avro")).toBe("_a_b_.._c=d_.avro");
    expect(localName("../../etc/passwd")).toBe("__.._etc_passwd");
  });

  test("every language has the address, a file of its own name, and signs in as its user", () => {
    for (const name of ["python", "fastavro", "csharp", "nodejs"] as const) {
      expect(all[name].code).toContain(JSON.stringify(url));
      expect(all[name].code).toContain('"measurements_hub_2026_01_02_03_04_00.avro"');
      expect(all[name].code).toContain("DefaultAzureCredential");
      expect(all[name].install).toMatch(/[Aa]zure/);
    }
    expect(all.cli.code).toContain(
      `az storage blob download --auth-mode login --blob-url '${url}' --file 'measurements_`,
    );
    expect(JSON.stringify(all)).not.toMatch(/sig=|AccountKey/);
  });

  test("the Node.js text is a program", async () => {
    await execute(process.execPath, ["--check", writtenAs("blob.cjs", all.nodejs.code)]);
  });

  needs("python")("the Python texts are programs", () => {
    test.each(["python", "fastavro"] as const)("%s", async (name) => {
      await execute(pythonPath, ["-m", "py_compile", writtenAs("blob.py", all[name].code)]);
    });
  });

  test("the shell's text is a program, whatever is in the address", async () => {
    const nasty = readingOf({ kind: "azure-blob", url: "https://a/$(touch x)'`id`" }, path, "devices").cli.code;
    const words = `az() { for word in "$@"; do printf '%s\\n' "$word"; done; }\ncoldpath() { :; }\n${nasty}`;
    expect((await execute("sh", ["-c", words])).stdout.split("\n")).toContain("https://a/$(touch x)'`id`");
  });
});

describe("the C# text", () => {
  test.each(types)("of %s holds the path as one string, and closes what it opens", (type) => {
    const file = `/lake/${odd}/x.avro`;
    const { csharp } = readingOf({ kind: "folder", file }, "x", type as "devices");
    const literal = /var path = (".*");\n/.exec(csharp.code)?.[1] ?? "";
    // What JSON can read of a literal C# reads the same: the escapes are a part of its own.
    expect(JSON.parse(literal)).toBe(file);
    expect(literal).not.toMatch(/[\u0085\u2028\u2029]/);
    const rest = csharp.code.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
    for (const [open, close] of ["{}", "()"])
      expect(rest.split(open ?? "").length).toBe(rest.split(close ?? "").length);
  });
});

function writtenAs(name: string, text: string): string {
  const place = mkdtempSync(join(directory, "text-"));
  writeFileSync(join(place, name), text);
  return join(place, name);
}
