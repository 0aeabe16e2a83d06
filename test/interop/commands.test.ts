// Direct methods and messages as the unmodified Node.js SDK sees them over MQTT, through the end of a connection and a SIGKILL
// of the server.

import device from "azure-iot-device";
import azureMqtt from "azure-iot-device-mqtt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BenchDevice, DeviceBench } from "../lib/device-bench.ts";

const { Client } = device;
type SdkClient = ReturnType<typeof Client.fromConnectionString>;
type ReceivedMessage = InstanceType<typeof device.Message>;

let bench: DeviceBench;
beforeAll(async () => {
  bench = await DeviceBench.open();
});
afterAll(async () => await bench?.close());

async function clientOf(from: BenchDevice): Promise<SdkClient> {
  const client = Client.fromConnectionString(from.connectionString, azureMqtt.Mqtt);
  await client.setOptions({ ca: bench.ca });
  await client.open();
  return client;
}

const bodyOf = (message: ReceivedMessage): string => Buffer.from(message.data as Buffer).toString();

async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`it did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

interface Item {
  readonly messageId: string;
  readonly state: string;
}
const statesOf = async (id: string): Promise<ReadonlyMap<string, string>> => {
  const { items } = await bench.hub.api<{ items: readonly Item[] }>("GET", `/devices/${id}/cloud-messages`);
  return new Map(items.map(({ messageId, state }) => [messageId, state]));
};

test("azure-iot-device-mqtt answers a direct method; without an answer the call times out, and away it is 404", async () => {
  const from = await bench.device("methods");
  const path = "/devices/methods/methods";
  await expect(bench.hub.api("POST", path, { name: "echo" })).rejects.toThrow(/device-offline/);
  const client = await clientOf(from);
  client.onDeviceMethod("echo", (request, response) => {
    void response.send(201, { got: request.payload as unknown });
  });
  client.onDeviceMethod("pump*start", (_request, response) => void response.send(204));
  client.onDeviceMethod("silent", () => {});
  const wait = { connectTimeoutSeconds: 10 };
  expect(await bench.hub.api("POST", path, { name: "echo", payload: { a: [1, null, "ä"] }, ...wait })).toEqual({
    status: 201,
    payload: { got: { a: [1, null, "ä"] } },
  });
  expect(await bench.hub.api("POST", path, { name: "pump*start" })).toMatchObject({ status: 204 });
  await expect(bench.hub.api("POST", path, { name: "silent", responseTimeoutSeconds: 5 })).rejects.toThrow(
    /method-timeout/,
  );
  await client.close();
  await until(
    async () => !(await bench.hub.api<{ connected: boolean }>("GET", "/devices/methods")).connected,
    "the hub sees it go",
  );
  await expect(bench.hub.api("POST", path, { name: "echo" })).rejects.toThrow(/device-offline/);
}, 60_000);

test("D2: every message that the API accepted reaches the SDK, also when the server is killed while they are sent", async () => {
  const from = await bench.device("killed");
  const { ports } = bench.hub.address;
  const fixed = [`--mqtts-port=${ports.mqtts}`, `--https-port=${ports.https}`, `--amqps-port=${ports.amqps}`];
  const received = new Set<string>();
  let client = await clientOf(from);
  const listen = (): void => {
    client.on("message", (message: ReceivedMessage) => received.add(bodyOf(message)));
    client.on("error", () => {});
  };
  listen();
  const accepted: string[] = [];
  let sent = 0;
  const sendUntilKilled = async (): Promise<void> => {
    for (;;) {
      const body = `message ${sent++}`;
      try {
        const ttlSeconds = 172_800;
        await bench.hub.api("POST", "/devices/killed/cloud-messages", { body, messageId: `m-${sent}`, ttlSeconds });
        accepted.push(body);
      } catch (error) {
        if (!String(error).includes("cloud-messages-full")) return;
      }
    }
  };
  for (let round = 0; round < 2; round++) {
    const sending = Promise.all([sendUntilKilled(), sendUntilKilled()]);
    const before = accepted.length;
    await until(() => accepted.length >= before + 40, "messages are accepted");
    await bench.hub.kill();
    await sending;
    await bench.start(...fixed);
    client.removeAllListeners();
    await client.close().catch(() => {});
    client = await clientOf(from);
    listen();
  }
  await until(() => accepted.every((body) => received.has(body)), "all that was accepted is received");
  await until(
    async () => [...(await statesOf("killed")).values()].every((state) => state === "completed"),
    "completed",
  );
  await client.close();
}, 120_000);
