// Connections as Azure's SDK for Java makes them: a session for each device of a gateway, audiences that name no module.

import { Duplex } from "node:stream";
import type { Session } from "rhea";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AmqpClient } from "../../../test/lib/amqp-client.ts";
import { IngestHub, until } from "../../../test/lib/ingest-hub.ts";
import { makeSasToken } from "../sas-token.ts";

let hub: IngestHub;
let devices = 0;
beforeAll(async () => {
  hub = await IngestHub.open({ limits: { connectTimeoutMs: 20_000, connectionsMax: 2_000 } });
});
afterAll(() => hub.close());

async function newDevice(): Promise<string> {
  const id = `gateway-${++devices}`;
  await hub.createDevice(id);
  return id;
}

async function letIn(client: AmqpClient, id: string): Promise<void> {
  expect(await client.putToken(`localhost/devices/${id}`, hub.token(id))).toMatchObject({ status: 200 });
}

/** The device's own session, with links for its messages and its methods; resolves when they are open. */
async function sessionOf(client: AmqpClient, id: string): Promise<Session> {
  const session = client.connection.create_session();
  session.begin();
  const opened = ["messages/events", "methods/devicebound", "twin"].map(async (path) => {
    const sender = session.open_sender({ target: `/devices/${id}/${path}` });
    await new Promise((resolve) => sender.once("sendable", resolve));
  });
  await Promise.all(opened);
  return session;
}

test("A module is let in by its token also when the audience names only its device", async () => {
  const id = await newDevice();
  await hub.registry.createModule(id, { id: "m" });
  const { primaryKey } = await hub.registry.moduleKeys(id, "m");
  const token = makeSasToken(`localhost/devices/${id}/modules/m`, primaryKey, Date.now() + 60_000);
  const client = await AmqpClient.open(hub.amqpPort);
  expect(await client.putToken(`localhost/devices/${id}`, token)).toMatchObject({ status: 200 });
  const link = await client.sender(`/devices/${id}/modules/m/messages/events`);
  if (typeof link === "string") throw new Error(link);
  expect(await client.send(link, { body: "from the module" })).toMatchObject({ state: "accepted" });
  expect(hub.records(id)[0]?.SystemProperties).toMatchObject({ connectionModuleId: "m" });
  // For its device, or another's module, it is no token.
  expect(await client.sender(`/devices/${id}/messages/events`)).toBe("amqp:unauthorized-access");
  expect(await client.putToken(`localhost/devices/${await newDevice()}`, token)).toMatchObject({ status: 401 });
  client.destroy();
});

test("A module may wait for messages of the cloud, and gets none", async () => {
  const id = await newDevice();
  await hub.registry.createModule(id, { id: "m" });
  const { primaryKey } = await hub.registry.moduleKeys(id, "m");
  const token = makeSasToken(`localhost/devices/${id}/modules/m`, primaryKey, Date.now() + 60_000);
  const client = await AmqpClient.open(hub.amqpPort);
  await client.putToken(`localhost/devices/${id}/modules/m`, token);
  const link = await client.receiver(`/devices/${id}/modules/m/messages/devicebound`);
  const events = await client.sender(`/devices/${id}/modules/m/messages/events`);
  expect(typeof events).toBe("object"); // the hub has said all that it has to say of the first link
  expect([link.is_open(), link.is_closed()]).toEqual([true, false]);
  client.destroy();
});

test("A device whose session ends leaves, others on the connection stay, and it comes back with the token it brought", async () => {
  const [one, two] = [await newDevice(), await newDevice()];
  const client = await AmqpClient.open(hub.amqpPort);
  for (const id of [one, two]) await letIn(client, id);
  const session = await sessionOf(client, one);
  await sessionOf(client, two);
  expect([hub.table.isOpen(one), hub.table.isOpen(two)]).toEqual([true, true]);
  session.close();
  await until(() => !hub.table.isOpen(one), "it has left");
  expect(hub.table.isOpen(two)).toBe(true);
  await sessionOf(client, one);
  expect(hub.table.isOpen(one)).toBe(true);
  client.destroy();
});

test("D1: a device that left is let in no more when its access was taken away meanwhile", async () => {
  const [one, two] = [await newDevice(), await newDevice()];
  const client = await AmqpClient.open(hub.amqpPort);
  for (const id of [one, two]) await letIn(client, id);
  const session = await sessionOf(client, one);
  session.close();
  await until(() => !hub.table.isOpen(one), "it has left");
  await hub.registry.updateDevice(one, { enabled: false });
  expect(await client.sender(`/devices/${one}/messages/events`)).toBe("amqp:unauthorized-access");
  client.destroy();
});

test("A gateway has many devices on one connection, each with a session and its links", async () => {
  const ids: string[] = [];
  for (let at = 0; at < 100; at++) ids.push(await newDevice());
  const client = await AmqpClient.open(hub.amqpPort);
  for (const id of ids) await letIn(client, id);
  await Promise.all(ids.map(async (id) => await sessionOf(client, id)));
  expect(ids.filter((id) => !hub.table.isOpen(id))).toEqual([]);
  client.destroy();
  await until(() => ids.every((id) => !hub.table.isOpen(id)), "all have left");
});

test("A hub that stops ends the TCP connection, and not TLS before it: after that Azure's SDK for Java hears nothing more", async () => {
  const stopping = await IngestHub.open();
  const said: string[] = [];
  const stream = Object.assign(new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() }), {
    setNoDelay: () => {},
    destroySoon: () => stream.destroy(),
  });
  stream.on("finish", () => said.push("the end of TLS")).on("close", () => said.push("closed"));
  stopping.amqp.take(stream);
  await stopping.close();
  await until(() => said.length > 0, "it is over");
  expect(said).toEqual(["closed"]);
});
