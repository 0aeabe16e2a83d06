// WebSockets on the HTTPS port, with Node's own as the other side and with bytes of our own.

import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IngestHub, aWhile, until } from "../../../test/lib/ingest-hub.ts";
import { RawMqtt, connectBytes, publishBytes } from "../../../test/lib/raw-mqtt.ts";
import { WebSocketDuplex } from "../../../test/lib/websocket-duplex.ts";

const path = "/$iothub/websocket";
let hub: IngestHub;
let device = 0;

beforeAll(async () => {
  hub = await IngestHub.open({ limits: { connectTimeoutMs: 2_000, connectionUnsentBytesMax: 16 * 1024 } });
});
afterAll(() => hub.close());

async function newDevice(): Promise<string> {
  const id = `ws-${++device}`;
  await hub.createDevice(id);
  return id;
}

const eventsOf = (id: string): string => `devices/${id}/messages/events/`;

function openSocket(of: IngestHub = hub, at: string = path): Promise<WebSocketDuplex> {
  return WebSocketDuplex.open(`ws://127.0.0.1:${of.httpPort}${at}`, "mqtt");
}

async function openMqtt(id: string, of: IngestHub = hub, at: string = path): Promise<RawMqtt> {
  const client = RawMqtt.over(await openSocket(of, at));
  const code = await client.connect(connectBytes(id, of.token(id)));
  if (code !== 0) throw new Error(`The hub answered CONNECT with ${code}.`);
  return client;
}

const key = "dGhlIHNhbXBsZSBub25jZQ==";
function handshake(changes: Readonly<Record<string, string | null>> = {}, target = path, method = "GET"): string {
  const headers = {
    Host: "localhost",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": key,
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": "mqtt",
    ...changes,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]));
  return `${method} ${target} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

/** A client that says what it is told to; `bytes` is all that came back. */
class RawClient {
  readonly socket: Socket;
  bytes = Buffer.alloc(0);
  isEnded = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk) => (this.bytes = Buffer.concat([this.bytes, chunk])));
    socket.on("close", () => (this.isEnded = true));
  }

  static async open(text: string, allowHalfOpen = false): Promise<RawClient> {
    const socket = connect({ port: hub.httpPort, host: "127.0.0.1", noDelay: true, allowHalfOpen });
    await once(socket, "connect");
    socket.write(text, "latin1");
    return new RawClient(socket);
  }

  /** Behind a handshake. */
  static async upgraded(allowHalfOpen = false): Promise<RawClient> {
    const client = await RawClient.open(handshake(), allowHalfOpen);
    await until(() => client.bytes.includes("\r\n\r\n"), "the handshake is answered");
    client.bytes = Buffer.alloc(0);
    return client;
  }

  get text(): string {
    return this.bytes.toString("latin1");
  }
}

/** A client's frame. */
function frame(payload: Buffer | string, first = 0x82, mask = Buffer.from([1, 2, 3, 200])): Buffer {
  const bytes = Buffer.from(payload);
  const length = bytes.length < 126 ? [0x80 | bytes.length] : [0x80 | 126, bytes.length >> 8, bytes.length & 255];
  const masked = bytes.map((byte, index) => byte ^ (mask[index & 3] as number));
  return Buffer.concat([Buffer.of(first, ...length), mask, masked]);
}

describe("A WebSocket", () => {
  test("J1: carries MQTT: messages are journaled, and acknowledged when they are durable", async () => {
    const id = await newDevice();
    const client = await openMqtt(id);
    hub.writer.hold();
    for (let packetId = 1; packetId <= 3; packetId++) {
      client.send(publishBytes({ topic: eventsOf(id), payload: `m-${packetId}`, packetId }));
    }
    await until(() => hub.records(id).length === 3, "they are accepted");
    await aWhile();
    expect(client.packets).toEqual([]);
    hub.writer.release();
    expect(await client.acknowledgements(3)).toEqual([1, 2, 3]);
    expect(hub.bodies(id)).toEqual(["m-1", "m-2", "m-3"]);
    client.destroy();
  });

  test("is opened at Paho's own path, too, which Azure's SDK for Java leaves it when it asks to be provisioned", async () => {
    const id = await newDevice();
    const client = await openMqtt(id, hub, "/mqtt");
    await client.publish({ topic: eventsOf(id), payload: "from Paho" });
    expect(hub.bodies(id)).toEqual(["from Paho"]);
    client.destroy();
  });

  test("is opened with a query behind the path, too, and with a large message", async () => {
    const id = await newDevice();
    const client = await openMqtt(id, hub, `${path}?iothub-no-client-cert=true`);
    const payload = Buffer.alloc(200_000, "0123456789");
    await client.publish({ topic: eventsOf(id), payload });
    expect(hub.records(id)[0]?.Body.equals(payload)).toBe(true);
    client.destroy();
  });

  test("may cut its bytes anywhere: frames within packets, packets within frames, a byte at a time, pings between", async () => {
    const id = await newDevice();
    const client = await RawClient.upgraded();
    const packets = Buffer.concat([
      connectBytes(id, hub.token(id)),
      publishBytes({ topic: eventsOf(id), payload: "one", packetId: 1 }),
      publishBytes({ topic: eventsOf(id), payload: Buffer.alloc(300, "2"), packetId: 2 }),
    ]);
    const middle = packets.length - 320;
    const stream = Buffer.concat([
      frame(packets.subarray(0, 40), 0x02), // a message's first frame
      frame("are you there", 0x89),
      frame(packets.subarray(40, middle), 0x00),
      frame("", 0x00),
      frame(packets.subarray(middle), 0x80), // its last
      frame("", 0x8a), // a pong that nobody asked for
    ]);
    for (const byte of stream) client.socket.write(Buffer.of(byte));
    const pong = Buffer.concat([Buffer.of(0x8a, 13), Buffer.from("are you there")]);
    await until(() => client.bytes.includes(Buffer.from([0x40, 2, 0, 2])), "the second PUBACK");
    expect(client.bytes.includes(pong)).toBe(true);
    expect(hub.bodies(id)).toEqual(["one", "2".repeat(300)]);
    client.socket.destroy();
  });

  test("may begin with its first frame behind the request", async () => {
    const id = await newDevice();
    const client = await RawClient.open(handshake() + frame(connectBytes(id, hub.token(id))).toString("latin1"));
    await until(() => client.bytes.includes(Buffer.from([0x82, 4, 0x20, 2, 0, 0])), "the CONNACK, in a frame");
    expect(client.text).toContain("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"); // RFC 6455, §1.3
    expect(client.text).not.toContain("Sec-WebSocket-Extensions");
    client.socket.destroy();
  });

  test("ends with a Close of its own when the device sends one, or half closes, or disconnects", async () => {
    const closing = await RawClient.upgraded();
    closing.socket.write(frame(Buffer.from([0x03, 0xe9]), 0x88));
    await until(() => closing.isEnded, "the socket ends");
    expect(closing.bytes.subarray(0, 4)).toEqual(Buffer.from([0x88, 2, 0x03, 0xe9]));

    const id = await newDevice();
    const halfClosing = await RawClient.upgraded(true);
    halfClosing.socket.write(frame(connectBytes(id, hub.token(id))));
    await until(() => hub.table.isOpen(id), "it is let in");
    halfClosing.socket.end();
    await until(() => halfClosing.isEnded && !hub.table.isOpen(id), "its place is free");

    const disconnecting = await openMqtt(id);
    disconnecting.send(Buffer.from([0xe0, 0]));
    await disconnecting.ended;
  });

  test("M1: of half a message, only what came is held, and counted among the unread bytes", async () => {
    const id = await newDevice();
    const client = await RawClient.upgraded();
    client.socket.write(frame(connectBytes(id, hub.token(id))));
    await until(() => client.bytes.length > 0, "CONNACK");
    const packet = publishBytes({ topic: eventsOf(id), payload: Buffer.alloc(60_000) });
    const whole = frame(packet);
    client.socket.write(whole.subarray(0, 40_000));
    await until(() => hub.mqtt.unreadBytes > 39_000, "they are counted");
    expect(hub.mqtt.unreadBytes).toBeLessThan(40_000);
    client.socket.write(whole.subarray(40_000));
    await until(() => hub.records(id).length === 1, "the rest came");
    client.socket.destroy();
  });

  test("M1: is not read while the journal has no room, and loses nothing", async () => {
    const id = await newDevice();
    const socket = await openSocket();
    const client = RawMqtt.over(socket);
    expect(await client.connect(connectBytes(id, hub.token(id)))).toBe(0);
    hub.writer.refuseWith("wait");
    const sent = 200;
    for (let packetId = 1; packetId <= sent; packetId++) {
      client.send(publishBytes({ topic: eventsOf(id), payload: Buffer.alloc(100_000, packetId), packetId }));
    }
    await aWhile(300);
    // 20 MB were sent. What is not in the sockets' buffers is still at the device.
    expect(hub.mqtt.unreadBytes).toBeLessThan(400_000);
    expect(socket.socket.bufferedAmount).toBeGreaterThan(1_000_000);
    hub.writer.refuseWith(null);
    const ids = await client.acknowledgements(sent);
    expect(ids).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
    expect(hub.records(id)).toHaveLength(sent);
    client.destroy();
  });

  test("M1: gets no more acknowledgements than allowed while it does not read them, then all", async () => {
    const id = await newDevice();
    const client = await RawClient.upgraded();
    client.socket.write(frame(connectBytes(id, hub.token(id))));
    await until(() => client.bytes.length > 0, "CONNACK");
    client.bytes = Buffer.alloc(0);
    client.socket.pause();
    // Acknowledgements of many megabytes: more than the sockets' buffers take.
    const sent = 1_500_000;
    const packet = publishBytes({ topic: eventsOf(id), payload: "", packetId: 7 });
    const chunk = frame(Buffer.concat(Array.from({ length: 1_000 }, () => packet)));
    for (let at = 0; at < sent; at += 1_000) client.socket.write(chunk);
    let taken = -1;
    while (taken !== hub.counters.acceptedMessages) {
      taken = hub.counters.acceptedMessages;
      await aWhile(300);
    }
    expect(taken).toBeLessThan(sent);
    client.socket.removeAllListeners("data");
    let bytes = 0;
    client.socket.on("data", (read) => (bytes += read.length)).resume();
    // Frames of two bytes' head for one to 31 acknowledgements of four.
    await until(() => bytes > sent * 4, "all are acknowledged", 20_000);
    client.socket.destroy();
  });

  test("ends when no CONNECT comes in time, and is counted", async () => {
    const before = hub.rejections("connect-timeout");
    const client = await RawClient.upgraded();
    const pings = setInterval(() => client.socket.write(frame("", 0x89)), 100); // they are no sign of MQTT
    await until(() => client.isEnded, "it ends", 6_000);
    clearInterval(pings);
    expect(hub.rejections("connect-timeout")).toBe(before + 1);
  });
});

describe("What is no WebSocket of ours", () => {
  test.each([
    ["another path", handshake({}, "/amqp"), 404, "path"],
    ["another version", handshake({ "Sec-WebSocket-Version": "8" }), 426, "malformed-request"],
    ["no key", handshake({ "Sec-WebSocket-Key": null }), 400, "malformed-request"],
    ["a key that is none", handshake({ "Sec-WebSocket-Key": "x" }), 400, "malformed-request"],
    ["POST", handshake({}, path, "POST"), 400, "malformed-request"],
    ["no sub-protocol", handshake({ "Sec-WebSocket-Protocol": null }), 400, "sub-protocol"],
    ["an unknown sub-protocol", handshake({ "Sec-WebSocket-Protocol": "chat, wamp" }), 400, "sub-protocol"],
  ] as const)("is refused and counted: %s", async (_, text, status, reason) => {
    const before = hub.rejections(reason);
    const client = await RawClient.open(text);
    await until(() => client.isEnded, "it ends");
    expect(client.text.startsWith(`HTTP/1.1 ${status} `)).toBe(true);
    expect(hub.rejections(reason)).toBe(before + 1);
  });

  test("an upgrade to another protocol is a request like any other", async () => {
    const client = await RawClient.open(handshake({ Upgrade: "h2c" }, "/nowhere"));
    await until(() => client.text.includes("ErrorCode:ResourceNotFound"), "it is answered");
    client.socket.destroy();
  });

  const binary = frame("x");
  test.each([
    ["text", frame("x", 0x81), 1003],
    ["a reserved bit", frame("x", 0xc2), 1002],
    ["no mask", Buffer.from([0x82, 1, 0x10]), 1002],
    ["an unknown opcode", frame("x", 0x83), 1002],
    ["an unknown control opcode", frame("x", 0x8b), 1002],
    ["a continuation of nothing", frame("x", 0x80), 1002],
    ["a message within a message", Buffer.concat([frame("\x10", 0x02), binary]), 1002],
    ["a long ping", frame(Buffer.alloc(126), 0x89), 1002],
    ["half a ping", frame("x", 0x09), 1002],
    ["a Close of one byte", frame("\x03", 0x88), 1002],
    ["a Close with a code that no frame has", frame(Buffer.from([0x03, 0xed]), 0x88), 1002],
    ["a Close whose reason is no text", frame(Buffer.from([0x03, 0xe8, 0xc3, 0x28]), 0x88), 1007],
    ["an impossible length", Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]), 1002],
  ])("malformed frames end it, with the reason, and are counted: %s", async (_, bytes, code) => {
    const before = hub.rejections("malformed-frame");
    const client = await RawClient.upgraded();
    client.socket.write(bytes);
    await until(() => client.isEnded, "it ends");
    expect(client.bytes[0]).toBe(0x88);
    expect(client.bytes.readUInt16BE(2)).toBe(code);
    expect(hub.rejections("malformed-frame")).toBe(before + 1);
  });
});

test("A hub that stops ends its WebSockets, and lets no more through", async () => {
  const stopping = await IngestHub.open();
  await stopping.createDevice("ws-last");
  const socket = await openSocket(stopping);
  const client = RawMqtt.over(socket);
  expect(await client.connect(connectBytes("ws-last", stopping.token("ws-last")))).toBe(0);
  const idle = connect({ port: stopping.httpPort, host: "127.0.0.1" });
  await once(idle, "connect");
  idle.write(`GET /x HTTP/1.1\r\nHost: a\r\n`); // half a request: it is not idle, and ends later
  await aWhile();
  const closed = once(socket, "close");
  stopping.mqtt.close();
  const closing = stopping.https.close();
  await closed;
  expect(socket.closeCode).toBe(1000);
  idle.destroy();
  await closing;
  await stopping.close();
});
