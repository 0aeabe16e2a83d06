// D1: a device sends only as itself, only while it may. And how a connection's end is told: the will.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import mqtt from "mqtt-packet";
import { IngestHub, aWhile, until } from "../../../test/lib/ingest-hub.ts";
import { RawMqtt, connectBytes, publishBytes } from "../../../test/lib/raw-mqtt.ts";
import { makeSasToken } from "../sas-token.ts";

let hub: IngestHub;
let devices = 0;
/** Credentials are not answered while it is set. */
let gate: Promise<void> | null = null;

beforeAll(async () => {
  hub = await IngestHub.open({
    wrap: (registry) => ({
      deviceCredentials: async (id) => {
        const found = await registry.deviceCredentials(id);
        await gate;
        return found;
      },
      moduleCredentials: (...id) => registry.moduleCredentials(...id),
      policyKeys: (name) => registry.policyKeys(name),
      trustedCaCertificates: () => registry.trustedCaCertificates(),
    }),
  });
});
afterAll(() => hub.close());

async function created(): Promise<{ id: string; topic: string }> {
  const id = `dev-${++devices}`;
  await hub.createDevice(id);
  return { id, topic: `devices/${id}/messages/events/` };
}

function will(topic: string, payload = "gone", more: { retain?: boolean } = {}) {
  return { will: { topic, payload: Buffer.from(payload), qos: 1 as const, retain: more.retain ?? false } };
}

describe("D1: a live connection ends, without its will, when its device", () => {
  const changes: readonly (readonly [string, (id: string) => Promise<unknown>])[] = [
    ["is deleted", (id) => hub.registry.deleteDevice(id)],
    ["is disabled", (id) => hub.registry.updateDevice(id, { enabled: false })],
    ["gets a new primary key", (id) => hub.registry.setDeviceKeys(id, "regenerate-primary")],
  ];
  test.each(changes)("%s", async (_, change) => {
    const { id, topic } = await created();
    const client = await RawMqtt.device(hub.mqttPort, id, hub.token(id), will(topic));
    await client.publish({ topic, payload: "before" });
    await change(id);
    client.send(publishBytes({ topic, payload: "after" }));
    expect(await client.next()).toBe("ended");
    await aWhile(10);
    expect(hub.bodies(id)).toEqual(["before"]);
    const again = await RawMqtt.open(hub.mqttPort);
    expect(await again.connect(connectBytes(id, hub.token(id)))).toBe(5);
    await again.ended;
  });

  test.each(changes)("%s, also while its credentials are being read", async (_, change) => {
    const { id } = await created();
    const token = hub.token(id);
    let open = (): void => {};
    gate = new Promise((resolve) => {
      open = resolve;
    });
    const client = await RawMqtt.open(hub.mqttPort);
    client.send(connectBytes(id, token));
    await aWhile(10);
    await change(id);
    open();
    gate = null;
    expect(await client.next()).toBe("ended");
    expect(hub.table.isOpen(id)).toBe(false);
  });

  test("came in by a hub policy that is deleted; those with keys of their own stay", async () => {
    const [one, other] = [await created(), await created()];
    await hub.registry.createPolicy("temporary");
    const { primaryKey } = (await hub.registry.policyKeys("temporary")) ?? { primaryKey: "" };
    const token = makeSasToken("localhost", primaryKey, Date.now() + 60_000, "temporary");
    const byPolicy = await RawMqtt.device(hub.mqttPort, one.id, token);
    const byKey = await RawMqtt.device(hub.mqttPort, other.id, hub.token(other.id));
    await hub.registry.deletePolicy("temporary");
    expect(await byPolicy.next()).toBe("ended");
    await byKey.publish({ topic: other.topic, payload: "still here" });
    byKey.destroy();
  });

  test("but not when its name or a property changes", async () => {
    const { id, topic } = await created();
    const client = await RawMqtt.device(hub.mqttPort, id, hub.token(id));
    await hub.registry.updateDevice(id, { name: "Another name" });
    await client.publish({ topic, payload: "still here" });
    client.destroy();
  });

  test("and a re-created device has another generation", async () => {
    const { id, topic } = await created();
    await (await RawMqtt.device(hub.mqttPort, id, hub.token(id))).publish({ topic, payload: "first" });
    await hub.registry.deleteDevice(id);
    await hub.createDevice(id);
    await (await RawMqtt.device(hub.mqttPort, id, hub.token(id))).publish({ topic, payload: "second" });
    const generations = hub.records(id).map(({ SystemProperties }) => SystemProperties["connectionDeviceGenerationId"]);
    expect(new Set(generations).size).toBe(2);
    expect(String(generations[0]) < String(generations[1])).toBe(true);
  });
});

describe("A second connection of a device", () => {
  test("throws the first out", async () => {
    const { id, topic } = await created();
    const first = await RawMqtt.device(hub.mqttPort, id, hub.token(id));
    const before = hub.counters.connectionsTakenOver;
    const second = await RawMqtt.device(hub.mqttPort, id, hub.token(id));
    expect(await first.next()).toBe("ended");
    expect(hub.counters.connectionsTakenOver).toBe(before + 1);
    await second.publish({ topic, payload: "second" });
    second.destroy();
    await until(() => !hub.table.isOpen(id), "it left");
  });

  test("that may not come in leaves the first alone", async () => {
    const { id, topic } = await created();
    const first = await RawMqtt.device(hub.mqttPort, id, hub.token(id));
    const second = await RawMqtt.open(hub.mqttPort);
    expect(await second.connect(connectBytes(id, hub.token(id, 0)))).toBe(5);
    await first.publish({ topic, payload: "first" });
    first.destroy();
  });
});

describe("The will", () => {
  test("is a message of the device, marked, after its socket broke", async () => {
    const { id, topic } = await created();
    const client = await RawMqtt.device(hub.mqttPort, id, hub.token(id), will(`${topic}%24.ct=text%2Fplain&k=v`));
    client.socket.resetAndDestroy();
    await until(() => hub.records(id).length === 1, "the will is journaled");
    const [record] = hub.records(id);
    expect(record?.Body.toString()).toBe("gone");
    expect(record?.Properties).toEqual({ k: "v", "iothub-MessageType": "Will" });
    expect(record?.SystemProperties["contentType"]).toBe("text/plain");
  });

  test("keeps its retain flag as a property", async () => {
    const { id, topic } = await created();
    (await RawMqtt.device(hub.mqttPort, id, hub.token(id), will(topic, "kept", { retain: true }))).destroy();
    await until(() => hub.records(id).length === 1, "the will is journaled");
    expect(hub.records(id)[0]?.Properties).toEqual({ "iothub-MessageType": "Will", "mqtt-retain": "true" });
  });

  test("is sent when the socket just ends, after a violation, and when another connection takes over", async () => {
    const { id, topic } = await created();
    const ending = await RawMqtt.device(hub.mqttPort, id, hub.token(id), will(topic, "ended"));
    ending.socket.end();
    await until(() => hub.records(id).length === 1, "the first will is journaled");
    const violating = await RawMqtt.device(hub.mqttPort, id, hub.token(id), will(topic, "violated"));
    violating.send(publishBytes({ topic: "nowhere", payload: "x" }));
    await violating.ended;
    await RawMqtt.device(hub.mqttPort, id, hub.token(id), will(topic, "taken over"));
    const last = await RawMqtt.device(hub.mqttPort, id, hub.token(id));
    await until(() => hub.records(id).length === 3, "all wills are journaled");
    expect(hub.bodies(id)).toEqual(["ended", "violated", "taken over"]);
    last.destroy();
  });

  test("is not sent after DISCONNECT", async () => {
    const { id, topic } = await created();
    const client = await RawMqtt.device(hub.mqttPort, id, hub.token(id), will(topic));
    client.send(mqtt.generate({ cmd: "disconnect" }));
    await client.ended;
    await aWhile(10);
    expect(hub.records(id)).toEqual([]);
  });

  test("waits for room, and is counted when there is none for good", async () => {
    const { id, topic } = await created();
    hub.writer.refuseWith("wait");
    (await connectedWith(id, will(topic))).destroy();
    await until(() => hub.writer.waitingForRoom > 0, "the will waits");
    hub.writer.refuseWith(null);
    await until(() => hub.records(id).length === 1, "the will is journaled");

    const before = hub.rejections("will-lost");
    const client = await connectedWith(id, will(topic));
    hub.writer.refuseWith("full");
    client.destroy();
    await until(() => hub.rejections("will-lost") === before + 1, "the loss is counted");
    hub.writer.refuseWith(null);
    expect(hub.records(id)).toHaveLength(1);
  });
});

async function connectedWith(id: string, more: ReturnType<typeof will>): Promise<RawMqtt> {
  return await RawMqtt.device(hub.mqttPort, id, hub.token(id), more);
}
