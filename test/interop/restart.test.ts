// Unmodified Azure device SDKs through a restart of the server, and through the one refusal that they take for "later":
// what was acknowledged is in the files, once.

import device from "azure-iot-device";
import azureMqtt from "azure-iot-device-mqtt";
import { afterEach, expect, test } from "vitest";
import { type BenchDevice, DeviceBench } from "../lib/device-bench.ts";

const { Client, Message } = device;

let bench: DeviceBench | null = null;
afterEach(async () => {
  await bench?.close();
  bench = null;
});

async function clientOf(from: BenchDevice, ca: string): Promise<InstanceType<typeof Client>> {
  const client = Client.fromConnectionString(from.connectionString, azureMqtt.Mqtt);
  await client.setOptions({ ca });
  return client;
}

/** Polls; what is waited for happens in another process. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error("it did not happen within a minute");
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

test("X2, J1: the SDK goes on by itself after a stop and after a SIGKILL of the server; all it saw acknowledged is in the files", async () => {
  bench = await DeviceBench.open();
  const from = await bench.device("sdk");
  const ports = bench.hub.address.ports;
  const fixed = [`--mqtts-port=${ports.mqtts}`, `--amqps-port=${ports.amqps}`, `--https-port=${ports.https}`];
  const client = await clientOf(from, bench.ca);
  await client.open();

  // Sends without a pause, 20 at a time, as a device does that has no idea of the server's state.
  const acknowledged = new Set<number>();
  const failed: unknown[] = [];
  let next = 0;
  const state = { isOver: false };
  const sender = async (): Promise<void> => {
    while (!state.isOver) {
      const number = next++;
      try {
        await client.sendEvent(new Message(JSON.stringify({ number })));
        acknowledged.add(number);
      } catch (error) {
        failed.push(error);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const senders = Array.from({ length: 20 }, sender);

  await until(() => acknowledged.size >= 100);
  expect(await bench.hub.stop()).toBe(0);
  await bench.start(...fixed);
  const afterStop = acknowledged.size;
  await until(() => acknowledged.size >= afterStop + 100);

  await bench.hub.kill();
  await bench.start(...fixed);
  const afterKill = acknowledged.size;
  await until(() => acknowledged.size >= afterKill + 100);
  state.isOver = true;
  await Promise.all(senders);
  await client.close();

  await bench.exported();
  const numbers = (await bench.messages.of("sdk")).map(
    ({ body }) => (JSON.parse(String(body)) as { number: number }).number,
  );
  const counts = new Map<number, number>();
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  expect([...acknowledged].filter((number) => !counts.has(number))).toEqual([]);
  // The SDK sends again what was not acknowledged: only such a message may stand in the files twice, and each was either
  // in flight at one of the two ends or is no message of ours.
  const doubled = [...counts].filter(([, count]) => count > 1);
  expect(doubled.length).toBeLessThanOrEqual(40);
  expect([...counts.keys()].filter((number) => number >= next)).toEqual([]);
  expect(failed).toEqual([]);
});

test("X2: a first connection that is answered with CONNACK 3 is tried again by the SDK until there is room", async () => {
  bench = await DeviceBench.open("--connections-max=1");
  const [first, second] = [await bench.device("first"), await bench.device("second")];
  const firstClient = await clientOf(first, bench.ca);
  await firstClient.open();
  const secondClient = await clientOf(second, bench.ca);
  let isOpen = false;
  const opening = secondClient.open().then(() => (isOpen = true));

  const refusals = async (): Promise<number> => {
    const { messages } = await (bench as DeviceBench).hub.api<{ messages: { rejections: Record<string, number> } }>(
      "GET",
      "/status",
    );
    return messages.rejections["too-many-connections"] ?? 0;
  };
  // Twice: it was refused and has come back by itself.
  await until(async () => (await refusals()) >= 2);
  expect(isOpen).toBe(false);
  await firstClient.close();
  await opening;
  await secondClient.sendEvent(new Message('{"let":"in"}'));
  await bench.messages.until(({ body }) => String(body) === '{"let":"in"}');
  await secondClient.close();
});
