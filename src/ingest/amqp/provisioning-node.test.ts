// Provisioning over AMQP, with rhea as the device: who is let in, and what it is told.

import type { Message, Sender } from "rhea";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AmqpClient } from "../../../test/lib/amqp-client.ts";
import { IngestHub, until } from "../../../test/lib/ingest-hub.ts";
import { emptyTemplate } from "../../../test/lib/plain-devices.ts";
import { derivedKey } from "../../registry/derived-key.ts";
import { makeSasToken } from "../sas-token.ts";

let hub: IngestHub;
let idScope: string;
const groupKey = Buffer.alloc(64, 3).toString("base64");
const waitingKey = Buffer.alloc(64, 5).toString("base64");

beforeAll(async () => {
  hub = await IngestHub.open();
  ({ idScope } = await hub.registry.idScopes());
  const terms = { primaryKey: groupKey, secondaryKey: groupKey, templateId: emptyTemplate.id };
  await hub.registry.createEnrollmentGroup({ name: "line", ...terms });
  const byHand = { primaryKey: waitingKey, secondaryKey: waitingKey, autoApprove: false };
  await hub.registry.createEnrollmentGroup({ name: "by hand", ...byHand });
});
afterAll(() => hub.close());

interface Node {
  readonly client: AmqpClient;
  readonly sender: Sender;
  readonly answers: readonly Message[];
}

async function clientOf(id: string, groupsKey = groupKey): Promise<AmqpClient> {
  const user = `${idScope}/registrations/${id}`;
  const token = makeSasToken(user, derivedKey(groupsKey, id), Date.now() + 60_000, "registration");
  return await AmqpClient.open(hub.amqpPort, { user, password: token });
}

/** With both links. */
async function nodeOf(id: string, groupsKey = groupKey): Promise<Node> {
  const client = await clientOf(id, groupsKey);
  const address = `${idScope}/registrations/${id}`;
  const answers = await client.messages(`amqps://hub/${address}`);
  const sender = await client.sender(address);
  if (typeof sender === "string") throw new Error(sender);
  return { client, sender, answers };
}

async function ask({ client, sender, answers }: Node, operation: string, more: object, body = ""): Promise<Message> {
  const before = answers.length;
  const application = { "iotdps-operation-type": operation, ...more };
  const message = { correlation_id: "c-1", application_properties: application, body };
  expect(await client.send(sender, message)).toMatchObject({ state: "accepted" });
  await until(() => answers.length > before, "it is answered");
  return answers[before] as Message;
}

// oxlint-disable-next-line typescript/no-explicit-any -- JSON of the hub
const jsonOf = ({ body }: Message): any => JSON.parse((body as { content: Buffer }).content.toString());

test("D2: a device registers, and is told of its hub; its id comes back as correlation id", async () => {
  const node = await nodeOf("amqp-1");
  const answer = await ask(node, "iotdps-register", {}, JSON.stringify({ registrationId: "amqp-1" }));
  expect(answer.correlation_id).toBe("c-1");
  expect(jsonOf(answer)).toMatchObject({ status: "assigned", registrationState: { deviceId: "amqp-1" } });
  expect(await hub.registry.device("amqp-1")).toMatchObject({ id: "amqp-1" });
  node.client.destroy();
});

test("One that waits is told for how long in the words of Java's SDK and of C#'s, and may ask", async () => {
  const node = await nodeOf("amqp-2", waitingKey);
  const waiting = await ask(node, "iotdps-register", {});
  const { operationId, status } = jsonOf(waiting);
  expect(status).toBe("assigning");
  expect(waiting.application_properties).toEqual({ "retry-after": 3, "Retry-After": 3 });
  const polled = await ask(node, "iotdps-get-operationstatus", { "iotdps-operation-id": operationId });
  expect(jsonOf(polled)).toMatchObject({ operationId, status: "assigning" });
  node.client.destroy();
});

test("A request that is refused is rejected; its description is the answer's JSON", async () => {
  const { client, sender } = await nodeOf("amqp-3");
  const send = async (properties: object, body = ""): Promise<unknown> =>
    await client.send(sender, { application_properties: properties, body });
  const register = { "iotdps-operation-type": "iotdps-register" };
  expect(await send(register, "no JSON")).toMatchObject({ state: "rejected", condition: "amqp:invalid-field" });
  const poll = { "iotdps-operation-type": "iotdps-get-operationstatus", "iotdps-operation-id": "x" };
  expect(await send(poll)).toMatchObject({ state: "rejected", condition: "amqp:not-found" });
  expect(await send({})).toMatchObject({ state: "rejected", condition: "amqp:decode-error" });
  client.destroy();
});

test("A1: a wrong key and an id that nobody knows are refused alike, and counted", async () => {
  const before = [hub.rejections("token-signature"), hub.rejections("unknown-registration")];
  const user = `${idScope}/registrations/amqp-4`;
  const wrong = makeSasToken(user, derivedKey(groupKey, "another"), Date.now() + 60_000, "registration");
  await expect(AmqpClient.open(hub.amqpPort, { user, password: wrong })).rejects.toThrow("");
  expect([hub.rejections("token-signature"), hub.rejections("unknown-registration")]).toEqual([
    (before[0] ?? 0) + 1,
    before[1],
  ]);
});

test("Who is provisioned has no other registration's links, and none of the hub's", async () => {
  const client = await clientOf("amqp-5");
  await hub.createDevice("amqp-other");
  expect(await client.sender(`${idScope}/registrations/amqp-6`)).toBe("amqp:unauthorized-access");
  expect(await client.sender("/devices/amqp-other/messages/events")).toBe("amqp:unauthorized-access");
  expect(await client.sender("/devices/amqp-5/messages/events")).toBe("amqp:unauthorized-access");
  client.destroy();
  const stranger = await AmqpClient.open(hub.amqpPort);
  expect(await stranger.sender(`${idScope}/registrations/amqp-5`)).toBe("amqp:unauthorized-access");
  stranger.destroy();
});
