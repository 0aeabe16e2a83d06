// The programs that the API gives for a device, run as they stand once its key is filled in.

import { execFile } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DeviceBench } from "../lib/device-bench.ts";
import { gateVariable } from "../conformance/gate-address.ts";
import { needs, pythonPath } from "../lib/needs.ts";

const run = promisify(execFile);
let bench: DeviceBench;
beforeAll(async () => {
  bench = await DeviceBench.open();
});
afterAll(async () => {
  await bench?.close();
});

interface Code {
  readonly placeholder: string;
  readonly snippets: readonly { readonly language: string; readonly file: string | null; readonly code: string }[];
}

/** Ids that would be something else in a shell, in a literal, or in a URL. */
const ids = ["plain-1", "it's=$(id)%41,`x`@b!".replaceAll("`", "")];

async function programOf(id: string, language: string): Promise<string> {
  const device = await bench.device(id);
  const { snippets, placeholder } = await bench.hub.api<Code>(
    "GET",
    `/devices/${encodeURIComponent(id)}/connection-code`,
  );
  const code = snippets.find((one) => one.language === language)?.code ?? "";
  expect(code).toContain(placeholder);
  expect(code).not.toContain(device.key);
  return code.replaceAll(placeholder, device.key);
}

async function expectSent(id: string, stdout: string): Promise<void> {
  expect(stdout).toContain("sent");
  await bench.exported();
  expect(await bench.messages.of(id)).toHaveLength(1);
}

describe("connection code", () => {
  test.each(ids)("for Node.js sends as %s", async (id) => {
    const deviceId = `n-${id}`;
    const file = join(bench.directory, `${ids.indexOf(id)}.cjs`);
    writeFileSync(file, await programOf(deviceId, "nodejs"));
    const modules = join(bench.directory, "node_modules");
    if (ids.indexOf(id) === 0) symlinkSync(join(import.meta.dirname, "../../node_modules"), modules);
    await expectSent(deviceId, (await run(process.execPath, [file])).stdout);
  });
});

needs("python")("connection code for Python", () => {
  // The SDK knows port 8883 only; a preload leads it to the hub's.
  test.each(ids)("sends as %s", async (id) => {
    const deviceId = `p-${id}`;
    const file = join(bench.directory, `${ids.indexOf(id)}.py`);
    writeFileSync(file, await programOf(deviceId, "python"));
    const preload = join(import.meta.dirname, "../conformance/standard_ports.py");
    const gate = { host: "localhost", ports: { 8883: bench.hub.address.ports.mqtts } };
    const env = { ...process.env, [gateVariable]: JSON.stringify(gate) };
    await expectSent(deviceId, (await run(pythonPath, [preload, file], { env })).stdout);
  });
});

needs("mosquitto_pub", "openssl")("connection code for mosquitto_pub", () => {
  test.each(ids)("sends as %s", async (id) => {
    const deviceId = `m-${id}`;
    const { stdout } = await run("bash", ["-ec", await programOf(deviceId, "mosquitto_pub")]);
    await expectSent(deviceId, stdout);
  });
});
