// A device that sends more than it may, over each way that a message comes by. The clock is the test's.

import type { Packet } from "mqtt-packet";
import { afterEach, beforeEach, expect, test } from "vitest";
import { IngestHub, aWhile, until } from "../../test/lib/ingest-hub.ts";
import { RawMqtt, publishBytes } from "../../test/lib/raw-mqtt.ts";
import { SimulatedClock } from "../journal/clock.simulated.ts";
import { silentLog } from "../lib/log.ts";
import { Simulator } from "../simulator/simulator.ts";
import { DeviceRates } from "./device-rates.ts";

const ping = Buffer.from([0xc0, 0]);
let clock: SimulatedClock;
let hub: IngestHub | null = null;

beforeEach(() => {
  clock = new SimulatedClock(Date.parse("2026-01-02T03:04:05.000Z"), () => aWhile(20));
});
afterEach(async () => {
  await hub?.close();
  hub = null;
});

async function open(messagesPerSecondMax: number, bytesPerSecondMax = 0): Promise<IngestHub> {
  hub = await IngestHub.open({
    clock,
    rates: { messagesPerSecondMax, bytesPerSecondMax },
    limits: { keepAliveSecondsMax: 1 },
  });
  for (const id of ["loud", "quiet"]) await hub.createDevice(id);
  return hub;
}

function messages(count: number, payload: string | Buffer = "x", deviceId = "loud"): Buffer {
  const topic = `devices/${deviceId}/messages/events/`;
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => publishBytes({ topic, payload, packetId: index + 1 })),
  );
}

function post(of: IngestHub, body: string | Buffer, contentType = "application/octet-stream"): Promise<Response> {
  return fetch(`http://127.0.0.1:${of.httpPort}/devices/loud/messages/events?api-version=2021-04-12`, {
    method: "POST",
    headers: { authorization: of.token("loud"), "content-type": contentType },
    body: typeof body === "string" ? body : new Uint8Array(body),
  });
}

test("MQTT: reading waits for room in the bucket, in the order sent, and the connection stays", async () => {
  const of = await open(2);
  const client = await RawMqtt.device(of.mqttPort, "loud", of.token("loud"), { keepalive: 1 });
  client.send(Buffer.concat([messages(25), ping]));
  expect(await client.acknowledgements(20)).toHaveLength(20); // those of ten seconds at once
  expect(of.records("loud")).toHaveLength(20);
  expect(of.rejections("throttled")).toBe(1);
  await aWhile(3_500); // more than two keep-alives and a sweep: its ping is among what we do not read
  expect([client.isEnded, client.packets.length]).toEqual([false, 0]);
  await clock.pass(1_010);
  expect(of.records("loud")).toHaveLength(22);
  await clock.pass(1_600);
  const answers: unknown[] = [];
  while (answers.length < 6) answers.push(await client.next());
  // A ping is answered when it is read, a message when it is durable.
  const acknowledged = answers
    .filter((one) => (one as Packet).cmd === "puback")
    .map((one) => (one as Packet).messageId);
  expect(acknowledged).toEqual([21, 22, 23, 24, 25]);
  expect(answers).toContainEqual(expect.objectContaining({ cmd: "pingresp" }));
  expect(client.isEnded).toBe(false);
  client.destroy();
});

test("It is the device that is limited: a new connection has no bucket of its own, another device has", async () => {
  const of = await open(1);
  const first = await RawMqtt.device(of.mqttPort, "loud", of.token("loud"));
  first.send(messages(10));
  await first.acknowledgements(10);
  first.destroy();
  await first.ended;
  const second = await RawMqtt.device(of.mqttPort, "loud", of.token("loud"));
  second.send(messages(3));
  const quiet = await RawMqtt.device(of.mqttPort, "quiet", of.token("quiet"));
  quiet.send(messages(3, "x", "quiet"));
  await quiet.acknowledgements(3);
  expect([of.records("loud").length, of.records("quiet").length]).toEqual([10, 3]);
  await clock.pass(3_100);
  await second.acknowledgements(3);
  second.destroy();
  quiet.destroy();
});

test("Bytes: a message larger than the bucket passes, and is paid for before the next", async () => {
  const of = await open(0, 1_000);
  const client = await RawMqtt.device(of.mqttPort, "loud", of.token("loud"));
  client.send(Buffer.concat([messages(1, Buffer.alloc(30_000)), messages(1)]));
  await client.acknowledgements(1);
  await clock.pass(19_900); // 30,000 of 10,000 bytes
  expect(of.records("loud")).toHaveLength(1);
  await clock.pass(400);
  await client.acknowledgements(1);
  client.destroy();
});

test("HTTPS: 429 with Retry-After, before the body is read and before the journal takes it; a batch counts its messages", async () => {
  const of = await open(1);
  const batch = JSON.stringify(Array.from({ length: 12 }, () => ({ body: "eA==" })));
  expect((await post(of, batch, "application/vnd.microsoft.iothub.json")).status).toBe(204);
  const refused = await post(of, "x");
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "4"]); // two too many, and one to send
  expect(await refused.json()).toEqual({
    Message: "ErrorCode:ThrottlingException;The device sends more than it may.",
    ExceptionMessage: "Reason:throttled",
  });
  expect(of.rejections("throttled")).toBe(1);
  await clock.pass(3_100);
  expect((await post(of, "x")).status).toBe(204);
  expect(of.records("loud")).toHaveLength(13);
});

test("HTTPS: requests that come together share the bucket", async () => {
  const of = await open(1);
  of.writer.refuseWith("wait");
  const posts = Array.from({ length: 25 }, async () => (await post(of, "x")).status);
  await until(() => of.writer.waitingForRoom === 25, "all of them were let through, and wait for the journal");
  of.writer.refuseWith(null);
  const statuses = await Promise.all(posts);
  expect(statuses.filter((one) => one === 204)).toHaveLength(10);
  expect(statuses.filter((one) => one === 429)).toHaveLength(15);
});

test("A simulated device is held to it, too", async () => {
  const of = await open(1);
  await of.registry.createTemplate({
    id: "cooler",
    name: "C",
    publish: true,
    measurements: { telemetry: { temp: { name: "T", dataType: "double" } }, states: {}, events: {} },
    settings: { device: {} },
    properties: { cloud: {}, device: {} },
  });
  await of.registry.createDevice({ id: "fast", templateId: "cooler", simulated: true });
  const { registry, accept } = of;
  const simulator = await Simulator.start({ registry, accept, clock, log: silentLog, intervalMs: 250 });
  await clock.pass(20_000);
  const { sent, skipped } = simulator.status();
  expect(sent).toBeGreaterThanOrEqual(29); // ten at once, and one each second
  expect(sent).toBeLessThanOrEqual(31);
  expect(sent + skipped).toBe(80);
  expect(of.rejections("throttled")).toBe(skipped);
  await simulator.stop();
});

test("M1: buckets that are full again are dropped, and there are never more than allowed", async () => {
  const rates = new DeviceRates({ messagesPerSecondMax: 1, bytesPerSecondMax: 0, clock, devicesMax: 100 });
  for (let device = 0; device < 60; device++) rates.bucketOf(`a-${device}`).spend(5, 1);
  rates.bucketOf("deep").spend(100, 1);
  await clock.pass(20_000);
  rates.bucketOf("b");
  expect(rates.devices).toBe(2);
  expect(rates.bucketOf("deep").hasRoom).toBe(false); // what is owed is not forgiven
  for (let device = 0; device < 500; device++) rates.bucketOf(`c-${device}`).spend(5, 1);
  expect(rates.devices).toBe(100);
});

test("Off, a device sends as much as it can, and has no bucket", async () => {
  hub = await IngestHub.open({ clock });
  await hub.createDevice("loud");
  expect(hub.accept.rates).toBe(null);
  const client = await RawMqtt.device(hub.mqttPort, "loud", hub.token("loud"));
  client.send(messages(5_000));
  await client.acknowledgements(5_000);
  await until(() => hub?.records("loud").length === 5_000, "all are taken");
  client.destroy();
});
