// Modules at both front ends: identities of their own, beside their device.

import mqtt, { type Packet } from "mqtt-packet";
import { afterAll, beforeAll, expect, test } from "vitest";
import { IngestHub, aWhile, until } from "../../test/lib/ingest-hub.ts";
import { RawMqtt, connectBytes, publishBytes } from "../../test/lib/raw-mqtt.ts";
import { makeSasToken } from "./sas-token.ts";

let hub: IngestHub;
let count = 0;
beforeAll(async () => {
  hub = await IngestHub.open();
});
afterAll(() => hub.close());

interface Made {
  readonly id: string;
  readonly topic: string;
  readonly token: string;
  readonly generationId: string;
}

async function created(): Promise<Made> {
  const id = `dev-${++count}`;
  await hub.createDevice(id);
  const { generationId } = await hub.registry.createModule(id, { id: "m" });
  return { id, topic: `devices/${id}/modules/m/messages/events/`, token: await tokenOf(id), generationId };
}

async function tokenOf(id: string): Promise<string> {
  const { primaryKey } = await hub.registry.moduleKeys(id, "m");
  return makeSasToken(`localhost/devices/${id}/modules/m`, primaryKey, Date.now() + 3_600_000);
}

function connect({ id, token }: Made): Promise<RawMqtt> {
  return RawMqtt.device(hub.mqttPort, `${id}/m`, token);
}

async function answer(clientId: string, token: string): Promise<number | "ended"> {
  const client = await RawMqtt.open(hub.mqttPort);
  const code = await client.connect(connectBytes(clientId, token));
  client.socket.destroy();
  return code;
}

async function post(id: string, module: string, token: string): Promise<number> {
  const url = `http://127.0.0.1:${hub.httpPort}/devices/${id}/modules/${module}/messages/events?api-version=2021-04-12`;
  return (await fetch(url, { method: "POST", headers: { authorization: token }, body: "over http" })).status;
}

async function text(client: RawMqtt): Promise<string> {
  const packet = (await client.next()) as Packet;
  return packet.cmd === "publish" ? `${packet.topic} ${packet.payload.toString()}` : packet.cmd;
}

test("A module sends over MQTT and HTTPS, and its records name it, its device and that one's generation", async () => {
  const made = await created();
  const client = await connect(made);
  await client.publish({ topic: made.topic, payload: "over mqtt" });
  expect(await post(made.id, "m", made.token)).toBe(204);
  await until(() => hub.records(made.id).length === 2, "both are journaled");
  expect(hub.bodies(made.id)).toEqual(["over mqtt", "over http"]);
  const { generationId } = await hub.registry.device(made.id);
  for (const { SystemProperties } of hub.records(made.id)) {
    expect(SystemProperties).toMatchObject({
      connectionDeviceId: made.id,
      connectionModuleId: "m",
      connectionAuthMethod: '{"scope":"module","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
      connectionDeviceGenerationId: generationId,
    });
  }
  client.send(publishBytes({ topic: `devices/${made.id}/messages/events/`, payload: "as its device" }));
  expect(await client.next()).toBe("ended");
});

test("A module, another one and their device are connected side by side; a second connection ends the module's own", async () => {
  const made = await created();
  await hub.registry.createModule(made.id, { id: "n" });
  const { primaryKey } = await hub.registry.moduleKeys(made.id, "n");
  const otherToken = makeSasToken(`localhost/devices/${made.id}`, primaryKey, Date.now() + 60_000);
  const device = await RawMqtt.device(hub.mqttPort, made.id, hub.token(made.id));
  const module = await connect(made);
  const other = await RawMqtt.device(hub.mqttPort, `${made.id}/n`, otherToken);
  await aWhile();
  expect([device.isEnded, module.isEnded, other.isEnded]).toEqual([false, false, false]);
  const again = await connect(made);
  expect(await module.next()).toBe("ended");
  expect([device.isEnded, other.isEnded, again.isEnded]).toEqual([false, false, false]);
  for (const client of [device, other, again]) client.socket.destroy();
});

test("A1: an unknown module, its device's key and a foreign key get the answer of an unknown device", async () => {
  const { id, token } = await created();
  const before = hub.rejections("unknown-module");
  expect(await answer(`${id}/none`, token)).toBe(5);
  expect(hub.rejections("unknown-module")).toBe(before + 1);
  expect(await answer(`${id}/m`, hub.token(id))).toBe(5);
  expect(await answer(id, token)).toBe(5);
  expect(await post(id, "none", token)).toBe(401);
  expect(await post(id, "m", hub.token(id))).toBe(401);
  expect(await post(id, "%zz", token)).toBe(501);
});

test.each([
  ["the module is deleted", async (id: string) => await hub.registry.deleteModule(id, "m")],
  ["its key changes", async (id: string) => await hub.registry.setModuleKeys(id, "m", "regenerate-primary")],
  ["its device is deleted", async (id: string) => await hub.registry.deleteDevice(id)],
  ["its device is disabled", async (id: string) => await hub.registry.updateDevice(id, { enabled: false })],
])("D1: a module's connection ends when %s", async (_what, change) => {
  const made = await created();
  const client = await connect(made);
  await change(made.id);
  expect(await client.next()).toBe("ended");
  expect(await answer(`${made.id}/m`, made.token)).toBe(5);
});

test("D1: a module's end leaves its device's connection alone", async () => {
  const made = await created();
  const device = await RawMqtt.device(hub.mqttPort, made.id, hub.token(made.id));
  await hub.registry.deleteModule(made.id, "m");
  await aWhile();
  expect(device.isEnded).toBe(false);
  device.socket.destroy();
});

test("A module reads its own twin, reports, and is told of what is wanted of it; its device is not", async () => {
  const made = await created();
  const clients = [await connect(made), await RawMqtt.device(hub.mqttPort, made.id, hub.token(made.id))] as const;
  const topics = ["$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#"];
  for (const client of clients) {
    client.send(
      mqtt.generate({ cmd: "subscribe", messageId: 1, subscriptions: topics.map((topic) => ({ topic, qos: 0 })) }),
    );
    expect(await text(client)).toBe("suback");
  }
  const [module, device] = clients;
  const ask = (rest: string, payload: string): void =>
    module.send(publishBytes({ topic: `$iothub/twin/${rest}?$rid=1`, payload, qos: 0 }));
  await hub.registry.patchModuleDesired(made.id, "m", { interval: 5 });
  const pushed = '$iothub/twin/PATCH/properties/desired/?$version=2 {"interval":5,"$version":2}';
  expect(await text(module)).toBe(pushed);
  ask("PATCH/properties/reported/", '{"frames":7}');
  expect(await text(module)).toBe("$iothub/twin/res/204/?$rid=1&$version=2 ");
  ask("GET/", " ");
  const twin = '{"desired":{"interval":5,"$version":2},"reported":{"frames":7,"$version":2}}';
  expect(await text(module)).toBe(`$iothub/twin/res/200/?$rid=1 ${twin}`);
  await hub.registry.patchDesired(made.id, { other: 1 });
  expect(await text(device)).toBe('$iothub/twin/PATCH/properties/desired/?$version=2 {"other":1,"$version":2}');
  await aWhile();
  expect([module.packets, device.packets]).toEqual([[], []]);
  for (const client of clients) client.socket.destroy();
});

test("A module answers direct methods that are for it", async () => {
  const made = await created();
  const client = await connect(made);
  const subscriptions = [{ topic: "$iothub/methods/POST/#", qos: 0 as const }];
  client.send(mqtt.generate({ cmd: "subscribe", messageId: 1, subscriptions }));
  expect(await text(client)).toBe("suback");
  const request = { name: "reboot", payload: "1", responseTimeoutMs: 5_000, connectTimeoutMs: 0 };
  const { generationId } = await hub.registry.device(made.id);
  await expect(hub.methods.invoke({ deviceId: made.id, generationId }, request)).rejects.toMatchObject({
    code: "device-offline",
  });
  const outcome = hub.methods.invoke({ deviceId: made.id, moduleId: "m", generationId: made.generationId }, request);
  const requestId = /\$rid=(\S+)/.exec(await text(client))?.[1];
  client.send(publishBytes({ topic: `$iothub/methods/res/200/?$rid=${requestId}`, payload: '"done"', qos: 0 }));
  expect(await outcome).toEqual({ status: 200, payload: "done" });
  client.socket.destroy();
});
