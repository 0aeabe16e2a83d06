// A device's twin over MQTT: requests, answers, pushes.

import mqtt from "mqtt-packet";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { IngestHub } from "../../../test/lib/ingest-hub.ts";
import { RawMqtt, publishBytes } from "../../../test/lib/raw-mqtt.ts";

const template = {
  id: "fan",
  name: "Fan",
  publish: true,
  measurements: { telemetry: {}, states: {}, events: {} },
  settings: { device: { speed: { name: "Speed", dataType: "double", initialValue: 1 } } },
  properties: { cloud: {}, device: { firmware: { name: "Firmware", dataType: "string" } } },
} as const;
const answers = "$iothub/twin/res/#";
const desired = "$iothub/twin/PATCH/properties/desired/#";

let hub: IngestHub;
let made = 0;
let id: string;
beforeAll(async () => {
  hub = await IngestHub.open();
  await hub.registry.createTemplate(template);
});
afterAll(() => hub.close());
beforeEach(async () => {
  id = `fan-${++made}`;
  await hub.createDevice(id, template.id);
});

async function connected(...filters: readonly string[]): Promise<RawMqtt> {
  const client = await RawMqtt.device(hub.mqttPort, id, hub.token(id));
  const subscriptions = filters.map((topic) => ({ topic, qos: 0 as const }));
  client.send(mqtt.generate({ cmd: "subscribe", messageId: 1, subscriptions }));
  expect(await client.next()).toMatchObject({ cmd: "suback" });
  return client;
}

async function next(client: RawMqtt): Promise<{ readonly topic: string; readonly body: unknown }> {
  const packet = await client.next();
  if (packet === "ended" || packet.cmd !== "publish") throw new Error(`no publish: ${JSON.stringify(packet)}`);
  const text = packet.payload.toString();
  return { topic: packet.topic, body: text === "" ? null : JSON.parse(text) };
}

function request(what: "GET" | "PATCH/properties/reported", rid: string, payload: unknown = " "): Buffer {
  const body = payload === " " ? " " : JSON.stringify(payload);
  return publishBytes({ topic: `$iothub/twin/${what}/?$rid=${rid}`, payload: body, qos: 0 });
}

test("a read has both sections with their versions", async () => {
  const client = await connected(answers);
  client.send(request("GET", "a%20b"));
  expect(await next(client)).toEqual({
    topic: "$iothub/twin/res/200/?$rid=a%20b",
    body: { desired: { speed: { value: 1 }, $version: 1 }, reported: { $version: 1 } },
  });
  client.destroy();
});

test.each([
  ["req:1@7/a=b", "req:1@7/a=b"],
  ["a%2fb", "a%2fb"],
  ["1&x=2", "1"],
])("a request id comes back as it was written, since small clients compare it as text: %s", async (rid, answered) => {
  const client = await connected(answers);
  client.send(request("GET", rid));
  expect(await next(client)).toMatchObject({ topic: `$iothub/twin/res/200/?$rid=${answered}` });
  client.destroy();
});

test("D2: a report is answered when it is kept, and whoever reads behind it finds it", async () => {
  const client = await connected(answers);
  client.send(
    Buffer.concat([
      request("PATCH/properties/reported", "1", { firmware: "7.1", extra: { a: 1 } }),
      request("PATCH/properties/reported", "2", { extra: { a: null, b: 2 } }),
      request("GET", "3"),
    ]),
  );
  expect(await next(client)).toEqual({ topic: "$iothub/twin/res/204/?$rid=1&$version=2", body: null });
  expect(await next(client)).toEqual({ topic: "$iothub/twin/res/204/?$rid=2&$version=3", body: null });
  expect(await next(client)).toMatchObject({ body: { reported: { firmware: "7.1", extra: { b: 2 }, $version: 3 } } });
  expect((await hub.registry.device(id)).properties.device).toEqual({ firmware: "7.1" });
  client.destroy();
});

describe("a push", () => {
  test("comes with each change of a setting, in order, to whom has subscribed", async () => {
    const client = await connected(answers, desired);
    await hub.registry.updateDevice(id, { settings: { device: { speed: 2 } } });
    await hub.registry.updateDevice(id, { settings: { device: { speed: null } } });
    const topic = "$iothub/twin/PATCH/properties/desired/?$version=";
    expect(await next(client)).toEqual({ topic: `${topic}2`, body: { speed: { value: 2 }, $version: 2 } });
    expect(await next(client)).toEqual({ topic: `${topic}3`, body: { speed: null, $version: 3 } });
    client.send(mqtt.generate({ cmd: "unsubscribe", messageId: 2, unsubscriptions: [desired] }));
    expect(await client.next()).toMatchObject({ cmd: "unsuback" });
    await hub.registry.updateDevice(id, { settings: { device: { speed: 4 } } });
    client.send(request("GET", "1"));
    expect(await next(client)).toMatchObject({ body: { desired: { speed: { value: 4 }, $version: 4 } } });
    client.destroy();
  });

  test("goes to the newest connection of a device", async () => {
    const former = await connected(desired);
    const client = await connected(desired);
    await former.ended;
    await hub.registry.updateDevice(id, { settings: { device: { speed: 2 } } });
    expect(await next(client)).toMatchObject({ body: { $version: 2 } });
    client.destroy();
  });
});

describe("is refused, with the errorCode that the Node SDK looks for", () => {
  test.each([
    ["nonsense", "not JSON", 400, 400_004],
    ["bytes that are no UTF-8", Buffer.from('{"a":"\xff"}', "latin1"), 400, 400_004],
    ["a list", [1], 400, 400_004],
    ["a key with a dot", { "a.b": 1 }, 400, 400_004],
    ["too large", { a: Array.from({ length: 9 }, () => "x".repeat(4000)) }, 400, 400_004],
  ])("a report of %s", async (_what, payload, status, errorCode) => {
    const client = await connected(answers);
    const before = hub.rejections("invalid-twin-request");
    const topic = "$iothub/twin/PATCH/properties/reported/?$rid=9";
    client.send(
      typeof payload === "string" || Buffer.isBuffer(payload)
        ? publishBytes({ topic, payload, qos: 0 })
        : request("PATCH/properties/reported", "9", payload),
    );
    expect(await next(client)).toEqual({
      topic: `$iothub/twin/res/${status}/?$rid=9`,
      body: { errorCode, message: expect.any(String), timestampUtc: expect.any(String) },
    });
    expect(hub.rejections("invalid-twin-request")).toBe(before + 1);
    // The connection goes on.
    client.send(request("GET", "1"));
    expect(await next(client)).toMatchObject({ body: { reported: { $version: 1 } } });
    client.destroy();
  });

  test.each(["GET", "PATCH/properties/reported"] as const)(
    "M1: %s with a request id that no topic of an answer could hold ends the connection, and nothing else",
    async (what) => {
      const before = hub.rejections("topic");
      const client = await connected(answers);
      client.send(request(what, "+".repeat(40_000), {}));
      await client.ended;
      expect(hub.rejections("topic")).toBe(before + 1);
    },
  );

  test("M1: more requests than may wait", async () => {
    const client = await connected(answers);
    client.send(Buffer.concat(Array.from({ length: 30 }, (_one, index) => request("GET", String(index)))));
    const seen = [];
    for (let index = 0; index < 30; index++) seen.push(await next(client));
    const throttled = seen.filter(({ topic }) => topic.startsWith("$iothub/twin/res/429/"));
    expect(throttled.length).toBe(20);
    expect(hub.rejections("too-many-requests")).toBe(20);
    expect(throttled[0]?.body).toMatchObject({ errorCode: 429_001 });
    client.destroy();
  });
});
