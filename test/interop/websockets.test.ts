// The unmodified azure-iot-device-mqtt over a WebSocket: messages and twin. It knows port 443 only; an agent of its own, which
// it takes as an option, leads it to another.

import { Agent } from "node:https";
import device from "azure-iot-device";
import azureMqtt from "azure-iot-device-mqtt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DeviceBench } from "../lib/device-bench.ts";
import { type SentMessage, expectExactly } from "../lib/exported-messages.ts";

const { Client, Message } = device;

let bench: DeviceBench;
let agent: Agent;
beforeAll(async () => {
  bench = await DeviceBench.open();
  agent = new Agent({ port: bench.hub.address.ports.https, ca: bench.ca });
});
afterAll(async () => {
  agent.destroy();
  await bench?.close();
});

test("azure-iot-device-mqtt sends over a WebSocket, each message stands once in the files, and reads its twin", async () => {
  const from = await bench.device("web-1");
  const client = Client.fromConnectionString(withoutPort(from.connectionString), azureMqtt.MqttWs);
  await client.setOptions({ mqtt: { webSocketAgent: agent } });
  const fromMs = await bench.now();
  await client.open();
  const sent: SentMessage[] = [];
  try {
    for (let index = 0; index < 40; index++) {
      const body = Buffer.alloc(index === 7 ? 200_000 : index * 10, `message ${index} `);
      const message = new Message(body);
      message.messageId = `m-${index}`;
      message.contentType = "application/json";
      message.properties.add("level", `${index}&/%`);
      sent.push({
        body,
        application: [["level", `${index}&/%`]],
        system: [
          ["messageId", `m-${index}`],
          ["contentType", "application/json"],
        ],
      });
      await client.sendEvent(message);
    }
    const twin = await client.getTwin();
    expect(twin.properties.desired["$version"]).toBe(1);
  } finally {
    await client.close();
  }
  const toMs = await bench.now();
  await bench.exported();
  const found = await bench.messages.of(from.id);
  expectExactly(found, sent, { deviceId: from.id, scope: "device", generationId: from.generationId, fromMs, toMs });
});

/** The SDK appends `:443`, also to a host that has a port. */
function withoutPort(connectionString: string): string {
  return connectionString.replace(/(HostName=[^;:]+):\d+/, "$1");
}
