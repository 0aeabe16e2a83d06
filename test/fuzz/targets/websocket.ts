// One WebSocket: raw bytes into Node's HTTP server, the door behind it, and a front end: MQTT, AMQP, or one that says what it hears.
//
// The input: a byte of choices, a byte that says how the stream is cut, then the stream. With the first bit of the choices set a
// handshake comes before it, so that it is frames; else it begins with a request of its own. Frames may come many times over.
//
// The stream is also read whole by websocket-stream.ts. Checked:
//       what comes through is what the frames hold; from the hub that echoes, all of it goes back
//       every frame of the hub is one, each pong is to a ping, the last ping has its pong, a Close says why
//   J1  no PUBACK, and no `accepted`, before the journal said durable
//   D1  nothing is accepted without a sign-in
//   M1  what is held for one that does not read stays small; nothing is counted or heard twice; nothing is left at the end

import { createHash } from "node:crypto";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { type Duplex, duplexPair } from "node:stream";
import fc from "fast-check";
import { AmqpConnection } from "../../../src/ingest/amqp/connection.ts";
import type { DeviceStream } from "../../../src/ingest/device-stream.ts";
import { MqttConnection } from "../../../src/ingest/mqtt/connection.ts";
import { asksForWebSocket } from "../../../src/ingest/websocket/handshake.ts";
import { WebSocketDoor } from "../../../src/ingest/websocket/websocket-door.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { acceptedIn, requestsIn, signedIn, transfer } from "../amqp-stream.ts";
import { type Target, InputReader, claim } from "../engine/target.ts";
import { connect, events, isMessage, packetsOf, publish } from "../mqtt-stream.ts";
import { hubOfOne } from "../one-device.ts";
import { type HubFrames, clientFrame, clientFrames, hubFrames } from "../websocket-stream.ts";

const choice = {
  handshake: 1,
  amqp: 2,
  echo: 4,
  /** The device does not read before it has sent all. */
  deaf: 8,
  full: 16,
  syncs: 32,
  manyTimes: 64,
  stopping: 128,
} as const;
const times = 20;
const statuses = [101, 200, 400, 404, 426, 503];
/** Streams hold a write and what they would like to have; the hub's side and the device's. */
const heldBytesMax = 64 * 1024;
const key = "dGhlIHNhbXBsZSBub25jZQ==";

function handshake(subProtocol: string, changes: Readonly<Record<string, string | null>> = {}, line = "GET"): string {
  const headers = {
    Host: "hub.test",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": key,
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": subProtocol,
    ...changes,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]));
  return `${line} /$iothub/websocket HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

function stream(choices: number, cuts: number, ...parts: readonly (Uint8Array | string)[]): Buffer {
  return Buffer.concat([Buffer.of(choices, cuts), ...parts.map((part) => Buffer.from(part))]);
}

const hello = connect();
const one = publish(events, '{"t":1}', 1, 1);
const ping = clientFrame("are you there", { first: 0x89, mask: 0x01020304 });
const faults = [
  clientFrame("x", { first: 0x81 }),
  clientFrame("x", { first: 0xc2 }),
  clientFrame("x", { first: 0x83 }),
  clientFrame("x", { first: 0x80 }),
  clientFrame("x", { first: 0x09 }),
  Buffer.of(0x82, 1, 0x10),
  Buffer.concat([clientFrame("x", { first: 2 }), clientFrame("y")]),
  clientFrame(Buffer.alloc(126), { first: 0x89 }),
  Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]),
];
const closes = ["", "03e8", "03e9", "03", "03ed", "0000", "0fa0", "03e8c328", "03e86f6b"].map((hex) =>
  clientFrame(Buffer.from(hex, "hex"), { first: 0x88, mask: 7 }),
);

/** Everything in memory of one execution. */
class Stand {
  readonly hub = hubOfOne({ limits: { connectionUnsentBytesMax: 4096 }, reserveBytesMax: 16_384 });
  readonly client: Duplex;
  readonly #peer: Duplex;
  /** Behind the door, once it was let through. */
  stream: DeviceStream | null = null;
  readonly heard: Buffer[] = [];
  readonly #answers: Buffer[] = [];
  refusals = 0;
  isLeft = false;

  constructor(choices: number) {
    const { front, writer } = this.hub;
    if ((choices & choice.full) !== 0) writer.refusal = "wait";
    const isEcho = (choices & choice.echo) !== 0;
    const log = { ...silentLog, debug: () => this.refusals++ };
    const door = new WebSocketDoor(
      {
        mqtt: (stream) => {
          this.#hear(stream);
          if (isEcho) return this.#echo(stream);
          void new MqttConnection({ ...front, left: () => (this.isLeft = true) }, stream);
        },
        AMQPWSB10: (stream) => {
          this.#hear(stream);
          if (isEcho) return this.#echo(stream);
          void new AmqpConnection(front, stream, () => (this.isLeft = true));
        },
      },
      { counters: front.counters, log },
    );
    if ((choices & choice.stopping) !== 0 && (choices & choice.handshake) === 0) door.close();
    const server = createServer(
      { maxHeaderSize: 16_384, requestTimeout: 0, headersTimeout: 0, shouldUpgradeCallback: asksForWebSocket },
      (_: IncomingMessage, response: ServerResponse) => response.end(),
    );
    server.on("upgrade", (request, socket, head) => door.take(request, socket, head));
    [this.client, this.#peer] = duplexPair();
    for (const end of [this.client, this.#peer]) end.on("error", () => {});
    this.client.on("data", (bytes: Buffer) => this.#answers.push(bytes));
    if ((choices & choice.deaf) !== 0) this.client.pause();
    server.emit("connection", this.#peer);
  }

  get answers(): Buffer {
    return Buffer.concat(this.#answers);
  }

  get isOver(): boolean {
    return this.client.destroyed || this.#peer.destroyed;
  }

  destroy(): void {
    this.client.destroy();
    this.#peer.destroy();
  }

  /** What waits at the hub for a device that does not read, or for a front end. */
  checkHeld(): void {
    const stream = this.stream;
    const held = this.#peer.writableLength + this.#peer.readableLength;
    claim(held <= heldBytesMax, () => `M1: its socket holds ${held} bytes`);
    if (stream === null) return;
    claim(stream.readableLength + stream.writableLength <= heldBytesMax, "M1: the stream holds too much");
    for (const event of ["finish", "close", "drain", "error"]) {
      claim(stream.listenerCount(event) <= 6, () => `M1: ${stream.listenerCount(event)} listeners for ${event}`);
    }
    const malformed = this.hub.front.counters.rejections["malformed-frame"];
    claim(malformed <= 1, () => `one stream is malformed ${malformed} times`);
  }

  #hear(stream: DeviceStream): void {
    claim(this.stream === null, "one connection is let through twice");
    this.stream = stream;
    stream.on("data", (bytes: Buffer) => this.heard.push(Buffer.from(bytes)));
    stream.on("error", () => {});
  }

  #echo(stream: DeviceStream): void {
    stream.on("data", (bytes: Buffer) => {
      if (!stream.write(Buffer.from(bytes))) stream.pause();
    });
    stream.on("drain", () => stream.resume());
    stream.on("end", () => stream.end());
    stream.on("close", () => (this.isLeft = true));
  }
}

const turn = (): Promise<unknown> => new Promise(setImmediate);

export const target: Target = {
  bytesMax: 3000,
  seeds: () => [
    stream(choice.handshake, 0, clientFrame(hello), clientFrame(one, { mask: 0x01020304 }), ping),
    stream(choice.handshake, 1, clientFrame(Buffer.concat([hello, one])), clientFrame(one, { form: 64 })),
    stream(
      choice.handshake | choice.syncs,
      2,
      clientFrame(hello.subarray(0, 40), { first: 0x02 }),
      ping,
      clientFrame(hello.subarray(40), { first: 0x00 }),
      clientFrame("", { first: 0x00 }),
      clientFrame(Buffer.concat([one, one]), { first: 0x80, form: 16 }),
      clientFrame("", { first: 0x8a }),
      clientFrame(publish(events, Buffer.alloc(300), 1, 2), { mask: 0xffffffff }),
    ),
    stream(choice.handshake | choice.amqp, 0, clientFrame(signedIn), clientFrame(transfer(2, 1, Buffer.from("x")))),
    stream(choice.handshake | choice.amqp | choice.syncs, 6, clientFrame(signedIn, { mask: 9 })),
    stream(choice.handshake | choice.echo, 3, clientFrame("abc"), ping, ping, clientFrame(Buffer.alloc(500, 3))),
    // More than the device reads.
    stream(
      choice.handshake | choice.echo | choice.deaf | choice.manyTimes,
      0,
      clientFrame(Buffer.alloc(2000, 1)),
      ping,
    ),
    stream(choice.handshake | choice.full | choice.deaf | choice.manyTimes, 7, clientFrame(hello), clientFrame(one)),
    stream(choice.handshake | choice.deaf | choice.manyTimes, 0, ping, ping, clientFrame("", { first: 0x89 })),
    ...faults.map((bytes) => stream(choice.handshake | choice.echo, 1, clientFrame("a"), bytes, clientFrame("b"))),
    stream(
      choice.handshake | choice.echo | choice.deaf | choice.manyTimes,
      0,
      clientFrame(Buffer.alloc(900)),
      ...faults,
    ),
    ...closes.map((bytes) => stream(choice.handshake | choice.echo, 0, clientFrame("a"), bytes, clientFrame("b"))),
    stream(choice.handshake, 5, clientFrame(hello), closes[1] as Buffer),
    stream(0, 0, handshake("mqtt"), clientFrame(hello)),
    stream(choice.echo, 4, handshake("AMQPWSB10, chat", { "Sec-WebSocket-Extensions": "permessage-deflate" }), ping),
    ...[
      { "Sec-WebSocket-Version": "8" },
      { "Sec-WebSocket-Key": "x" },
      { "Sec-WebSocket-Protocol": null },
      { Upgrade: "h2c" },
      { "Content-Length": "3" },
    ].map((changes) => stream(0, 0, handshake("mqtt", changes), "abc")),
    stream(0, 0, handshake("mqtt", {}, "POST"), "x"),
    stream(0, 0, handshake("mqtt").replace("$iothub", "x")),
    stream(choice.stopping, 0, handshake("mqtt")),
    stream(0, 0, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n", handshake("mqtt"), clientFrame(hello)),
  ],
  grammar: fc
    .tuple(
      fc.nat(255),
      fc.nat(255),
      fc.array(
        fc
          .record({
            payload: fc.oneof(
              fc.constantFrom(hello, one, signedIn, Buffer.alloc(126), Buffer.alloc(0)),
              fc.uint8Array({ maxLength: 140 }),
            ),
            first: fc.constantFrom(0x82, 0x82, 0x02, 0x00, 0x80, 0x89, 0x8a, 0x88),
            mask: fc.nat(0xffffffff),
            form: fc.constantFrom(7 as const, 16 as const, 64 as const),
          })
          .map(({ payload, ...more }) => clientFrame(payload, more)),
        { maxLength: 8 },
      ),
    )
    .map(([choices, cuts, frames]) => stream(choices | choice.handshake, cuts, ...frames)),
  dictionary: [
    ping,
    clientFrame(hello),
    clientFrame(one),
    ...closes.slice(0, 3),
    handshake("mqtt"),
    "Sec-WebSocket-Protocol: AMQPWSB10\r\n",
    "\r\n\r\n",
    Buffer.of(0x82, 0x80),
    Buffer.of(0x00, 0x80),
    Buffer.of(0x80, 0x80),
    Buffer.of(0x89, 0x80),
    Buffer.of(0x82, 0xfe, 0, 126),
    Buffer.of(0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0),
  ],
  run: async (input) => {
    const reader = new InputReader(input);
    const choices = reader.byte();
    const cuts = reader.byte();
    const has = (bit: number): boolean => (choices & bit) !== 0;
    const own = reader.rest();
    const request = has(choice.handshake) ? handshake(has(choice.amqp) ? "AMQPWSB10" : "mqtt") : "";
    const sent = has(choice.handshake) && has(choice.manyTimes) ? Buffer.concat(Array(times).fill(own)) : own;
    const whole = Buffer.concat([Buffer.from(request, "latin1"), sent]);

    const stand = new Stand(choices);
    const { client, hub } = stand;
    let seed = cuts;
    let written = 0;
    while (written < whole.length && !stand.isOver) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      const isFirst = written === 0 && request !== "" && (cuts & 8) === 0;
      const small = 1 + ((seed >>> 16) % (1 << (1 + (cuts & 7))));
      const size = cuts === 0 ? whole.length : isFirst ? request.length : has(choice.manyTimes) ? 16 * small : small;
      client.write(whole.subarray(written, written + size));
      written += size;
      await turn();
      stand.checkHeld();
      if (has(choice.syncs) && (seed & 0x300) === 0) hub.writer.sync();
    }
    // Everybody reads, room comes, everything becomes durable, until nothing moves.
    client.resume();
    for (let quiet = 0, before = -1; quiet < 4; quiet++) {
      hub.writer.makeRoom();
      hub.writer.sync();
      await turn();
      const moved = stand.answers.length + stand.heard.length;
      if (moved !== before) quiet = 0;
      before = moved;
    }
    stand.checkHeld();
    const isOver = stand.isOver;
    const answers = stand.answers;
    check(stand, { answers, isOver, request, sent, isEcho: has(choice.echo), isAmqp: has(choice.amqp) });

    stand.destroy();
    for (let turns = 0; turns < 3; turns++) {
      hub.writer.makeRoom();
      hub.writer.sync();
      await turn();
    }
    const { front } = hub;
    claim(stand.stream === null || (stand.isLeft && stand.stream.destroyed), "it does not end with its socket");
    claim(front.gate.bytes === 0, () => `M1: ${front.gate.bytes} bytes are still counted as unread`);
    claim(front.table.openCount === 0, "D1: it is still in the table");
  },
};

interface Run {
  readonly answers: Buffer;
  readonly isOver: boolean;
  readonly request: string;
  readonly sent: Buffer;
  readonly isEcho: boolean;
  readonly isAmqp: boolean;
}

function check(stand: Stand, { answers, isOver, request, sent, isEcho, isAmqp }: Run): void {
  const headEnd = answers.indexOf("\r\n\r\n") + 4;
  const head = answers.toString("latin1", 0, headEnd);
  if (answers.length > 0) {
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
    claim(statuses.includes(status), () => `it answers ${JSON.stringify(answers.toString("latin1", 0, 80))}`);
  }
  const { stream, hub } = stand;
  const { writer } = hub;
  const heard = Buffer.concat(stand.heard);
  claim(writer.records.length === 0 || heard.includes("SharedAccessSignature"), "D1: a record without a sign-in");
  if (stream === null || request === "") return;

  claim(head.startsWith("HTTP/1.1 101 "), "a good handshake is refused");
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  claim(head.includes(`\r\nSec-WebSocket-Accept: ${accept}\r\n`), "the handshake has another accept");
  const { payload, pings, closed, fault } = clientFrames(sent);
  claim(payload.subarray(0, heard.length).equals(heard), "what comes through is not what the frames hold");
  const said: HubFrames = hubFrames(answers.subarray(headEnd), isOver);
  claim(isWithin(said.pongs, pings), "a pong is to no ping, or out of order");
  const told = said.closed ?? closed ?? 1000;
  claim(told === (closed ?? 1000) || told === 1000 || told === fault, () => `it closes with ${told}`);
  if (isEcho) {
    claim(heard.subarray(0, said.payload.length).equals(said.payload), "the hub's frames hold something else");
    if (fault !== null) claim(said.closed === fault, () => `it closes with ${said.closed}, and not with ${fault}`);
    else {
      claim(heard.equals(payload), () => `of ${payload.length} bytes ${heard.length} came through`);
      const isAllBack = closed !== null || said.payload.equals(heard); // nothing goes back behind a Close
      claim(isAllBack, () => `of ${heard.length} bytes ${said.payload.length} went back`);
      claim(said.closed === closed, () => `it closes with ${said.closed}, and not with ${closed}`);
      claim(closed !== null || !isOver, "it ends without a reason");
      const last = pings.at(-1);
      claim(closed !== null || last === undefined || said.pongs.at(-1)?.equals(last) === true, "a ping has no pong");
    }
    return;
  }
  if (isAmqp) {
    const accepted = isOver ? 0 : acceptedIn(said.payload);
    claim(accepted <= writer.durableRecords + requestsIn(heard), "J1: more is accepted than is durable");
    return;
  }
  const { packets } = packetsOf(said.payload);
  const acknowledged = packets.filter(({ cmd }) => cmd === "puback").length;
  const others = packetsOf(heard).packets.filter(
    (one) => one.cmd === "publish" && one.qos === 1 && !isMessage(one.topic),
  );
  claim(acknowledged <= writer.durableRecords + others.length, "J1: more PUBACKs than is durable");
}

/** Whether all of one stand in the other, in that order. */
function isWithin(some: readonly Buffer[], all: readonly Buffer[]): boolean {
  let at = 0;
  for (const one of some) {
    while (at < all.length && !(all[at] as Buffer).equals(one)) at++;
    if (at++ >= all.length) return false;
  }
  return true;
}
