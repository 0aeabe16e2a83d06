// Messages for a device over AMQP, as other clients than the Node SDK take them.

import rhea, { type Delivery, type EventContext, type Message, type Receiver } from "rhea";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AmqpClient, type AmqpClientOptions } from "../../../test/lib/amqp-client.ts";
import { IngestHub, aWhile, until } from "../../../test/lib/ingest-hub.ts";

const id = "amqp-1";
const address = `/devices/${id}/messages/devicebound`;

let hub: IngestHub;
beforeEach(async () => {
  hub = await IngestHub.open();
  await hub.createDevice(id);
});
afterEach(() => hub.close());

const send = async (text: string): Promise<void> => {
  await hub.registry.sendCloudMessage(id, { body: Buffer.from(text) }, 1024 * 1024);
};
const states = async (): Promise<readonly string[]> => {
  return (await hub.registry.cloudMessages(id)).map(({ state }) => state);
};

interface Taken {
  readonly delivery: Delivery;
  readonly message: Message | undefined;
  readonly text: string;
}

class Device {
  readonly client: AmqpClient;
  readonly receiver: Receiver;
  readonly taken: Taken[] = [];

  static async open(options: AmqpClientOptions = {}, settlesSecond = false): Promise<Device> {
    const client = await AmqpClient.device(hub.amqpPort, id, hub.token(id), options);
    const receiver = client.connection.open_receiver({
      source: address,
      autoaccept: false,
      autosettle: false,
      credit_window: 10,
      ...(settlesSecond ? { rcv_settle_mode: 1 } : {}),
    });
    return new Device(client, receiver);
  }

  private constructor(client: AmqpClient, receiver: Receiver) {
    this.client = client;
    this.receiver = receiver;
    receiver.on("message", ({ delivery, message }: EventContext) => {
      const text = (message?.body as { readonly content: Buffer } | undefined)?.content.toString() ?? "";
      if (delivery !== undefined) this.taken.push({ delivery, message, text });
    });
  }

  async gets(count: number): Promise<readonly Taken[]> {
    await until(() => this.taken.length >= count, `${count} messages came`);
    return this.taken;
  }
}

test("Delivery tags are 16 bytes, and another for each delivery: .NET's SDK makes a GUID of one, and settles by it", async () => {
  await send("one");
  await send("two");
  const first = await Device.open();
  const before = (await first.gets(2)).map(({ delivery }) => delivery.tag as Buffer);
  first.client.destroy();
  const second = await Device.open();
  const after = (await second.gets(2)).map(({ delivery }) => delivery.tag as Buffer);
  const tags = [...before, ...after];
  expect(tags.map(({ length }) => length)).toEqual([16, 16, 16, 16]);
  expect(new Set(tags.map((tag) => tag.toString("hex"))).size).toBe(4);
  second.client.destroy();
});

test("All that its sender said of a message comes with it", async () => {
  const said = {
    messageId: "m",
    correlationId: "c",
    userId: "u",
    contentType: "a/b",
    contentEncoding: "utf-8",
    properties: { level: "2" },
  };
  await hub.registry.sendCloudMessage(id, { ...said, body: Buffer.from("x") }, 1024 * 1024);
  const device = await Device.open();
  const [one] = await device.gets(1);
  expect(one?.message).toMatchObject({
    message_id: "m",
    correlation_id: "c",
    user_id: Buffer.from("u"),
    to: address,
    content_type: "a/b",
    content_encoding: "utf-8",
    application_properties: { level: "2" },
    message_annotations: {
      "iothub-deliverycount": 1,
      "x-opt-sequence-number": 1,
      "iothub-enqueuedtime": expect.any(Date),
    },
  });
  device.client.destroy();
});

test("D2: a device that settles second hears that what it said is written down, or that the message is not its own any more", async () => {
  for (const text of ["one", "two", "three", "four"]) await send(text);
  const device = await Device.open({}, true);
  const deliveries = (await device.gets(4)).map(({ delivery }) => delivery);
  expect(device.receiver).toMatchObject({ remote: { attach: { rcv_settle_mode: 1 } } });
  const told = new Map<number | undefined, unknown>();
  device.receiver.on("settled", ({ delivery }: EventContext) => {
    const state = delivery?.remote_state as { error?: { condition: string } } | undefined;
    told.set(delivery?.id, state === undefined ? "nothing" : (state.error?.condition ?? state.constructor));
  });
  const [one, two, three, four] = deliveries;
  await hub.registry.purgeCloudMessages(id, (await hub.registry.cloudMessages(id))[3]?.messageId);
  // One after the other: rhea makes one frame of what differs.
  for (const say of [() => one?.accept(), () => two?.reject(), () => three?.release(), () => four?.accept()]) {
    const before = told.size;
    say();
    await until(() => told.size > before, "it is told");
  }
  const accepted = expect.objectContaining({ composite_type: "accepted" });
  expect([one, two, three, four].map((each) => told.get(each?.id))).toEqual([
    accepted,
    accepted,
    accepted,
    "com.microsoft:message-lock-lost",
  ]);
  expect([...(await states())].sort()).toEqual(["completed", "delivering", "purged", "rejected"]);
  device.client.destroy();
});

test("A link has the settle modes that were asked for, since go-amqp detaches at others; a message sent settled is complete", async () => {
  const client = await AmqpClient.device(hub.amqpPort, id, hub.token(id));
  const modeOf = (link: unknown): unknown =>
    (link as { remote: { attach: { snd_settle_mode?: number } } }).remote.attach.snd_settle_mode ?? 2;
  for (const mode of [0, 1, 2] as const) {
    expect(modeOf(await client.events(id, { snd_settle_mode: mode }))).toBe(mode);
  }
  await send("one");
  const receiver = client.connection.open_receiver({ source: address, snd_settle_mode: 1 });
  const settled = await new Promise((resolve) => {
    receiver.on("message", ({ delivery }: EventContext) => resolve(delivery?.remote_settled));
  });
  expect([modeOf(receiver), settled]).toEqual([1, true]);
  await expect.poll(states).toEqual(["completed"]);
  client.destroy();
});

test("Who drains its credit gets what there is first, and no message is taken that it does not get", async () => {
  for (const text of ["one", "two"]) await send(text);
  const client = await AmqpClient.device(hub.amqpPort, id, hub.token(id));
  const receiver = client.connection.open_receiver({ source: address, autoaccept: false, credit_window: 0 });
  const heard: unknown[] = [];
  receiver.on("message", ({ message }: EventContext) =>
    heard.push(String((message?.body as { content: Buffer } | undefined)?.content)),
  );
  receiver.on("receiver_drained", () => heard.push("drained"));
  await new Promise((resolve) => receiver.once("receiver_open", resolve));
  receiver.add_credit(10);
  receiver.drain_credit();
  await until(() => heard.includes("drained"), "it is drained");
  expect(heard).toEqual(["one", "two", "drained"]);
  await send("three");
  await aWhile();
  expect(heard).toHaveLength(3);
  expect(await states()).toEqual(["delivering", "delivering", "queued"]);
  client.destroy();
});

test("How far a device has got with a message is not what became of it", async () => {
  await send("one");
  const device = await Device.open();
  const [one] = await device.gets(1);
  const received = rhea.types.wrap_described(
    rhea.types.wrap_list([rhea.types.wrap_uint(0), rhea.types.wrap_ulong(1)]),
    rhea.types.wrap_ulong(0x23),
  );
  one?.delivery.update(false, received);
  await send("two"); // behind it
  await device.gets(2);
  expect(await states()).toEqual(["delivering", "delivering"]);
  device.client.destroy();
});

test("A message in more frames than the device's window has room for comes as the window opens", async () => {
  await send("x".repeat(20_000));
  await send("y");
  const device = await Device.open({ frameBytesMax: 512, windowFrames: 4 });
  // rhea opens its window when it has something else to do.
  const { connection } = device.client as unknown as { connection: { _register(): void } };
  const opening = setInterval(() => connection._register(), 5);
  const [large, small] = await device.gets(2).finally(() => clearInterval(opening));
  expect([large?.text.length, small?.text]).toEqual([20_000, "y"]);
  device.client.destroy();
});
