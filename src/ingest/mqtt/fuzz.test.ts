// Bad input of any kind: the hub goes on, other devices' data stay as they are.

import fc from "fast-check";
import mqtt from "mqtt-packet";
import { afterAll, beforeAll, expect, test } from "vitest";
import { IngestHub } from "../../../test/lib/ingest-hub.ts";
import { RawMqtt, connectBytes, publishBytes } from "../../../test/lib/raw-mqtt.ts";

let hub: IngestHub;
/** Connected all the while; nobody else may speak in its name or disturb it. */
let witness: RawMqtt;
let said = 0;

beforeAll(async () => {
  hub = await IngestHub.open({ limits: { connectionsMax: 10_000 } });
  for (const id of ["witness", "wild"]) await hub.createDevice(id);
  witness = await RawMqtt.device(hub.mqttPort, "witness", hub.token("witness"));
});
afterAll(async () => {
  witness.destroy();
  await hub.close();
});

/** The witness is still served, and nothing but its own words stand under its name. */
async function checkWitness(): Promise<void> {
  await witness.publish({ topic: "devices/witness/messages/events/", payload: String(said++) });
  expect(hub.bodies("witness")).toEqual(Array.from({ length: said }, (_, index) => String(index)));
  expect(hub.records().every(({ SystemProperties }) => SystemProperties["connectionDeviceId"] !== "")).toBe(true);
}

const valid: fc.Arbitrary<Buffer> = fc.oneof(
  fc
    .record({
      topic: fc.constantFrom(
        "devices/wild/messages/events/",
        "devices/wild/messages/events/a=1",
        "devices/witness/messages/events/",
        "$iothub/twin/GET/?$rid=1",
      ),
      payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      qos: fc.constantFrom(0 as const, 1 as const),
      packetId: fc.integer({ min: 1, max: 65_535 }),
      retain: fc.boolean(),
    })
    .map(publishBytes),
  fc.constantFrom(
    Buffer.from([0xc0, 0]),
    mqtt.generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "$iothub/twin/res/#", qos: 0 }] }),
    mqtt.generate({ cmd: "unsubscribe", messageId: 1, unsubscriptions: ["a"] }),
    mqtt.generate({ cmd: "puback", messageId: 1 }),
    mqtt.generate({ cmd: "disconnect" }),
  ),
);

interface Mutation {
  readonly at: number;
  readonly kind: "flip" | "insert" | "cut" | "drop";
  readonly byte: number;
}
const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(2000),
  kind: fc.constantFrom("flip" as const, "insert" as const, "cut" as const, "drop" as const),
  byte: fc.oneof(fc.constantFrom(0, 0x7f, 0x80, 0xff), fc.nat(255)),
});

function mutated(bytes: Buffer, mutations: readonly Mutation[]): Buffer {
  let result = bytes;
  for (const { at: anywhere, kind, byte } of mutations) {
    const at = anywhere % (result.length + 1);
    const [before, after] = [result.subarray(0, at), result.subarray(at)];
    if (kind === "flip") result = Buffer.concat([before, Buffer.from([byte]), after.subarray(1)]);
    else if (kind === "insert") result = Buffer.concat([before, Buffer.from([byte]), after]);
    else if (kind === "drop") result = Buffer.concat([before, after.subarray(1)]);
    else result = before;
  }
  return result;
}

/** Sends in two pieces and leaves. */
async function sendAndLeave(client: RawMqtt, bytes: Buffer, cut: number): Promise<void> {
  client.send(bytes.subarray(0, cut % (bytes.length + 1)));
  await new Promise((resolve) => setImmediate(resolve));
  client.socket.end(bytes.subarray(cut % (bytes.length + 1)));
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  client.destroy();
}

test("Bytes of chance on a new connection", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.nat(200), async (bytes, cut) => {
      const client = await RawMqtt.open(hub.mqttPort);
      await sendAndLeave(client, Buffer.from(bytes), cut);
    }),
    { numRuns: 150 },
  );
  await checkWitness();
});

test("CONNECTs that are almost right", async () => {
  const bytes = connectBytes("wild", hub.token("wild"), {
    will: { topic: "devices/wild/messages/events/", payload: Buffer.from("will"), qos: 1, retain: true },
  });
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), fc.nat(2000), async (mutations, cut) => {
      const client = await RawMqtt.open(hub.mqttPort);
      await sendAndLeave(client, mutated(bytes, mutations), cut);
    }),
    { numRuns: 150 },
  );
  await checkWitness();
});

test("Packets that are almost right, from a device that is let in", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(valid, { minLength: 1, maxLength: 6 }),
      fc.array(mutation, { maxLength: 4 }),
      fc.nat(2000),
      async (packets, mutations, cut) => {
        const client = await RawMqtt.device(hub.mqttPort, "wild", hub.token("wild"));
        await sendAndLeave(client, mutated(Buffer.concat(packets), mutations), cut);
      },
    ),
    { numRuns: 250 },
  );
  await checkWitness();
});

test("Any valid messages, cut anywhere: each is one record, in order", async () => {
  const messages = fc.array(
    fc.record({ bag: fc.constantFrom("", "a=1", "a=1&b=%20", "%24.mid=m"), body: fc.uint8Array({ maxLength: 400 }) }),
    { minLength: 1, maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(messages, fc.array(fc.nat(3000), { maxLength: 6 }), async (sent, cuts) => {
      const before = hub.records("wild").length;
      const client = await RawMqtt.device(hub.mqttPort, "wild", hub.token("wild"));
      const bytes = Buffer.concat(
        sent.map(({ bag, body }, index) =>
          publishBytes({
            topic: `devices/wild/messages/events/${bag}`,
            payload: Buffer.from(body),
            packetId: index + 1,
          }),
        ),
      );
      const places = [0, ...cuts.map((cut) => cut % bytes.length), bytes.length].sort((a, b) => a - b);
      for (const [index, place] of places.slice(1).entries()) {
        client.send(bytes.subarray(places[index], place));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await client.acknowledgements(sent.length)).toEqual(sent.map((_, index) => index + 1));
      const taken = hub.records("wild").slice(before);
      expect(taken.map(({ Body }) => Body)).toEqual(sent.map(({ body }) => Buffer.from(body)));
      client.destroy();
    }),
    { numRuns: 60 },
  );
  await checkWitness();
});
