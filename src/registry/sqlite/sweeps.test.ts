// Sweeps of many rows: in pieces, so that the event loop, and with it every device's messages, goes on between two.

import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { fridge, handClock } from "../contract/stand.ts";
import type { Registry } from "../registry.ts";
import { makeDirectory, openIn } from "./sqlite-stand.contract.ts";

const hourMs = 3_600_000;
const pieceMax = 200;

/** A registry with 1,000 devices, `fill`ed by one statement. */
async function filled(fill: string) {
  const directory = makeDirectory();
  const clock = handClock();
  const registry = await openIn(directory, { clock });
  await registry.createTemplate(fridge);
  await registry.createDevices(Array.from({ length: 1000 }, (_, at) => ({ id: `d${at}`, templateId: "fridge" })));
  const database = new DatabaseSync(path.join(directory, "registry.db"), { timeout: 5000 });
  onTestFinished(() => database.close());
  database.exec(fill);
  const count = (condition: string): number =>
    Number(database.prepare(`select count(*) as count from ${condition}`).get()?.["count"]);
  return { registry, clock, count };
}

/** The most that `count` falls by in one turn of the event loop while `work` goes on. */
async function mostInATurn(work: Promise<unknown>, count: () => number): Promise<number> {
  let most = 0;
  let before = count();
  const look = (): void => {
    const now = count();
    most = Math.max(most, before - now);
    before = now;
    watch = setImmediate(look);
  };
  let watch = setImmediate(look);
  await work;
  clearImmediate(watch);
  return most;
}

const message = (more: string): string =>
  `insert into cloud_messages (device_id, number, message_id, properties, body, body_bytes, bytes, state, delivery_count,
    enqueued_ms, expires_ms, ended_ms) select id, 1, 'm', '{"application":{}}', x'00', 1, 3, ${more} from devices`;

test("M1: messages that expired end 200 at a time, and are told of by device; what waits is counted", async () => {
  const { registry, clock, count } = await filled(message("'queued', 0, 0, 1000, null"));
  expect(await registry.cloudMessageTotals()).toEqual({ messages: 1000, bytes: 3000 });
  const ended = new Map<string, number>();
  registry.subscribe((event) => {
    if (event.kind === "cloud-messages-changed") ended.set(event.deviceId, event.ended.expired ?? 0);
  });
  const most = await mostInATurn(registry.sweepCloudMessages(), () => count("cloud_messages where ended_ms is null"));
  expect(most).toBe(pieceMax);
  expect(ended.size).toBe(1000);
  expect(new Set(ended.values())).toEqual(new Set([1]));
  expect(await registry.cloudMessageTotals()).toEqual({ messages: 0, bytes: 0 });
  expect((await registry.cloudMessages("d7"))[0]).toMatchObject({ state: "expired", bytes: 1 });

  clock.timeMs += 25 * hourMs;
  expect(await mostInATurn(registry.sweepCloudMessages(), () => count("cloud_messages"))).toBe(pieceMax);
  expect(count("cloud_messages")).toBe(0);
});

test("M1: what waits is counted, also when a device goes with its messages", async () => {
  const { registry } = await filled(message("'queued', 0, 0, 9e15, null"));
  await registry.deleteEachDevice(["d1", "d2"]);
  await registry.purgeCloudMessages("d3");
  await registry.sendCloudMessage("d3", { body: Buffer.from("abc"), messageId: "n" }, 1e9);
  const { messages } = await registry.cloudMessageTotals();
  expect(messages).toBe(998);
});

test("M1: sessions that nobody uses end 100 at a time, and are noted as used 100 at a time", async () => {
  const { registry, count } = await filled(
    `insert into mqtt_sessions (device_id, generation_id, subscriptions, used_ms) select id, generation_id, '{}', 1 from devices`,
  );
  const owners = (await everyDevice(registry)).map(({ id, generationId }) => ({ deviceId: id, generationId }));
  const unused = (): number => count("mqtt_sessions where used_ms = 1");
  expect(await mostInATurn(registry.useMqttSessions(owners.slice(0, 500), 2), unused)).toBe(100);
  const expireAll = async (): Promise<void> => {
    while ((await registry.expireMqttSessions(2)) > 0);
  };
  expect(await mostInATurn(expireAll(), unused)).toBe(100);
  expect(count("mqtt_sessions")).toBe(500);
});

async function everyDevice(registry: Registry) {
  return (await registry.devices({ limit: 1000 })).items;
}
