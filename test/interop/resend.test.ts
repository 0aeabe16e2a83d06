// Unmodified azure-iot-device over a network that breaks behind the PUBLISH and before the PUBACK: the SDK sends again by
// itself, as a new PUBLISH. With folding on there is one record of each message; the control shows that there are two.

import device from "azure-iot-device";
import azureMqtt from "azure-iot-device-mqtt";
import { afterEach, expect, test } from "vitest";
import { CuttingProxy } from "../lib/cutting-proxy.ts";
import { DeviceBench } from "../lib/device-bench.ts";

const { Client, Message } = device;

let bench: DeviceBench | null = null;
let proxy: CuttingProxy | null = null;
afterEach(async () => {
  await proxy?.stop();
  proxy = null;
  await bench?.close();
  bench = null;
});

const rounds = 3;
const messagesARound = 5;

test.each([
  { folding: "on", flags: ["--fold-window=1d"], records: 1 },
  { folding: "off (control)", flags: [], records: 2 },
])("X2, E1: folding $folding: what the SDK sent twice is $records in the files", async ({ flags, records }) => {
  bench = await DeviceBench.open(...flags);
  const { hub } = bench;
  proxy = await CuttingProxy.start(() => hub.address.ports.mqtts);
  const from = await bench.device("sdk");
  const through = from.connectionString.replace(/HostName=([^;:]+)(:\d+)?/, `HostName=$1:${proxy.port}`);
  const client = Client.fromConnectionString(through, azureMqtt.Mqtt);
  await client.setOptions({ ca: bench.ca });
  await client.open();

  const journaled = async (): Promise<number> => {
    const { journal } = await hub.api<{ journal: { appendedRecords: number } }>("GET", "/status");
    return journal.appendedRecords;
  };
  for (let round = 0; round < rounds; round++) {
    const before = await journaled();
    proxy.holdAnswers();
    const sent = Array.from({ length: messagesARound }, (_, index) => {
      const message = new Message(JSON.stringify({ number: round * messagesARound + index }));
      message.messageId = `message-${round}-${index}`;
      return client.sendEvent(message);
    });
    // All of them are durable: their acknowledgements are on the way, and lost.
    while ((await journaled()) < before + messagesARound) await new Promise((resolve) => setTimeout(resolve, 20));
    proxy.cut();
    await Promise.all(sent);
  }
  await client.close();
  expect(proxy.cuts).toBe(rounds);
  const { messages } = await hub.api<{ messages: { folded: number } }>("GET", "/status");
  expect(messages.folded).toBe(records === 1 ? rounds * messagesARound : 0); // it did send all of them twice

  await bench.exported();
  const numbers = (await bench.messages.of("sdk")).map(
    ({ body }) => (JSON.parse(String(body)) as { number: number }).number,
  );
  const expected = Array.from({ length: rounds * messagesARound }, (_, number) =>
    Array.from({ length: records }, () => number),
  );
  expect(numbers.toSorted((one, other) => one - other)).toEqual(expected.flat());
});
