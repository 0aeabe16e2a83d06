// J1: a PUBACK says durable. And what happens while nothing can be made durable.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import mqtt from "mqtt-packet";
import { IngestHub, aWhile, until } from "../../../test/lib/ingest-hub.ts";
import { RawMqtt, publishBytes } from "../../../test/lib/raw-mqtt.ts";

let hub: IngestHub;
let devices = 0;

beforeAll(async () => {
  hub = await IngestHub.open({ limits: { connectionBytesInFlightMax: 300_000, connectionUnsentBytesMax: 20_000 } });
});
afterAll(() => hub.close());

async function connected(): Promise<{ id: string; topic: string; client: RawMqtt }> {
  const id = `dev-${++devices}`;
  await hub.createDevice(id);
  return { id, topic: `devices/${id}/messages/events/`, client: await RawMqtt.device(hub.mqttPort, id, hub.token(id)) };
}

function several(topic: string, count: number, payload = "x"): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => publishBytes({ topic, payload: payload + index, packetId: index + 1 })),
  );
}

describe("A PUBACK", () => {
  test("J1: is not sent before the record is durable (control: it would have been)", async () => {
    const { id, topic, client } = await connected();
    client.send(publishBytes({ topic, payload: "control" }));
    await client.acknowledgements(1);
    hub.writer.hold();
    client.send(several(topic, 3));
    await until(() => hub.records(id).length === 4, "the journal has them");
    await aWhile();
    expect(client.packets).toEqual([]);
    hub.writer.release();
    expect(await client.acknowledgements(3)).toEqual([1, 2, 3]);
    client.destroy();
  });

  test("comes in the order of the messages, also beside other topics", async () => {
    const { topic, client } = await connected();
    hub.writer.hold();
    client.send(
      Buffer.concat([
        publishBytes({ topic, payload: "x", packetId: 1 }),
        publishBytes({ topic: "$iothub/methods/res/200/?$rid=1", payload: "{}", packetId: 2 }),
        publishBytes({ topic: `${topic}k=v`, payload: "x", packetId: 3 }),
      ]),
    );
    await aWhile();
    expect(client.packets).toEqual([]);
    hub.writer.release();
    expect(await client.acknowledgements(3)).toEqual([1, 2, 3]);
    client.destroy();
  });

  test("comes at once for a topic that is not journaled, when nothing is under way", async () => {
    const { client } = await connected();
    client.send(publishBytes({ topic: "$iothub/methods/res/200/?$rid=1", payload: "{}", packetId: 9 }));
    expect(await client.acknowledgements(1)).toEqual([9]);
    client.destroy();
  });

  test("of a device that left is not missed by the others", async () => {
    const [gone, here] = [await connected(), await connected()];
    hub.writer.hold();
    gone.client.send(several(gone.topic, 2));
    here.client.send(several(here.topic, 2));
    await until(() => hub.records(gone.id).length + hub.records(here.id).length === 4, "the journal has them");
    gone.client.destroy();
    await until(() => !hub.table.isOpen(gone.id), "the hub has seen it leave");
    hub.writer.release();
    expect(await here.client.acknowledgements(2)).toEqual([1, 2]);
    here.client.destroy();
  });
});

describe("While the journal takes nothing", () => {
  test.each(["full", "wait", "clock"] as const)(
    "(%s) a device is not read; then all it sent is taken once",
    async (refusal) => {
      const { id, topic, client } = await connected();
      const before = hub.rejections("journal-full");
      await client.publish({ topic, payload: "before" });
      hub.writer.refuseWith(refusal);
      const bytes = several(topic, 500, "x".repeat(1000));
      client.send(bytes.subarray(0, 100_001));
      await aWhile();
      client.send(bytes.subarray(100_001));
      await aWhile();
      expect(client.packets).toEqual([]);
      expect(client.isEnded).toBe(false);
      expect(hub.records(id)).toHaveLength(1);
      expect(hub.writer.waitingForRoom).toBe(1);
      expect(hub.rejections("journal-full") - before).toBe(refusal === "full" ? 1 : 0);
      hub.writer.refuseWith(null);
      expect(await client.acknowledgements(500)).toEqual(Array.from({ length: 500 }, (_, index) => index + 1));
      expect(hub.bodies(id).slice(1)).toEqual(Array.from({ length: 500 }, (_, index) => "x".repeat(1000) + index));
      client.destroy();
    },
  );

  test.each(["draining", "failed"] as const)(
    "(%s) the device is cut off and nothing is acknowledged",
    async (refusal) => {
      const { id, topic, client } = await connected();
      hub.writer.refuseWith(refusal);
      client.send(several(topic, 3));
      expect(await client.next()).toBe("ended");
      hub.writer.refuseWith(null);
      expect(hub.records(id)).toEqual([]);
    },
  );

  test("a real journal that is full of records still owed takes all again after a trim", async () => {
    const small = await IngestHub.open({ bytesMax: 20_000 });
    await small.createDevice("dev");
    const topic = "devices/dev/messages/events/";
    const client = await RawMqtt.device(small.mqttPort, "dev", small.token("dev"));
    client.send(several(topic, 3, "x".repeat(9_000)));
    await client.acknowledgements(3);
    client.send(several(topic, 3, "y"));
    await aWhile();
    expect(client.packets).toEqual([]);
    small.memory.setForeignBytes(-100_000); // room, as a trim would make it
    expect(await client.acknowledgements(3)).toEqual([1, 2, 3]);
    await small.close();
  });
});

describe("What a connection may have outstanding is bounded", () => {
  test("M1: with slow storage, reading stops at the bound and goes on after it", async () => {
    const { id, topic, client } = await connected();
    hub.writer.hold();
    client.send(several(topic, 100, "x".repeat(20_000)));
    await aWhile(150);
    const taken = hub.records(id).length;
    expect(taken).toBeGreaterThanOrEqual(15);
    expect(taken).toBeLessThan(25);
    expect(client.packets).toEqual([]);
    hub.writer.release();
    expect(await client.acknowledgements(100)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(hub.records(id)).toHaveLength(100);
    client.destroy();
  });

  test("M1: a device that does not read its answers is not read either", async () => {
    const { client } = await connected();
    const subscriptions = [{ topic: "$iothub/twin/res/#", qos: 0 as const }];
    client.send(mqtt.generate({ cmd: "subscribe", messageId: 1, subscriptions }));
    await client.next();
    client.socket.pause();
    // Answers are several times as long as requests, so the way back fills first.
    const count = 150_000;
    const request = publishBytes({ topic: "$iothub/twin/GET/?$rid=1", payload: " ", qos: 0 });
    client.send(Buffer.concat(Array.from({ length: count }, () => request)));
    let unsent = 0;
    do {
      unsent = client.socket.writableLength;
      await aWhile(150);
    } while (client.socket.writableLength !== unsent);
    expect(unsent).toBeGreaterThan(request.length * 1000); // the hub does not read the rest
    let answers = 0;
    client.socket.removeAllListeners("data");
    client.socket.on("data", (chunk) => {
      answers += chunk.toString("latin1").split("errorCode").length - 1;
    });
    client.socket.resume();
    await until(() => answers > count * 0.99, "it goes on when its answers are read", 40_000);
    client.destroy();
  }, 60_000);
});
