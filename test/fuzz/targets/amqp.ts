// One AMQP connection: raw bytes into a real AmqpConnection over a stream, a journal and a registry that are in the target's hand.
//
// The input: a byte of choices, a byte that says how the stream is cut, then frames. With the first bit of the choices set a device
// has signed in and has a link for its messages, so that mutations need not find a signature.
//
//   J1  no `accepted` before the journal said durable; not more of them than records
//   D1  nothing is accepted without a sign-in; every record is the device's
//   M1  parts of messages and what is unread are given back at the end
//       what the hub says is AMQP; nothing throws

import { EventEmitter } from "node:events";
import fc from "fast-check";
import { AmqpConnection } from "../../../src/ingest/amqp/connection.ts";
import { batchFormat, writeMessage } from "../../../src/ingest/amqp/message.ts";
import { codes, frame, frameTypes, performative, protocolHeaders } from "../../../src/ingest/amqp/performatives.ts";
import { encode } from "../../../src/ingest/amqp/values.ts";
import type { DeviceStream } from "../../../src/ingest/device-stream.ts";
import {
  acceptedIn,
  attach,
  begin,
  eventsHandle,
  flow,
  open,
  putToken,
  requestsIn,
  signedIn,
  transfer,
} from "../amqp-stream.ts";
import { type Target, InputReader, claim } from "../engine/target.ts";
import { hubOfOne, hubToken, readRecord, stir, token } from "../one-device.ts";

const messageBytesMax = 2000;

/** As a socket is used by the connection. */
class SimulatedStream extends EventEmitter {
  readonly written: Buffer[] = [];
  isPaused = false;
  isOver = false;
  writableEnded = false;
  readonly writableLength = 0;
  readonly remoteAddress = "192.0.2.1";
  setNoDelay(): void {}
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  write(bytes: Buffer, done?: () => void): boolean {
    claim(!this.writableEnded && !this.isOver, "it writes to a stream that it ended");
    this.written.push(Buffer.from(bytes));
    if (done !== undefined) queueMicrotask(done);
    return true;
  }
  end(): void {
    this.writableEnded = true;
    queueMicrotask(() => this.emit("close"));
  }
  destroySoon(): void {
    this.end();
  }
  destroy(): void {
    this.isOver = true;
  }
}

const message = (body: string): Buffer =>
  writeMessage({
    messageId: encode.string("m"),
    contentType: "application/json",
    application: [["level", encode.string("1")]],
    body: Buffer.from(body),
  });
const batch = Buffer.concat(["a", "b"].map((text) => encode.described(0x75, encode.binary(message(text)))));
const twinRequest = (operation: string, resource: string, body: string): Buffer =>
  writeMessage({
    annotations: [
      ["operation", encode.string(operation)],
      ["resource", encode.string(resource)],
    ],
    correlationId: encode.string("c"),
    body: Buffer.from(body),
  });
const methodAnswer = (status: string): Buffer =>
  writeMessage({
    correlationId: encode.uuid(Buffer.alloc(16)),
    application: [["IoThub-status", encode.string(status)]],
    body: Buffer.from("{}"),
  });
const disposition = frame(
  0,
  performative(codes.disposition, [
    encode.bool(true),
    encode.uint(0),
    encode.uint(9),
    encode.bool(true),
    performative(codes.accepted, []),
  ]),
);
const detach = (handle: number): Buffer =>
  frame(0, performative(codes.detach, [encode.uint(handle), encode.bool(true)]));
const pieces = [
  transfer(eventsHandle, 1, message('{"t":1}')),
  transfer(eventsHandle, 2, batch, { format: batchFormat }),
  transfer(eventsHandle, 3, message("settled"), { settled: true }),
  Buffer.concat([
    transfer(eventsHandle, 4, message("part").subarray(0, 20), { more: true }),
    transfer(eventsHandle, 4, message("part").subarray(20)),
  ]),
  Buffer.concat([
    attach(3, "/devices/dev-1/twin"),
    attach(4, "/devices/dev-1/twin", true),
    flow(4, 10),
    transfer(3, 5, twinRequest("GET", "", " ")),
  ]),
  transfer(3, 6, twinRequest("PATCH", "/properties/reported", '{"a":1}')),
  transfer(3, 7, twinRequest("PUT", "/notifications/twin/properties/desired", " ")),
  attach(5, "/devices/dev-2/messages/events"),
  attach(6, "/devices/dev-1/methods/devicebound", true),
  Buffer.concat([attach(7, "/devices/dev-1/messages/devicebound", true), flow(7, 10)]),
  disposition,
  detach(eventsHandle),
  frame(0, performative(codes.end, [])),
  frame(0, performative(codes.close, [])),
  flow(4, 0),
  transfer(0, 8, putToken("hub.test/devices/dev-1")), // renewed
  transfer(0, 9, putToken("hub.test", { body: hubToken })),
  transfer(0, 10, putToken("hub.test%2Fdevices%2Fdev-1", { body: hubToken })),
  transfer(0, 11, putToken("hub.test/devices/dev-1/modules/m")),
  transfer(0, 12, putToken("hub.test/devices/dev-2", { operation: "delete-token" })),
  transfer(0, 13, putToken("%", { type: "jwt", body: "" })),
  Buffer.concat([attach(8, "/devices/dev-1/methods/devicebound"), transfer(8, 14, methodAnswer("200"))]),
  transfer(8, 15, methodAnswer("x")),
];
const saslInit = (mechanism: string, response: string): Buffer =>
  frame(
    0,
    performative(codes.saslInit, [encode.symbol(mechanism), encode.binary(Buffer.from(response))]),
    undefined,
    frameTypes.sasl,
  );
const sasl = [
  saslInit("PLAIN", `\0dev-1@sas.hub\0${token}`),
  saslInit("PLAIN", `\0device@sas.root.hub\0${hubToken}`),
  saslInit("PLAIN", `\0dev-1/m@sas.hub\0${token}`),
  saslInit("PLAIN", "\0dev-1@sas.hub"),
  saslInit("ANONYMOUS", "x"),
  saslInit("EXTERNAL", ""),
];
const sendsEvents = Buffer.concat([
  protocolHeaders.amqp,
  open,
  begin,
  attach(eventsHandle, "/devices/dev-1/messages/events"),
]);
const stream = (choices: number, cuts: number, ...frames: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.of(choices, cuts), ...frames]);

export const target: Target = {
  bytesMax: 4000,
  seeds: () => [
    ...pieces.map((piece, at) => stream(1, at, piece)),
    stream(1, 0, ...pieces.slice(0, 7)),
    stream(5, 3, ...pieces.slice(0, 4)),
    ...sasl.map((init) => stream(0, 5, protocolHeaders.sasl, init, sendsEvents, pieces[0] as Buffer)),
    // The hub calls a method and sets what is desired.
    stream(17, 0, ...pieces.slice(4, 10), ...pieces.slice(-2)),
    stream(0, 0, signedIn),
  ],
  grammar: fc
    .tuple(fc.nat(31), fc.nat(255), fc.array(fc.constantFrom(...pieces), { maxLength: 8 }))
    .map(([choices, cuts, frames]) => stream(choices | 1, cuts, ...frames)),
  dictionary: [...pieces, protocolHeaders.amqp, protocolHeaders.sasl],

  async run(input) {
    const reader = new InputReader(input);
    const choices = reader.byte();
    const cuts = reader.byte();
    const isLetIn = (choices & 1) !== 0;
    const whole = isLetIn ? Buffer.concat([signedIn, reader.rest()]) : reader.rest();
    const { front, writer } = hubOfOne({
      limits: { messageBytesMax, connectionUnsentBytesMax: 4096 },
      reserveBytesMax: 16_384,
    });
    const simulated = new SimulatedStream();
    let isLeft = false;
    const connection = new AmqpConnection(front, simulated as unknown as DeviceStream, () => (isLeft = true));
    if ((choices & 4) !== 0) writer.refusal = "wait";
    const settle = async (): Promise<void> => {
      for (let turn = 0; turn < 12; turn++) await Promise.resolve();
    };
    const check = (): void => {
      const accepted = acceptedIn(Buffer.concat(simulated.written));
      // A batch is one delivery of several records.
      const most = writer.durableRecords + requestsIn(whole);
      claim(accepted <= most, () => `J1: ${accepted} deliveries are accepted, and at most ${most} may be`);
    };
    let seed = cuts;
    for (let at = 0; at < whole.length && !simulated.writableEnded && !simulated.isOver;) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      const size =
        cuts === 0
          ? whole.length
          : isLetIn && at === 0
            ? signedIn.length
            : 1 + ((seed >>> 16) % (1 << (1 + (cuts & 7))));
      simulated.emit("data", Buffer.from(whole.subarray(at, at + size)));
      at += size;
      await settle();
      if ((choices & 8) !== 0) check();
      if ((choices & 16) !== 0) stir(front, at);
      if (simulated.isPaused) {
        writer.makeRoom();
        writer.sync();
        await settle();
      }
    }
    check();
    writer.makeRoom();
    writer.sync();
    await settle();
    check();
    if (!isLetIn) claim(writer.records.length === 0 || !isDark(whole), "D1: a record without a sign-in");
    for (const record of writer.records) {
      const { SystemProperties } = readRecord(record);
      claim(SystemProperties["connectionDeviceId"] === "dev-1", "D1: a record of somebody else");
    }
    connection.sweep(0);
    simulated.emit("close");
    await settle();
    claim(isLeft, "it does not end with its stream");
    claim(front.gate.bytes === 0, () => `M1: ${front.gate.bytes} bytes are still counted as unread`);
    claim(front.table.openCount === 0, "D1: it is still in the table");
  },
};

/** Without the token no stream can sign in. */
function isDark(bytes: Buffer): boolean {
  return !bytes.includes("SharedAccessSignature");
}
