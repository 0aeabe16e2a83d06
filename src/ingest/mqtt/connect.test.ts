// CONNECT: who is let in, and with which return code the others are not.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IngestHub, until } from "../../../test/lib/ingest-hub.ts";
import { RawMqtt, connectBytes, publishBytes } from "../../../test/lib/raw-mqtt.ts";
import { makeSasToken } from "../sas-token.ts";

const key = Buffer.alloc(32, 9).toString("base64");
const inAnHour = Date.now() + 3_600_000;
let hub: IngestHub;

beforeAll(async () => {
  hub = await IngestHub.open();
  await hub.createDevice("dev-1");
  await hub.createDevice("dev-2");
  await hub.createDevice("off");
  await hub.registry.updateDevice("off", { enabled: false });
});
afterAll(() => hub.close());

/** Sends one CONNECT. @returns the CONNACK's code, or "ended"; the connection is over, or open when it is 0. */
async function answer(bytes: Buffer): Promise<number | "ended"> {
  const client = await RawMqtt.open(hub.mqttPort);
  const code = await client.connect(bytes);
  if (code !== 0) await client.ended; // a refused one is closed by the hub
  client.destroy();
  return code;
}

describe("A device is let in", () => {
  test.each([
    ["with the user name of current SDKs", {}],
    ["with that of older ones", { username: "localhost/dev-1/api-version=2016-11-14" }],
    ["with host and id alone", { username: "localhost/dev-1" }],
    ["with a port in the host name", { username: "localhost:8883/dev-1/?api-version=2021-04-12" }],
    ["by another name of the hub, in any case", { username: "HUB.example.TEST/dev-1" }],
    ["with a clean session", { clean: true }],
    ["without a keep-alive", { keepalive: 0 }],
  ] as const)("%s", async (_, overrides) => {
    expect(await answer(connectBytes("dev-1", hub.token("dev-1"), overrides))).toBe(0);
  });

  test("whatever it is called", async () => {
    const id = "registrations"; // as in the user name of one that wants to be provisioned
    await hub.createDevice(id);
    for (const username of [`localhost/${id}/?api-version=2021-04-12`, `localhost/${id}`]) {
      expect(await answer(connectBytes(id, hub.token(id), { username })), username).toBe(0);
    }
  });

  test("with a token of a hub policy, of any prefix", async () => {
    for (const resource of [
      "localhost",
      "localhost/devices",
      "localhost/devices/dev-1",
      "localhost:8883/devices/dev-1",
    ]) {
      const token = makeSasToken(resource, hub.policyKey, inAnHour, "device");
      expect(await answer(connectBytes("dev-1", token)), resource).toBe(0);
    }
  });

  test("and its messages say how", async () => {
    const client = await RawMqtt.device(
      hub.mqttPort,
      "dev-1",
      makeSasToken("localhost", hub.policyKey, inAnHour, "device"),
      { username: "localhost/dev-1/?api-version=2021-04-12&model-id=dtmi%3Aa%3Ab%3B1" },
    );
    await client.publish({ topic: "devices/dev-1/messages/events/", payload: "by policy" });
    client.destroy();
    const { generationId } = await hub.registry.device("dev-1");
    const record = hub.records("dev-1").at(-1);
    expect(record?.SystemProperties).toEqual({
      connectionDeviceId: "dev-1",
      connectionAuthMethod: '{"scope":"hub","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
      connectionDeviceGenerationId: generationId,
      "dt-dataschema": "dtmi:a:b;1",
      enqueuedTime: record?.EnqueuedTimeUtc,
    });
  });

  test("in whatever pieces its CONNECT arrives, with messages right behind", async () => {
    const bytes = Buffer.concat([
      connectBytes("dev-2", hub.token("dev-2")),
      publishBytes({ topic: "devices/dev-2/messages/events/", payload: "early", packetId: 7 }),
    ]);
    const whole = await RawMqtt.open(hub.mqttPort);
    whole.send(bytes);
    expect(await whole.next()).toMatchObject({ cmd: "connack", returnCode: 0 });
    expect(await whole.acknowledgements(1)).toEqual([7]);
    whole.destroy();
    const pieces = await RawMqtt.open(hub.mqttPort);
    for (const byte of bytes) {
      pieces.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await pieces.next()).toMatchObject({ cmd: "connack", returnCode: 0 });
    expect(await pieces.acknowledgements(1)).toEqual([7]);
    pieces.destroy();
    expect(hub.bodies("dev-2")).toEqual(["early", "early"]);
  });
});

describe("A device is not let in", () => {
  const refused: readonly (readonly [string, () => Buffer, number, Parameters<IngestHub["rejections"]>[0]])[] = [
    ["MQTT 3.1", () => protocol("MQIsdp", 3), 1, "protocol-version"],
    ["MQTT 5", () => protocol("MQTT", 5), 1, "protocol-version"],
    ["no client id", () => connectBytes("", "t", { clean: true, username: "localhost/" }), 2, "client-id"],
    ["a client id of three parts", () => connectBytes("a/b/c", "t"), 2, "client-id"],
    ["no user name", () => withoutUserName(), 4, "user-name"],
    [
      "another device's user name",
      () => connectBytes("dev-1", hub.token("dev-1"), { username: "localhost/dev-2" }),
      4,
      "user-name",
    ],
    [
      "another hub's name",
      () => connectBytes("dev-1", hub.token("dev-1"), { username: "elsewhere/dev-1" }),
      5,
      "unknown-host",
    ],
    ["an unknown device", () => connectBytes("nobody", hub.token("dev-1")), 5, "unknown-device"],
    [
      "an unknown device, by policy",
      () => connectBytes("nobody", makeSasToken("localhost", hub.policyKey, inAnHour, "device")),
      5,
      "unknown-device",
    ],
    ["a disabled device", () => connectBytes("off", hub.token("off")), 5, "device-disabled"],
    [
      "a wrong key",
      () => connectBytes("dev-1", makeSasToken("localhost/devices/dev-1", key, inAnHour)),
      5,
      "token-signature",
    ],
    ["another device's token", () => connectBytes("dev-1", hub.token("dev-2")), 5, "token-signature"],
    ["an expired token", () => connectBytes("dev-1", hub.token("dev-1", Date.now() - 1000)), 5, "token-expired"],
    [
      "a token for another hub",
      () => connectBytes("dev-1", makeSasToken("elsewhere/devices/dev-1", hub.policyKey, inAnHour, "device")),
      5,
      "token-resource",
    ],
    [
      "a policy that does not exist",
      () => connectBytes("dev-1", makeSasToken("localhost", hub.policyKey, inAnHour, "none")),
      5,
      "unknown-policy",
    ],
    ["no token", () => connectBytes("dev-1", ""), 5, "token-malformed"],
    ["a will for another device", () => withWill("devices/dev-2/messages/events/"), 5, "will-topic"],
    ["a will for elsewhere", () => withWill("anywhere"), 5, "will-topic"],
    ["a will with a broken bag", () => withWill("devices/dev-1/messages/events/a=%zz"), 5, "will-topic"],
  ];
  test.each(refused)("with %s", async (_, bytes, code, reason) => {
    const before = hub.rejections(reason);
    expect(await answer(bytes())).toBe(code);
    expect(hub.rejections(reason)).toBe(before + 1);
  });

  test.each([
    ["a PINGREQ first", Buffer.from([0xc0, 0]), "unexpected-packet"],
    ["a PUBLISH first", publishBytes({ topic: "devices/dev-1/messages/events/", payload: "x" }), "unexpected-packet"],
    ["an HTTP request", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "unexpected-packet"],
    ["a TLS handshake", Buffer.from("160301020001000100", "hex"), "unexpected-packet"],
    ["a remaining length of five bytes", Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 1]), "malformed-packet"],
    ["a CONNECT cut short", Buffer.from([0x10, 4, 0, 4, 77, 81]), "malformed-packet"],
    ["a CONNECT that announces a megabyte", Buffer.from([0x10, 0xff, 0xff, 0x7f]), "packet-too-large"],
  ] as const)("but cut off after %s", async (_, bytes, reason) => {
    const before = hub.rejections(reason);
    expect(await answer(bytes)).toBe("ended");
    expect(hub.rejections(reason)).toBe(before + 1);
  });

  test("with CONNACK 3, after which SDKs try again, while the hub is starting, full or stopping", async () => {
    for (const refusal of ["full", "clock", "draining", "failed", "starting"] as const) {
      hub.writer.refuseWith(refusal);
      expect(await answer(connectBytes("dev-1", hub.token("dev-1"))), refusal).toBe(3);
    }
    hub.writer.refuseWith(null);
    const starting = await IngestHub.open({ isStarting: true });
    await starting.createDevice("dev-1");
    const client = await RawMqtt.open(starting.mqttPort);
    expect(await client.connect(connectBytes("dev-1", starting.token("dev-1")))).toBe(3);
    starting.openJournal();
    await (
      await RawMqtt.device(starting.mqttPort, "dev-1", starting.token("dev-1"))
    ).publish({
      topic: "devices/dev-1/messages/events/",
      payload: "later",
    });
    expect(starting.bodies()).toEqual(["later"]);
    await starting.close();
  });

  test("M1: a storm of sign-ins never passes the bound, though credentials are read slowly", async () => {
    const { promise: read, resolve: answer } = Promise.withResolvers<void>();
    const small = await IngestHub.open({
      limits: { connectionsMax: 5 },
      wrap: (registry) => ({
        deviceCredentials: async (id) => {
          await read;
          return await registry.deviceCredentials(id);
        },
        moduleCredentials: (...id) => registry.moduleCredentials(...id),
        policyKeys: (name) => registry.policyKeys(name),
        trustedCaCertificates: () => registry.trustedCaCertificates(),
      }),
    });
    const ids = Array.from({ length: 20 }, (_, index) => `storm-${index}`);
    for (const id of ids) await small.createDevice(id);
    const clients = await Promise.all(ids.map(() => RawMqtt.open(small.mqttPort)));
    const codes = clients.map((client, index) =>
      client.connect(connectBytes(ids[index] ?? "", small.token(ids[index] ?? ""))),
    );
    await until(() => small.rejections("too-many-connections") === 15, "all but five are refused at once");
    answer();
    expect((await Promise.all(codes)).toSorted((one, other) => Number(one) - Number(other))).toEqual([
      ...Array(5).fill(0),
      ...Array(15).fill(3),
    ]);
    expect(small.table.openCount).toBe(5);
    // Places come back, also those of sign-ins that came to nothing.
    const open = clients.filter((_, index) => small.table.isOpen(ids[index] ?? ""));
    for (const client of open) client.destroy();
    await until(() => small.table.openCount === 0, "they left");
    for (let attempt = 0; attempt < 6; attempt++) {
      const wrong = await RawMqtt.open(small.mqttPort);
      expect(await wrong.connect(connectBytes("storm-0", small.token("storm-1")))).toBe(5);
    }
    const again = await Promise.all(ids.slice(0, 5).map((id) => RawMqtt.device(small.mqttPort, id, small.token(id))));
    expect(small.table.openCount).toBe(5);
    for (const client of again) client.destroy();
    await small.close();
  });

  test("with CONNACK 3 above the most connections; a device that comes back takes its own place", async () => {
    const small = await IngestHub.open({ limits: { connectionsMax: 1 } });
    for (const id of ["a", "b"]) await small.createDevice(id);
    await RawMqtt.device(small.mqttPort, "a", small.token("a"));
    const second = await RawMqtt.open(small.mqttPort);
    expect(await second.connect(connectBytes("b", small.token("b")))).toBe(3);
    expect(small.rejections("too-many-connections")).toBe(1);
    await second.ended;
    await RawMqtt.device(small.mqttPort, "a", small.token("a"));
    // Sockets that say nothing are bounded as well.
    const silent = await Promise.all([1, 2, 3].map(() => RawMqtt.open(small.mqttPort)));
    await until(() => silent.some(({ isEnded }) => isEnded), "one of too many sockets is closed");
    await small.close();
  });
});

function protocol(name: string, version: number): Buffer {
  const bytes = connectBytes("dev-1", hub.token("dev-1"));
  const at = bytes.indexOf("MQTT") - 2;
  const head = Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([version])]);
  const rest = bytes.subarray(at + 7);
  // MQTT 5 has a length of properties behind the keep-alive.
  const body =
    version === 5
      ? Buffer.concat([head, rest.subarray(0, 3), Buffer.from([0]), rest.subarray(3)])
      : Buffer.concat([head, rest]);
  return Buffer.concat([Buffer.from([0x10, (body.length & 127) | 128, body.length >> 7]), body]);
}

function withoutUserName(): Buffer {
  const body = Buffer.concat([
    Buffer.from([0, 4]),
    Buffer.from("MQTT"),
    Buffer.from([4, 0, 0, 60, 0, 5]),
    Buffer.from("dev-1"),
  ]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}

function withWill(topic: string): Buffer {
  return connectBytes("dev-1", hub.token("dev-1"), {
    will: { topic, payload: Buffer.from("gone"), qos: 1, retain: false },
  });
}
