// Sessions as the unmodified Node.js SDK relies on them: it connects with clean=false, and subscribes to its twin's topics once in
// the life of a program, however often it connects.

import device, { type DeviceMethodRequest, type DeviceMethodResponse } from "azure-iot-device";
import azureMqtt from "azure-iot-device-mqtt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DeviceBench } from "../lib/device-bench.ts";

const { Client, SharedAccessKeyAuthenticationProvider } = device;
type SdkClient = InstanceType<typeof Client>;
const template = {
  id: "fan",
  name: "Fan",
  publish: true,
  measurements: { telemetry: {}, states: {}, events: {} },
  settings: { device: { speed: { name: "Speed", dataType: "double", initialValue: 1 } } },
  properties: { cloud: {}, device: {} },
};
/** Tokens that the SDK renews after ten seconds, by connecting again. */
const tokenSeconds = 20;
const renewalMarginSeconds = 10;

let bench: DeviceBench;
beforeAll(async () => {
  bench = await DeviceBench.open();
  await bench.hub.api("POST", "/device-templates", template);
});
afterAll(async () => await bench?.close());

/** A device's program. @returns what it is told of its speed, from now on. */
async function run(client: SdkClient): Promise<number[]> {
  await client.setOptions({ ca: bench.ca });
  await client.open();
  client.onDeviceMethod("stop", (_request: DeviceMethodRequest, response: DeviceMethodResponse) => {
    response.send(200, { isStopped: true }, () => {});
  });
  const twin = await client.getTwin();
  const heard: number[] = [];
  // It tells at once what it has.
  twin.on("properties.desired.speed", ({ value }: { readonly value: number }) => heard.push(value));
  await until(() => heard.length === 1);
  return heard;
}

const setSpeed = (id: string, speed: number) =>
  bench.hub.api("PATCH", `/devices/${id}`, { settings: { device: { speed } } });

async function opened(): Promise<number> {
  const page = await (await fetch(`${bench.hub.address.url}/metrics`)).text();
  return Number(/^coldpath_ingest_connections_opened_total (\d+)$/m.exec(page)?.[1]);
}

test("X2: a device that renewed its token by connecting again is told of its settings, and takes direct methods", async () => {
  await bench.hub.api("POST", "/devices", { id: "renewing", templateId: template.id });
  const { connectionString } = await bench.keysOf("renewing");
  const tokens = SharedAccessKeyAuthenticationProvider.fromConnectionString(
    connectionString,
    tokenSeconds,
    renewalMarginSeconds,
  );
  const client = Client.fromAuthenticationProvider(tokens, azureMqtt.Mqtt);
  try {
    const before = await opened();
    const heard = await run(client);
    await until(async () => (await opened()) > before + 1);
    await setSpeed("renewing", 2);
    await until(() => heard.length > 1);
    expect(heard).toEqual([1, 2]);
    const call = { name: "stop", payload: null, connectTimeoutSeconds: 10 };
    expect(await bench.hub.api("POST", "/devices/renewing/methods", call)).toEqual({
      status: 200,
      payload: { isStopped: true },
    });
  } finally {
    await client.close();
  }
});

test("X2, D2: a setting that was changed while a device was away reaches it once, though the server is killed right after the answer", async () => {
  await bench.hub.api("POST", "/devices", { id: "away", templateId: template.id });
  const client = Client.fromConnectionString((await bench.keysOf("away")).connectionString, azureMqtt.Mqtt);
  const { ports } = bench.hub.address;
  try {
    const heard = await run(client);
    await bench.hub.kill();
    // Where the device does not look for it.
    await bench.start();
    await setSpeed("away", 2);
    await setSpeed("away", 3);
    await bench.hub.kill();
    await bench.start(`--mqtts-port=${ports.mqtts}`);
    await until(() => heard.length > 1);
    expect(heard).toEqual([1, 3]);
    // It goes on as ever.
    await setSpeed("away", 4);
    await until(() => heard.length > 2);
    expect(heard).toEqual([1, 3, 4]);
  } finally {
    await client.close();
  }
});

/** Polls; what is waited for happens in another process. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error("it did not happen within a minute");
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
