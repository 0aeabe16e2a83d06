// Re-sends marked DUP: folded where it is certain that the journal has the message and no PUBACK was handed to a socket,
// a second record wherever it is not.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import mqtt from "mqtt-packet";
import { IngestHub, aWhile, until } from "../../../test/lib/ingest-hub.ts";
import { type Publish, RawMqtt, publishBytes } from "../../../test/lib/raw-mqtt.ts";

let hub: IngestHub;
beforeEach(async () => {
  hub = await IngestHub.open();
  await hub.createDevice("dev");
});
afterEach(() => hub.close());

const topic = "devices/dev/messages/events/";
const connected = (more = {}): Promise<RawMqtt> => RawMqtt.device(hub.mqttPort, "dev", hub.token("dev"), more);

/** Sends messages that are journaled and never acknowledged: the connection ends while storage is slow. */
async function leaves(messages: readonly Partial<Publish>[], more = {}): Promise<void> {
  const before = hub.records("dev").length;
  const client = await connected(more);
  hub.writer.hold();
  for (const message of messages) client.send(publishBytes({ topic, payload: "x", ...message }));
  await until(() => hub.records("dev").length === before + messages.length, "the journal has them");
  client.destroy();
  await until(() => !hub.table.isOpen("dev"), "the hub has seen it leave");
  hub.writer.release();
}

describe("A message marked DUP is folded", () => {
  test("J1: when its connection ended before its PUBACK: one record, acknowledged when that is durable", async () => {
    const former = await connected();
    hub.writer.hold();
    former.send(publishBytes({ topic, payload: "x", packetId: 5 }));
    await until(() => hub.records("dev").length === 1, "the journal has it");
    // Taken over: the hub has not seen the former connection end.
    const client = await connected();
    client.send(publishBytes({ topic, payload: "x", packetId: 5, dup: true }));
    await until(() => hub.counters.folded.dup === 1, "it was folded");
    await aWhile();
    expect(client.packets).toEqual([]);
    hub.writer.release();
    expect(await client.acknowledgements(1)).toEqual([5]);
    expect(hub.bodies("dev")).toEqual(["x"]);
    client.destroy();
  });

  test("in the order of the messages, beside one that is new", async () => {
    await leaves([
      { payload: "a", packetId: 1 },
      { payload: "b", packetId: 2 },
    ]);
    const client = await connected();
    client.send(
      Buffer.concat([
        publishBytes({ topic, payload: "a", packetId: 1, dup: true }),
        publishBytes({ topic, payload: "b", packetId: 2, dup: true }),
        publishBytes({ topic, payload: "c", packetId: 3 }),
      ]),
    );
    expect(await client.acknowledgements(3)).toEqual([1, 2, 3]);
    expect(hub.bodies("dev")).toEqual(["a", "b", "c"]);
    expect(hub.counters.folded.dup).toBe(2);
    client.destroy();
  });

  test("when the connection that folded it ended before its PUBACK, too", async () => {
    await leaves([{ packetId: 9 }]);
    const client = await connected();
    hub.writer.hold();
    // Behind a new message, so that there is something to wait for.
    client.send(publishBytes({ topic, payload: "y", packetId: 10 }));
    client.send(publishBytes({ topic, payload: "x", packetId: 9, dup: true }));
    await until(() => hub.counters.folded.dup === 1, "it was folded");
    client.destroy();
    await until(() => !hub.table.isOpen("dev"), "the hub has seen it leave");
    hub.writer.release();
    const last = await connected();
    last.send(publishBytes({ topic, payload: "y", packetId: 10, dup: true }));
    last.send(publishBytes({ topic, payload: "x", packetId: 9, dup: true }));
    expect(await last.acknowledgements(2)).toEqual([10, 9]);
    expect(hub.bodies("dev")).toEqual(["x", "y"]);
    last.destroy();
  });

  test("over the same connection while it is not acknowledged: one record and one PUBACK", async () => {
    const client = await connected();
    hub.writer.hold();
    client.send(publishBytes({ topic, payload: "x", packetId: 5 }));
    await until(() => hub.records("dev").length === 1, "the journal has it");
    client.send(publishBytes({ topic, payload: "x", packetId: 5, dup: true }));
    await until(() => hub.counters.folded.dup === 1, "it was folded");
    hub.writer.release();
    // A second PUBACK could be taken for that of the next message with this packet id.
    expect(await client.acknowledgements(1)).toEqual([5]);
    await aWhile();
    expect(client.packets).toEqual([]);
    expect(hub.bodies("dev")).toEqual(["x"]);
    client.destroy();
  });

  test.each([
    ["the end of its connection", mqtt.generate({ cmd: "disconnect" })],
    ["a packet that is too large", Buffer.of(0x32, 0xff, 0xff, 0xff, 0x7f)],
    ["what is no packet", Buffer.of(0x32, 0xff, 0xff, 0xff, 0xff)],
  ])("when %s came in the same chunk", async (_, last) => {
    const client = await connected();
    hub.writer.hold();
    client.send(Buffer.concat([publishBytes({ topic, payload: "x", packetId: 5 }), last]));
    await client.ended;
    hub.writer.release();
    const next = await connected();
    await next.publish({ topic, payload: "x", packetId: 5, dup: true });
    expect(hub.bodies("dev")).toEqual(["x"]);
    next.destroy();
  });
});

describe("A message marked DUP is a second record", () => {
  test("when its PUBACK was handed to the socket, arrived or not", async () => {
    const client = await connected();
    await client.publish({ topic, payload: "x", packetId: 5 });
    await client.publish({ topic, payload: "x", packetId: 5, dup: true });
    client.destroy();
    const next = await connected();
    await next.publish({ topic, payload: "x", packetId: 5, dup: true });
    expect(hub.bodies("dev")).toEqual(["x", "x", "x"]);
    next.destroy();
  });

  const differences: readonly (readonly [string, Partial<Publish>])[] = [
    ["with another body", { payload: "y" }],
    ["with another packet id", { packetId: 6 }],
    ["with other properties", { topic: `${topic}k=v` }],
    ["with another RETAIN", { retain: true }],
    ["without the DUP flag", { dup: false }],
  ];
  test.each(differences)("%s", async (_, difference) => {
    await leaves([{ packetId: 5 }]);
    const client = await connected();
    await client.publish({ topic, payload: "x", packetId: 5, dup: true, ...difference });
    expect(hub.records("dev")).toHaveLength(2);
    expect(hub.counters.folded.dup).toBe(0);
    client.destroy();
  });

  test("the second time: a packet id stands for one message", async () => {
    await leaves([{ packetId: 5 }]);
    const client = await connected();
    await client.publish({ topic, payload: "x", packetId: 5, dup: true });
    await client.publish({ topic, payload: "x", packetId: 5, dup: true });
    expect(hub.records("dev")).toHaveLength(2);
    client.destroy();
  });

  test("when its packet id was used for another message since", async () => {
    await leaves([{ packetId: 5 }]);
    const client = await connected();
    await client.publish({ topic, payload: "y", packetId: 5 });
    await client.publish({ topic, payload: "x", packetId: 5, dup: true });
    expect(hub.bodies("dev")).toEqual(["x", "y", "x"]);
    client.destroy();
  });

  test("when there was a connection in between that did not send it", async () => {
    await leaves([{ packetId: 5 }]);
    (await connected()).destroy();
    await until(() => !hub.table.isOpen("dev"), "the hub has seen it leave");
    const client = await connected();
    await client.publish({ topic, payload: "x", packetId: 5, dup: true });
    expect(hub.records("dev")).toHaveLength(2);
    client.destroy();
  });

  test.each([
    ["when the first session was clean", { clean: true }, {}],
    ["when the next session is clean", {}, { clean: true }],
  ])("%s", async (_, first, next) => {
    await leaves([{ packetId: 5 }], first);
    const client = await connected(next);
    await client.publish({ topic, payload: "x", packetId: 5, dup: true });
    expect(hub.records("dev")).toHaveLength(2);
    client.destroy();
  });

  test("D1: when the device was made again", async () => {
    await leaves([{ packetId: 5 }]);
    await hub.registry.deleteDevice("dev");
    await hub.createDevice("dev");
    const client = await connected();
    await client.publish({ topic, payload: "x", packetId: 5, dup: true });
    expect(hub.records("dev")).toHaveLength(2);
    client.destroy();
  });
});

describe("What is remembered is bounded", () => {
  async function reopen(dup: { windowMs: number; messagesMax: number } | null): Promise<void> {
    await hub.close();
    hub = await IngestHub.open({ dup });
    await hub.createDevice("dev");
  }

  test("M1: in number, over all sessions: those of the connection that ended first go first", async () => {
    await reopen({ windowMs: 60_000, messagesMax: 3 });
    await hub.createDevice("other");
    const client = await RawMqtt.device(hub.mqttPort, "other", hub.token("other"));
    hub.writer.hold();
    for (const packetId of [1, 2]) {
      client.send(publishBytes({ topic: "devices/other/messages/events/", payload: "o", packetId }));
    }
    await until(() => hub.records("other").length === 2, "the journal has them");
    client.destroy();
    await until(() => !hub.table.isOpen("other"), "the hub has seen it leave");
    expect(hub.unacknowledged?.messages).toBe(2);
    await leaves([{ packetId: 1 }, { packetId: 2 }]);
    expect(hub.unacknowledged?.messages).toBe(2);
    const next = await connected();
    await next.publish({ topic, payload: "x", packetId: 2, dup: true });
    expect(hub.unacknowledged?.messages).toBe(1);
    next.destroy();
    await until(() => hub.unacknowledged?.messages === 0, "what did not come again is dropped");
    const others = await RawMqtt.device(hub.mqttPort, "other", hub.token("other"));
    await others.publish({ topic: "devices/other/messages/events/", payload: "o", packetId: 1, dup: true });
    expect([hub.records("other").length, hub.records("dev").length]).toEqual([3, 2]);
    others.destroy();
  });

  test("in time", async () => {
    await reopen({ windowMs: 1, messagesMax: 10 });
    await leaves([{ packetId: 5 }]);
    await aWhile(2100); // the hub looks at the clock once a second
    const client = await connected();
    await client.publish({ topic, payload: "x", packetId: 5, dup: true });
    expect(hub.records("dev")).toHaveLength(2);
    client.destroy();
  });

  test("to nothing, when it is off", async () => {
    await reopen(null);
    await leaves([{ packetId: 5 }]);
    const client = await connected();
    await client.publish({ topic, payload: "x", packetId: 5, dup: true });
    expect(hub.records("dev")).toHaveLength(2);
    client.destroy();
  });
});
