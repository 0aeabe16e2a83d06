// Many connections with large messages, against a small bound of what may be unread.

import { expect, test } from "vitest";
import { IngestHub, aWhile, until } from "../../test/lib/ingest-hub.ts";
import { RawMqtt, connectBytes, publishBytes } from "../../test/lib/raw-mqtt.ts";
import { type GatedReader, ReadGate, letThroughMax } from "./read-gate.ts";

const bytesMax = 1024 * 1024;
const packetBytes = 200 * 1024;

async function openHub(devices: number): Promise<{ hub: IngestHub; clients: readonly RawMqtt[] }> {
  const hub = await IngestHub.open({ limits: { unreadBytesMax: bytesMax } });
  const clients: RawMqtt[] = [];
  for (let device = 0; device < devices; device++) {
    await hub.createDevice(`d-${device}`);
    clients.push(await RawMqtt.device(hub.mqttPort, `d-${device}`, hub.token(`d-${device}`)));
  }
  return { hub, clients };
}

const packetOf = (device: number, bytes: number): Buffer =>
  publishBytes({ topic: `devices/d-${device}/messages/events/`, payload: Buffer.alloc(bytes, 65) });

test("M1: what is unread stays bounded, and every packet that can be finished is", async () => {
  const { hub, clients } = await openHub(40);
  const packets = clients.map((_, device) => packetOf(device, packetBytes));
  // All but the end of each: eight times as much as is allowed.
  for (const [device, client] of clients.entries()) client.send(packets[device]?.subarray(0, -100) as Buffer);
  let most = 0;
  for (let look = 0; look < 100; look++) {
    most = Math.max(most, hub.mqtt.unreadBytes);
    await aWhile(5);
  }
  expect(most).toBeGreaterThan(bytesMax);
  expect(most).toBeLessThan(bytesMax + letThroughMax * (packetBytes + 1024) + 10 * 65_536);
  // The ends arrive in the worst order: of those that came last, and were not read, first.
  for (const [device, client] of [...clients.entries()].toReversed())
    client.send(packets[device]?.subarray(-100) as Buffer);
  for (const client of clients) expect(await client.acknowledgements(1)).toEqual([1]);
  expect(hub.records()).toHaveLength(40);
  // It is open again, for small and for large ones.
  for (const [device, client] of clients.entries()) client.send(packetOf(device, device * 1000));
  for (const client of clients) await client.acknowledgements(1);
  expect(hub.mqtt.unreadBytes).toBe(0);
  for (const client of clients) client.destroy();
  await hub.close();
}, 30_000);

test("M1: whole messages that wait for the journal close it too; new devices are still let in", async () => {
  const { hub, clients } = await openHub(40);
  hub.writer.refuseWith("wait");
  const packets = clients.map((_, device) => packetOf(device, device < 2 * letThroughMax ? packetBytes : 60_000));
  const [parts, wholes] = [clients.slice(0, 2 * letThroughMax), clients.slice(2 * letThroughMax)];
  for (const [device, client] of parts.entries()) client.send(packets[device]?.subarray(0, -100) as Buffer);
  for (const [device, client] of wholes.entries()) client.send(packets[device + parts.length] as Buffer);
  await until(() => hub.mqtt.unreadBytes > bytesMax, "it is closed");
  await hub.createDevice("late");
  // In two pieces, while all that may be read on are others.
  const late = await RawMqtt.open(hub.mqttPort);
  const connect = connectBytes("late", hub.token("late"));
  late.send(connect.subarray(0, 20));
  await aWhile(50);
  expect(await late.connect(connect.subarray(20))).toBe(0);
  late.send(publishBytes({ topic: "devices/late/messages/events/", payload: "late" }));
  hub.writer.refuseWith(null);
  for (const [device, client] of parts.entries()) client.send(packets[device]?.subarray(-100) as Buffer);
  for (const client of [...clients, late]) await client.acknowledgements(1);
  expect(hub.records()).toHaveLength(41);
  for (const client of [...clients, late]) client.destroy();
  await hub.close();
}, 30_000);

test("Who does not finish its packet in time ends, so that the others are read", () => {
  let nowMs = 0;
  const readers: Reader[] = [];
  const gate = new ReadGate(
    1000,
    () => readers,
    () => nowMs,
  );
  class Reader implements GatedReader {
    isPart = true;
    isRead = true;
    hold(): void {
      this.isRead = false;
    }
    letGo(): void {
      this.isRead = true;
    }
    tooSlow(): void {
      readers.splice(readers.indexOf(this), 1);
      gate.count(-100);
      gate.finished(this);
    }
  }
  for (let reader = 0; reader < 30; reader++) readers.push(new Reader());
  gate.count(3000);
  const read = (): number => readers.filter(({ isRead }) => isRead).length;
  expect(read()).toBe(letThroughMax);
  const [, second] = readers;
  if (second !== undefined) second.isPart = false;
  gate.finished(second as Reader);
  expect(gate.isClosedTo(second as Reader)).toBe(true);
  expect(read()).toBe(letThroughMax + 1); // the second holds itself
  for (let second = 0; second < 29; second++) {
    nowMs += 1000;
    gate.sweep();
  }
  expect(readers).toHaveLength(30);
  nowMs += 2000;
  gate.sweep();
  expect(readers).toHaveLength(22);
  for (let round = 0; round < 3; round++) {
    nowMs += 31_000;
    gate.sweep();
  }
  expect(gate.bytes).toBeLessThanOrEqual(500); // it opened
  expect(read()).toBe(readers.length);
});
