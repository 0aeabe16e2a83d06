// The unmodified azure-iot-device-amqp, over TLS and over a WebSocket: messages, twin, methods, renewal of tokens. What is exported
// is what MQTT exports.

import { Agent } from "node:https";
import device from "azure-iot-device";
import azureAmqp from "azure-iot-device-amqp";
import azureMqtt from "azure-iot-device-mqtt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BenchDevice, DeviceBench, sasToken } from "../lib/device-bench.ts";
import { type SentMessage, expectExactly } from "../lib/exported-messages.ts";

const { Client, Message } = device;
type SdkClient = ReturnType<typeof Client.fromConnectionString>;
type SdkMessage = InstanceType<typeof Message>;

const template = {
  id: "fan",
  name: "Fan",
  publish: true,
  measurements: { telemetry: {}, states: {}, events: {} },
  settings: { device: { speed: { name: "Speed", dataType: "double", initialValue: 1 } } },
  properties: { cloud: {}, device: { firmware: { name: "Firmware", dataType: "string" } } },
};

let bench: DeviceBench;
let agent: Agent;
beforeAll(async () => {
  bench = await DeviceBench.open();
  agent = new Agent({ port: bench.hub.address.ports.https, ca: bench.ca });
  await bench.hub.api("POST", "/device-templates", template);
});
afterAll(async () => {
  agent?.destroy();
  await bench?.close();
});

const hostOf = { amqp: () => `localhost:${bench.hub.address.ports.amqps}`, websocket: () => "localhost" } as const;

async function clientOf(from: BenchDevice, over: "amqp" | "websocket"): Promise<SdkClient> {
  const text = from.connectionString.replace(/HostName=[^;]+/, `HostName=${hostOf[over]()}`);
  const client = Client.fromConnectionString(text, over === "amqp" ? azureAmqp.Amqp : azureAmqp.AmqpWs);
  await client.setOptions({ ca: bench.ca, amqp: { webSocketAgent: agent } });
  await client.open();
  return client;
}

function messageOf(index: number): { message: SdkMessage; sent: SentMessage } {
  const body = Buffer.from(
    Uint8Array.from({ length: index === 5 ? 200_000 : index * 20 }, (_, at) => (at + index) & 255),
  );
  const message = new Message(body);
  message.messageId = index % 2 === 0 ? `m-${index}` : `00000000-0000-4000-8000-00000000000${index % 10}`;
  message.correlationId = `c-${index}`;
  message.contentType = "application/json";
  message.contentEncoding = "utf-8";
  message.properties.add("level", `${index} & "more" ä`);
  message.properties.add("dt-subject", "thermostat1");
  const sent: SentMessage = {
    body,
    application: [["level", `${index} & "more" ä`]],
    system: [
      ["messageId", message.messageId],
      ["correlationId", `c-${index}`],
      ["contentType", "application/json"],
      ["contentEncoding", "utf-8"],
      ["dt-subject", "thermostat1"],
    ],
  };
  return { message, sent };
}

describe.each(["amqp", "websocket"] as const)("azure-iot-device-amqp, over %s", (over) => {
  test("J1: sends messages; each stands once in the files, as one over MQTT does", async () => {
    const from = await bench.device(`sends-${over}`);
    const all = Array.from({ length: 30 }, (_, index) => messageOf(index));
    const fromMs = await bench.now();
    const client = await clientOf(from, over);
    await Promise.all(all.map(async ({ message }) => await client.sendEvent(message)));
    await client.close();
    const mqtt = Client.fromConnectionString(from.connectionString, azureMqtt.Mqtt);
    await mqtt.setOptions({ ca: bench.ca });
    for (const { message } of all.slice(0, 6)) await mqtt.sendEvent(message);
    await mqtt.close();
    const toMs = await bench.now();
    await bench.exported();
    const found = await bench.messages.of(from.id);
    const sender = { deviceId: from.id, scope: "device" as const, generationId: from.generationId, fromMs, toMs };
    const sent = all.map((one) => one.sent);
    expectExactly(found.slice(0, 30), sent, sender);
    expectExactly(found.slice(30), sent.slice(0, 6), sender);
  });

  test("reads its twin, reports, and hears of a setting", async () => {
    const id = `twin-${over}`;
    await bench.hub.api("POST", "/devices", { id, templateId: template.id });
    const client = await clientOf(await bench.keysOf(id), over);
    try {
      const twin = await client.getTwin();
      expect(twin.properties.desired).toMatchObject({ speed: { value: 1 }, $version: 1 });
      const heard: unknown[] = [];
      twin.on("properties.desired.speed", (patch: unknown) => heard.push(patch));
      await until(() => heard.length === 1, "the SDK tells at once what it has");
      await report(twin, { firmware: "7.1" });
      expect(await bench.hub.api("GET", `/devices/${id}`)).toMatchObject({
        properties: { device: { firmware: "7.1" } },
      });
      // The SDK subscribes behind its answer.
      await until(async () => {
        await bench.hub.api("PATCH", `/devices/${id}`, { settings: { device: { speed: 5 } } });
        await new Promise((resolve) => setTimeout(resolve, 50));
        return heard.length > 1;
      }, "the setting is heard of");
      expect(heard[1]).toEqual({ value: 5 });
      await expect(report(twin, { "a.b": 1 })).rejects.toMatchObject({
        amqpError: { message: expect.stringMatching(/dot/) },
      });
    } finally {
      await client.close();
    }
  });

  test("answers direct methods", async () => {
    const from = await bench.device(`method-${over}`);
    const client = await clientOf(from, over);
    try {
      client.onDeviceMethod("reboot", (request, response) => {
        void response.send(202, { asked: request.payload as unknown });
      });
      let answer: unknown;
      await until(async () => {
        try {
          const asked = { name: "reboot", payload: { delay: 3 }, responseTimeoutSeconds: 5 };
          answer = await bench.hub.api("POST", `/devices/${from.id}/methods`, asked);
          return true;
        } catch {
          return false; // its links are not attached yet
        }
      }, "it takes methods");
      expect(answer).toEqual({ status: 202, payload: { asked: { delay: 3 } } });
    } finally {
      await client.close();
    }
  });

  test("completes, rejects and abandons messages of the cloud; what it abandons comes again", async () => {
    const from = await bench.device(`cloud-${over}`);
    const path = `/devices/${from.id}/cloud-messages`;
    const send = async (body: string): Promise<unknown> =>
      await bench.hub.api("POST", path, {
        body,
        messageId: body,
        contentType: "text/plain",
        properties: { for: body },
      });
    await send("early");
    const client = await clientOf(from, over);
    try {
      const heard: string[] = [];
      client.on("message", (message: SdkMessage) => {
        const text = Buffer.from(message.getBytes()).toString();
        heard.push(`${text} ${message.messageId} ${message.contentType} ${message.properties.getValue("for")}`);
        if (text === "bad") void client.reject(message);
        else if (text === "again" && heard.filter((one) => one.startsWith("again")).length === 1)
          void client.abandon(message);
        else void client.complete(message);
      });
      await until(() => heard.length === 1, "what waited comes");
      for (const body of ["bad", "again", "last"]) await send(body);
      await until(() => heard.length === 5, "all come, one of them twice");
      expect(heard[0]).toBe("early early text/plain early");
      expect(heard.filter((one) => one.startsWith("again"))).toHaveLength(2);
      let states: Record<string, string> = {};
      await until(async () => {
        const { items } = await bench.hub.api<{ items: { messageId: string; state: string }[] }>("GET", path);
        states = Object.fromEntries(items.map(({ messageId, state }) => [messageId, state]));
        return Object.values(states).every((state) => state === "completed" || state === "rejected");
      }, "all are settled");
      expect(states).toEqual({ early: "completed", bad: "rejected", again: "completed", last: "completed" });
    } finally {
      await client.close();
    }
  });

  test("renews its token over the same connection", async () => {
    const from = await bench.device(`renews-${over}`);
    const text = (): string => sasToken(`${hostOf[over]()}/devices/${from.id}`, from.key);
    const client = Client.fromSharedAccessSignature(text(), over === "amqp" ? azureAmqp.Amqp : azureAmqp.AmqpWs);
    await client.setOptions({ ca: bench.ca, amqp: { webSocketAgent: agent } });
    await client.open();
    let isDisconnected = false;
    client.on("disconnect", () => (isDisconnected = true));
    await client.sendEvent(new Message("before"));
    await new Promise<void>((resolve, reject) => {
      client.updateSharedAccessSignature(text(), (error?: Error) => (error ? reject(error) : resolve()));
    });
    await client.sendEvent(new Message("after"));
    expect(isDisconnected).toBe(false);
    await client.close();
    await bench.exported();
    expect((await bench.messages.of(from.id)).map(({ body }) => String(body))).toEqual(["before", "after"]);
  });

  test("is told in errors of its own what is wrong", async () => {
    const from = await bench.device(`wrong-${over}`);
    const stranger = {
      ...from,
      connectionString: from.connectionString.replace(/SharedAccessKey=.*/, "SharedAccessKey=QUJD"),
    };
    await expect(clientOf(stranger, over)).rejects.toMatchObject({ name: "UnauthorizedError" });
    const client = await clientOf(from, over);
    await expect(client.sendEvent(new Message(Buffer.alloc(256 * 1024 + 1)))).rejects.toMatchObject({
      name: "MessageTooLargeError",
    });
    await client.sendEvent(new Message("still here"));
    await client.close();
  });
});

async function report(twin: { properties: { reported: object } }, patch: object): Promise<void> {
  const reported = twin.properties.reported as { update: (patch: object, done: (error?: Error) => void) => void };
  await new Promise<void>((resolve, reject) => {
    reported.update(patch, (error) => (error ? reject(error) : resolve()));
  });
}

async function until(is: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!(await is())) {
    if (performance.now() > endMs) throw new Error(`It did not happen: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
