// Subscriptions and the topics that are not messages.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import mqtt, { type QoS } from "mqtt-packet";
import { IngestHub } from "../../../test/lib/ingest-hub.ts";
import { RawMqtt, publishBytes } from "../../../test/lib/raw-mqtt.ts";
import { makeSasToken } from "../sas-token.ts";
import { bagOf, eventsTopic, topicText } from "./topics.ts";

let hub: IngestHub;

beforeAll(async () => {
  hub = await IngestHub.open();
  await hub.createDevice("dev-1");
});
afterAll(() => hub.close());

async function connected(): Promise<RawMqtt> {
  return await RawMqtt.device(hub.mqttPort, "dev-1", hub.token("dev-1"));
}

async function subscribe(client: RawMqtt, ...filters: readonly (readonly [string, QoS])[]): Promise<unknown> {
  const subscriptions = filters.map(([topic, qos]) => ({ topic, qos }));
  client.send(mqtt.generate({ cmd: "subscribe", messageId: 3, subscriptions }));
  const packet = await client.next();
  return packet === "ended"
    ? packet
    : { cmd: packet.cmd, id: packet.messageId, granted: "granted" in packet && packet.granted };
}

describe("A subscription", () => {
  test("to a topic of its own is granted, at most QoS 1", async () => {
    const client = await connected();
    expect(
      await subscribe(
        client,
        ["devices/dev-1/messages/devicebound/#", 2],
        ["$iothub/twin/res/#", 0],
        ["$iothub/twin/PATCH/properties/desired/#", 1],
        ["$iothub/methods/POST/#", 0],
      ),
    ).toEqual({ cmd: "suback", id: 3, granted: [1, 0, 1, 0] });
    client.send(mqtt.generate({ cmd: "unsubscribe", messageId: 4, unsubscriptions: ["$iothub/twin/res/#"] }));
    expect(await client.next()).toMatchObject({ cmd: "unsuback", messageId: 4 });
    client.destroy();
  });

  test.each([
    "#",
    "devices/#",
    "devices/dev-2/messages/devicebound/#",
    "devices/+/messages/events/",
    "$SYS/#",
    "$iothub/#",
  ])("to %s is refused and counted, and the connection ends, as IoT Hub ends it", async (filter) => {
    const client = await connected();
    const before = hub.rejections("topic");
    expect(await subscribe(client, [filter, 1])).toEqual({ cmd: "suback", id: 3, granted: [128] });
    expect(await client.next()).toBe("ended");
    expect(hub.rejections("topic")).toBe(before + 1);
  });

  test("that is the sixth ends the connection, and is counted", async () => {
    await hub.registry.createModule("dev-1", { id: "m" });
    const token = makeSasToken("localhost", hub.policyKey, Date.now() + 3_600_000, "device");
    const client = await RawMqtt.device(hub.mqttPort, "dev-1", token, {
      clientId: "dev-1/m",
      username: "localhost/dev-1/m/?api-version=2021-04-12",
    });
    const own = "devices/dev-1/modules/m";
    const filters = [`${own}/inputs/#`, `${own}/messages/events/`, "$iothub/twin/res/#", "$iothub/methods/POST/#"];
    for (const filter of [...filters, `${own}/messages/devicebound/#`, filters[0]!]) {
      expect(await subscribe(client, [filter, 0])).toMatchObject({ granted: [0] });
    }
    expect(await subscribe(client, ["$iothub/twin/PATCH/properties/desired/#", 0])).toBe("ended");
    expect(hub.rejections("too-many-subscriptions")).toBe(1);
  });

  test("of no filter, or with wrong flags, ends the connection", async () => {
    for (const bytes of [Buffer.from([0x82, 2, 0, 1]), Buffer.from([0x80, 6, 0, 1, 0, 1, 35, 0])]) {
      const client = await connected();
      client.send(bytes);
      expect(await client.next()).toBe("ended");
    }
  });
});

describe("A twin request", () => {
  test("without a subscription to answers gets none; nothing of it is journaled", async () => {
    const before = hub.records().length;
    const client = await connected();
    client.send(publishBytes({ topic: "$iothub/twin/GET/?$rid=1", payload: " ", qos: 0 }));
    client.send(Buffer.from([0xc0, 0]));
    expect(await client.next()).toMatchObject({ cmd: "pingresp" });
    expect(hub.records()).toHaveLength(before);
    client.destroy();
  });
});

test("A topic is text, or forbidden by MQTT §1.5.3", () => {
  expect(topicText(Buffer.from("devices/é"))).toBe("devices/é");
  for (const bytes of [[0], [0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80]]) {
    expect(topicText(Buffer.from(bytes))).toBeNull();
  }
});

test("The bag is what stands behind the events topic", () => {
  const events = eventsTopic("d", undefined);
  expect(bagOf("devices/d/messages/events", events)).toBe("");
  expect(bagOf("devices/d/messages/events/", events)).toBe("");
  expect(bagOf("devices/d/messages/events/a=1", events)).toBe("a=1");
  expect(bagOf("devices/d/messages/events/a=1/", events)).toBe("a=1");
  expect(bagOf("devices/d/messages/eventsa=1", events)).toBeNull();
  expect(bagOf("devices/d2/messages/events/", events)).toBeNull();
  expect(bagOf("devices/d/modules/m/messages/events/a", eventsTopic("d", "m"))).toBe("a");
});
