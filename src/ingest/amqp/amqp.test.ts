// The AMQP front end over a real socket, with rhea as the device.

import rhea, { type Receiver, type Sender } from "rhea";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AmqpClient } from "../../../test/lib/amqp-client.ts";
import { IngestHub, aWhile, until } from "../../../test/lib/ingest-hub.ts";
import { RawMqtt } from "../../../test/lib/raw-mqtt.ts";
import { makeSasToken } from "../sas-token.ts";
import { batchFormat } from "./message.ts";

let hub: IngestHub;
let devices = 0;

beforeAll(async () => {
  hub = await IngestHub.open({ limits: { connectTimeoutMs: 2_000 } });
});
afterAll(() => hub.close());

async function newDevice(of: IngestHub = hub): Promise<string> {
  const id = `amqp-${++devices}`;
  await of.createDevice(id);
  return id;
}

const clientOf = async (id: string, of: IngestHub = hub): Promise<AmqpClient> =>
  await AmqpClient.device(of.amqpPort, id, of.token(id));
const data = (text: string | Buffer): { content: Buffer } => rhea.message.data_section(Buffer.from(text)) as never;
const envelope = (...parts: Buffer[]): Buffer => rhea.message.encode({ body: rhea.message.data_sections(parts) });
/** What the hub said of a link, which rhea does not show in its types. */
const bytesMaxOf = (link: Sender | Receiver): number =>
  (link as unknown as { remote: { attach: { max_message_size: number } } }).remote.attach.max_message_size;
/** Before `device` policy's keys. */
const policyToken = (resource: string): string =>
  makeSasToken(resource, hub.policyKey, Date.now() + 3_600_000, "device");

describe("A message", () => {
  test("J1: is accepted when it is durable, not before", async () => {
    const id = await newDevice();
    const client = await clientOf(id);
    const link = await client.events(id);
    hub.writer.hold();
    const states: string[] = [];
    const sent = ["one", "two", "three"].map(async (text) => {
      const { state } = await client.send(link, { body: data(text) });
      states.push(state);
    });
    await until(() => hub.records(id).length === 3, "they are in the journal");
    await aWhile();
    expect(states).toEqual([]);
    hub.writer.release();
    await Promise.all(sent);
    expect(states).toEqual(["accepted", "accepted", "accepted"]);
    expect(hub.bodies(id)).toEqual(["one", "two", "three"]);
    client.destroy();
  });

  test("that is sent settled is journaled like any other", async () => {
    const id = await newDevice();
    const client = await clientOf(id);
    const link = await client.events(id, { snd_settle_mode: 1 });
    await client.send(link, { body: data("nobody asks") });
    await until(() => hub.bodies(id).length === 1, "it is journaled");
    client.destroy();
  });

  test("may come in many frames, up to the limit; above it it is rejected, and the link goes on", async () => {
    const id = await newDevice();
    const client = await clientOf(id);
    const link = await client.events(id);
    const large = Buffer.alloc(256 * 1024, "0123456789");
    expect(await client.send(link, { body: data(large) })).toMatchObject({ state: "accepted" });
    expect(hub.records(id)[0]?.Body.equals(large)).toBe(true);
    for (const bytes of [256 * 1024 + 1, 400_000, 3_000_000]) {
      expect(await client.send(link, { body: data(Buffer.alloc(bytes)) })).toEqual({
        state: "rejected",
        condition: "amqp:link:message-size-exceeded",
      });
    }
    expect(await client.send(link, { body: data("small") })).toMatchObject({ state: "accepted" });
    expect(hub.records(id)).toHaveLength(2);
    expect(hub.amqp.unreadBytes).toBe(0);
    client.destroy();
  });

  test("has its properties in the record, as text, whatever their types", async () => {
    const id = await newDevice();
    const client = await clientOf(id);
    const link = await client.events(id);
    await client.send(link, {
      message_id: Buffer.from("0123456789abcdef0123456789abcdef", "hex"),
      user_id: Buffer.from("me") as never,
      to: "/devices/somebody-else/messages/events",
      correlation_id: 7 as never,
      content_type: "application/json",
      content_encoding: "utf-8",
      absolute_expiry_time: new Date(0),
      message_annotations: { "dt-subject": "thermostat1", "iothub-interface-id": "x" },
      application_properties: { text: "ä & b", number: 1.5, whole: -3, yes: true, none: null, when: new Date(0) },
      body: data('{"t":1}'),
    });
    const [record] = hub.records(id);
    expect(record?.SystemProperties).toMatchObject({
      connectionDeviceId: id,
      messageId: "01234567-89ab-cdef-0123-456789abcdef",
      correlationId: "7",
      userId: "me",
      contentType: "application/json",
      contentEncoding: "utf-8",
      "dt-subject": "thermostat1",
    });
    expect(record?.Properties).toEqual({
      text: "ä & b",
      number: "1.5",
      whole: "-3",
      yes: "true",
      none: "",
      when: "1970-01-01T00:00:00.000Z",
    });
    client.destroy();
  });

  test.each([
    ["a string", "text", "text"],
    ["binary", Buffer.from([0, 255]), "\0\uFFFD"],
    ["nothing", null, ""],
    ["two data sections", rhea.message.data_sections([Buffer.from("a"), Buffer.from("b")]), "ab"],
  ])("may have %s as its body", async (_, body, expected) => {
    const id = await newDevice();
    const client = await clientOf(id);
    const link = await client.events(id);
    expect(await client.send(link, { body })).toMatchObject({ state: "accepted" });
    expect(hub.bodies(id)).toEqual([expected]);
    client.destroy();
  });

  test.each([
    ["whose body is a number", { body: 7 }],
    ["whose body is a list", { body: rhea.message.sequence_section([1, 2]) }],
    ["with a list for a property", { body: "x", application_properties: { list: [1] } }],
  ])("%s is rejected and counted, and the link goes on", async (_, message) => {
    const id = await newDevice();
    const client = await clientOf(id);
    const link = await client.events(id);
    const before = hub.rejections("malformed-message");
    const rejected = { state: "rejected", condition: "amqp:decode-error" };
    expect(await client.send(link, message as never)).toEqual(rejected);
    expect(hub.rejections("malformed-message")).toBe(before + 1);
    expect(await client.send(link, { body: data("next") })).toMatchObject({ state: "accepted" });
    expect(hub.bodies(id)).toEqual(["next"]);
    client.destroy();
  });

  test("may be an envelope of many, which is taken as a whole or not at all", async () => {
    const id = await newDevice();
    const client = await clientOf(id);
    const link = await client.events(id);
    const inner = (text: string): Buffer =>
      rhea.message.encode({ message_id: text, application_properties: { n: text }, body: data(text) });
    const sent = client.send(link, envelope(inner("1"), inner("2"), inner("3")), batchFormat);
    expect(await sent).toMatchObject({ state: "accepted" });
    expect(hub.bodies(id)).toEqual(["1", "2", "3"]);
    expect(hub.records(id).map(({ SystemProperties }) => SystemProperties["messageId"])).toEqual(["1", "2", "3"]);
    for (const bad of [envelope(inner("4"), Buffer.from("no message")), rhea.message.encode({ body: "x" })]) {
      expect(await client.send(link, bad, batchFormat)).toMatchObject({ state: "rejected" });
    }
    expect(hub.bodies(id)).toHaveLength(3);
    client.destroy();
  });

  test("may be an envelope of as many as the hub said it takes, though the SDK for C does not count what is around each", async () => {
    const id = await newDevice();
    const client = await clientOf(id);
    const link = await client.events(id);
    const one = rhea.message.encode({ application_properties: { unit: "C" }, body: data('{"temperature":21.5}') });
    // What it keeps for itself: AMQP_BATCHING_RESERVE_SIZE of its telemetry messenger.
    const count = Math.floor((bytesMaxOf(link) - 1024) / one.length);
    expect(await client.send(link, envelope(...Array<Buffer>(count).fill(one)), batchFormat)).toMatchObject({
      state: "accepted",
    });
    expect(hub.bodies(id)).toHaveLength(count);
    client.destroy();
  });

  test("is too large beyond 256 KiB, also in an envelope, and so is an envelope that is far larger than the hub said", async () => {
    const id = await newDevice();
    const client = await clientOf(id);
    const link = await client.events(id);
    const [small, half, tooLarge] = [100, 140_000, 262_145].map((bytes) =>
      rhea.message.encode({ body: data(Buffer.alloc(bytes, "x")) }),
    ) as [Buffer, Buffer, Buffer];
    const rejected = { state: "rejected", condition: "amqp:link:message-size-exceeded" };
    expect(await client.send(link, envelope(small, tooLarge), batchFormat)).toEqual(rejected);
    expect(await client.send(link, envelope(half, half, half, half), batchFormat)).toEqual(rejected);
    expect(await client.send(link, envelope(half, half), batchFormat)).toMatchObject({ state: "accepted" });
    expect(hub.bodies(id)).toHaveLength(2);
    client.destroy();
  });

  test("waits unread while the journal is full, and is taken when there is room", async () => {
    const id = await newDevice();
    const client = await clientOf(id);
    const link = await client.events(id);
    const before = hub.rejections("journal-full");
    hub.writer.refuseWith("full");
    const sent = Array.from({ length: 5 }, (_, index) => client.send(link, { body: data(`m-${index}`) }));
    await until(() => hub.rejections("journal-full") > before, "it is refused");
    await aWhile();
    expect(hub.bodies(id)).toEqual([]);
    hub.writer.refuseWith(null);
    for (const { state } of await Promise.all(sent)) expect(state).toBe("accepted");
    expect(hub.bodies(id)).toEqual(["m-0", "m-1", "m-2", "m-3", "m-4"]);
    client.destroy();
  });

  test("that was accepted stays in the journal when the connection ends before it is told", async () => {
    const id = await newDevice();
    const client = await clientOf(id);
    const link = await client.events(id);
    hub.writer.hold();
    const sent = client.send(link, { body: data("heard") });
    await until(() => hub.records(id).length === 1, "it is in the journal");
    client.destroy();
    await until(() => !hub.table.isOpen(id), "the connection is gone");
    hub.writer.release();
    expect((await sent).state).toBe("ended");
    expect(hub.bodies(id)).toEqual(["heard"]);
  });
});

describe("A device", () => {
  test("A1: is told the same with a wrong key as when it does not exist", async () => {
    const id = await newDevice();
    const wrong = (name: string): string =>
      makeSasToken(`localhost/devices/${name}`, Buffer.alloc(32, 1).toString("base64"), Date.now() + 60_000);
    const client = await AmqpClient.open(hub.amqpPort);
    const known = await client.putToken(`localhost/devices/${id}`, wrong(id));
    const unknown = await client.putToken("localhost/devices/nobody", wrong("nobody"));
    expect(known).toEqual(unknown);
    expect(known.status).toBe(401);
    const expired = makeSasToken(`localhost/devices/${id}`, "AAAA", 1000);
    expect((await client.putToken(`localhost/devices/${id}`, expired)).status).toBe(401);
    const before = hub.rejections("malformed-message");
    expect((await client.putToken("localhost/somewhere", expired)).status).toBe(400);
    expect(hub.rejections("malformed-message")).toBe(before + 1);
    expect(await client.sender(`/devices/${id}/messages/events`)).toBe("amqp:unauthorized-access");
    client.destroy();
  });

  test("signs in by SASL PLAIN, with its own token or a policy's", async () => {
    const id = await newDevice();
    const own = await AmqpClient.open(hub.amqpPort, { user: `${id}@sas.hub`, password: hub.token(id) });
    expect(await own.send(await own.events(id), { body: "own" })).toMatchObject({ state: "accepted" });
    own.destroy();
    const user = "device@sas.root.hub";
    const policy = await AmqpClient.open(hub.amqpPort, { user, password: policyToken("localhost") });
    expect(await policy.send(await policy.events(id), { body: "policy" })).toMatchObject({ state: "accepted" });
    policy.destroy();
    expect(hub.bodies(id)).toEqual(["own", "policy"]);
    const before = hub.rejections("token-signature");
    const wrong = makeSasToken(`localhost/devices/${id}`, "AAAA", Date.now() + 60_000);
    await expect(AmqpClient.open(hub.amqpPort, { user: `${id}@sas.hub`, password: wrong })).rejects.toThrow();
    expect(hub.rejections("token-signature")).toBe(before + 1);
    await expect(AmqpClient.open(hub.amqpPort, { user: id, password: wrong })).rejects.toThrow();
  });

  test("D1: sends as itself only", async () => {
    const [id, other] = [await newDevice(), await newDevice()];
    const client = await clientOf(id);
    expect(await client.sender(`/devices/${other}/messages/events`)).toBe("amqp:unauthorized-access");
    for (const address of ["/devices/x/files", "/nowhere", `/devices/${id}/messages/devicebound/x`]) {
      expect(await client.sender(address)).toBe("amqp:not-found");
    }
    expect(await client.send(await client.events(id), { body: "mine" })).toMatchObject({ state: "accepted" });
    client.destroy();
  });

  test("D1: is ended when it is disabled, and when another connection takes over", async () => {
    for (const change of ["disable", "mqtt", "amqp"] as const) {
      const id = await newDevice();
      const client = await clientOf(id);
      await client.events(id);
      if (change === "disable") await hub.registry.updateDevice(id, { enabled: false });
      else if (change === "mqtt") await RawMqtt.device(hub.mqttPort, id, hub.token(id));
      else await clientOf(id);
      await until(() => client.isEnded, `it ends: ${change}`);
      expect(client.closedWith).toBe(change === "disable" ? "amqp:unauthorized-access" : "amqp:link:stolen");
    }
  });

  test("ends with its token, unless it has brought another", async () => {
    const [id, renewing] = [await newDevice(), await newDevice()];
    const soon = Date.now() + 2_500;
    const client = await AmqpClient.device(hub.amqpPort, id, hub.token(id, soon));
    const other = await AmqpClient.device(hub.amqpPort, renewing, hub.token(renewing, soon));
    const link = await other.events(renewing);
    expect(await other.putToken(`localhost/devices/${renewing}`, hub.token(renewing))).toMatchObject({ status: 200 });
    await until(() => client.isEnded, "its token has expired", 8_000);
    expect(client.closedWith).toBe("amqp:unauthorized-access");
    expect(hub.rejections("token-expired")).toBeGreaterThan(0);
    expect(await other.send(link, { body: "still here" })).toMatchObject({ state: "accepted" });
    other.destroy();
  });

  test("shares a connection with others; one that is disabled leaves alone", async () => {
    const [one, two] = [await newDevice(), await newDevice()];
    const client = await clientOf(one);
    expect(await client.putToken(`localhost/devices/${two}`, hub.token(two))).toMatchObject({ status: 200 });
    const [first, second] = [await client.events(one), await client.events(two)];
    let isDetached = false;
    first.once("sender_close", () => (isDetached = true));
    await hub.registry.updateDevice(one, { enabled: false });
    await until(() => isDetached, "its link is detached");
    expect(await client.send(second, { body: "two" })).toMatchObject({ state: "accepted" });
    expect([hub.table.isOpen(one), hub.table.isOpen(two)]).toEqual([false, true]);
    client.destroy();
  });

  test("may send so much and no more", async () => {
    const slow = await IngestHub.open({ rates: { messagesPerSecondMax: 20, bytesPerSecondMax: 0 } });
    const id = await newDevice(slow);
    const client = await clientOf(id, slow);
    const link = await client.events(id);
    const sinceMs = performance.now();
    const outcomes = await Promise.all(Array.from({ length: 220 }, () => client.send(link, { body: "x" })));
    expect(outcomes.every(({ state }) => state === "accepted")).toBe(true);
    expect(performance.now() - sinceMs).toBeGreaterThan(800); // 200 at once, 20 a second behind them
    expect(slow.rejections("throttled")).toBeGreaterThan(0);
    client.destroy();
    await slow.close();
  });
});

describe("The hub", () => {
  test("says come back while it starts, in words after which SDKs do", async () => {
    const starting = await IngestHub.open({ isStarting: true });
    const before = starting.rejections("not-ready");
    const client = await AmqpClient.open(starting.amqpPort);
    await until(() => client.isEnded, "it is closed");
    expect(client.closedWith).toBe("com.microsoft:timeout");
    expect(starting.rejections("not-ready")).toBe(before + 1);
    await starting.close();
  });

  test("says of each link how large a message may be, as IoT Hub: the SDK for C logs an error for each that says nothing", async () => {
    const id = await newDevice();
    const client = await clientOf(id);
    const sends = await client.events(id);
    const receives = await client.receiver(`/devices/${id}/messages/devicebound`);
    expect([sends, receives].map(bytesMaxOf)).toEqual([327_680, 1_048_576]);
    client.destroy();
  });

  test("M1: ends who does not sign in in time", async () => {
    const before = hub.rejections("connect-timeout");
    const client = await AmqpClient.open(hub.amqpPort);
    await until(() => client.isEnded, "it ends", 6_000);
    expect(hub.rejections("connect-timeout")).toBe(before + 1);
  });

  test("M1: has a place for so many devices and no more", async () => {
    const small = await IngestHub.open({ limits: { connectionsMax: 1 } });
    const [one, two] = [await newDevice(small), await newDevice(small)];
    const first = await clientOf(one, small);
    const second = await AmqpClient.open(small.amqpPort);
    await expect(second.putToken(`localhost/devices/${two}`, small.token(two))).rejects.toThrow();
    expect(second.closedWith).toBe("com.microsoft:timeout");
    expect(small.rejections("too-many-connections")).toBe(1);
    first.destroy();
    second.destroy();
    await small.close();
  });

  test("ends its connections without a Close when it stops: after one, the Node SDK would not send again what is under way", async () => {
    const stopping = await IngestHub.open();
    const id = await newDevice(stopping);
    const client = await clientOf(id, stopping);
    const link = await client.events(id);
    await client.send(link, { body: "in time" });
    await stopping.close();
    await until(() => client.isEnded, "it ends");
    expect(client.closedWith).toBe("");
  });
});
