// Direct methods over MQTT: topics, and what the end of a connection means for calls.

import mqtt from "mqtt-packet";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { IngestHub, until } from "../../../test/lib/ingest-hub.ts";
import { RawMqtt, publishBytes } from "../../../test/lib/raw-mqtt.ts";
import type { MethodAnswer } from "../../twins/methods.ts";

const filter = "$iothub/methods/POST/#";

let hub: IngestHub;
let made = 0;
let id: string;
beforeAll(async () => {
  hub = await IngestHub.open();
});
afterAll(() => hub.close());
beforeEach(async () => {
  id = `valve-${++made}`;
  await hub.createDevice(id);
});

async function connected(clean = true): Promise<RawMqtt> {
  const client = await RawMqtt.device(hub.mqttPort, id, hub.token(id), { clean });
  client.send(mqtt.generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: filter, qos: 0 }] }));
  expect(await client.next()).toMatchObject({ cmd: "suback" });
  return client;
}

async function invoke(name: string, payload = "null", connectTimeoutMs = 0): Promise<MethodAnswer> {
  const { generationId } = await hub.registry.device(id);
  const request = { name, payload, responseTimeoutMs: 30_000, connectTimeoutMs };
  return await hub.methods.invoke({ deviceId: id, generationId }, request);
}

async function nextCall(client: RawMqtt) {
  const packet = await client.next();
  if (packet === "ended" || packet.cmd !== "publish") throw new Error(`no call: ${JSON.stringify(packet)}`);
  const { topic, payload, qos } = packet;
  return { topic, payload: payload.toString(), qos, rid: /\?\$rid=(.+)$/.exec(topic)?.[1] ?? "" };
}

const reply = (rid: string, status: string | number, payload = ""): Buffer =>
  publishBytes({ topic: `$iothub/methods/res/${status}/?$rid=${rid}`, payload, qos: 0 });

test("a call comes on its topic, and the answer to it goes to the caller", async () => {
  const client = await connected();
  const answered = invoke("open", '{"by":3}');
  const { topic, payload, qos, rid } = await nextCall(client);
  expect({ topic, payload, qos }).toEqual({
    topic: `$iothub/methods/POST/open/?$rid=${rid}`,
    payload: '{"by":3}',
    qos: 0,
  });
  client.send(reply(rid, 200, '{"open":true}'));
  expect(await answered).toEqual({ status: 200, payload: { open: true } });
  client.destroy();
});

test.each([
  ["pump*start", "pump*start"],
  ["a:b@c,d;e=f$", "a:b@c,d;e=f$"],
  ["a/b?c#d+e f", "a%2Fb%3Fc%23d%2Be%20f"],
  ["ä", "%C3%A4"],
])("the name %s is the segment %s", async (name, segment) => {
  const client = await connected();
  const answered = invoke(name);
  const { topic, rid } = await nextCall(client);
  expect(topic).toBe(`$iothub/methods/POST/${segment}/?$rid=${rid}`);
  client.send(reply(rid, -1));
  expect(await answered).toEqual({ status: -1, payload: null });
  client.destroy();
});

test("a device that leaves the topic, or the hub, takes no calls, and those it had fail at once", async () => {
  const client = await connected();
  const left = invoke("open");
  await nextCall(client);
  client.send(mqtt.generate({ cmd: "unsubscribe", messageId: 2, unsubscriptions: [filter] }));
  await expect(left).rejects.toMatchObject({ code: "device-disconnected" });
  expect(await client.next()).toMatchObject({ cmd: "unsuback" });
  await expect(invoke("open")).rejects.toMatchObject({ code: "device-offline" });

  const again = await connected();
  const cut = invoke("open");
  await nextCall(again);
  again.destroy();
  await expect(cut).rejects.toMatchObject({ code: "device-disconnected" });
});

test("a device that is taken over fails the former connection's calls; the next ones go to the newest", async () => {
  const former = await connected();
  const cut = invoke("open");
  await nextCall(former);
  const [, client] = await Promise.all([
    expect(cut).rejects.toMatchObject({ code: "device-disconnected" }),
    connected(),
  ]);
  const answered = invoke("open");
  const { rid } = await nextCall(client);
  client.send(reply(rid, 200));
  expect(await answered).toMatchObject({ status: 200 });
  client.destroy();
});

test("a device whose session is kept answers over its next connection: its token was renewed meanwhile", async () => {
  const former = await connected(false);
  const answered = invoke("open");
  const { rid } = await nextCall(former);
  former.send(mqtt.generate({ cmd: "disconnect" }));
  await former.ended;
  const client = await RawMqtt.device(hub.mqttPort, id, hub.token(id));
  client.send(reply(rid, 200, '"open"'));
  expect(await answered).toEqual({ status: 200, payload: "open" });
  client.destroy();
});

test("a device that comes in time gets the call behind its SUBACK", async () => {
  const answered = invoke("open", "null", 10_000);
  const client = await connected();
  const { rid } = await nextCall(client);
  client.send(reply(rid, 204));
  expect(await answered).toMatchObject({ status: 204 });
  client.destroy();
});

test("answers that nobody waits for are counted; a topic that is none ends the connection", async () => {
  const client = await connected();
  const { lateAnswers } = hub.methods.counters;
  client.send(Buffer.concat([reply("x", 200), reply("", 200, "{")]));
  await until(() => hub.methods.counters.lateAnswers === lateAnswers + 2, "late answers are counted");
  const topics = hub.rejections("topic");
  client.send(reply("x", "ok"));
  expect(await client.next()).toBe("ended");
  expect(hub.rejections("topic")).toBe(topics + 1);
});
