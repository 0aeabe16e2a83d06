// Sessions that devices keep (clean=false): what the hub remembers from one connection to the next.

import mqtt, { type IConnectPacket } from "mqtt-packet";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type HubOptions, IngestHub, aWhile, until } from "../../../test/lib/ingest-hub.ts";
import { RawMqtt, connectBytes, publishBytes } from "../../../test/lib/raw-mqtt.ts";
import { silentLog } from "../../lib/log.ts";
import { KeptSessions } from "../kept-sessions.ts";

const template = {
  id: "fan",
  name: "Fan",
  publish: true,
  measurements: { telemetry: {}, states: {}, events: {} },
  settings: { device: { speed: { name: "Speed", dataType: "double", initialValue: 1 } } },
  properties: { cloud: {}, device: {} },
} as const;
const answers = "$iothub/twin/res/#";
const desired = "$iothub/twin/PATCH/properties/desired/#";
const methods = "$iothub/methods/POST/#";
const id = "fan-1";

let hub: IngestHub;
async function open(options: HubOptions = {}): Promise<void> {
  hub = await IngestHub.open(options);
  await hub.registry.createTemplate(template);
  await hub.createDevice(id, template.id);
}
beforeEach(() => open({ toldAfterMs: 1 }));
afterEach(() => hub.close());

/** @returns the connection and whether the hub had its session. */
async function connect(more: Partial<IConnectPacket> = {}) {
  const client = await RawMqtt.open(hub.mqttPort);
  client.send(connectBytes(id, hub.token(id), more));
  const connack = await client.next();
  if (connack === "ended" || connack.cmd !== "connack") throw new Error("no CONNACK");
  expect(connack.returnCode).toBe(0);
  return { client, isPresent: connack.sessionPresent };
}

async function subscribe(client: RawMqtt, ...filters: readonly string[]): Promise<void> {
  const subscriptions = filters.map((topic) => ({ topic, qos: 0 as const }));
  client.send(mqtt.generate({ cmd: "subscribe", messageId: 1, subscriptions }));
  expect(await client.next()).toMatchObject({ cmd: "suback", granted: filters.map(() => 0) });
}

async function leave(client: RawMqtt): Promise<void> {
  client.send(mqtt.generate({ cmd: "disconnect" }));
  await client.ended;
}

const setSpeed = (speed: number | null) => hub.registry.updateDevice(id, { settings: { device: { speed } } });

async function nextPush(client: RawMqtt): Promise<unknown> {
  const packet = await client.next();
  if (packet === "ended" || packet.cmd !== "publish") throw new Error(`no push: ${JSON.stringify(packet)}`);
  const body = JSON.parse(packet.payload.toString()) as { readonly $version: number };
  expect(packet.topic).toBe(`$iothub/twin/PATCH/properties/desired/?$version=${body.$version}`);
  return body;
}

/** Nothing but the answer to a ping. */
async function expectSilence(client: RawMqtt): Promise<void> {
  await aWhile();
  client.send(mqtt.generate({ cmd: "pingreq" }));
  expect(await client.next()).toMatchObject({ cmd: "pingresp" });
}

const owner = async () => ({ deviceId: id, generationId: (await hub.registry.device(id)).generationId });

describe("A session", () => {
  test("that has subscriptions is present at the next connection, and they hold", async () => {
    const first = await connect();
    expect(first.isPresent).toBe(false);
    await subscribe(first.client, answers);
    await leave(first.client);
    const { client, isPresent } = await connect();
    expect(isPresent).toBe(true);
    client.send(publishBytes({ topic: "$iothub/twin/GET/?$rid=1", payload: " ", qos: 0 }));
    expect(await client.next()).toMatchObject({ cmd: "publish", topic: "$iothub/twin/res/200/?$rid=1" });
    // What is left is left for good.
    client.send(mqtt.generate({ cmd: "unsubscribe", messageId: 2, unsubscriptions: [answers] }));
    expect(await client.next()).toMatchObject({ cmd: "unsuback" });
    await leave(client);
    expect((await connect()).isPresent).toBe(false);
  });

  test("serves direct methods at once", async () => {
    const first = await connect();
    await subscribe(first.client, methods);
    await leave(first.client);
    const { client } = await connect();
    const request = { name: "open", payload: "null", responseTimeoutMs: 30_000, connectTimeoutMs: 0 };
    void hub.methods.invoke(await owner(), request).catch(() => {});
    expect(await client.next()).toMatchObject({ cmd: "publish", topic: /^\$iothub\/methods\/POST\/open\// });
  });

  test("ends with a clean connection, also for the one after it", async () => {
    const first = await connect();
    await subscribe(first.client, desired);
    await leave(first.client);
    const clean = await connect({ clean: true });
    expect(clean.isPresent).toBe(false);
    await subscribe(clean.client, desired);
    await leave(clean.client);
    expect((await connect()).isPresent).toBe(false);
  });

  test("D1: ends with the device; one that is made anew has none", async () => {
    const first = await connect();
    await subscribe(first.client, desired);
    await hub.registry.deleteDevice(id);
    await first.client.ended;
    await hub.createDevice(id, template.id);
    expect((await connect()).isPresent).toBe(false);
  });

  test("D2: its SUBACK is sent when it is kept; what comes behind waits", async () => {
    const { client } = await connect();
    const subscriptions = [{ topic: answers, qos: 0 as const }];
    client.send(
      Buffer.concat([
        mqtt.generate({ cmd: "subscribe", messageId: 1, subscriptions }),
        publishBytes({ topic: "$iothub/twin/GET/?$rid=1", payload: " ", qos: 0 }),
        publishBytes({ topic: `devices/${id}/messages/events/`, payload: "x", packetId: 7 }),
      ]),
    );
    expect(await client.next()).toMatchObject({ cmd: "suback" });
    const { subscriptions: kept } = (await hub.registry.mqttSession(await owner()))!;
    expect(kept).toEqual(new Map([[answers, 0]]));
    const cmds = [await client.next(), await client.next()].map((packet) => packet !== "ended" && packet.cmd);
    expect(new Set(cmds)).toEqual(new Set(["puback", "publish"]));
  });

  test("M1: expires when nobody uses it; one in use does not", async () => {
    const first = await connect();
    await subscribe(first.client, desired);
    const dayMs = 86_400_000;
    const sessions = new KeptSessions({ registry: hub.registry, expiryMs: 8 * dayMs, log: silentLog });
    const nowMs = Date.now();
    const kept = (await hub.registry.mqttSession(await owner()))!;
    const used = { owner: await owner(), isClean: false, ...kept };
    sessions.begin(used);
    await sessions.sweepNow(nowMs + 5 * dayMs);
    sessions.end(used);
    await sessions.sweepNow(nowMs + 13 * dayMs);
    expect(await hub.registry.mqttSession(await owner())).not.toBeNull();
    expect(await sessions.open(await owner(), false, nowMs + 15 * dayMs)).toBeNull();
    expect(await hub.registry.mqttSession(await owner())).toBeNull();
  });
});

describe("What is wanted of a device that is away", () => {
  test("comes right behind the CONNACK, as one patch, once; subscribing again brings nothing", async () => {
    const first = await connect();
    await subscribe(first.client, desired);
    await leave(first.client);
    await setSpeed(2);
    await hub.registry.patchDesired(id, { note: "x", passing: 1 });
    await hub.registry.patchDesired(id, { passing: null });
    const { client } = await connect();
    expect(await nextPush(client)).toEqual({ speed: { value: 2 }, note: "x", $version: 4 });
    await subscribe(client, desired);
    await expectSilence(client);
    await setSpeed(null);
    expect(await nextPush(client)).toEqual({ speed: null, $version: 5 });
    await expectSilence(client);
  });

  test("is repeated until the device says something after it, then no more", async () => {
    const first = await connect();
    await subscribe(first.client, desired);
    await leave(first.client);
    await setSpeed(2);
    const push = { speed: { value: 2 }, $version: 2 };
    for (let again = 0; again < 2; again++) {
      const { client } = await connect();
      expect(await nextPush(client)).toEqual(push);
      client.destroy();
      await until(() => !hub.table.isOpen(id), "it is gone");
    }
    const { client } = await connect();
    expect(await nextPush(client)).toEqual(push);
    // The server looks once a second.
    await expect
      .poll(
        async () => {
          await expectSilence(client);
          return await hub.registry.untoldDesired(await owner());
        },
        { timeout: 10_000 },
      )
      .toBeNull();
    client.destroy();
    await expectSilence((await connect()).client);
  });

  test("comes to one that begins to follow only from then on: it reads its twin", async () => {
    const first = await connect();
    await subscribe(first.client, answers);
    await leave(first.client);
    await setSpeed(2);
    const { client } = await connect();
    await subscribe(client, desired);
    await expectSilence(client);
  });

  test("is pushed as it comes to a clean connection, and forgotten after", async () => {
    const { client } = await connect({ clean: true });
    await subscribe(client, desired);
    await setSpeed(2);
    expect(await nextPush(client)).toEqual({ speed: { value: 2 }, $version: 2 });
    await leave(client);
    await setSpeed(3);
    const next = await connect({ clean: true });
    await subscribe(next.client, desired);
    await expectSilence(next.client);
  });

  test("comes once, in order, also when it changes while the device comes", async () => {
    const first = await connect();
    await subscribe(first.client, desired);
    await leave(first.client);
    for (let round = 0; round < 20; round++) {
      const changes = [setSpeed(100 + round), hub.registry.patchDesired(id, { round })];
      const [{ client }] = await Promise.all([connect(), ...changes]);
      const { version } = (await hub.registry.deviceTwin(id)).desired;
      const known: Record<string, unknown> = {};
      let last = 0;
      while (last < version) {
        const push = (await nextPush(client)) as { readonly $version: number };
        expect(push.$version).toBeGreaterThan(last);
        last = push.$version;
        Object.assign(known, push);
      }
      expect(known).toMatchObject({ speed: { value: 100 + round }, round, $version: version });
      await leave(client);
      await until(() => !hub.table.isOpen(id), "it is gone");
    }
  });
});

test("M1: a device that does not read what it is told is let go, and told at its next connection", async () => {
  await hub.close();
  await open({ limits: { connectionUnsentBytesMax: 4096 } });
  const first = await connect();
  await subscribe(first.client, desired);
  first.client.socket.pause();
  const before = hub.rejections("overloaded");
  for (let round = 0; hub.rejections("overloaded") === before; round++) {
    if (round === 2000) throw new Error("it takes whatever comes");
    const part = String(round % 10).repeat(4000);
    const text = Object.fromEntries(Array.from({ length: 7 }, (_, at) => [`text${at}`, part]));
    await hub.registry.patchDesired(id, { ...text, round });
  }
  first.client.destroy();
  const { client } = await connect();
  const { version } = (await hub.registry.deviceTwin(id)).desired;
  expect(await nextPush(client)).toMatchObject({ $version: version });
});

test("A device that connects in a loop is told to try later, and counted; the others are not", async () => {
  await hub.close();
  await open({ signInsPerSecondMax: 1 });
  await hub.createDevice("fan-2", template.id);
  const codes: unknown[] = [];
  for (let round = 0; round < 13; round++) {
    const client = await RawMqtt.open(hub.mqttPort);
    codes.push(await client.connect(connectBytes(id, hub.token(id))));
    client.destroy();
    await until(() => !hub.table.isOpen(id), "it is gone");
  }
  expect(codes.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 0));
  expect(codes.slice(10)).toContain(3);
  expect(hub.rejections("reconnecting")).toBeGreaterThan(0);
  (await RawMqtt.device(hub.mqttPort, "fan-2", hub.token("fan-2"))).destroy();
  // Who has no key cannot keep it out: refused for that, and not counted.
  const before = hub.rejections("reconnecting");
  const other = await RawMqtt.open(hub.mqttPort);
  expect(await other.connect(connectBytes(id, hub.token("fan-2")))).toBe(5);
  expect(hub.rejections("reconnecting")).toBe(before);
});
