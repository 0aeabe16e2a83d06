// PUBLISH: what becomes a record, byte for byte, and what ends the connection.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import mqtt from "mqtt-packet";
import { IngestHub, aWhile } from "../../../test/lib/ingest-hub.ts";
import { RawMqtt, connectBytes, publishBytes } from "../../../test/lib/raw-mqtt.ts";

let hub: IngestHub;
let devices = 0;

beforeAll(async () => {
  hub = await IngestHub.open();
});
afterAll(() => hub.close());

/** A device of this test alone, connected. */
async function connected(): Promise<{ id: string; topic: string; client: RawMqtt }> {
  const id = `dev-${++devices}`;
  await hub.createDevice(id);
  return { id, topic: `devices/${id}/messages/events/`, client: await RawMqtt.device(hub.mqttPort, id, hub.token(id)) };
}

describe("A message", () => {
  test("is one record with the sender's properties and the body untouched", async () => {
    const { id, topic, client } = await connected();
    const body = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await client.publish({
      topic: `${topic}%24.mid=a%20b&%24.ct=application%2Fjson&%24.ce=utf-8&level=x%26y%2Fz`,
      payload: body,
    });
    const { generationId } = await hub.registry.device(id);
    const [record] = hub.records(id);
    expect(record?.SystemProperties).toEqual({
      connectionDeviceId: id,
      connectionAuthMethod: '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
      connectionDeviceGenerationId: generationId,
      messageId: "a b",
      contentType: "application/json",
      contentEncoding: "utf-8",
      enqueuedTime: record?.EnqueuedTimeUtc,
    });
    expect(record?.Properties).toEqual({ level: "x&y/z" });
    expect(record?.Body.equals(body)).toBe(true);
    expect(hub.records(id)).toHaveLength(1);
    client.destroy();
  });

  test("arrives whole, once, wherever the stream is cut", async () => {
    const { id, topic, client } = await connected();
    const bytes = Buffer.concat([
      publishBytes({ topic, payload: "one", packetId: 1 }),
      publishBytes({ topic: `${topic}k=v`, payload: "x".repeat(200), packetId: 2 }),
      Buffer.from([0xc0, 0]),
      publishBytes({ topic, payload: "", packetId: 3 }),
    ]);
    for (let cut = 1; cut < bytes.length; cut++) {
      client.send(bytes.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      client.send(bytes.subarray(cut));
      const seen = [await client.next(), await client.next(), await client.next(), await client.next()];
      expect(seen.map((packet) => (packet === "ended" ? packet : packet.cmd)).sort()).toEqual([
        "pingresp",
        "puback",
        "puback",
        "puback",
      ]);
    }
    const expected = ["one", "x".repeat(200), ""];
    expect(hub.bodies(id)).toEqual(Array.from({ length: bytes.length - 1 }, () => expected).flat());
    client.destroy();
  });

  test("shares a chunk with thousands of others and keeps its place", async () => {
    const { id, topic, client } = await connected();
    const count = 20_000;
    const packets = Array.from({ length: count }, (_, index) =>
      publishBytes({ topic: `${topic}n=${index % 3}`, payload: String(index), packetId: index + 1 }),
    );
    client.send(Buffer.concat(packets));
    const acknowledged = await client.acknowledgements(count);
    expect(acknowledged).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    expect(hub.bodies(id)).toEqual(Array.from({ length: count }, (_, index) => String(index)));
    expect(
      hub.records(id).every(({ Properties, Body }) => Number(Body.toString()) % 3 === Number(Properties["n"])),
    ).toBe(true);
    client.destroy();
  });

  test("of QoS 0 is journaled and not acknowledged", async () => {
    const { id, topic, client } = await connected();
    client.send(publishBytes({ topic, payload: "zero", qos: 0 }));
    await client.publish({ topic, payload: "one", packetId: 5 });
    expect(hub.bodies(id)).toEqual(["zero", "one"]);
    expect(client.packets).toEqual([]);
    client.destroy();
  });

  test("that is sent again is a second record, with DUP or without", async () => {
    const { id, topic, client } = await connected();
    await client.publish({ topic, payload: "again", packetId: 9 });
    await client.publish({ topic, payload: "again", packetId: 9, dup: true });
    expect(hub.bodies(id)).toEqual(["again", "again"]);
    client.destroy();
  });

  test("with RETAIN says so in a property, and only that one", async () => {
    const { id, topic, client } = await connected();
    await client.publish({ topic: `${topic}k=v`, payload: "kept", retain: true });
    await client.publish({ topic: `${topic}k=v`, payload: "plain" });
    expect(hub.records(id).map(({ Properties }) => Properties)).toEqual([
      { k: "v", "mqtt-retain": "true" },
      { k: "v" },
    ]);
    client.destroy();
  });

  test("may leave out the last slash of its topic, or double it", async () => {
    const { id, topic, client } = await connected();
    for (const one of [topic, topic.slice(0, -1), `${topic}k=v`, `${topic}k=v/`]) {
      await client.publish({ topic: one, payload: "x" });
    }
    expect(hub.records(id).map(({ Properties }) => Properties)).toEqual([{}, {}, { k: "v" }, { k: "v" }]);
    client.destroy();
  });

  test("of a module is under the module's topic, and says so", async () => {
    await hub.createDevice("with-module");
    await hub.registry.createModule("with-module", { id: "mod" });
    const { makeSasToken } = await import("../sas-token.ts");
    const token = makeSasToken("localhost", hub.policyKey, Date.now() + 60_000, "device");
    const client = await RawMqtt.device(hub.mqttPort, "with-module/mod", token, {
      username: "localhost/with-module/mod/?api-version=2021-04-12",
    });
    await client.publish({ topic: "devices/with-module/modules/mod/messages/events/a=1", payload: "m" });
    expect(hub.records("with-module")[0]?.SystemProperties["connectionModuleId"]).toBe("mod");
    client.send(publishBytes({ topic: "devices/with-module/messages/events/", payload: "x" }));
    expect(await client.next()).toBe("ended");
  });
});

describe("The limit of 256 KiB", () => {
  const limit = 256 * 1024;
  test.each([
    ["a body alone", "", 0],
    ["properties counted in", "%24.mid=abc&ké=v%20w", 3 + 3 + 3],
  ])("is met exactly: %s", async (_, bag, counted) => {
    const { id, topic, client } = await connected();
    await client.publish({ topic: topic + bag, payload: Buffer.alloc(limit - counted, 65) });
    expect(hub.records(id)[0]?.Body.length).toBe(limit - counted);
    const before = hub.rejections("message-too-large");
    client.send(publishBytes({ topic: topic + bag, payload: Buffer.alloc(limit - counted + 1, 65) }));
    expect(await client.next()).toBe("ended");
    expect(hub.rejections("message-too-large")).toBe(before + 1);
    expect(hub.records(id)).toHaveLength(1);
  });

  test("ends a packet far above it before it is read", async () => {
    const { client } = await connected();
    const before = hub.rejections("packet-too-large");
    client.send(Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f]));
    expect(await client.next()).toBe("ended");
    expect(hub.rejections("packet-too-large")).toBe(before + 1);
  });
});

describe("The connection ends, and nothing is taken, after", () => {
  const own = (id: string): string => `devices/${id}/messages/events/`;
  test.each([
    ["another device's topic", () => publishBytes({ topic: own("dev-1"), payload: "x" }), "topic"],
    ["another device's topic, QoS 0", () => publishBytes({ topic: own("dev-1"), payload: "x", qos: 0 }), "topic"],
    [
      "a topic that starts as its own",
      (id: string) => publishBytes({ topic: `devices/${id}x/messages/events/`, payload: "x" }),
      "topic",
    ],
    [
      "its own topic and more",
      (id: string) => publishBytes({ topic: `devices/${id}/messages/eventsx`, payload: "x" }),
      "topic",
    ],
    ["a topic of nobody", () => publishBytes({ topic: "a/b", payload: "x" }), "topic"],
    ["an empty topic", () => raw(0x32, Buffer.from([0, 0, 0, 1])), "topic"],
    [
      "its devicebound topic",
      (id: string) => publishBytes({ topic: `devices/${id}/messages/devicebound/`, payload: "x" }),
      "topic",
    ],
    ["QoS 2", (id: string) => publishBytes({ topic: own(id), payload: "x", qos: 2 }), "qos-2"],
    ["QoS 3", (id: string) => withFirst(0x36, publishBytes({ topic: own(id), payload: "x" })), "malformed-packet"],
    ["packet id 0", (id: string) => withPacketId0(own(id)), "malformed-packet"],
    [
      "a broken escape",
      (id: string) => publishBytes({ topic: `${own(id)}a=%zz`, payload: "x" }),
      "invalid-property-bag",
    ],
    [
      "an escape that is not UTF-8",
      (id: string) => publishBytes({ topic: `${own(id)}a=%ff`, payload: "x" }),
      "invalid-property-bag",
    ],
    ["bytes that are not UTF-8", (id: string) => withTopicByte(own(id), 0xff), "malformed-packet"],
    ["a NUL in its topic", (id: string) => withTopicByte(own(id), 0), "malformed-packet"],
    ["a PINGREQ with flags", () => Buffer.from([0xc1, 0]), "malformed-packet"], // found by test/fuzz
    ["half a surrogate in its topic", (id: string) => withTopicBytes(own(id), [0xed, 0xa0, 0x80]), "malformed-packet"],
    ["a topic longer than the packet", () => raw(0x30, Buffer.from([0xff, 0xff, 65])), "malformed-packet"],
    [
      "no room for the packet id",
      (id: string) =>
        raw(0x32, Buffer.concat([Buffer.from([0, own(id).length]), Buffer.from(own(id)), Buffer.from([0])])),
      "malformed-packet",
    ],
    ["a PUBLISH of no bytes", () => raw(0x30, Buffer.alloc(0)), "malformed-packet"],
    ["a PUBLISH of one byte", () => raw(0x30, Buffer.from([0])), "malformed-packet"],
    ["a remaining length of five bytes", () => Buffer.from([0x32, 0x80, 0x80, 0x80, 0x80, 0]), "malformed-packet"],
    ["packet type 0", () => Buffer.from([0, 0]), "malformed-packet"],
    ["packet type 15", () => Buffer.from([0xf0, 0]), null],
    ["a second CONNECT", (id: string) => connectBytes(id, hub.token(id)), "unexpected-packet"],
    ["a CONNACK", () => Buffer.from([0x20, 2, 0, 0]), "unexpected-packet"],
    ["a PUBREL", () => Buffer.from([0x62, 2, 0, 1]), "unexpected-packet"],
    ["a PINGRESP", () => Buffer.from([0xd0, 0]), "unexpected-packet"],
  ] as const)("%s", async (_, bytes, reason) => {
    const { id, client } = await connected();
    const other = hub.records("dev-1").length;
    const before = reason === null ? 0 : hub.rejections(reason);
    client.send(bytes(id));
    expect(await client.next()).toBe("ended");
    if (reason !== null) expect(hub.rejections(reason)).toBe(before + 1);
    await aWhile(5);
    expect(hub.records(id)).toEqual([]);
    expect(hub.records("dev-1")).toHaveLength(other);
  });

  test("something wrong in mid-chunk: what came before it is kept", async () => {
    const { id, topic, client } = await connected();
    client.send(
      Buffer.concat([
        publishBytes({ topic, payload: "before" }),
        publishBytes({ topic: "nowhere", payload: "x" }),
        publishBytes({ topic, payload: "after" }),
      ]),
    );
    expect(await client.next()).toBe("ended");
    await aWhile(5);
    expect(hub.bodies(id)).toEqual(["before"]);
  });

  test("DISCONNECT: what follows it is not read", async () => {
    const { id, topic, client } = await connected();
    client.send(Buffer.concat([mqtt.generate({ cmd: "disconnect" }), publishBytes({ topic, payload: "late" })]));
    expect(await client.next()).toBe("ended");
    expect(hub.records(id)).toEqual([]);
  });
});

function raw(first: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([first, body.length]), body]);
}
function withFirst(first: number, packet: Buffer): Buffer {
  packet[0] = first;
  return packet;
}
function withPacketId0(topic: string): Buffer {
  const packet = publishBytes({ topic, payload: "x" });
  packet.writeUInt16BE(0, 4 + topic.length);
  return packet;
}
function withTopicByte(topic: string, byte: number): Buffer {
  return withTopicBytes(topic, [byte]);
}
function withTopicBytes(topic: string, bytes: readonly number[]): Buffer {
  const text = Buffer.concat([Buffer.from(topic), Buffer.from("a="), Buffer.from(bytes)]);
  return raw(0x32, Buffer.concat([Buffer.from([0, text.length]), text, Buffer.from([0, 1]), Buffer.from("x")]));
}
