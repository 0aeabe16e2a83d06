// Unmodified Azure IoT device SDKs and mosquitto's clients against a real server: every message stands exactly once in
// the files, every field right.

import device from "azure-iot-device";
import azureHttp from "azure-iot-device-http";
import azureMqtt from "azure-iot-device-mqtt";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { Agent } from "node:https";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BenchDevice, DeviceBench, sasToken } from "../lib/device-bench.ts";
import { type SentMessage, expectExactly } from "../lib/exported-messages.ts";
import { needs } from "../lib/needs.ts";

const { Client, Message } = device;

let bench: DeviceBench;
/** Messages that all tests of this file sent. */
let sentInAll = 0;

beforeAll(async () => {
  bench = await DeviceBench.open();
});
afterAll(async () => {
  await bench?.close();
});

/** Sends by `send`, waits for the files, and compares. */
async function sendAndCompare(
  from: BenchDevice,
  scope: "device" | "hub",
  sent: readonly SentMessage[],
  send: () => Promise<void>,
): Promise<void> {
  const before = (await bench.messages.of(from.id)).length;
  const fromMs = await bench.now();
  await send();
  const toMs = await bench.now();
  await bench.exported();
  sentInAll += sent.length;
  const found = (await bench.messages.of(from.id)).slice(before);
  expectExactly(found, sent, { deviceId: from.id, scope, generationId: from.generationId, fromMs, toMs });
}

/** JSON, text, bytes that are neither, nothing at all: in turn. */
function bodyOf(index: number): Buffer {
  switch (index % 4) {
    case 0:
      return Buffer.from(JSON.stringify({ number: index, temp: index / 7, nested: { text: "äöü 世界" } }));
    case 1:
      return Buffer.from(`plain text ${index}: "Grüße", 世界 🧊\r\n\ttab`);
    case 2:
      return Buffer.from(Uint8Array.from({ length: 1 + (index % 300) }, (_, at) => (at * 7 + index) % 256));
    default:
      return Buffer.alloc(0);
  }
}

/** In the order of the file. */
const systemNames = ["messageId", "correlationId", "userId", "contentType", "contentEncoding"] as const;

interface Properties {
  readonly application: SentMessage["application"];
  readonly system: Readonly<Partial<Record<(typeof systemNames)[number], string>>>;
  readonly subject?: string;
}

function messageOf(body: Buffer, { application, system, subject }: Properties): InstanceType<typeof Message> {
  const message = new Message(body);
  // The SDK takes a component's name as an application property, and sends it as the system property that it is.
  if (subject !== undefined) message.properties.add("dt-subject", subject);
  for (const [name, value] of application) message.properties.add(name, value);
  return Object.assign(message, system, { to: "/devices/x/messages/events", expiryTimeUtc: "2027-01-01T00:00:00Z" });
}

function sentOf(body: Buffer, { application, system, subject }: Properties): SentMessage {
  const inOrder = systemNames.flatMap((name): [string, string][] =>
    system[name] === undefined ? [] : [[name, system[name]]],
  );
  return { body, application, system: subject === undefined ? inOrder : [...inOrder, ["dt-subject", subject]] };
}

/** What MQTT can carry: any text. */
function anyProperties(index: number): Properties {
  const application: [string, string][] = [["number", String(index)]];
  if (index % 2 === 0) application.push(["Größe & Maß=1/2", "äöü 世界 🧊"], ["empty", ""]);
  if (index % 3 === 0) application.push(["signs", "100% &=/%25+ ?#$;\"'\\ \u00a0"], ["$iothub", "no system property"]);
  const system: Properties["system"] =
    index % 5 === 0
      ? {}
      : {
          messageId: `m-${index}/ü&=%`,
          correlationId: `c ${index}`,
          ...(index % 2 === 0 ? { userId: "user@example.test", contentEncoding: "utf-8" } : {}),
          contentType: index % 2 === 0 ? "application/json" : "text/plain; charset=utf-8",
        };
  return { application, system, ...(index % 7 === 0 ? { subject: "thermostat1" } : {}) };
}

/** What a header can carry: no text beyond Latin-1, names in lower case. */
function headerProperties(index: number): Properties {
  const application: [string, string][] = [["number", String(index)]];
  if (index % 2 === 0) application.push(["city", "Grüße, é"], ["empty", ""]);
  if (index % 3 === 0) application.push(["signs.x_y-z", "100% &=/%25+ ?#$;'\\"]);
  const system: Properties["system"] =
    index % 5 === 0
      ? {}
      : { messageId: `m-${index}/&=%`, correlationId: `c ${index}`, userId: "u", contentType: "application/json" };
  return { application, system: { ...system, ...(index % 4 === 0 ? { contentEncoding: "utf-8" } : {}) } };
}

/** Runs `count` tasks, `width` at a time. */
async function inParallel(count: number, width: number, task: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

describe("azure-iot-device over MQTT", () => {
  test("X2: 1,000 messages with application and system properties are in the files exactly once, every field right", async () => {
    const from = await bench.device("sdk-mqtt");
    expect(from.connectionString).toContain(`HostName=localhost:${bench.hub.address.ports.mqtts};`);
    const client = Client.fromConnectionString(from.connectionString, azureMqtt.Mqtt);
    await client.setOptions({ ca: bench.ca });
    const all = Array.from({ length: 1000 }, (_, index) => [bodyOf(index), anyProperties(index)] as const);
    const sent = all.map(([body, properties]) => sentOf(body, properties));
    await sendAndCompare(from, "device", sent, async () => {
      await client.open();
      await inParallel(all.length, 50, async (index) => {
        const [body, properties] = all[index] as (typeof all)[number];
        await client.sendEvent(messageOf(body, properties));
      });
    });
    await client.close();
  });

  test("X2: a message without any property, and one with a body of 250 KiB", async () => {
    const from = await bench.device("sdk-mqtt-plain");
    const client = Client.fromConnectionString(from.connectionString, azureMqtt.Mqtt);
    await client.setOptions({ ca: bench.ca });
    const bodies = [Buffer.from('{"t":1}'), Buffer.alloc(250 * 1024, 7)];
    const sent = bodies.map((body) => ({ body, application: [], system: [] }));
    await sendAndCompare(from, "device", sent, async () => {
      await client.open();
      for (const body of bodies) await client.sendEvent(new Message(body));
    });
    await client.close();
  });

  test("A wrong key is refused with an error that says so", async () => {
    const from = await bench.device("sdk-wrong-key");
    const wrong = from.connectionString.replace(from.key, Buffer.alloc(32, 1).toString("base64"));
    const client = Client.fromConnectionString(wrong, azureMqtt.Mqtt);
    await client.setOptions({ ca: bench.ca });
    await expect(client.open()).rejects.toThrow(/Not authorized/);
  });
});

describe("azure-iot-device over HTTPS with its own agent", () => {
  /** The SDK knows only port 443: an agent of its own leads it to another. `setOptions` is not awaited: it never ends. */
  function clientOf(from: BenchDevice): InstanceType<typeof Client> {
    const connectionString = `HostName=localhost;DeviceId=${from.id};SharedAccessKey=${from.key}`;
    const client = Client.fromConnectionString(connectionString, azureHttp.Http);
    const agent = new Agent({ port: bench.hub.address.ports.https, ca: bench.ca, keepAlive: true, maxSockets: 8 });
    agents.push(agent);
    void client.setOptions({ ca: bench.ca, http: { agent } });
    return client;
  }
  const agents: Agent[] = [];
  afterAll(() => {
    for (const agent of agents) agent.destroy();
  });

  test("X2: 500 single messages with application and system properties are in the files exactly once, every field right", async () => {
    const from = await bench.device("sdk-http");
    const client = clientOf(from);
    const all = Array.from({ length: 500 }, (_, index) => [bodyOf(index), headerProperties(index)] as const);
    const sent = all.map(([body, properties]) => sentOf(body, properties));
    await sendAndCompare(from, "device", sent, async () => {
      await client.open();
      await inParallel(all.length, 8, async (index) => {
        const [body, properties] = all[index] as (typeof all)[number];
        await client.sendEvent(messageOf(body, properties));
      });
    });
    await client.close();
  });

  test("X2: 500 messages in batches of 50 are in the files exactly once, every field right", async () => {
    const from = await bench.device("sdk-http-batch");
    const client = clientOf(from);
    // The SDK sends no system properties in a batch, and does not escape quotes and backslashes.
    const application = (index: number): [string, string][] =>
      anyProperties(index)
        .application.filter(([name]) => name !== "signs")
        .map(([name, value]) => [name, value]);
    const all = Array.from({ length: 500 }, (_, index) => [bodyOf(index), application(index)] as const);
    const sent = all.map(([body, properties]) => ({ body, application: properties, system: [] }));
    await sendAndCompare(from, "device", sent, async () => {
      await client.open();
      await inParallel(10, 2, async (batch) => {
        const messages = all
          .slice(batch * 50, batch * 50 + 50)
          .map(([body, properties]) => messageOf(body, { application: properties, system: {} }));
        await client.sendEventBatch(messages);
      });
    });
    await client.close();
  });
});

needs("mosquitto_pub", "mosquitto_sub")("mosquitto's clients", () => {
  interface Login {
    readonly from: BenchDevice;
    readonly password: string;
  }

  const byKey = (from: BenchDevice): Login => ({ from, password: sasToken(`localhost/devices/${from.id}`, from.key) });

  /** What every call says: over TLS with the hub's CA, as this device. */
  function common({ from, password }: Login): string[] {
    const address = ["-h", "localhost", "-p", String(bench.hub.address.ports.mqtts), "--cafile", bench.caPath];
    const user = `localhost/${from.id}/?api-version=2021-04-12`;
    return ["-V", "mqttv311", ...address, "-i", from.id, "-u", user, "-P", password];
  }

  async function publish(login: Login, bag: string, more: readonly string[], input?: string): Promise<void> {
    const topic = `devices/${login.from.id}/messages/events/${bag}`;
    const child = spawn("mosquitto_pub", [...common(login), "-q", "1", "-t", topic, ...more]);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    }
    child.stdin.end(input);
    const [code] = (await once(child, "close")) as [number | null];
    expect(output).toBe("");
    expect(code).toBe(0);
  }

  test("X2: 1,000 lines of one mosquitto_pub, with a property bag in the topic, are in the files exactly once", async () => {
    const from = await bench.device("mosquitto");
    const bag =
      "%24.mid=m%2F1&$.cid=c%201&$.uid=u&$.ct=text%2Fplain&%24.ce=utf-8&$.to=%2Fx&level=x%26y%2Fz&ort=Zürich&empty=&bare&" +
      "%E4%B8%96%E7%95%8C=%F0%9F%A7%8A";
    const lines = Array.from({ length: 1000 }, (_, index) =>
      index % 2 === 0 ? JSON.stringify({ number: index }) : `Zeile ${index}: "Grüße", 世界 🧊`,
    );
    const sent = lines.map((line) => ({
      body: Buffer.from(line),
      application: [
        ["level", "x&y/z"],
        ["ort", "Zürich"],
        ["empty", ""],
        ["bare", ""],
        ["世界", "🧊"],
      ] as const,
      system: [
        ["messageId", "m/1"],
        ["correlationId", "c 1"],
        ["userId", "u"],
        ["contentType", "text/plain"],
        ["contentEncoding", "utf-8"],
      ] as const,
    }));
    await sendAndCompare(from, "device", sent, () => publish(byKey(from), bag, ["-l"], `${lines.join("\n")}\n`));
  });

  test("X2: the bytes of a file, nothing at all, and QoS 0 are taken as they are", async () => {
    const from = await bench.device("mosquitto-bytes");
    const bytes = Buffer.from(Uint8Array.from({ length: 1024 }, (_, at) => (at * 31) % 256));
    const path = join(bench.directory, "body.bin");
    writeFileSync(path, bytes);
    const sent = [
      { body: bytes, application: [], system: [] },
      { body: Buffer.alloc(0), application: [["n", "1"]] as const, system: [] },
      { body: Buffer.from("fire and forget"), application: [], system: [] },
    ];
    await sendAndCompare(from, "device", sent, async () => {
      await publish(byKey(from), "", ["-f", path]);
      await publish(byKey(from), "n=1", ["-n"]);
      await publish(byKey(from), "", ["-m", "fire and forget", "-q", "0"]);
      await bench.messages.until(({ body }) => String(body) === "fire and forget");
    });
  });

  test("X2: a key of the hub policy opens for the device, and the record says so", async () => {
    const from = await bench.device("mosquitto-policy");
    const { primaryKey } = await bench.hub.api<{ primaryKey: string }>("GET", "/policies/device/keys");
    const sent = [{ body: Buffer.from("by policy"), application: [], system: [] }];
    const login = { from, password: sasToken("localhost", primaryKey, "device") };
    await sendAndCompare(from, "hub", sent, () => publish(login, "", ["-m", "by policy"]));
  });

  test("X2: retain becomes the property mqtt-retain", async () => {
    const from = await bench.device("mosquitto-retain");
    const application = [
      ["a", "1"],
      ["mqtt-retain", "true"],
    ] as const;
    const sent = [{ body: Buffer.from("kept"), application, system: [] }];
    await sendAndCompare(from, "device", sent, () => publish(byKey(from), "a=1", ["-m", "kept", "-r"]));
  });

  test("X2: the will of a client that was killed is a message with the property iothub-MessageType", async () => {
    const from = await bench.device("mosquitto-will");
    const application = [
      ["a", "1"],
      ["iothub-MessageType", "Will"],
    ] as const;
    const sent = [{ body: Buffer.from("gone"), application, system: [] }];
    await sendAndCompare(from, "device", sent, async () => {
      const will = [
        "--will-topic",
        `devices/${from.id}/messages/events/a=1`,
        "--will-payload",
        "gone",
        "--will-qos",
        "1",
      ];
      const subscription = ["-q", "1", "-t", `devices/${from.id}/messages/devicebound/#`];
      const child = spawn("mosquitto_sub", [...common(byKey(from)), ...will, ...subscription]);
      const ended = once(child, "close");
      await bench.connected(from);
      child.kill("SIGKILL");
      await ended;
      await bench.messages.until(({ body }) => String(body) === "gone");
    });
  });
});

test("E1: nothing else is in the files", async () => {
  await bench.exported();
  expect((await bench.messages.all()).length).toBe(sentInAll + bench.markers);
});
