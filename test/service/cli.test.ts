// The command line without a server: the real ./coldpath as a child process, as users run it.

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { schemaText } from "../../src/avro/avro.ts";
import { writeMessages } from "../lib/messages-file.ts";

const root = join(import.meta.dirname, "../..");
const fixture = join(root, "test/fixtures/measurements-one-record.avro");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "coldpath cli "));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the command line in a folder of the test's, with no variables but those given. */
function run(words: readonly string[], environment: Readonly<Record<string, string>> = {}, input = "") {
  const { stdout, stderr, status } = spawnSync(join(root, "coldpath"), words, {
    cwd: folder,
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", ...environment },
    input,
  });
  return { stdout, stderr, status };
}

describe("help", () => {
  test("of a command has purpose, usage, options, examples and exit codes", () => {
    const { stdout, stderr, status } = run(["help", "device", "token"]);
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    expect(stdout).toMatchInlineSnapshot(`
      "coldpath device token: print a token (SAS) for a device, e.g. as its MQTT password

      Usage: coldpath device token ID [options]

      Options:
        --ttl DURATION
              How long it is good for. Default: 1h.
        --key primary|secondary
              The key that signs it. Default: primary.
        --json
              Print JSON instead, errors too.

      The server to ask:
        --data-dir PATH
              The server's data directory, which tells its address and the administrator's token. Default:
              ./data. Environment: COLDPATH_DATA_DIR.
        --url TEXT
              Where the server's web port is, when its data directory is not on this machine. Environment:
              COLDPATH_URL.
        --token TEXT
              The administrator's token. Better in the environment: others can see a command line.
              Environment: COLDPATH_TOKEN.
        --tls-ca PATH
              The authority (PEM) to trust for an https URL, when it is neither public nor
              {data-dir}/tls/ca.pem. Environment: COLDPATH_TLS_CA.

      Examples:
        coldpath device token fridge-7 --ttl 24h
              good for a day
        mosquitto_pub … -P "$(coldpath device token fridge-7)"
              as a password

      Exit codes:
        0  Done.
        1  The operation failed, or what it was given is invalid.
        2  The command line is not understood, or the process cannot run.
      "
    `);
  });

  test("of a family lists its commands", () => {
    expect(run(["journal", "--help"]).stdout).toMatchInlineSnapshot(`
      "coldpath journal: look at the journal on disk: check it, print its records, reset its clock

      Usage: coldpath journal COMMAND [options]

      These work on the files in {data-dir}/journal, without a server. check and cat only read, also
      beside a running server; then the minute under way may be in motion.

      Commands:
        check        read every byte of the journal and say whether it is sound
        cat          print the records of the journal, one a line
        reset-clock  go on in fresh partitions, after the machine's clock was far ahead

      Options:
        --data-dir PATH
              The server's data directory; the journal is in its folder journal. Default: ./data.
              Environment: COLDPATH_DATA_DIR.
        --json
              Print JSON instead, errors too.

      Options of one command: coldpath help journal COMMAND

      Examples:
        coldpath journal check --data-dir /var/lib/coldpath
              reads every byte and says whether all is sound
        coldpath journal cat --window 2026-01-02T03:04
              what devices sent in that minute

      Exit codes:
        0  Done.
        1  The operation failed, or what it was given is invalid.
        2  The command line is not understood, or the process cannot run.
      "
    `);
  });

  test("is there for every command that the overview and the families name, within 100 columns", () => {
    const overview = run(["help"]).stdout;
    const names = [...overview.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name = ""]) => name);
    expect(names).toEqual(
      expect.arrayContaining("serve check device template policy storage export read schema journal".split(" ")),
    );
    for (const name of names) {
      const page = run([name, "-h"]).stdout;
      for (const part of ["Usage: coldpath", "Examples:", "Exit codes:\n  0  "]) expect(page, name).toContain(part);
      const long = page.split("\n").filter((line) => line.length > 100 && !line.startsWith("  coldpath "));
      expect(long, name).toEqual([]);
    }
  });

  test("is plain text where it is no terminal, and complete without arguments", () => {
    const bare = run([]);
    expect({ status: bare.status, stdout: bare.stdout }).toEqual({ status: 2, stdout: "" });
    expect(bare.stderr).toBe(run(["--help"]).stdout);
    expect(bare.stderr).not.toContain("\u001b");
  });
});

describe("a command line that is not understood", () => {
  test.each([
    ["serv", "coldpath: serv is not a command. Did you mean serve?\nTry: coldpath help\n"],
    ["device lst", "coldpath: lst is not a command of device. Did you mean device list?\nTry: coldpath help device\n"],
    ["schema --prety", "coldpath: --prety is not an option. Did you mean --pretty?\nTry: coldpath help schema\n"],
    ["schema a b", 'coldpath: schema takes only [NAME]; "b" is one too many.\nTry: coldpath help schema\n'],
    ["read", "coldpath: read needs FILE|FOLDER|URL: coldpath read FILE|FOLDER|URL…\nTry: coldpath help read\n"],
    [
      "read x --limit 0",
      'coldpath: --limit: "0", from --limit, cannot be used. Give a whole number from 1 to 1000000000000.\nTry: coldpath help read\n',
    ],
    ["read x --csv --table", "coldpath: Give one of --csv and --table, not both.\nTry: coldpath help read\n"],
    [
      "serve --mqtt-prot 1",
      "coldpath: --mqtt-prot is not an option. Did you mean --mqtt-port?\nTry: coldpath help serve\n",
    ],
  ])("%s", (line, stderr) => {
    expect(run(line.split(" "))).toEqual({ stdout: "", stderr, status: 2 });
  });

  test("is JSON on request", () => {
    const { stderr, status } = run(["schema", "--json", "--x"]);
    expect({ status, error: JSON.parse(stderr) as unknown }).toEqual({
      status: 2,
      error: {
        error: {
          code: "option-invalid",
          message: "--x is not an option. See --help.",
          field: "x",
          hint: "Try: coldpath help schema",
        },
      },
    });
  });
});

test("version names the package's version, in three spellings", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  expect(run(["version"]).stdout).toMatch(new RegExp(`^coldpath ${version} \\(node 2\\d\\.`));
  expect(run(["--version"]).stdout).toBe(run(["version"]).stdout);
  expect(JSON.parse(run(["version", "--json"]).stdout)).toMatchObject({ version });
});

describe("schema", () => {
  test("prints a schema as it stands in files, and lists them", () => {
    expect(run(["schema", "measurements"]).stdout).toBe(`${schemaText("measurements")}\n`);
    expect(run(["schema"]).stdout).toContain("devices-2018-09");
    expect(JSON.parse(run(["schema", "--json"]).stdout)).toHaveLength(4);
  });

  test("suggests the name that was meant", () => {
    const { stderr, status } = run(["schema", "mesurements"]);
    expect(status).toBe(1);
    expect(stderr).toContain("Did you mean measurements?");
  });
});

describe("read", () => {
  const record = {
    EnqueuedTimeUtc: "2026-01-02T03:04:05.6780000Z",
    Properties: {},
    SystemProperties: {
      connectionDeviceId: "dev-1",
      connectionAuthMethod: '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
      connectionDeviceGenerationId: "639000000000000000",
      enqueuedTime: "2026-01-02T03:04:05.6780000Z",
    },
    Body: { t: 1 },
  };

  test("prints a record as one line of JSON, its Body as JSON", () => {
    const { stdout, stderr, status } = run(["read", fixture]);
    expect({ stderr, status, record: JSON.parse(stdout) as unknown }).toEqual({ stderr: "", status: 0, record });
    expect(stdout.split("\n")).toHaveLength(2);
  });

  test("prints it raw, as CSV, as a table, counted, by file, and the schema it was written with", () => {
    expect(JSON.parse(run(["read", fixture, "--raw"]).stdout)).toEqual({
      ...record,
      Body: Buffer.from('{"t":1}').toString("base64"),
    });
    expect(run(["read", fixture, "--csv"]).stdout).toBe(
      "EnqueuedTimeUtc,SystemProperties.connectionDeviceId,SystemProperties.connectionAuthMethod,SystemProperties.connectionDeviceGenerationId,SystemProperties.enqueuedTime,Body.t\r\n" +
        '2026-01-02T03:04:05.6780000Z,dev-1,"{""scope"":""device"",""type"":""sas"",""issuer"":""iothub"",""acceptingIpFilterRule"":null}",639000000000000000,2026-01-02T03:04:05.6780000Z,1\r\n',
    );
    expect(run(["read", fixture, "--table"]).stdout).toBe(
      'ENQUEUED                 DEVICE  PROPERTIES  BODY\n2026-01-02 03:04:05.678  dev-1               {"t":1}\n',
    );
    expect(run(["read", fixture, "--count"]).stdout).toBe("1\n");
    expect(run(["read", fixture, "--files", "--json"]).stdout).toBe(
      `${JSON.stringify({ file: fixture, kind: "measurements", records: 1, codec: "null", bytes: 624 })}\n`,
    );
    expect(run(["read", fixture, "--schema"]).stdout).toBe(`${schemaText("measurements")}\n`);
  });

  test("shows bodies of any kind without changing a digit", async () => {
    const file = join(folder, "bodies.avro");
    await writeMessages(file, [
      '{"id": 12345678901234567890,\n "x": 1.0}',
      "21.50",
      "",
      "ünïcode",
      Buffer.from([0xff, 0xfe]),
      null,
      "[1,2]",
    ]);
    const bodies = run(["read", file])
      .stdout.trimEnd()
      .split("\n")
      .map((line) => /"Body":(.*)}$/.exec(line)?.[1]);
    expect(bodies).toEqual([
      '{"id": 12345678901234567890,  "x": 1.0}',
      "21.50",
      '""',
      '"ünïcode"',
      '{"base64":"//4="}',
      "null",
      "[1,2]",
    ]);
    const [head = "", ...rows] = run(["read", file, "--csv"]).stdout.trimEnd().split("\r\n");
    const first = head.split(",").indexOf("Body.id");
    expect(head.split(",").slice(first)).toEqual(["Body.id", "Body.x", "Body", "Body.base64"]);
    expect(rows.map((row) => row.split(",").slice(first).join(","))).toEqual([
      "12345678901234567890,1.0,,",
      ",,21.50,",
      ",,,",
      ",,ünïcode,",
      ",,,//4=",
      ",,,",
      ',,"[1,2]",',
    ]);
  });

  test("makes CSV that a spreadsheet does not run, with columns that cannot be mistaken", async () => {
    const file = join(folder, "formulas.avro");
    await writeMessages(file, [
      JSON.stringify({
        a: "=1+1",
        b: "+3",
        c: "-x",
        d: "@SUM(A1)",
        e: "\tx",
        f: "say \"hi\", 'x'\r\nthere",
        "g.h": 1,
        g: { h: 2 },
      }),
    ]);
    const { stdout } = run(["read", file, "--csv"]);
    expect(stdout).toContain('Body.a,Body.b,Body.c,Body.d,Body.e,Body.f,"Body[""g.h""]",Body.g.h\r\n');
    expect(stdout).toContain("'=1+1,+3,'-x,'@SUM(A1),'\tx,\"say \"\"hi\"\", 'x'\r\nthere\",1,2\r\n");
  });

  test("walks a folder in path order, only .avro and nothing of Coldpath's own", () => {
    const lake = join(folder, "lake");
    for (const name of ["b/00.avro", "a/01.avro", "a/00.avro", "a.avro", ".coldpath/x.avro", "a/notes.txt"]) {
      mkdirSync(join(lake, name, ".."), { recursive: true });
      copyFileSync(fixture, join(lake, name));
    }
    const names = run(["read", lake, "--files", "--json"])
      .stdout.trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { file: string }).file.slice(lake.length + 1));
    expect(names).toEqual(["a.avro", "a/00.avro", "a/01.avro", "b/00.avro"]);
    expect(run(["read", lake, "--count", "--limit", "3"]).stdout).toBe("3\n");
    expect(run(["read", lake, "--type", "devices"])).toEqual({ stdout: "", stderr: "", status: 0 });
  });

  test("names a damaged file, reads the others, and fails", () => {
    const damaged = join(folder, "damaged.avro");
    writeFileSync(damaged, readFileSync(fixture).subarray(0, 600));
    const { stdout, stderr, status } = run(["read", damaged, join(folder, "none.avro"), fixture]);
    expect(status).toBe(1);
    expect(stderr).toBe(
      `coldpath: ${damaged}: not a whole Avro container file: it ends in the middle (in block 1, which begins at byte 348)\n` +
        `coldpath: Cannot read ${join(folder, "none.avro")}: there is no such file or folder.\n`,
    );
    expect(JSON.parse(stdout)).toEqual(record);
  });

  test("says that a folder has no file yet", () => {
    mkdirSync(join(folder, "empty"));
    const { stderr, status } = run(["read", "empty"]);
    expect({ stderr, status }).toEqual({ stderr: "coldpath: There is no Avro file in empty yet.\n", status: 0 });
  });

  test("ends quietly when its reader has seen enough", async () => {
    const file = join(folder, "many.avro");
    await writeMessages(
      file,
      Array.from({ length: 20_000 }, (_, number) => JSON.stringify({ number })),
    );
    const { stdout, stderr } = spawnSync("sh", ["-c", `"${join(root, "coldpath")}" read "${file}" | head -1`], {
      encoding: "utf8",
    });
    expect({ lines: stdout.split("\n").length, stderr }).toEqual({ lines: 2, stderr: "" });
  });
});

describe("without a server", () => {
  test.each(["device list", "template list", "policy list", "storage list", "export status"])("%s says so", (line) => {
    const { stdout, stderr, status } = run(line.split(" "));
    expect({ stdout, status }).toEqual({ stdout: "", status: 1 });
    expect(stderr).toBe(
      `coldpath: No Coldpath server runs on the data directory ${join(folder, "data")}.\n` +
        "  → Start one with `coldpath serve`, or name the one you mean with --data-dir, or with --url and --token.\n",
    );
  });

  test("one that does not answer is named, one without a token is not asked", () => {
    const gone = run(["device", "list", "--url", "http://127.0.0.1:1"], { COLDPATH_TOKEN: "x" });
    expect(gone.stderr).toMatch(/^coldpath: No Coldpath server answers at http:\/\/127\.0\.0\.1:1\.\n {2}→ Start it/);
    const strange = run(["device", "list", "--url", "http://hub.invalid"]);
    expect(strange.stderr).toMatch(/There is no administrator's token for http:\/\/hub\.invalid\.\n {2}→ Put it into/);
  });

  test("journal commands say that there is no journal", () => {
    for (const line of ["journal check", "journal cat", "journal reset-clock --yes"]) {
      expect(run(line.split(" ")).stderr, line).toMatch(
        /There is no journal in .*\n {2}→ Name the server's data directory/,
      );
    }
  });
});

describe("check", () => {
  test("tells what is well, where options come from, and leaves nothing", () => {
    const words = [
      "check",
      "--json",
      "--show",
      "--web-port=0",
      "--mqtt-port=0",
      "--mqtts-port=0",
      "--amqps-port=0",
      "--https-port=0",
    ];
    const { stdout, status } = run(words, { COLDPATH_HUB_NAME: "plant-7" });
    const { checks, settings } = JSON.parse(stdout) as {
      checks: { name: string; state: string }[];
      settings: { option: string; value: string; source: string }[];
    };
    expect(status).toBe(0);
    expect(checks.map(({ name }) => name)).toEqual([
      "configuration",
      "data directory",
      "certificate",
      "--mqtt-port",
      "--mqtts-port",
      "--amqps-port",
      "--https-port",
      "--web-port",
      "server",
    ]);
    expect(settings).toContainEqual({ option: "--web-port", value: "0", source: "--web-port" });
    expect(settings).toContainEqual({ option: "--hub-name", value: "plant-7", source: "COLDPATH_HUB_NAME" });
    expect(settings).toContainEqual({ option: "--journal-bytes-max", value: "16 GiB", source: "default" });
    expect(run(["check", "--show"]).stdout).not.toContain("test-clock");
    expect(() => readFileSync(join(folder, "data"))).toThrow(/ENOENT/);
  });

  test("fails for each fault of the configuration, a taken port, a directory that is none, a missing certificate", async () => {
    const faults = run(["check", "--mqtt-prot", "3", "--web-port", "x"]);
    expect(faults.status).toBe(1);
    expect(faults.stdout.split("\n").filter((line) => line.startsWith("failed"))).toHaveLength(2);

    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    writeFileSync(join(folder, "file"), "");
    const more = [
      "--mqtts-port=0",
      "--amqps-port=0",
      "--https-port=0",
      "--mqtt-port=0",
      "--tls-cert=none.pem",
      "--tls-key=none.key",
    ];
    const { stdout, status } = run(["check", `--web-port=${port}`, "--data-dir=file/data", ...more]);
    server.close();
    expect(status).toBe(1);
    expect(stdout).toMatch(/failed {3}data directory: .*file\/data is not a directory\n {9}→ Name a directory/);
    expect(stdout).toMatch(/failed {3}certificate: .*none/);
    expect(stdout).toMatch(new RegExp(`failed {3}--web-port: 127\\.0\\.0\\.1:${port} is in use`));
  });
});
