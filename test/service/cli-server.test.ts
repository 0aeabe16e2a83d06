// The command line as the administrator's tool of a running server: both are the real ones, each in its own process.
//
// The server's window clock runs 60 times as fast as real time, so a minute's files are there in a second.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HubProcess } from "../lib/hub-process.ts";

const root = join(import.meta.dirname, "../..");
let folder = "";
let dataDir = "";
let hub: HubProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "coldpath-cli-server-"));
  dataDir = join(folder, "data");
  hub = await HubProcess.start(dataDir, "--test-clock-rate=60", "--simulator-interval=2s");
});
afterAll(async () => {
  await hub.kill();
  rmSync(folder, { recursive: true });
});

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

function run(words: readonly string[], input = "", environment: Readonly<Record<string, string>> = {}): Outcome {
  const { stdout, stderr, status } = spawnSync(join(root, "coldpath"), words, {
    cwd: folder,
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", ...environment },
    input,
  });
  return { stdout, stderr, status };
}

/** Standard output of a command that must work. */
function ok(words: readonly string[], input = ""): string {
  const { stdout, stderr, status } = run(words, input);
  expect(status, `${words.join(" ")}: ${stderr}`).toBe(0);
  return stdout;
}

function json(...words: string[]): unknown {
  return JSON.parse(ok([...words, "--json"]));
}

/** Runs until `isDone`, for what the server does in its own time; fails after half a minute. */
async function until(words: readonly string[], isDone: (outcome: Outcome) => boolean): Promise<Outcome> {
  const endMs = performance.now() + 30_000;
  for (;;) {
    const outcome = run(words);
    if (isDone(outcome)) return outcome;
    if (performance.now() > endMs) throw new Error(`it did not come so far: ${JSON.stringify(outcome)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const template = "Refrigerated Vending Machine";

describe("device", () => {
  test("create prints the connection string alone on standard output", () => {
    const words = ["device", "create", "fridge-7", "--template", template, "--property", "location=Oslo"];
    const { stdout, stderr, status } = run([...words, "--property=maintCon=false", "--setting", "fanSpeed=3"]);
    expect({ stderr, status }).toEqual({ stderr: "Device fridge-7 was created. Its connection string:\n", status: 0 });
    expect(stdout).toMatch(/^HostName=localhost:\d+;DeviceId=fridge-7;SharedAccessKey=[A-Za-z0-9+/]{43}=\n$/);
    expect(ok(["device", "connection-string", "fridge-7"])).toBe(stdout);
    expect(json("device", "show", "fridge-7")).toMatchObject({
      properties: { cloud: { location: "Oslo", maintCon: false, tempThresh: 30 } },
      settings: { device: { fanSpeed: 3 } },
    });
  });

  test("update changes by name, clears, and says which field is wrong", () => {
    ok(["device", "update", "fridge-7", "--name", "Canteen, left", "--property", "location"]);
    expect(ok(["device", "show", "Canteen, left"])).toMatch(
      /^cloud properties: +maintCon = false\n +tempThresh = 30$/m,
    );
    const wrong = run(["device", "update", "fridge-7", "--setting", "fanSpeed=fast"]);
    expect(wrong).toMatchObject({ status: 1, stdout: "" });
    expect(wrong.stderr).toMatch(/^coldpath: settings\.device\.fanSpeed must be a finite number, not "fast"\.\n {2}→ /);
  });

  test("twin shows both sides and the state of settings; --desired patches what is no setting", () => {
    ok(["device", "update", "fridge-7", "--setting", "fanSpeed=5"]);
    const shown = ok(["device", "twin", "fridge-7"]);
    expect(shown).toContain('"fanSpeed":{"value":5}');
    expect(shown).toMatch(/fanSpeed +pending/);
    expect(json("device", "twin", "fridge-7", "--desired", '{"interval":{"seconds":30}}')).toMatchObject({
      desired: { content: { fanSpeed: { value: 5 }, interval: { seconds: 30 } } },
      settings: { fanSpeed: { state: "pending" } },
    });
    expect(run(["device", "twin", "fridge-7", "--desired", '{"fanSpeed":1}'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("desired.fanSpeed is a setting"),
    });
    expect(run(["device", "twin", "fridge-7", "--desired", "{"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("--desired is not JSON"),
    });
  });

  test("method says that a device is away; send queues a message, and cloud-messages tells what became of it", () => {
    expect(run(["device", "method", "fridge-7", "reboot"])).toMatchObject({
      status: 1,
      stdout: "",
      stderr: expect.stringMatching(/^coldpath: The device fridge-7 is not connected.*\n {2}→ /),
    });
    expect(run(["device", "method", "fridge-7", "reboot", "now"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("PAYLOAD is not JSON: now"),
    });
    const words = ["device", "send", "fridge-7", "defrost now", "--message-id", "m-1", "--ttl", "2d"];
    expect(ok([...words, "--property", "level=a=b"])).toBe("m-1\n");
    expect(run(words)).toMatchObject({ status: 1, stderr: expect.stringContaining("has a message") });
    expect(json("device", "send", "fridge-7", "--method", "reboot", "--ttl", "2d")).toMatchObject({
      state: "queued",
      bytes: 1,
      properties: { "method-name": "reboot" },
    });
    expect(ok(["device", "cloud-messages", "fridge-7"])).toMatch(/^m-1 +queued +11 +0 /m);
    expect(json("device", "cloud-messages", "fridge-7", "--purge")).toMatchObject([
      { state: "purged" },
      { messageId: "m-1", state: "purged", properties: { level: "a=b" } },
    ]);
  });

  test("list searches, limits and says how many there are", () => {
    expect(ok(["device", "list", "--search", "fridge-7"])).toMatch(
      /^ID +NAME +TEMPLATE +VERSION +SIMULATED +ENABLED +CONNECTED\nfridge-7 +Canteen, left +Refrigerated Vending Machine +1\.0\.0 +no +yes +no\n$/,
    );
    expect(json("device", "list", "--simulated")).toHaveLength(10);
    expect(run(["device", "list", "--limit=3"]).stderr).toBe("coldpath: 3 of 12 devices; --limit shows more.\n");
  });

  test("keys, token, disable and enable", () => {
    const former = json("device", "keys", "fridge-7") as { primaryKey: string; secondaryKey: string };
    const latter = json("device", "keys", "fridge-7", "--regenerate", "secondary") as typeof former;
    expect(latter.primaryKey).toBe(former.primaryKey);
    expect(latter.secondaryKey).not.toBe(former.secondaryKey);
    const seconds = Date.now() / 1000 + 7200;
    const token = ok(["device", "token", "fridge-7", "--ttl", "2h"]);
    expect(token).toMatch(/^SharedAccessSignature sr=localhost%2Fdevices%2Ffridge-7&sig=[^&]+&se=\d+\n$/);
    expect(Math.abs(Number(/se=(\d+)/.exec(token)?.[1]) - seconds)).toBeLessThan(60);
    expect(ok(["device", "disable", "fridge-7"])).toBe("Device fridge-7 is disabled.\n");
    expect(json("device", "show", "fridge-7")).toMatchObject({ enabled: false });
    ok(["device", "enable", "fridge-7"]);
  });

  test("delete asks, and without a terminal wants --yes", () => {
    const asked = run(["device", "delete", "fridge-7"]);
    expect(asked).toMatchObject({ status: 2, stdout: "" });
    expect(asked.stderr).toContain("without a terminal, give --yes");
    ok(["device", "delete", "fridge-7", "--yes"]);
    const gone = run(["device", "show", "fridge-7", "--json"]);
    expect(gone.status).toBe(1);
    expect(JSON.parse(gone.stderr)).toMatchObject({ error: { code: "device-not-found" } });
  });
});

test("template: export, new version, publish, migrate, delete", () => {
  const file = join(folder, "template.json");
  const content = JSON.parse(ok(["template", "export", template])) as Record<string, unknown>;
  writeFileSync(file, JSON.stringify({ ...content, version: "1.1.0" }));
  expect(ok(["template", "new-version", file])).toContain(`${template} 1.1.0 was made as a draft`);
  expect(ok(["template", "new-version", file])).toContain("was replaced, as a draft");
  expect(run(["device", "migrate", "my-device", "--template-version", "1.1.0"]).status).toBe(1);
  ok(["template", "publish", template, "1.1.0"]);
  expect(ok(["device", "migrate", "my-device"])).toBe("Device my-device has template version 1.1.0.\n");
  expect(run(["template", "delete", template, "1.1.0", "--yes"]).stderr).toContain("is used by 1 device");
  expect(ok(["template", "create", "-"], JSON.stringify({ name: "Pump" }))).toMatch(
    /^Pump 1\.0\.0 was made as a draft/,
  );
  expect(ok(["template", "list"])).toMatch(/Pump +1\.0\.0 +draft +0 +0 +0 +0 +0$/m);
  const pum = run(["template", "show", "Pum"]);
  expect(pum.stderr).toContain("Did you mean Pump?");
  ok(["template", "delete", "Pump", "--yes"]);
});

test("policy: create, keys, delete", () => {
  ok(["policy", "create", "gateway"]);
  const keysOf = (): { primaryKey: string; secondaryKey: string } =>
    json("policy", "keys", "gateway") as { primaryKey: string; secondaryKey: string };
  const former = keysOf();
  expect(ok(["policy", "keys", "gateway", "--regenerate", "primary"])).toContain("SharedAccessKeyName=gateway;");
  expect(keysOf().secondaryKey).toBe(former.secondaryKey);
  expect(keysOf().primaryKey).not.toBe(former.primaryKey);
  expect(json("policy", "list")).toMatchObject([{ name: "device" }, { name: "gateway" }]);
  ok(["policy", "delete", "gateway", "--yes"]);
});

test("storage and export: made, seen, edited, turned off, deleted", async () => {
  ok(["storage", "add", "second", "--folder", "second"]);
  expect(json("storage", "show", "second")).toMatchObject({
    settings: { kind: "folder", path: join(folder, "second") },
  });
  ok(["storage", "create-container", "second", "iot"]);
  expect(ok(["storage", "containers", "second"])).toBe("iot\n");
  expect(ok(["storage", "test", "second"])).toBe("ok      second/iot\n");
  const none = run(["storage", "test", "second", "none"]);
  expect(none.status).toBe(1);
  expect(none.stdout).toMatch(
    /^failed {2}second\/none: could not find the directory.*\n +→ .*\n +failed: find the directory\n +not tried: create/,
  );
  expect(run(["storage", "test", "second", "none", "--json"]).stdout).toContain('"not-tried"');

  const where = ["--storage", "second", "--container", "iot"];
  ok(["export", "create", "small", ...where, "--types", "measurements", "--codec", "deflate"]);
  const clash = run(["export", "create", "clash", ...where, "--types", "measurements"]);
  expect(clash.stderr).toMatch(/ {2}field: pathTemplate\n {2}→ Use another container/);
  await until(["export", "runs", "small"], ({ stdout }) => stdout.includes("created"));
  expect(ok(["export", "files", "small"])).toMatch(/^measurements\/ +–/m);
  const { path } = (json("export", "runs", "small") as { path: string }[])[0] ?? { path: "" };
  const minute = path.slice(0, path.lastIndexOf("/"));
  expect(ok(["export", "files", "small", minute])).toContain(path);
  expect(json("export", "files", "small", minute)).toMatchObject({ folders: [], files: [{ path, run: {} }] });
  const lines = ok(["export", "preview", "small", path, "--limit", "1"]).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ Body: {}, SystemProperties: {} }]);
  expect(json("export", "preview", "small", path)).toMatchObject({ type: "measurements", codec: "deflate" });
  expect(run(["export", "preview", "small", "../x.avro"]).stderr).toContain("is no file of this export");
  expect(ok(["export", "edit", "small", "--codec", "null"])).toMatch(/definition 2, in force from 20\d\d-/);
  expect(ok(["export", "show", "small"])).toMatch(/^codec: +null$/m);
  expect(ok(["export", "status", "small"])).toMatch(/^small +healthy /m);
  expect(ok(["export", "gaps", "small"])).toContain("No gap");
  expect(run(["export", "delete", "small", "--yes"]).status).toBe(1);
  ok(["export", "off", "small"]);
  await until(["export", "delete", "small", "--yes"], ({ status }) => status === 0);
  ok(["storage", "delete", "second", "--yes"]);
});

test("secrets of a storage account come from standard input, a file or the environment, and never out again", () => {
  const words = ["storage", "add", "azure", "--account", "mystore", "--sas-file", "-"];
  ok(words, "sv=2024-11-04&sig=c2VjcmV0\n");
  const shown = ok(["storage", "show", "azure", "--json"]);
  expect(JSON.parse(shown)).toMatchObject({ hasSecret: true, settings: { auth: "sas" } });
  expect(shown).not.toContain("c2VjcmV0");
  ok(["storage", "delete", "azure", "--yes"]);
  const bad = run(["storage", "add", "azure"], "", { COLDPATH_CONNECTION_STRING: "AccountName=x" });
  expect(bad).toMatchObject({ status: 1 });
  expect(bad.stderr).toContain("AccountKey");
  expect(run(["storage", "add", "azure", "--account", "mystore"])).toMatchObject({ status: 2 });
});

test("the administrator's token is for its owner only, and a wrong one is refused with what to do", () => {
  expect(statSync(join(dataDir, "admin.token")).mode & 0o777).toBe(0o600);
  const wrong = run(["device", "list", "--token", "wrong"]);
  expect(wrong.status).toBe(1);
  expect(wrong.stderr).toMatch(/token is wrong, [^\n]*\.\n {2}→ Give [^\n]*\{data-dir\}\/admin\.token/);
  const { url } = hub.address;
  const environment = { COLDPATH_URL: url, COLDPATH_TOKEN: hub.adminToken, COLDPATH_DATA_DIR: "/nowhere" };
  expect(run(["policy", "list"], "", environment)).toMatchObject({ status: 0 });
});

test("check has the running server try its destinations", () => {
  const { stdout, status } = run(["check"]);
  expect(status, stdout).toBe(0);
  expect(stdout).toMatch(/^skipped {2}ports: held by the running server/m);
  expect(stdout).toMatch(/^ok {7}destination Local folder\/iot: signed in/m);
  expect(stdout).toMatch(/^ok {7}export Sample export: /m);
});

test("a second server on the directory is refused in one sentence, exit code 2", () => {
  const { stderr, status } = run([
    "serve",
    "--mqtt-port=0",
    "--mqtts-port=0",
    "--amqps-port=0",
    "--https-port=0",
    "--web-port=0",
  ]);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^coldpath: Another Coldpath server runs on the data directory [^\n]*\n {2}→ [^\n]*\n$/);
});

test("export audit names what does not balance and fails; export accept wants a reason and an answer, and ends the alarm", async () => {
  const name = "Sample export";
  await until(["export", "audit", name], ({ stdout }) => /^measurements +0 +1 +[1-9]/m.test(stdout));
  expect(ok(["export", "audit", name])).toMatch(/^Sample export: \d+ records journaled: .*; balanced$/m);
  // One record fewer in its books than the journal gave out.
  expect(await hub.stop()).toBe(0);
  const books = new DatabaseSync(join(dataDir, "registry.db"));
  books.exec("UPDATE export_tallies SET records_exported = records_exported - 1 WHERE type = 'measurements'");
  books.close();
  hub = await HubProcess.start(dataDir, "--test-clock-rate=60", "--simulator-interval=2s");

  const { stdout } = await until(["export", "audit", name], ({ status }) => status === 1);
  const id = /^VIOLATION (miscounted\/measurements\/0\/\S+)$/m.exec(stdout)?.[1] ?? "";
  expect(stdout).toMatch(/hold 1 record fewer than the journal did\.\n {2}→ Run coldpath verify --deep/);
  const words = ["export", "accept", name, id];
  expect(run(words)).toMatchObject({ status: 2, stderr: expect.stringMatching(/Why\? Give --reason TEXT/) as string });
  const reason = ["--reason", "a test changed the books"];
  expect(run([...words, ...reason]).stderr).toMatch(/hold 1 record fewer[^]*--yes/);
  expect(run(["export", "accept", name, `${id}0`, ...reason, "--yes"]).status).toBe(1);
  expect(run(["export", "audit", name]).status).toBe(1);
  expect(ok([...words, ...reason, "--yes"])).toContain("On record: 1 accepted.");
  expect(ok(["export", "audit", name])).toMatch(
    /^accepted \S+: miscounted, 1 record .* \(a test changed the books\)$/m,
  );
  expect(ok(["export", "accept", name, "--all", ...reason, "--yes"])).toContain("there is nothing to accept");
});

describe("data at rest", () => {
  test("read prints what was exported, in every form", async () => {
    const lake = join(dataDir, "lake/iot");
    await until(["read", lake, "--files"], ({ stdout }) => stdout.includes("measurements"));
    const [first = ""] = ok(["read", join(lake, "measurements"), "--limit", "1"]).split("\n");
    expect(JSON.parse(first)).toMatchObject({ Body: { humidity: expect.any(Number) as number } });
    expect(ok(["read", lake, "--type=devices", "--csv"])).toMatch(/^id,name,simulated,deviceTemplate\.id,/);
    expect(run(["read", lake, "--csv"]).stderr).toContain("Choose one with --type");
    expect(ok(["read", join(lake, "deviceTemplates"), "--table"])).toMatch(/^ID +NAME +VERSION +MEASUREMENTS/);
  });

  test("journal check and cat look at it beside the server; reset-clock waits for its end, and then goes on", async () => {
    expect(run(["journal", "cat", "--limit", "2"])).toMatchObject({
      status: 0,
      stderr: "coldpath: A server uses this journal now; its open segment may be in motion.\n",
    });
    expect(run(["journal", "reset-clock", "--yes"]).stderr).toMatch(
      /Another Coldpath server runs .*\n {2}→ Stop it first/,
    );

    expect(await hub.stop()).toBe(0);
    expect(existsSync(join(dataDir, "server.json"))).toBe(false);
    expect(ok(["journal", "check"])).toMatch(/^partition 0 \(active\): \d+ segments, \d+ records,/);
    const [line = ""] = ok(["journal", "cat", "--json", "--limit", "1"]).split("\n");
    const first = JSON.parse(line) as { window: string; record: unknown };
    expect(first).toMatchObject({
      partition: 0,
      offset: 0,
      record: { Body: { humidity: expect.any(Number) as number } },
    });
    const minute = ok(["journal", "cat", "--window", first.window]).trimEnd().split("\n");
    expect(JSON.parse(minute[0] ?? "")).toEqual(first.record);
    // The server's clock ran fast: its journal is ahead by minutes.
    expect(ok(["journal", "reset-clock", "--yes"])).toMatch(
      / ahead of the clock\.\nIt goes on in partition 1; partition 0 is/,
    );
    expect(run(["journal", "reset-clock", "--yes"]).stderr).toContain("there is nothing to reset");
    expect(ok(["journal", "check"])).toMatch(/^partition 0 \(retired\)/);
  });
});
