// The MQTT reader: a real MqttConnection on a socket, a journal and a registry that are in the target's hand.
//
// The input: a byte of choices, a byte that says how the stream is cut into chunks, then the stream. With the first bit of
// the choices set a valid CONNECT comes before it, so that mutations need not find a signature.
//
// The stream is also given to mqtt-packet's parser, which says what is in it. Checked:
//   J1  no PUBACK before the journal said durable; one each, in order, for what was accepted with QoS 1
//   J1  what was accepted is what the stream holds: the same bodies in the same order, nothing skipped
//   D1  nothing is accepted before CONNECT was, and only on the device's own topic
//   M1  a paused socket is not read; what the connection answers is well-formed

import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import fc from "fast-check";
import mqtt, { type Packet } from "mqtt-packet";
import { MqttConnection } from "../../../src/ingest/mqtt/connection.ts";
import type { MqttServerContext } from "../../../src/ingest/mqtt/context.ts";
import { desiredFilter } from "../../../src/ingest/mqtt/topics.ts";
import { idScope, registrationToken } from "../../lib/enrolled.ts";
import { type Target, InputReader, claim } from "../engine/target.ts";
import { connect, events, isMessage, packetsOf, publish } from "../mqtt-stream.ts";
import { hubOfOne, readRecord, stir, token } from "../one-device.ts";

const devicebound = "devices/dev-1/messages/devicebound/#";
const plainConnect = connect();

/** Of one that is no device yet. */
function provisioningConnect(id: string): Buffer {
  const username = `${idScope}/registrations/${id}/api-version=2019-03-31&ClientVersion=x`;
  return connect({ clientId: id, username, clean: true, password: Buffer.from(registrationToken(id)) });
}
const provisioningSubscribe = mqtt.generate({
  cmd: "subscribe",
  messageId: 1,
  subscriptions: [{ topic: "$dps/registrations/res/#", qos: 1 }],
});
const registerTopic = "$dps/registrations/PUT/iotdps-register/?$rid=1";
const operationTopic = "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=x";

/** As a net.Socket is used by the connection. */
class SimulatedSocket extends EventEmitter {
  readonly written: Buffer[] = [];
  isPaused = false;
  isOver = false;
  writableEnded = false;
  remoteAddress = "192.0.2.1";
  /** What the peer has not read. */
  writableLength = 0;
  isPeerReading = true;
  setNoDelay(): void {}
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  readonly #calls: (() => void)[] = [];
  write(bytes: Buffer, done?: () => void): boolean {
    claim(!this.isOver, "it writes to a socket that it destroyed");
    this.written.push(Buffer.from(bytes));
    if (done !== undefined) this.#calls.push(done);
    if (this.isPeerReading) queueMicrotask(() => this.drain());
    else this.writableLength += bytes.length;
    return this.writableLength < 64;
  }
  /** The peer has read all: whoever asked is told. */
  drain(): void {
    for (const done of this.#calls.splice(0)) done();
  }
  destroy(): void {
    this.isOver = true;
  }
  destroySoon(): void {
    this.writableEnded = true;
    this.isOver = true;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
}

export const target: Target = {
  bytesMax: 3000,
  seeds: () => {
    const stream = (choices: number, cuts: number, ...packets: Buffer[]): Buffer =>
      Buffer.concat([Buffer.from([choices, cuts]), ...packets]);
    const one = publish(events, '{"t":1}', 1, 1);
    return [
      stream(1, 0, one, one, publish(`${events}a=1&%24.mid=m`, "x", 1, 2), mqtt.generate({ cmd: "pingreq" })),
      stream(
        3,
        3,
        one,
        publish(events, "", 0, 0),
        publish(events, Buffer.alloc(300), 1, 9, { retain: true, dup: true }),
      ),
      stream(5, 1, ...Array.from({ length: 9 }, (_, index) => publish(events, Buffer.alloc(200), 1, index + 1))),
      stream(0, 7, connect({ will: { topic: events, payload: Buffer.from("w"), qos: 1, retain: true } }), one),
      stream(0, 0, connect({ clientId: "dev-1/mod", username: "hub.test/dev-1/mod/x", password: Buffer.from("no") })),
      stream(
        1,
        2,
        mqtt.generate({
          cmd: "subscribe",
          messageId: 3,
          subscriptions: [
            { topic: "$iothub/twin/res/#", qos: 0 },
            { topic: "#", qos: 1 },
          ],
        }),
        publish("$iothub/twin/GET/?$rid=1", "", 1, 4),
        publish("$iothub/methods/res/200/?$rid=1", "", 0, 0),
        mqtt.generate({ cmd: "unsubscribe", messageId: 5, unsubscriptions: ["$iothub/twin/res/#"] }),
        mqtt.generate({ cmd: "puback", messageId: 4 }),
        mqtt.generate({ cmd: "disconnect" }),
      ),
      // The hub calls a method and sets what is desired.
      stream(
        1,
        128 + 7,
        mqtt.generate({
          cmd: "subscribe",
          messageId: 3,
          subscriptions: ["$iothub/methods/POST/#", desiredFilter].map((topic) => ({ topic, qos: 0 as const })),
        }),
        publish("$iothub/twin/PATCH/properties/reported/?$rid=2", '{"a":{"b":null}}', 0, 0),
        publish("$iothub/methods/res/200/?$rid=1", "{}", 0, 0),
      ),
      // Messages for the device, acknowledged twice, and one that is not in flight.
      stream(
        17,
        0,
        mqtt.generate({ cmd: "subscribe", messageId: 3, subscriptions: [{ topic: devicebound, qos: 1 }] }),
        one,
        ...[2, 2, 1, 9].map((messageId) => mqtt.generate({ cmd: "puback", messageId })),
        mqtt.generate({ cmd: "unsubscribe", messageId: 5, unsubscriptions: [devicebound] }),
      ),
      // Answered at once, to a peer that does not read: more than it may leave unread, again and again.
      stream(3, 0, ...Array.from({ length: 60 }, (_, index) => publish("$iothub/twin/GET/?$rid=1", "", 1, index + 1))),
      stream(1, 0, publish("devices/dev-2/messages/events/", "x", 1, 1)),
      ...["dev-3", "wait", "block", "take", "full", "break"].map((id) =>
        stream(
          0,
          5,
          provisioningConnect(id),
          provisioningSubscribe,
          publish(registerTopic, JSON.stringify({ registrationId: id, payload: { modelId: "dtmi:a;1" } }), 1, 2),
          publish(operationTopic, " ", 1, 3),
          mqtt.generate({ cmd: "unsubscribe", messageId: 4, unsubscriptions: ["$dps/registrations/res/#"] }),
          mqtt.generate({ cmd: "disconnect" }),
        ),
      ),
      stream(0, 0, provisioningConnect("dev-3"), publish(events, "x", 1, 1)),
      stream(1, 0, publish(events, "x", 2, 1)),
    ];
  },
  grammar: fc
    .tuple(
      fc.nat(255),
      fc.nat(255),
      fc.array(
        fc.oneof(
          fc
            .record({
              bag: fc.constantFrom("", "a=1", "%24.mid=1&b", "a=%", "$.ct=x/"),
              body: fc.uint8Array({ maxLength: 250 }),
              qos: fc.constantFrom(0 as const, 1 as const),
              messageId: fc.integer({ min: 1, max: 65_535 }),
              retain: fc.boolean(),
            })
            .map(({ bag, body, qos, messageId, retain }) =>
              publish(events + bag, Buffer.from(body), qos, messageId, { retain }),
            ),
          fc.constantFrom(
            plainConnect,
            provisioningConnect("dev-3"),
            provisioningSubscribe,
            publish(registerTopic, "{}", 1, 7),
            publish(operationTopic, " ", 0, 0),
            connect({ keepalive: 0, username: "hub.test/dev-1/?model-id=dtmi%3Aa%3B1" }),
            mqtt.generate({ cmd: "pingreq" }),
            mqtt.generate({ cmd: "puback", messageId: 1 }),
            mqtt.generate({ cmd: "subscribe", messageId: 2, subscriptions: [{ topic: devicebound, qos: 0 }] }),
            mqtt.generate({
              cmd: "subscribe",
              messageId: 1,
              subscriptions: [{ topic: devicebound, qos: 1 }],
            }),
          ),
        ),
        { maxLength: 8 },
      ),
    )
    .map(([choices, cuts, packets]) => Buffer.concat([Buffer.from([choices, cuts]), ...packets])),
  dictionary: [
    events,
    "$dps/registrations/",
    "PUT/iotdps-register/?$rid=",
    "&operationId=",
    "/registrations/",
    '{"registrationId":"dev-3","payload":{}}',
    "$iothub/twin/res/#",
    "devices/dev-1",
    token,
    plainConnect.subarray(0, 60),
    Buffer.from([0x30, 2]),
    Buffer.from([0x32, 0x24, 0, 0x1e]),
  ],
  run: async (input) => {
    const reader = new InputReader(input);
    const choices = reader.byte();
    const cuts = reader.byte();
    const stream = reader.rest();
    const isLetIn = (choices & 1) !== 0;
    const whole = isLetIn ? Buffer.concat([plainConnect, stream]) : stream;

    const kept = (choices & 2) === 0 ? null : new Map([[desiredFilter, 0 as const]]);
    const { front, writer, queue } = hubOfOne({ reserveBytesMax: 4096, kept });
    let isOver = false;
    let coarseMs = 0;
    const context: MqttServerContext = {
      ...front,
      coarseMs: () => coarseMs,
      left: () => {
        claim(!isOver, "it left twice");
        isOver = true;
      },
    };
    const socket = new SimulatedSocket();
    const connection = new MqttConnection(context, socket as unknown as Socket);

    const checkAnswers = (): Packet[] => {
      const { packets, isWhole } = packetsOf(Buffer.concat(socket.written));
      claim(isWhole, "it answers bytes that are no MQTT");
      for (const packet of packets) {
        // The SDKs parse them unguarded.
        if (packet.cmd === "publish" && packet.topic.startsWith("$dps/")) JSON.parse(packet.payload.toString());
      }
      return packets;
    };
    /** What may have been acknowledged by now: J1. */
    const checkDurable = (): void => {
      const acknowledged = checkAnswers().filter(({ cmd }) => cmd === "puback").length;
      const { packets } = packetsOf(whole);
      const durable = packets
        .filter((packet) => packet.cmd === "publish" && isMessage(packet.topic))
        .slice(0, writer.durableRecords);
      const hubTopics = packets.filter(
        (packet) => packet.cmd === "publish" && packet.qos === 1 && !isMessage(packet.topic),
      ).length;
      const most = durable.filter((packet) => packet.cmd === "publish" && packet.qos === 1).length + hubTopics;
      claim(
        acknowledged <= most,
        () =>
          `J1: ${acknowledged} PUBACKs, and ${writer.durableRecords} of ${writer.records.length} records are durable`,
      );
    };

    socket.isPeerReading = (choices & 2) === 0;
    if ((choices & 4) !== 0) writer.refusal = "wait";
    let seed = cuts;
    let at = 0;
    while (at < whole.length && !socket.isOver && !socket.isPaused) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      // 0: all at once. Otherwise pieces, the small ones first.
      const size =
        cuts === 0
          ? whole.length
          : at === 0 && isLetIn
            ? plainConnect.length
            : 1 + ((seed >>> 16) % (1 << (1 + (cuts & 7))));
      socket.emit("data", Buffer.from(whole.subarray(at, at + size)));
      at += size;
      await settle();
      if ((choices & 8) !== 0) checkDurable();
      if ((choices & 16) !== 0 && (seed & 0x300) === 0) writer.sync();
      if (cuts >= 128) stir(front, at);
      if (socket.isPaused) {
        // Everything that it can wait for happens, in an order of the input's choosing.
        const before = socket.written.length;
        if ((choices & 32) !== 0) writer.sync();
        // What it reads then may be answered with more than may stay unread: as long as it gets on, it goes on.
        for (let answers = -1; socket.isPaused && !socket.isOver;) {
          claim(socket.written.length > answers, "it stopped reading for good");
          answers = socket.written.length;
          writer.makeRoom();
          writer.sync();
          await settle();
          socket.writableLength = 0;
          if (!socket.isOver) socket.drain();
        }
        claim(socket.written.length >= before, "impossible");
      }
    }
    // Room comes, everything becomes durable, until nothing moves.
    for (let round = 0; round < 4; round++) {
      writer.makeRoom();
      writer.sync();
      socket.writableLength = 0;
      if (!socket.isOver) socket.drain();
      await settle();
    }
    checkDurable();
    claim(socket.isOver || !socket.isPaused, "it stopped reading for good");
    coarseMs = 2 ** 40; // it was silent for years
    if ((choices & 64) !== 0 && !isOver) connection.sweep(Date.now());
    if ((choices & 128) !== 0 && !isOver) connection.end("access");
    claim((choices & 192) === 0 || isOver, "it does not end");

    const { packets, isWhole } = packetsOf(whole.subarray(0, at));
    const answers = checkAnswers();
    const given = answers.filter((packet) => packet.cmd === "publish" && packet.topic.includes("/devicebound/"));
    const completed = queue.settled.filter((one) => one.endsWith("completed")).length;
    // With QoS 0 it is complete when it is written, also when the connection ends in that moment.
    const isQos0 = packets.some(
      (packet) =>
        packet.cmd === "subscribe" && packet.subscriptions.some(({ topic, qos }) => topic === devicebound && qos === 0),
    );
    claim(
      (isOver && isQos0) || completed <= given.length,
      () => `D2: ${completed} completed, and ${given.length} were given`,
    );
    const connack = answers[0];
    const isOpened = connack !== undefined && connack.cmd === "connack" && connack.returnCode === 0;
    claim(isOpened || writer.records.length === 0, "D1: a message was taken before a CONNECT was");
    claim(isOpened || answers.length <= 1, "D1: a stranger was answered");
    const messages = packets.slice(1).filter((packet) => packet.cmd === "publish" && isMessage(packet.topic));
    const records = writer.records.map(readRecord);
    // A will is a record of its own, behind all others.
    const will = packets[0]?.cmd === "connect" && packets[0].will !== undefined ? 1 : 0;
    claim(records.length <= messages.length + will, () => `${records.length} records of ${messages.length} messages`);
    for (const [index, record] of records.entries()) {
      const message = messages[index];
      claim(record.SystemProperties["connectionDeviceId"] === "dev-1", "D1: a record of another device");
      if (index === records.length - 1 && will === 1 && isOver) continue;
      claim(
        message?.cmd === "publish" && record.Body.equals(message.payload as Buffer),
        () => `J1: record ${index} is not what the stream holds there`,
      );
    }
    if (!isOpened) return;
    const acknowledged = answers.flatMap((packet) => (packet.cmd === "puback" ? [packet.messageId] : []));
    const asked = packets
      .slice(1)
      .flatMap((packet) => (packet.cmd === "publish" && packet.qos === 1 ? [packet.messageId] : []));
    claim(
      acknowledged.every((id, index) => id === asked[index]),
      () => `J1: PUBACKs ${acknowledged.join(" ")} for ${asked.join(" ")}`,
    );
    if (isOver) return;
    claim(isWhole, "the stream is broken, and the connection goes on");
    claim(
      acknowledged.length === asked.length,
      () => `J1: of ${asked.join(" ")} only ${acknowledged.join(" ")} were acknowledged`,
    );
    claim(records.length === messages.length, () => `J1: ${records.length} records of ${messages.length} messages`);
  },
};
