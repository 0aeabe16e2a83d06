// What a device that comes by AMQP is told of its settings: each change, and first what it missed.

import rhea, { type Message, type Sender } from "rhea";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AmqpClient } from "../../../test/lib/amqp-client.ts";
import { IngestHub, aWhile, until } from "../../../test/lib/ingest-hub.ts";

const id = "amqp-1";
const desired = "/notifications/twin/properties/desired";

let hub: IngestHub;
beforeEach(async () => {
  hub = await IngestHub.open({ toldAfterMs: 1 });
  await hub.createDevice(id);
});
afterEach(() => hub.close());

class TwinClient {
  readonly #client: AmqpClient;
  readonly #requests: Sender;
  readonly #messages: Message[];
  #count = 0;

  private constructor(client: AmqpClient, requests: Sender, messages: Message[]) {
    this.#client = client;
    this.#requests = requests;
    this.#messages = messages;
  }

  static async open(): Promise<TwinClient> {
    const client = await AmqpClient.device(hub.amqpPort, id, hub.token(id));
    const messages = await client.messages(`/devices/${id}/twin`);
    const requests = await client.sender(`/devices/${id}/twin`);
    if (typeof requests === "string") throw new Error(requests);
    return new TwinClient(client, requests, messages);
  }

  /** @returns the status of the answer. */
  async ask(operation: "PUT" | "DELETE" | "POST"): Promise<unknown> {
    const correlationId = `twin:${++this.#count}`;
    const body = rhea.message.data_section(Buffer.from(" ")) as unknown;
    this.#requests.send({
      correlation_id: correlationId,
      message_annotations: { operation, resource: desired },
      body,
    });
    const answer = (): Message | undefined => this.#messages.find(({ correlation_id: of }) => of === correlationId);
    await until(() => answer() !== undefined, "it is answered");
    return Number(answer()?.message_annotations?.["status"]);
  }

  /** The patches that came, in order. */
  get pushes(): readonly unknown[] {
    const pushes = this.#messages.filter(({ correlation_id: of }) => of === undefined);
    return pushes.map(({ body }) => JSON.parse(String((body as { readonly content: Buffer }).content)) as unknown);
  }

  async hears(count: number): Promise<readonly unknown[]> {
    await until(() => this.pushes.length >= count, `${count} patches came`);
    return this.pushes;
  }

  /** It does not read any more. */
  stall(): void {
    this.#client.socket.pause();
  }

  async leave(): Promise<void> {
    this.#client.destroy();
    await until(() => !hub.table.isOpen(id), "it is gone");
  }
}

const patch = async (content: Record<string, string | number | null>): Promise<void> => {
  await hub.registry.patchDesired(id, content);
};

test("What changed while it was away comes behind the answer to its PUT, as one patch, once", async () => {
  const first = await TwinClient.open();
  expect(await first.ask("PUT")).toBe(200);
  await patch({ a: 1, b: 1 });
  expect(await first.hears(1)).toEqual([{ a: 1, b: 1, $version: 2 }]);
  await aWhile();
  await first.leave();

  await patch({ a: 2, passing: "x" });
  await patch({ passing: null, b: null });
  const second = await TwinClient.open();
  expect(second.pushes).toEqual([]);
  expect(await second.ask("PUT")).toBe(200);
  await patch({ c: 3 });
  const heard = await second.hears(2);
  expect(Object.assign({}, ...heard)).toMatchObject({ a: 2, b: null, c: 3, $version: 5 });
  await second.leave();
});

test("D1: a device that was made anew missed nothing", async () => {
  const first = await TwinClient.open();
  await first.ask("PUT");
  await first.leave();
  await patch({ a: 1 });
  await hub.registry.deleteDevice(id);
  await hub.createDevice(id);
  const second = await TwinClient.open();
  await second.ask("PUT");
  await patch({ b: 1 });
  expect(await second.hears(1)).toEqual([{ b: 1, $version: 2 }]);
  await second.leave();
});

test("A device that wants to hear no more missed nothing when it wants to again", async () => {
  const client = await TwinClient.open();
  await client.ask("PUT");
  expect(await client.ask("DELETE")).toBe(200);
  await patch({ a: 1 });
  await client.ask("PUT");
  await patch({ b: 1 });
  expect(await client.hears(1)).toEqual([{ b: 1, $version: 3 }]);
  await client.leave();
});

test("A request that the twin does not have is refused and counted", async () => {
  const client = await TwinClient.open();
  expect(await client.ask("POST")).toBe(400);
  expect(hub.rejections("invalid-twin-request")).toBe(1);
  await client.leave();
});

test("M1: a device that does not read what it is told is let go, and told at its next connection", async () => {
  await hub.close();
  hub = await IngestHub.open({ limits: { connectionUnsentBytesMax: 4096 } });
  await hub.createDevice(id);
  const first = await TwinClient.open();
  await first.ask("PUT");
  first.stall();
  for (let round = 0; hub.rejections("overloaded") === 0; round++) {
    if (round === 900) throw new Error("it takes whatever comes");
    const part = String(round % 10).repeat(4000);
    const text = Object.fromEntries(Array.from({ length: 7 }, (_, at) => [`text${at}`, part]));
    await patch({ ...text, round });
  }
  await first.leave();
  const second = await TwinClient.open();
  await second.ask("PUT");
  const { version } = (await hub.registry.deviceTwin(id)).desired;
  expect(await second.hears(1)).toMatchObject([{ $version: version }]);
});

test("M1: of what a device gives no credit for so much waits, and no more", async () => {
  await hub.close();
  hub = await IngestHub.open({ limits: { connectionUnsentBytesMax: 4096 } });
  await hub.createDevice(id);
  const client = await AmqpClient.device(hub.amqpPort, id, hub.token(id));
  const receiver = await client.receiver(`/devices/${id}/methods/devicebound`, 0);
  const refused = new Promise((resolve) => receiver.once("receiver_close", () => resolve(receiver.error)));
  const { generationId } = await hub.registry.device(id);
  const call = {
    name: "show",
    payload: JSON.stringify("x".repeat(3000)),
    responseTimeoutMs: 60_000,
    connectTimeoutMs: 0,
  };
  const calls = [1, 2].map(async () => await hub.methods.invoke({ deviceId: id, generationId }, call));
  const outcomes = await Promise.allSettled(calls);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await refused).toMatchObject({ description: "The device takes no messages on this link." });
  client.destroy();
});
