// Messages for a device over MQTT: topics, acknowledgements, and what comes again.

import mqtt, { type IPublishPacket } from "mqtt-packet";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { IngestHub, aWhile } from "../../../test/lib/ingest-hub.ts";
import { RawMqtt } from "../../../test/lib/raw-mqtt.ts";
import type { CloudMessage, NewCloudMessage } from "../../registry/registry.ts";

let hub: IngestHub;
let made = 0;
let id: string;
beforeAll(async () => {
  hub = await IngestHub.open();
});
afterAll(async () => await hub.close());
beforeEach(async () => {
  id = `pump-${++made}`;
  await hub.createDevice(id);
});

const filter = (): string => `devices/${id}/messages/devicebound/#`;
const send = async (body: string, more: Partial<NewCloudMessage> = {}): Promise<CloudMessage> =>
  await hub.cloudMessages.send(id, { body: Buffer.from(body), ...more });
const states = async (): Promise<readonly string[]> => (await hub.registry.cloudMessages(id)).map(({ state }) => state);

async function connected(qos: 0 | 1 | null = 1, clean = false): Promise<RawMqtt> {
  const client = await RawMqtt.device(hub.mqttPort, id, hub.token(id), { clean });
  if (qos !== null) await subscribe(client, qos);
  return client;
}

async function subscribe(client: RawMqtt, qos: 0 | 1): Promise<void> {
  client.send(mqtt.generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: filter(), qos }] }));
  expect(await client.next()).toMatchObject({ cmd: "suback", granted: [qos] });
}

async function next(client: RawMqtt): Promise<IPublishPacket> {
  const packet = await client.next();
  if (packet === "ended" || packet.cmd !== "publish") throw new Error(`no message: ${JSON.stringify(packet)}`);
  return packet;
}

const puback = ({ messageId = 0 }: IPublishPacket): Buffer => mqtt.generate({ cmd: "puback", messageId });

/** Nothing else came. */
async function silent(client: RawMqtt): Promise<void> {
  client.send(Buffer.from([0xc0, 0]));
  expect(await client.next()).toMatchObject({ cmd: "pingresp" });
}

async function settled(expected: readonly string[]): Promise<void> {
  const endMs = performance.now() + 5_000;
  while ((await states()).join() !== expected.join() && performance.now() < endMs) await aWhile(5);
  expect(await states()).toEqual(expected);
}

test("the bag is the fifth segment, system properties first, and nothing in it is a slash", async () => {
  const { expiresAt } = await send("x", {
    messageId: "m:1",
    correlationId: "c",
    userId: "u",
    contentType: "application/json",
    contentEncoding: "utf-8",
    properties: { level: "a/b&c=d e%", empty: "" },
  });
  const client = await connected();
  const packet = await next(client);
  expect(packet).toMatchObject({ qos: 1, dup: false, retain: false, messageId: 1 });
  expect(packet.payload.toString()).toBe("x");
  const to = encodeURIComponent(`/devices/${id}/messages/devicebound`);
  expect(packet.topic).toBe(
    `devices/${id}/messages/devicebound/%24.mid=m%3A1&%24.cid=c&%24.uid=u&%24.ct=application%2Fjson&%24.ce=utf-8&%24.to=${to}` +
      `&%24.exp=${encodeURIComponent(expiresAt)}&level=a%2Fb%26c%3Dd%20e%25&empty=`,
  );
  expect(packet.topic.split("/")).toHaveLength(5);
  client.destroy();
});

test("D2: a PUBACK completes a message; one of nothing says nothing", async () => {
  await send("one");
  await send("two");
  const client = await connected();
  const [one] = [await next(client), await next(client)];
  client.send(mqtt.generate({ cmd: "puback", messageId: 77 }));
  client.send(puback(one));
  client.send(puback(one));
  await settled(["delivering", "completed"]);
  await silent(client);
  client.destroy();
});

test("M1: no more than five are in flight; the others follow as these are acknowledged, in order", async () => {
  for (let index = 1; index <= 12; index++) await send(String(index));
  const client = await connected();
  const seen: string[] = [];
  const take = async (): Promise<IPublishPacket> => {
    const packet = await next(client);
    seen.push(packet.payload.toString());
    return packet;
  };
  const inFlight = [await take(), await take(), await take(), await take(), await take()];
  await silent(client);
  while (seen.length < 12) {
    client.send(puback(inFlight.shift()!));
    inFlight.push(await take());
  }
  for (const packet of inFlight) client.send(puback(packet));
  await settled(Array.from({ length: 12 }, () => "completed"));
  expect(seen).toEqual(Array.from({ length: 12 }, (_one, index) => String(index + 1)));
  client.destroy();
});

describe("D2: what is not acknowledged", () => {
  test("comes over the next connection at once, in order, with its packet id and marked DUP", async () => {
    for (const body of ["one", "two", "three"]) await send(body);
    const former = await connected();
    const first = [await next(former), await next(former), await next(former)];
    former.send(puback(first[1]!));
    await settled(["delivering", "delivering", "completed"]);
    former.destroy();
    const client = await connected(null);
    // The session is kept: without another SUBSCRIBE. And with one nothing comes twice.
    const again = [await next(client), await next(client)];
    expect(again.map(({ payload, messageId, dup }) => [payload.toString(), messageId, dup])).toEqual([
      ["one", 1, true],
      ["three", 3, true],
    ]);
    await subscribe(client, 1);
    await silent(client);
    await send("four");
    expect(await next(client)).toMatchObject({ messageId: 4, dup: false });
    client.destroy();
  });

  test("goes to the connection that takes over, not to the former", async () => {
    await send("one");
    const former = await connected();
    const packet = await next(former);
    const client = await connected(null);
    expect(await next(client)).toMatchObject({ messageId: packet.messageId, dup: true });
    await former.ended;
    client.send(puback(packet));
    await settled(["completed"]);
    client.destroy();
  });

  test("is given back when the device leaves the topic", async () => {
    await send("one");
    const client = await connected();
    await next(client);
    client.send(mqtt.generate({ cmd: "unsubscribe", messageId: 2, unsubscriptions: [filter()] }));
    expect(await client.next()).toMatchObject({ cmd: "unsuback" });
    await settled(["queued"]);
    await subscribe(client, 1);
    expect(await next(client)).toMatchObject({ dup: true });
    client.destroy();
  });

  test("waits without a session that was kept, for a SUBSCRIBE", async () => {
    await send("one");
    const former = await connected(1, true);
    await next(former);
    former.destroy();
    const client = await connected(null, true);
    await aWhile();
    await silent(client);
    await subscribe(client, 1);
    expect((await next(client)).payload.toString()).toBe("one");
    client.destroy();
  });
});

test("with QoS 0 a message is complete when it is written", async () => {
  await send("one");
  await send("two");
  const client = await connected(0);
  expect(await next(client)).toMatchObject({ qos: 0, dup: false });
  expect(await next(client)).toMatchObject({ qos: 0 });
  await settled(["completed", "completed"]);
  client.destroy();
});

test("M1: a device that reads nothing holds no more than it did", async () => {
  await hub.close();
  hub = await IngestHub.open({ limits: { connectionUnsentBytesMax: 16 * 1024 } });
  await hub.createDevice(id);
  const client = await connected();
  client.socket.pause();
  for (let index = 0; index < 15; index++) await send("x".repeat(60_000), { messageId: `m-${index}` });
  await aWhile(100);
  expect((await states()).filter((state) => state === "delivering").length).toBeLessThanOrEqual(5);
  client.socket.resume();
  for (let index = 0; index < 15; index++) client.send(puback(await next(client)));
  await settled(Array.from({ length: 15 }, () => "completed"));
  client.destroy();
});
