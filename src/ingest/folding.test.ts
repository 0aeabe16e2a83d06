// Folding by message id, through every front end: one record where the same message comes again, two wherever it may be
// another, and no acknowledgement before the first record is durable.

import { afterEach, describe, expect, test } from "vitest";
import { IngestHub, aWhile, until } from "../../test/lib/ingest-hub.ts";
import { RawMqtt, publishBytes } from "../../test/lib/raw-mqtt.ts";
import { windowMs } from "../lib/window.ts";
import { SimulatedClock } from "../journal/clock.simulated.ts";
import { Accept } from "./accept.ts";
import { Folding } from "./folding.ts";
import { newCounters } from "./ingest.ts";
import { silentLog } from "../lib/log.ts";
import { recordHead } from "../message/record-encoder.ts";

const foldWindowMs = 10 * windowMs;
const generationless = { application: new Map(), system: new Map([["messageId", "m"]] as const) };

let hub: IngestHub;
afterEach(() => hub.close());

async function open(more: Parameters<typeof IngestHub.open>[0] = {}): Promise<void> {
  hub = await IngestHub.open({ folding: { windowMs: foldWindowMs }, ...more });
  await hub.createDevice("dev");
}

const topic = "devices/dev/messages/events/";
const connected = (more = {}): Promise<RawMqtt> => RawMqtt.device(hub.mqttPort, "dev", hub.token("dev"), more);

/** @returns the status. */
async function post(headers: Record<string, string>, body: string, device = "dev"): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${hub.httpPort}/devices/${device}/messages/events`, {
    method: "POST",
    headers: { authorization: hub.token(device), ...headers },
    body,
  });
  return response.status;
}

const batchOf = (...ids: readonly (string | null)[]): string =>
  JSON.stringify(
    ids.map((id) => ({
      body: Buffer.from("x").toString("base64"),
      ...(id === null ? {} : { properties: { "iothub-messageid": id } }),
    })),
  );
const batch = { "content-type": "application/vnd.microsoft.iothub.json" };

describe("A message with a messageId that comes again", () => {
  test.each([
    ["over MQTT", async (client: RawMqtt) => client.publish({ topic: `${topic}$.mid=m`, payload: "x" })],
    [
      "over MQTT, encoded in another way",
      async (client: RawMqtt) => client.publish({ topic: `${topic}%24.mid=%6d`, payload: "x" }),
    ],
    [
      "over MQTT, with QoS 0",
      async (client: RawMqtt) => {
        client.send(publishBytes({ topic: `${topic}$.mid=m`, payload: "x", qos: 0 }));
        await client.publish({ topic: "$iothub/methods/res/200/?$rid=1", payload: "{}" });
      },
    ],
    ["over HTTPS", async () => expect(await post({ "iothub-messageid": "m" }, "x")).toBe(204)],
    ["in a batch", async () => expect(await post(batch, batchOf("m"))).toBe(204)],
  ])("%s is acknowledged, and not journaled again", async (_, again) => {
    await open();
    const client = await connected();
    await client.publish({ topic: `${topic}$.mid=m`, payload: "x" });
    await again(client);
    await again(client);
    expect(hub.bodies("dev")).toEqual(["x"]);
    expect(hub.counters.folded["message-id"]).toBe(2);
    expect(hub.counters.acceptedMessages).toBe(1);
    client.destroy();
  });

  test("in the same batch, and in the next, is one record; those without an id are each their own", async () => {
    await open();
    expect(await post(batch, batchOf("m", null, "m", "n", null, "m"))).toBe(204);
    expect(await post(batch, batchOf("n", "o", null))).toBe(204);
    const ids = hub.records("dev").map(({ SystemProperties }) => SystemProperties["messageId"] ?? null);
    expect(ids).toEqual(["m", null, "n", null, "o", null]);
    expect(await post(batch, batchOf("m", "n", "o"))).toBe(204); // nothing of it is new
    expect(hub.records("dev")).toHaveLength(6);
  });

  test("after a reconnect, from another kind of session, is folded", async () => {
    await open();
    const first = await connected();
    await first.publish({ topic: `${topic}$.mid=m`, payload: "x" });
    first.destroy();
    const second = await connected({ clean: true });
    await second.publish({ topic: `${topic}$.mid=m`, payload: "x", packetId: 77 });
    expect(hub.bodies("dev")).toEqual(["x"]);
    second.destroy();
  });

  test("J1: is not acknowledged before its first record is durable", async () => {
    await open();
    const [first, second] = [await connected(), await RawMqtt.open(hub.mqttPort)];
    hub.writer.hold();
    first.send(publishBytes({ topic: `${topic}$.mid=m`, payload: "x" }));
    await until(() => hub.records("dev").length === 1, "the journal has it");
    first.send(publishBytes({ topic: `${topic}$.mid=m`, payload: "x", packetId: 2 }));
    const answer = post({ "iothub-messageid": "m" }, "x");
    let isAnswered = false;
    void answer.then(() => (isAnswered = true));
    await until(() => hub.counters.folded["message-id"] === 2, "both were folded");
    await aWhile();
    expect(first.packets).toEqual([]);
    expect(isAnswered).toBe(false);
    hub.writer.release();
    expect(await first.acknowledgements(2)).toEqual([1, 2]);
    expect(await answer).toBe(204);
    expect(hub.bodies("dev")).toEqual(["x"]);
    first.destroy();
    second.destroy();
  });

  test("J1: is refused like any other while the journal takes nothing", async () => {
    await open();
    expect(await post({ "iothub-messageid": "m" }, "x")).toBe(204);
    hub.writer.refuseWith("full");
    expect(await post({ "iothub-messageid": "m" }, "x")).toBe(503);
    hub.writer.refuseWith(null);
  });
});

describe("A second record is made of", () => {
  const sends: readonly (readonly [string, string, string])[] = [
    ["another body", `${topic}$.mid=m`, "y"],
    ["a body that goes on", `${topic}$.mid=m`, "xx"],
    ["another property", `${topic}$.mid=m&k=v`, "x"],
    ["another id", `${topic}$.mid=n`, "x"],
    ["no id", topic, "x"],
  ];
  test.each(sends)("%s", async (_, other, payload) => {
    await open();
    const client = await connected();
    await client.publish({ topic: `${topic}$.mid=m`, payload: "x" });
    await client.publish({ topic: other, payload });
    expect(hub.records("dev")).toHaveLength(2);
    client.destroy();
  });

  test("two messages without an id, equal in all they say", async () => {
    await open();
    const client = await connected();
    await client.publish({ topic, payload: "x" });
    await client.publish({ topic, payload: "x" });
    expect(hub.bodies("dev")).toEqual(["x", "x"]);
    client.destroy();
  });

  test("the same of another device", async () => {
    await open();
    await hub.createDevice("other");
    expect(await post({ "iothub-messageid": "m" }, "x")).toBe(204);
    expect(await post({ "iothub-messageid": "m" }, "x", "other")).toBe(204);
    expect(hub.records()).toHaveLength(2);
  });

  test("D1: the same of a device that was deleted and made again", async () => {
    await open();
    expect(await post({ "iothub-messageid": "m" }, "x")).toBe(204);
    await hub.registry.deleteDevice("dev");
    await hub.createDevice("dev");
    expect(await post({ "iothub-messageid": "m" }, "x")).toBe(204);
    expect(hub.records("dev")).toHaveLength(2);
  });

  test("a will that comes again: the device died twice", async () => {
    await open();
    for (let death = 1; death <= 2; death++) {
      const client = await connected({
        will: { topic: `${topic}$.mid=w`, payload: Buffer.from("gone"), qos: 1, retain: false },
      });
      client.destroy();
      await until(() => hub.bodies("dev").length === death, "the will is taken");
    }
    expect(hub.bodies("dev")).toEqual(["gone", "gone"]);
  });

  test("everything, when folding is off", async () => {
    hub = await IngestHub.open();
    await hub.createDevice("dev");
    expect(await post({ "iothub-messageid": "m" }, "x")).toBe(204);
    expect(await post({ "iothub-messageid": "m" }, "x")).toBe(204);
    expect(hub.bodies("dev")).toEqual(["x", "x"]);
  });

  test("a message that comes again when its window is over, to the millisecond", async () => {
    const clock = new SimulatedClock(Date.parse("2026-01-02T03:04:05.678Z"), () => aWhile(5));
    await open({ clock });
    expect(await post({ "iothub-messageid": "m" }, "x")).toBe(204);
    await clock.pass(foldWindowMs - 1);
    expect(await post({ "iothub-messageid": "m" }, "x")).toBe(204);
    expect(hub.records("dev")).toHaveLength(1);
    await clock.pass(1);
    expect(await post({ "iothub-messageid": "m" }, "x")).toBe(204);
    expect(hub.records("dev")).toHaveLength(2);
    expect(await post({ "iothub-messageid": "m" }, "x")).toBe(204); // of the second one
    expect(hub.records("dev")).toHaveLength(2);
  });

  test("M1: a message that was forgotten for want of room: the oldest first, counted and told", async () => {
    const messagesMax = 3;
    await open({ folding: { windowMs: foldWindowMs, messagesMax } });
    for (const id of ["a", "b", "c", "d"]) expect(await post({ "iothub-messageid": id }, "x")).toBe(204);
    expect(hub.counters.foldForgotten).toBe(1);
    for (const id of ["b", "c", "d"]) expect(await post({ "iothub-messageid": id }, "x")).toBe(204);
    expect(hub.records("dev")).toHaveLength(4);
    expect(await post({ "iothub-messageid": "a" }, "x")).toBe(204);
    expect(hub.records("dev")).toHaveLength(5);
  });
});

describe("After a restart", () => {
  const sender = { deviceId: "dev", authScope: "device", generationId: "639000000000000000" } as const;

  test.each([
    ["all that the window holds is recognised, in closed minutes and the open one", 1000, ["a", "b", "c", "d"], 4],
    ["M1: with too little room, the newest", 2, ["c", "d"], 2],
  ] as const)("%s", async (_, messagesMax, known, remembered) => {
    const clock = new SimulatedClock(Date.parse("2026-01-02T03:04:05.678Z"), () => aWhile(5));
    await open({ clock });
    const told: string[] = [];
    const log = { ...silentLog, warn: (__: object, text: string) => told.push(text) };
    const make = (): Accept => new Accept(newCounters(), null);
    const before = make();
    before.open(hub.memory);
    const send = (accept: Accept, id: string): void => {
      const head = recordHead(sender, { ...generationless, system: new Map([["messageId", id]]) });
      expect(accept.pathOf("dev").accept(head, Buffer.from("x"), 0, 1)).toBeNull();
    };
    send(before, "too-old");
    await hub.memory.partitions[0]?.flush();
    await clock.pass(foldWindowMs - 2 * windowMs);
    for (const id of ["a", "b", "c"]) {
      send(before, id);
      await hub.memory.partitions[0]?.flush();
      await clock.pass(windowMs);
    }
    send(before, "d");
    await hub.memory.partitions[0]?.flush();

    const counters = newCounters();
    const folding = new Folding({ windowMs: foldWindowMs, messagesMax, counters, clock, log });
    await folding.rebuild(hub.memory);
    const after = new Accept(counters, folding);
    after.open(hub.memory);
    for (const id of known) send(after, id);
    expect(counters.folded["message-id"]).toBe(remembered);
    expect(told.length).toBe(messagesMax === 2 ? 1 : 0);
    send(after, "too-old");
    expect(counters.folded["message-id"]).toBe(remembered);
  });
});
