// The twin as the unmodified Node.js SDK sees it, and as the operator and the files do.

import device from "azure-iot-device";
import azureMqtt from "azure-iot-device-mqtt";
import type { Twin } from "azure-iot-device";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DeviceBench } from "../lib/device-bench.ts";
import { lakeFiles, lakeRecords } from "../lib/lake.ts";

const { Client } = device;
const template = {
  id: "fan",
  name: "Fan",
  publish: true,
  measurements: { telemetry: {}, states: {}, events: {} },
  settings: { device: { speed: { name: "Speed", dataType: "double", initialValue: 1 } } },
  properties: { cloud: {}, device: { firmware: { name: "Firmware", dataType: "string" } } },
};

let bench: DeviceBench;
beforeAll(async () => {
  bench = await DeviceBench.open();
  await bench.hub.api("POST", "/device-templates", template);
});
afterAll(async () => await bench?.close());

test("azure-iot-device-mqtt reads its twin, reports, and hears of a setting", async () => {
  await bench.hub.api("POST", "/devices", { id: "fan-1", templateId: template.id });
  const { connectionString } = await bench.keysOf("fan-1");
  const client = Client.fromConnectionString(connectionString, azureMqtt.Mqtt);
  await client.setOptions({ ca: bench.ca });
  await client.open();
  try {
    const twin: Twin = await client.getTwin();
    expect(twin.properties.desired).toMatchObject({ speed: { value: 1 }, $version: 1 });
    const heard: unknown[] = [];
    twin.on("properties.desired.speed", (patch: unknown) => heard.push(patch));
    await until(() => heard.length === 1); // the SDK tells at once what it has

    await report(twin, {
      firmware: "7.1",
      speed: { value: 1, desiredVersion: 1, statusCode: 200, status: "completed" },
    });
    expect(await bench.hub.api("GET", "/devices/fan-1")).toMatchObject({ properties: { device: { firmware: "7.1" } } });

    await bench.hub.api("PATCH", "/devices/fan-1", { settings: { device: { speed: 5 } } });
    await until(() => heard.length === 2);
    expect(heard[1]).toEqual({ value: 5 });
    expect(twin.properties.desired["$version"]).toBe(2);

    // The SDK fails a call by the body's errorCode, not by the status.
    await expect(report(twin, { "a.b": 1 })).rejects.toThrow(/dot/);
  } finally {
    await client.close();
  }
});

test("a setting reaches a connected and a later-connecting device; answered, it is synced, and the next minute's files have it", async () => {
  const folder = await bench.export({ container: "fleet", types: ["devices"] });
  const devices = ["connected", "later"];
  for (const id of devices) await bench.hub.api("POST", "/devices", { id, templateId: template.id });
  const clients: InstanceType<typeof Client>[] = [];
  const connect = async (id: string): Promise<Twin> => {
    const client = Client.fromConnectionString((await bench.keysOf(id)).connectionString, azureMqtt.Mqtt);
    clients.push(client);
    await client.setOptions({ ca: bench.ca });
    await client.open();
    return await client.getTwin();
  };
  /** As firmware does: what is wanted is applied and reported, under the version it came with. */
  const follow = (twin: Twin): void => {
    twin.on(
      "properties.desired",
      (patch: { readonly speed?: { readonly value: number }; readonly $version: number }) => {
        if (patch.speed === undefined) return;
        const answer = { ...patch.speed, desiredVersion: patch.$version, statusCode: 200, status: "completed" };
        twin.properties.reported["update"]({ speed: answer, firmware: `v${patch.speed.value}` }, () => {});
      },
    );
  };
  try {
    follow(await connect("connected"));
    for (const id of devices) await bench.hub.api("PATCH", `/devices/${id}`, { settings: { device: { speed: 42 } } });
    expect(await stateOf("later")).toMatchObject({ state: "pending" });
    follow(await connect("later"));
    for (const id of devices) {
      await expect.poll(() => stateOf(id), { timeout: 10_000 }).toMatchObject({ state: "synced", reported: 42 });
    }
  } finally {
    for (const client of clients) await client.close();
  }
  const exported = async (): Promise<unknown> => {
    const records = (await Promise.all(lakeFiles(folder).map(lakeRecords))).flat();
    return devices.map((id) => records.findLast((record) => record["id"] === id));
  };
  const expected = { settings: { device: { speed: 42 } }, properties: { device: { firmware: "v42" } } };
  await expect.poll(exported, { timeout: 30_000 }).toMatchObject([expected, expected]);
});

async function stateOf(id: string): Promise<unknown> {
  return (await bench.hub.api<{ settings: Record<string, unknown> }>("GET", `/devices/${id}/twin`)).settings["speed"];
}

async function report(twin: Twin, patch: object): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    twin.properties.reported["update"](patch, (error: Error | null) => (error ? reject(error) : resolve()));
  });
}

async function until(is: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!is()) {
    if (performance.now() > endMs) throw new Error("it did not happen");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
