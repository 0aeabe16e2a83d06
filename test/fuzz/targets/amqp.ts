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
import { recordReader } from "../../../src/avro/record-reader.ts";
import { Accept } from "../../../src/ingest/accept.ts";
import { AmqpConnection } from "../../../src/ingest/amqp/connection.ts";
import type { AmqpContext } from "../../../src/ingest/amqp/context.ts";
import { batchFormat, writeMessage } from "../../../src/ingest/amqp/message.ts";
import {
  type Fields,
  codes,
  frame,
  performative,
  protocolHeaders,
  readPerformative,
} from "../../../src/ingest/amqp/performatives.ts";
import { Described, Malformed, encode } from "../../../src/ingest/amqp/values.ts";
import { ConnectionTable } from "../../../src/ingest/connection-table.ts";
import type { DeviceStream } from "../../../src/ingest/device-stream.ts";
import { newCounters } from "../../../src/ingest/ingest.ts";
import { ReadGate } from "../../../src/ingest/read-gate.ts";
import { makeSasToken } from "../../../src/ingest/sas-token.ts";
import { TakeOvers } from "../../../src/ingest/take-overs.ts";
import { Turns } from "../../../src/ingest/turns.ts";
import type { DurableWaiter, Journal, PartitionWriter, Refusal } from "../../../src/journal/journal.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { type CloudDelivery, type CloudMessageCalls, untouchedSection } from "../../../src/registry/registry.ts";
import { keptSessions } from "../kept-sessions.ts";
import { CloudMessages } from "../../../src/twins/cloud-messages.ts";
import { Methods } from "../../../src/twins/methods.ts";
import { Twins } from "../../../src/twins/twins.ts";
import { type Target, InputReader, claim } from "../engine/target.ts";
import { enrolledProvisioning } from "../../lib/enrolled.ts";

const key = Buffer.from("0123456789abcdef0123456789abcdef").toString("base64");
const token = makeSasToken("hub.test/devices/dev-1", key, Date.parse("2200-01-01T00:00:00Z"));
const messageBytesMax = 2000;
const read = recordReader("measurements") as (bytes: Buffer) => { readonly SystemProperties: Record<string, string> };

/** A registry with one message for the device. */
function oneCloudMessage(): CloudMessageCalls {
  let isTaken = false;
  return {
    sendCloudMessage: async () => await Promise.reject(new Error("nobody sends")),
    takeCloudMessages: async () => {
      const deliveries = isTaken ? [] : [delivery];
      isTaken = true;
      return { deliveries, lockEndsMs: null };
    },
    settleCloudMessage: async () => await Promise.resolve(),
    releaseCloudMessages: async () => await Promise.resolve(),
    sweepCloudMessages: async () => await Promise.resolve(),
  } as unknown as CloudMessageCalls;
}
const delivery: CloudDelivery = {
  number: 1,
  messageId: "m",
  properties: { a: "b" },
  enqueuedAt: "2026-01-02T03:04:05.678Z",
  expiresAt: "2026-01-02T04:04:05.678Z",
  deliveryCount: 1,
  body: Buffer.alloc(700, 7),
  lockToken: "lock",
};

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

/** A partition that says "durable" when it is told to. */
class SimulatedWriter implements PartitionWriter {
  readonly partition = 0;
  readonly reserveBytesMax = 16_384;
  refusal: Refusal | null = null;
  readonly buffer = Buffer.alloc(32_768);
  position = 0;
  timeMs = Date.parse("2026-01-02T03:04:05.678Z");
  readonly records: Buffer[] = [];
  durableRecords = 0;
  #waiters: { readonly waiter: DurableWaiter; readonly records: number }[] = [];
  #roomCalls: (() => void)[] = [];
  reserve(bytesMax: number): Refusal | null {
    if (this.refusal !== null) return this.refusal;
    claim(bytesMax <= this.reserveBytesMax, "M1: it reserves more than there can be");
    this.position = 0;
    return null;
  }
  commit(end: number): void {
    this.records.push(Buffer.from(this.buffer.subarray(this.position, end)));
    this.position = end;
  }
  onDurable(waiter: DurableWaiter): void {
    this.#waiters.push({ waiter, records: this.records.length });
  }
  onRoom(call: () => void): () => void {
    this.#roomCalls.push(call);
    return () => {
      this.#roomCalls = this.#roomCalls.filter((one) => one !== call);
    };
  }
  async flush(): Promise<void> {}
  sync(): void {
    this.durableRecords = this.records.length;
    for (const { waiter } of this.#waiters.splice(0)) waiter.durable();
  }
  makeRoom(): void {
    this.refusal = null;
    for (const call of this.#roomCalls.splice(0)) call();
  }
}

const open = frame(0, performative(codes.open, [encode.string("peer"), null, encode.uint(600)]));
const begin = frame(0, performative(codes.begin, [null, encode.uint(0), encode.uint(2048), encode.uint(2048)]));
function attach(handle: number, address: string, isReceiver = false): Buffer {
  const terminus = (code: number): Buffer => performative(code, [encode.string(address)]);
  return frame(
    0,
    performative(codes.attach, [
      encode.string(`${handle}`),
      encode.uint(handle),
      encode.bool(isReceiver),
      encode.ubyte(0),
      encode.ubyte(0),
      terminus(codes.source),
      terminus(codes.target),
      null,
      null,
      encode.uint(0),
    ]),
  );
}
function transfer(
  handle: number,
  id: number,
  payload: Buffer,
  more: { format?: number; settled?: boolean; more?: boolean } = {},
): Buffer {
  const { format = 0, settled = false, more: isMore = false } = more;
  return frame(
    0,
    performative(codes.transfer, [
      encode.uint(handle),
      encode.uint(id),
      encode.binary(Buffer.of(id & 255)),
      encode.uint(format),
      encode.bool(settled),
      encode.bool(isMore),
    ]),
    payload,
  );
}
const flow = (handle: number, credit: number): Buffer =>
  frame(
    0,
    performative(codes.flow, [
      encode.uint(0),
      encode.uint(100),
      encode.uint(0),
      encode.uint(100),
      encode.uint(handle),
      encode.uint(0),
      encode.uint(credit),
    ]),
  );
const putToken = writeMessage({
  messageId: encode.string("1"),
  application: [
    ["operation", encode.string("put-token")],
    ["type", encode.string("servicebus.windows.net:sastoken")],
    ["name", encode.string("hub.test/devices/dev-1")],
  ],
  body: Buffer.from(token),
});
const eventsHandle = 2;
const signedIn = Buffer.concat([
  protocolHeaders.amqp,
  open,
  begin,
  attach(0, "$cbs"),
  attach(1, "$cbs", true),
  flow(1, 10),
  transfer(0, 0, putToken),
  attach(eventsHandle, "/devices/dev-1/messages/events"),
]);
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
];
const saslInit = frame(
  0,
  performative(codes.saslInit, [encode.symbol("PLAIN"), encode.binary(Buffer.from(`\0dev-1@sas.hub\0${token}`))]),
  undefined,
  1,
);
const stream = (choices: number, cuts: number, ...frames: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.of(choices, cuts), ...frames]);

export const target: Target = {
  bytesMax: 4000,
  seeds: () => [
    ...pieces.map((piece, at) => stream(1, at, piece)),
    stream(1, 0, ...pieces.slice(0, 7)),
    stream(5, 3, ...pieces.slice(0, 4)),
    stream(
      0,
      5,
      protocolHeaders.sasl,
      saslInit,
      protocolHeaders.amqp,
      open,
      begin,
      attach(0, "/devices/dev-1/messages/events"),
    ),
    stream(0, 0, signedIn),
  ],
  grammar: fc
    .tuple(fc.nat(15), fc.nat(255), fc.array(fc.constantFrom(...pieces), { maxLength: 8 }))
    .map(([choices, cuts, frames]) => stream(choices | 1, cuts, ...frames)),
  dictionary: [...pieces, protocolHeaders.amqp, protocolHeaders.sasl],

  async run(input) {
    const reader = new InputReader(input);
    const choices = reader.byte();
    const cuts = reader.byte();
    const isLetIn = (choices & 1) !== 0;
    const whole = isLetIn ? Buffer.concat([signedIn, reader.rest()]) : reader.rest();
    const counters = newCounters();
    const table = new ConnectionTable();
    const accept = new Accept(counters);
    const writer = new SimulatedWriter();
    accept.open({ partitions: [writer] } as unknown as Journal);
    const gate = new ReadGate(
      1024 * 1024,
      () => [],
      () => 0,
    );
    const generationId = "639000000000000000";
    const context: AmqpContext = {
      accept,
      counters,
      table,
      gate,
      moreSessions: { count: 0 },
      provisioned: { count: 0 },
      provisioning: enrolledProvisioning(counters),
      limits: {
        messageBytesMax,
        connectionsMax: 10,
        connectTimeoutMs: 30_000,
        keepAliveSecondsMax: 1767,
        connectionBytesInFlightMax: 1500,
        unreadBytesMax: 1024 * 1024,
        connectionUnsentBytesMax: 4096,
      },
      idleTimeOutMs: 120_000,
      registry: {
        deviceCredentials: async (id) =>
          id === "dev-1"
            ? {
                deviceId: id,
                primaryKey: key,
                secondaryKey: key,
                enabled: true,
                generationId,
                authentication: { type: "sas" as const },
              }
            : null,
        moduleCredentials: async () => null,
        policyKeys: async () => null,
        trustedCaCertificates: async () => [],
      },
      turns: new Turns(() => 0),
      twins: new Twins({
        deviceTwin: async (deviceId) => ({
          deviceId,
          generationId,
          desired: untouchedSection,
          reported: untouchedSection,
        }),
        reportTwin: async () => 2,
        // Nobody signs in as a module.
        moduleTwin: () => Promise.reject(new Error("there are no modules")),
        reportModuleTwin: () => Promise.reject(new Error("there are no modules")),
      }),
      sessions: keptSessions(null),
      methods: new Methods({ clock: systemClock, callsMax: 10 }),
      cloudMessages: new CloudMessages({
        registry: oneCloudMessage(),
        clock: systemClock,
        log: silentLog,
        bytesMax: 1000,
      }),
      takeOvers: new TakeOvers({ clock: systemClock, log: silentLog }),
      signInRates: null,
      isOurHost: (host) => host === "hub.test",
      log: silentLog,
      signIns: { count: 0 },
      coarseMs: () => 0,
      reject: (reason) => counters.rejections[reason]++,
    };
    const simulated = new SimulatedStream();
    let isLeft = false;
    const connection = new AmqpConnection(context, simulated as unknown as DeviceStream, () => (isLeft = true));
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
      const { SystemProperties } = read(record);
      claim(SystemProperties["connectionDeviceId"] === "dev-1", "D1: a record of somebody else");
    }
    connection.sweep(0);
    simulated.emit("close");
    await settle();
    claim(isLeft, "it does not end with its stream");
    claim(gate.bytes === 0, () => `M1: ${gate.bytes} bytes are still counted as unread`);
    claim(table.openCount === 0, "D1: it is still in the table");
  },
};

/** Without the token no stream can sign in. */
function isDark(bytes: Buffer): boolean {
  return !bytes.includes("SharedAccessSignature");
}

/** Deliveries that the hub said it accepted; throws when it does not speak AMQP. */
function acceptedIn(written: Buffer): number {
  let accepted = 0;
  for (const fields of performativesIn(written, true)) {
    const state = fields.at(4);
    if (fields.code !== codes.disposition || !fields.bool(0)) continue;
    if (!(state instanceof Described) || state.descriptor !== 0x24n) continue;
    const first = fields.mandatoryUint(1);
    accepted += (fields.uint(2) ?? first) - first + 1;
  }
  return accepted;
}

/** Transfers on other links than the first for messages: requests are accepted at once, and have no record. */
function requestsIn(stream: Buffer): number {
  let requests = 0;
  for (const fields of performativesIn(stream, false)) {
    if (fields.code === codes.transfer && fields.at(0) !== eventsHandle) requests++;
  }
  return requests;
}

function* performativesIn(bytes: Buffer, isStrict: boolean): Generator<Fields, void, void> {
  for (let at = 0; at + 8 <= bytes.length;) {
    if (bytes.toString("latin1", at, at + 4) === "AMQP") {
      at += 8;
      continue;
    }
    const size = bytes.readUInt32BE(at);
    if (isStrict) claim(size >= 8 && at + size <= bytes.length, "it writes half a frame");
    if (size < 8 || at + size > bytes.length) return;
    const contentAt = at + 4 * (bytes[at + 4] ?? 2);
    at += size;
    if (contentAt >= at) continue;
    try {
      yield readPerformative(bytes, contentAt, at).fields;
    } catch (error) {
      if (isStrict || !(error instanceof Malformed)) throw error;
      return;
    }
  }
}
