// Peers that are no devices, or bad ones: their connection ends, with a reason that is counted, and nothing else happens.

import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IngestHub, aWhile, until } from "../../../test/lib/ingest-hub.ts";
import type { RejectionReason } from "../ingest.ts";
import { codes, frame, frameTypes, performative, protocolHeaders } from "./performatives.ts";
import { encode } from "./values.ts";
import { writeMessage } from "./message.ts";

let hub: IngestHub;
beforeAll(async () => {
  hub = await IngestHub.open({ limits: { connectTimeoutMs: 20_000, connectionUnsentBytesMax: 16 * 1024 } });
});
afterAll(() => hub.close());

class Peer {
  readonly socket: Socket;
  bytes = 0;
  isEnded = false;

  static async open(...bytes: readonly Buffer[]): Promise<Peer> {
    const socket = connect({ port: hub.amqpPort, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    const peer = new Peer(socket);
    peer.send(...bytes);
    return peer;
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => (this.bytes += chunk.length)).on("error", () => {});
    socket.on("close", () => (this.isEnded = true));
  }

  send(...bytes: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(bytes));
  }
}

const open = frame(0, performative(codes.open, [encode.string("peer")]));
const begin = frame(0, performative(codes.begin, [null, encode.uint(0), encode.uint(2048), encode.uint(2048)]));
const upTo = [protocolHeaders.amqp, open, begin];
const attach = (handle: number, address: string, isReceiver = false): Buffer => {
  const terminus = (code: number): Buffer => performative(code, [encode.string(address)]);
  return frame(
    0,
    performative(codes.attach, [
      encode.string(`link-${handle}`),
      encode.uint(handle),
      encode.bool(isReceiver),
      null,
      null,
      terminus(codes.source),
      terminus(codes.target),
      null,
      null,
      encode.uint(0),
    ]),
  );
};
const transfer = (handle: number, id: number, payload: Buffer, isMore = false): Buffer =>
  frame(
    0,
    performative(codes.transfer, [
      encode.uint(handle),
      encode.uint(id),
      encode.binary(Buffer.of(id)),
      encode.uint(0),
      encode.bool(false),
      encode.bool(isMore),
    ]),
    payload,
  );
const putToken = (id: string): Buffer =>
  writeMessage({
    messageId: encode.string("1"),
    application: [
      ["operation", encode.string("put-token")],
      ["type", encode.string("servicebus.windows.net:sastoken")],
      ["name", encode.string(`localhost/devices/${id}`)],
    ],
    body: Buffer.from(hub.token(id)),
  });
/** It signs in, and has a link for its messages. */
async function device(id: string): Promise<Peer> {
  await hub.createDevice(id);
  const events = attach(2, `/devices/${id}/messages/events`);
  const peer = await Peer.open(
    ...upTo,
    attach(0, "$cbs"),
    attach(1, "$cbs", true),
    transfer(0, 0, putToken(id)),
    events,
  );
  await until(() => hub.table.isOpen(id), "it is let in");
  return peer;
}
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

describe("A peer is ended, and counted", () => {
  const many = Buffer.concat([
    uint32(18),
    Buffer.from([2, 0, 0, 0]),
    Buffer.from([0xf0]),
    uint32(5),
    uint32(0xffff_ffff),
    Buffer.of(0x40),
  ]);
  test.each([
    ["speaks HTTP", [Buffer.from("GET / HTTP/1.1\r\n\r\n")], "protocol-version"],
    ["speaks AMQP 0-9-1", [Buffer.from("AMQP\0\0\x09\x01")], "protocol-version"],
    ["begins without an open", [protocolHeaders.amqp, begin], "unexpected-packet"],
    [
      "says a frame of four gigabytes comes",
      [protocolHeaders.amqp, uint32(0xffff_ffff), Buffer.from([2, 0, 0, 0])],
      "packet-too-large",
    ],
    ["says a frame of no bytes comes", [protocolHeaders.amqp, Buffer.alloc(8)], "malformed-packet"],
    ["sends an array of four billion nulls", [protocolHeaders.amqp, many], "malformed-packet"],
    [
      "sends a SASL frame behind SASL",
      [protocolHeaders.amqp, frame(0, performative(codes.saslInit, []), undefined, frameTypes.sasl)],
      "malformed-packet",
    ],
    [
      "opens too many sessions",
      [...upTo, ...Array.from({ length: 1024 }, (_, at) => frame(at + 1, begin.subarray(8)))],
      "malformed-packet",
    ],
    ["uses a channel without a session", [protocolHeaders.amqp, open, attach(0, "$cbs")], "malformed-packet"],
    ["attaches a handle twice", [...upTo, attach(0, "$cbs"), attach(0, "$cbs")], "malformed-packet"],
    ["attaches a handle beyond what was agreed on", [...upTo, attach(4096, "$cbs")], "malformed-packet"],
    [
      "sends on a link on which the hub sends",
      [...upTo, attach(0, "$cbs", true), transfer(0, 0, Buffer.alloc(0))],
      "malformed-packet",
    ],
  ] as const)("when it %s", async (_, bytes, reason: RejectionReason) => {
    const before = hub.rejections(reason);
    const peer = await Peer.open(...bytes);
    await until(() => peer.isEnded, "it is ended");
    expect(hub.rejections(reason)).toBe(before + 1);
  });
});

test("M1: a disposition of four billion deliveries costs nothing", async () => {
  const sinceMs = performance.now();
  const all = frame(
    0,
    performative(codes.disposition, [
      encode.bool(true),
      encode.uint(0),
      encode.uint(0xffff_ffff),
      encode.bool(true),
      null,
    ]),
  );
  const peer = await Peer.open(
    ...upTo,
    ...Array.from({ length: 100 }, () => all),
    frame(0, performative(codes.close, [])),
  );
  await until(() => peer.isEnded, "it has closed");
  expect(performance.now() - sinceMs).toBeLessThan(2_000);
});

test("M1: parts of messages are counted among the unread bytes, bounded for a connection, and given back at its end", async () => {
  const peer = await device("parts");
  const part = Buffer.alloc(60_000, 1);
  peer.send(transfer(2, 0, part, true), transfer(2, 0, part, true));
  await until(() => hub.amqp.unreadBytes === 120_000, "they are counted");
  // Beyond what a message may have it is read over.
  for (let at = 0; at < 20; at++) peer.send(transfer(2, 0, part, true));
  await until(() => hub.amqp.unreadBytes === 0, "it is too large");
  peer.send(transfer(2, 0, part, false), transfer(2, 1, part, true));
  await until(() => hub.amqp.unreadBytes === 60_000, "the next one begins");
  peer.socket.destroy();
  await until(() => hub.amqp.unreadBytes === 0, "it is gone");
  expect(hub.rejections("message-too-large")).toBe(1);
});

test("M1: links that come and go leave nothing; more than allowed are refused", async () => {
  const peer = await device("links");
  const detach = (handle: number): Buffer =>
    frame(0, performative(codes.detach, [encode.uint(handle), encode.bool(true)]));
  for (let at = 0; at < 2_000; at++) peer.send(attach(5, "/devices/links/twin"), detach(5));
  for (let at = 3; at < 256; at++) peer.send(attach(at, "/devices/links/messages/events"));
  const body = writeMessage({ body: Buffer.from("still served") });
  peer.send(transfer(2, 0, body));
  await until(() => hub.bodies("links").length === 1, "it is served");
  expect(peer.isEnded).toBe(false);
  peer.socket.destroy();
});

test("M1: who does not read what it is told is not read either", async () => {
  const peer = await device("deaf");
  peer.socket.pause();
  const echo = frame(
    0,
    performative(codes.flow, [
      encode.uint(0),
      encode.uint(2048),
      encode.uint(0),
      encode.uint(2048),
      null,
      null,
      null,
      null,
      null,
      encode.bool(true),
    ]),
  );
  const chunk = Buffer.concat(Array.from({ length: 1_000 }, () => echo));
  for (let at = 0; at < 1_000; at++) peer.send(chunk); // 30 MB, each frame of it answered
  let unsent = -1;
  while (unsent !== peer.socket.writableLength) {
    unsent = peer.socket.writableLength;
    await aWhile(300);
  }
  expect(unsent).toBeGreaterThan(1_000_000);
  peer.socket.destroy();
});
