import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from "vitest";
import { ColdpathError } from "../lib/errors.ts";
import { loadConfig } from "./config.ts";
import type { Config } from "./config.ts";
import { renderOptions, renderReference } from "./help.ts";
import { formOf, keyOf, parseOption, variableOf } from "./option.ts";
import type { Option, OptionTable } from "./option.ts";
import { serverOptions } from "./options.ts";
import { resolveOptions } from "./resolve.ts";
import type { Environment } from "./resolve.ts";
import { suggest } from "./suggest.ts";

const workingDirectory = "/srv";

function load(flags: readonly string[], environment: Environment = {}): Config {
  return loadConfig({ flags, environment, workingDirectory }).values;
}

function errorOf(flags: readonly string[], environment: Environment = {}): ColdpathError {
  try {
    load(flags, environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ColdpathError);
    return error as ColdpathError;
  }
  throw new Error("nothing was refused");
}

describe("the option table", () => {
  test("has defaults that its own types accept", () => {
    for (const [name, option] of Object.entries(serverOptions as OptionTable)) {
      if (option.default === undefined) continue;
      expect(parseOption(option, option.default, workingDirectory), name).not.toBeNull();
    }
  });

  test("has limits that its own types accept, the lower below the upper", () => {
    for (const [name, option] of Object.entries(serverOptions as OptionTable)) {
      if (!("min" in option)) continue;
      const min = parseOption(option, option.min, workingDirectory);
      const max = parseOption(option, option.max, workingDirectory);
      expect(Number(min), name).toBeLessThan(Number(max));
    }
  });

  test("keeps the options of a group together and ends each description with a full stop", () => {
    const options = Object.values(serverOptions as OptionTable);
    const changes = options.filter((option, at) => option.group !== options[at - 1]?.group);
    expect(changes).toHaveLength(new Set(options.map((option) => option.group)).size);
    for (const option of options) expect(option.description).toMatch(/\.$/);
  });

  test("gives no two options one key", () => {
    const keys = Object.entries(serverOptions as OptionTable).map(([name, option]) => keyOf(name, option));
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe("resolution", () => {
  let folder = "";
  let file = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "coldpath-config-"));
    file = join(folder, "coldpath.json");
    writeFileSync(
      file,
      JSON.stringify({
        "mqtt-port": 3,
        "web-port": "3",
        "https-port": 3,
        sample: false,
        "public-host": ["a.example", "10.0.0.1"],
      }),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("gives the defaults when nothing is said, with units last and paths absolute", () => {
    expect(load([])).toMatchObject({
      dataDir: "/srv/data",
      hubName: undefined,
      sample: true,
      publicHost: ["localhost"],
      mqttPort: 1883,
      journalBytesMax: 16 * 2 ** 30,
      journalRetentionMs: 7 * 86_400_000,
      clockJumpMaxMs: 300_000,
      messageBytesMax: 262_144,
      testClockOriginMs: undefined,
      testClockRate: 1,
      logLevel: "info",
    });
  });

  test("prefers flag to environment to file to default", () => {
    const environment = { COLDPATH_CONFIG: file, COLDPATH_MQTT_PORT: "2", COLDPATH_WEB_PORT: "2", COLDPATH_HOST: "" };
    const config = load(["--mqtt-port=1"], environment);
    expect(config).toMatchObject({ mqttPort: 1, webPort: 2, httpsPort: 3, mqttsPort: 8883, host: "0.0.0.0" });
    expect(config).toMatchObject({ sample: false, publicHost: ["a.example", "10.0.0.1"] });
    expect(load(["--config", file, "--sample"]).sample).toBe(true);
  });

  test("reads each notation", () => {
    expect(load(["--public-host", "a.example, b", "--public-host=::1"]).publicHost).toEqual(["a.example", "b", "::1"]);
    expect(load(["--no-sample"]).sample).toBe(false);
    expect(load([], { COLDPATH_SAMPLE: "off" }).sample).toBe(false);
    expect(load(["--journal-bytes-max", "1.5GiB"]).journalBytesMax).toBe(1.5 * 2 ** 30);
    expect(load(["--journal-bytes-max", "100000000"]).journalBytesMax).toBe(1e8);
    expect(load(["--journal-bytes-max", "100 MB"]).journalBytesMax).toBe(1e8);
    expect(load(["--journal-retention", "1.5h"]).journalRetentionMs).toBe(5_400_000);
    expect(load(["--test-clock-origin", "2026-01-02T03:04:05Z"]).testClockOriginMs).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
    expect(load(["--test-clock-origin", "1767323045000"]).testClockOriginMs).toBe(1_767_323_045_000);
    expect(load(["--data-dir", "/var/x"]).dataDir).toBe("/var/x");
  });

  test("freezes the result and types it by the table", () => {
    const config = load([]);
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.publicHost)).toBe(true);
    expectTypeOf(config.mqttPort).toEqualTypeOf<number>();
    expectTypeOf(config.hubName).toEqualTypeOf<string | undefined>();
    expectTypeOf(config.publicHost).toEqualTypeOf<readonly string[]>();
    expectTypeOf(config.logLevel).toEqualTypeOf<"debug" | "info" | "warn" | "error">();
    expectTypeOf(config.testClockOriginMs).toEqualTypeOf<number | undefined>();
    expectTypeOf(config.sample).toEqualTypeOf<boolean>();
  });

  test("serves a command with a table of its own, whose flags are no settings of the machine", () => {
    const table = {
      "data-dir": serverOptions["data-dir"],
      config: serverOptions.config,
      template: { group: "Device", type: "string", description: "Its template.", isFlagOnly: true },
      json: { group: "Device", type: "boolean", default: "false", description: "As JSON.", isFlagOnly: true },
    } as const satisfies OptionTable;
    const { values, positionals } = resolveOptions(table, {
      flags: ["fridge-1", "--template", "t1", "--json", "--", "--odd"],
      environment: { COLDPATH_TEMPLATE: "other", COLDPATH_CONFIG: file },
      workingDirectory,
    });
    expect(values).toMatchObject({ template: "t1", json: true, dataDir: "/srv/data" });
    expect(positionals).toEqual(["fridge-1", "--odd"]);
  });

  test("warns of a variable that looks like a slip, and of nothing else", () => {
    const environment = {
      COLDPATH_DATADIR: "/x",
      COLDPATH_TEST_REQUIRE: "all",
      COLDPATH_SERVICE_HOST: "10.0.0.1",
      HOME: "/root",
    };
    expect(loadConfig({ flags: [], environment, workingDirectory }).notices).toEqual([
      "The variable COLDPATH_DATADIR has no effect. Did you mean COLDPATH_DATA_DIR?",
    ]);
  });

  test("says that a test clock is on", () => {
    const { notices } = loadConfig({ flags: ["--test-clock-rate", "60"], environment: {}, workingDirectory });
    expect(notices).toEqual([expect.stringContaining("For tests only")]);
  });

  test("refuses a file that is not there, is no object or holds what is no option", () => {
    expect(errorOf(["--config", "/none.json"]).message).toMatch(
      /--config \(COLDPATH_CONFIG\): cannot read \/none.json/,
    );
    const bad = join(folder, "bad.json");
    writeFileSync(bad, "[]");
    expect(errorOf(["--config", bad]).message).toMatch(/must hold one JSON object/);
    writeFileSync(bad, '{"mqtt-prot": 1, "web-port": {}, "data_dir": "x", "host": "no port:1"}');
    expect(errorOf(["--config", bad]).message.split("\n")).toEqual([
      `"mqtt-prot" in ${bad} is not an option. Did you mean mqtt-port?`,
      `"web-port" in ${bad} must be a text, a number, true, false or a list of texts.`,
      `"data_dir" in ${bad} is not an option. Did you mean data-dir?`,
      `--host (COLDPATH_HOST): "no port:1", from ${bad}, cannot be used. Give an IP address or host name, without a port.`,
    ]);
  });
});

describe("a bad option", () => {
  test("is named with its flag, its variable, the value and what to give instead", () => {
    const error = errorOf([], { COLDPATH_MQTT_PORT: "abc" });
    expect(error).toMatchObject({ kind: "invalid", code: "option-invalid", field: "mqtt-port" });
    expect(error.message).toBe(
      '--mqtt-port (COLDPATH_MQTT_PORT): "abc", from COLDPATH_MQTT_PORT, cannot be used. Give a port number from 0 to 65535; 0 takes any free one.',
    );
  });

  test("is refused for every type", () => {
    const bad: readonly (readonly [string, string])[] = [
      ["mqtt-port", "65536"],
      ["mqtt-port", "-1"],
      ["journal-partitions", "0"],
      ["journal-partitions", "1.5"],
      ["journal-bytes-max", "1 parsec"],
      ["journal-bytes-max", "1KiB"],
      ["journal-retention", "7"],
      ["journal-retention", "7 weeks"],
      ["sample", "maybe"],
      ["hub-name", "-x"],
      ["hub-name", "a/b"],
      ["public-host", "a.example:8883"],
      ["public-host", "https://a.example"],
      ["public-host", "a.example,"],
      ["log-level", "loud"],
      ["test-clock-rate", "0"],
      ["test-clock-origin", "yesterday"],
      ["data-dir", ""],
    ];
    for (const [name, value] of bad) {
      const { message } = errorOf([`--${name}=${value}`]);
      expect(message).toContain(`--${name} (${variableOf(name)}): ${JSON.stringify(value)}`);
      expect(message).toContain(`Give ${formOf((serverOptions as OptionTable)[name] as Option)}`);
    }
  });

  test("that does not exist gets a suggestion", () => {
    expect(errorOf(["--mqtt-prot", "1"]).message).toMatch(/--mqtt-prot is not an option. Did you mean --mqtt-port\?/);
    expect(errorOf(["--no-sampel"]).message).toMatch(/Did you mean --no-sample\?/);
    expect(errorOf(["--frobnicate"]).message).toBe("--frobnicate is not an option. See --help.");
    expect(errorOf(["--constructor"]).message).toMatch(/is not an option/);
    expect(errorOf(["-p"]).message).toMatch(/two dashes/);
  });

  test("without its value is refused", () => {
    expect(errorOf(["--mqtt-port"]).message).toMatch(/--mqtt-port \(COLDPATH_MQTT_PORT\) needs a value/);
    expect(errorOf(["--mqtt-port", "--no-sample"]).message).toMatch(/needs a value/);
    expect(errorOf(["--no-sample=1"]).message).toMatch(/takes no value/);
  });

  test("is reported together with the others", () => {
    expect(errorOf(["--mqtt-port", "x", "--nope"], { COLDPATH_LOG_LEVEL: "?" }).message.split("\n")).toHaveLength(3);
  });

  test("that Kubernetes set is explained", () => {
    expect(errorOf([], { COLDPATH_MQTT_PORT: "tcp://10.0.0.1:1883" }).message).toMatch(/enableServiceLinks/);
  });

  test("A2: that is a secret of the server is not taken from the command line", () => {
    for (const flags of [["--secret-key", "P4ss"], ["--secret-key=P4ss"]]) {
      const { message } = errorOf(flags);
      expect(message).toMatch(/every user of this machine: set COLDPATH_SECRET_KEY/);
      expect(message).not.toContain("P4ss");
    }
    expect(loadConfig({ flags: [], environment: { COLDPATH_SECRET_KEY: "P4ss" } }).values.secretKey).toBe("P4ss");
  });

  test("never shows a secret", () => {
    const table = {
      token: { group: "x", type: "string", pattern: /^[a-z]+$/, form: "letters", description: "x.", isSecret: true },
    } as const satisfies OptionTable;
    expect(() => resolveOptions(table, { flags: ["--token", "P4ss"], environment: {} })).toThrow(
      "--token (COLDPATH_TOKEN): the secret, from --token, cannot be used. Give letters.",
    );
  });

  test("is found where only two options together are wrong", () => {
    expect(errorOf(["--tls-cert", "x"])).toMatchObject({ field: "tls-key" });
    expect(errorOf(["--tls-ca", "x"])).toMatchObject({ field: "tls-ca" });
    expect(errorOf(["--connection-bytes-in-flight-max", "4KiB"])).toMatchObject({
      field: "connection-bytes-in-flight-max",
    });
    expect(errorOf(["--fold-window", "2h", "--journal-retention", "1h"])).toMatchObject({ field: "fold-window" });
    expect(errorOf(["--message-bytes-max", "1MiB", "--frame-bytes-max", "1MiB"])).toMatchObject({
      field: "frame-bytes-max",
    });
    expect(errorOf(["--journal-bytes-max", "16MiB"])).toMatchObject({ field: "journal-bytes-max" });
  });
});

describe("what operators read", () => {
  test("the help shows flag, default and variable of every option but the test-only ones", () => {
    const help = renderOptions(serverOptions);
    expect(help).toContain("  --mqtt-port PORT\n");
    expect(help).toContain("Default: 1883. Environment: COLDPATH_MQTT_PORT.");
    expect(help).toContain("  --[no-]sample\n");
    expect(help).not.toContain("test-clock");
    expect(Math.max(...help.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test("docs/reference/config.md is what the table says (to write it again: npm run docs:config)", () => {
    const page = readFileSync(join(import.meta.dirname, "../../docs/reference/config.md"), "utf8");
    expect(page).toBe(renderReference(serverOptions));
  });
});

test("A suggestion is made for a slip, not for another word", () => {
  expect(suggest("mqtt-prot", ["mqtt-port", "mqtts-port"])).toBe("mqtt-port");
  expect(suggest("hots", ["host", "hub-name"])).toBe("host");
  expect(suggest("verbose", ["host", "hub-name"])).toBeNull();
  expect(suggest("x", ["host"])).toBeNull();
});
