// A module with the unmodified Node.js SDK: made at the terminal, it sends, has a twin and answers a direct method.

import { execFile } from "node:child_process";
import { join } from "node:path";
import device, { type Twin } from "azure-iot-device";
import azureMqtt from "azure-iot-device-mqtt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DeviceBench } from "../lib/device-bench.ts";
import { valueOf } from "../lib/exported-messages.ts";

const { Message, ModuleClient } = device;
const main = join(import.meta.dirname, "../../src/main.ts");
let bench: DeviceBench;
beforeAll(async () => {
  bench = await DeviceBench.open();
});
afterAll(async () => await bench?.close());

/** The SDK goes on meanwhile. */
function coldpath(...words: readonly string[]): Promise<{ readonly status: number; readonly out: string }> {
  const given = [main, ...words, `--data-dir=${join(bench.directory, "data")}`];
  return new Promise((resolve) => {
    execFile(process.execPath, given, { encoding: "utf8" }, (error, stdout) =>
      resolve({ status: error === null ? 0 : 1, out: stdout.trim() }),
    );
  });
}

test("azure-iot-device's ModuleClient sends, reads and reports its twin, and answers a method", async () => {
  await bench.device("gateway-1");
  const { out: connectionString } = await coldpath("module", "create", "gateway-1", "vision");
  expect(connectionString).toMatch(/^HostName=localhost:\d+;DeviceId=gateway-1;ModuleId=vision;SharedAccessKey=\S+$/);
  const client = ModuleClient.fromConnectionString(connectionString, azureMqtt.Mqtt);
  await client.setOptions({ ca: bench.ca });
  await client.open();
  try {
    expect((await coldpath("module", "list", "gateway-1")).out).toMatch(/vision +yes/);
    await client.sendEvent(new Message("from a module"));

    const twin: Twin = await client.getTwin();
    const heard: unknown[] = [];
    twin.on("properties.desired.interval", (value: unknown) => heard.push(value));
    // Answered behind the subscription, so what is wanted from now on is heard.
    await new Promise<void>((resolve, reject) => {
      twin.properties.reported["update"]({ lens: "wide" }, (error: Error | null) =>
        error ? reject(error) : resolve(),
      );
    });
    const changed = await coldpath("module", "twin", "gateway-1", "vision", "--desired", '{"interval":30}', "--json");
    expect(JSON.parse(changed.out)).toMatchObject({
      desired: { content: { interval: 30 }, version: 2 },
      reported: { content: { lens: "wide" }, version: 2 },
    });
    await expect.poll(() => heard, { timeout: 10_000 }).toEqual([30]);

    client.onMethod("snap", (request, response) => {
      void response?.send(200, { took: request?.payload as unknown });
    });
    const call = async (): Promise<unknown> =>
      await bench.hub
        .api("POST", "/devices/gateway-1/modules/vision/methods", { name: "snap", payload: 3 })
        .catch((error: unknown) => error);
    await expect.poll(call, { timeout: 10_000 }).toEqual({ status: 200, payload: { took: 3 } });
  } finally {
    await client.close();
  }
  expect((await coldpath("module", "delete", "gateway-1", "vision", "--yes")).status).toBe(0);
  expect((await coldpath("module", "keys", "gateway-1", "vision")).status).toBe(1);
  await bench.exported();
  const [message] = await bench.messages.of("gateway-1");
  expect(String(message?.body)).toBe("from a module");
  expect(valueOf(message?.system ?? [], "connectionModuleId")).toBe("vision");
});
