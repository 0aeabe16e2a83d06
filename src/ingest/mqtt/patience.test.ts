// How long the hub waits for a device: for its CONNECT, between its packets, and until its token ends. Real seconds, so
// the stories run side by side.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IngestHub, aWhile, until } from "../../../test/lib/ingest-hub.ts";
import { RawMqtt, connectBytes, publishBytes } from "../../../test/lib/raw-mqtt.ts";

let hub: IngestHub;
/** Of its own, because it stands still. */
let slow: IngestHub;

beforeAll(async () => {
  hub = await IngestHub.open({ limits: { connectTimeoutMs: 1_000, keepAliveSecondsMax: 2 } });
  slow = await IngestHub.open({ limits: { connectionBytesInFlightMax: 4096 } });
  for (const id of ["silent", "pinging", "endless", "expiring", "failing"]) await hub.createDevice(id);
  for (const id of ["waiting", "refused"]) await slow.createDevice(id);
});
afterAll(async () => {
  await hub.close();
  await slow.close();
});

describe.concurrent("The hub", () => {
  test("ends a connection whose CONNECT does not arrive in time, however steadily it drips", async () => {
    const silent = await RawMqtt.open(hub.mqttPort);
    const dripping = await RawMqtt.open(hub.mqttPort);
    const bytes = connectBytes("silent", "no matter");
    for (let at = 0; at < 50 && !dripping.isEnded; at++) {
      dripping.send(bytes.subarray(at, at + 1));
      await aWhile(90);
    }
    expect([silent.isEnded, dripping.isEnded]).toEqual([true, true]);
    expect(hub.rejections("connect-timeout")).toBe(2);
  });

  test("ends a connection that is silent for one and a half keep-alives, not before, and sends its will", async () => {
    const sinceMs = performance.now();
    const client = await RawMqtt.device(hub.mqttPort, "silent", hub.token("silent"), {
      keepalive: 1,
      will: { topic: "devices/silent/messages/events/", payload: Buffer.from("gone"), qos: 1, retain: false },
    });
    await client.ended;
    expect(performance.now() - sinceMs).toBeGreaterThan(1_500);
    await until(() => hub.records("silent").length === 1, "the will is journaled");
  });

  test("keeps one that pings within them", async () => {
    const client = await RawMqtt.device(hub.mqttPort, "pinging", hub.token("pinging"), { keepalive: 1 });
    for (let ping = 0; ping < 4; ping++) {
      await aWhile(1_300);
      client.send(Buffer.from([0xc0, 0]));
      expect(await client.next()).toMatchObject({ cmd: "pingresp" });
    }
    client.destroy();
  });

  test("holds a device that wants no keep-alive to the longest one", async () => {
    const sinceMs = performance.now();
    const client = await RawMqtt.device(hub.mqttPort, "endless", hub.token("endless"), { keepalive: 0 });
    await client.ended;
    const silentMs = performance.now() - sinceMs;
    expect(silentMs).toBeGreaterThan(2_900); // one and a half times two seconds, less a millisecond here and there
    expect(silentMs).toBeLessThan(7_000);
    expect(hub.rejections("keep-alive")).toBeGreaterThan(0);
  });

  test("ends a connection when its token does", async () => {
    const client = await RawMqtt.device(hub.mqttPort, "expiring", hub.token("expiring", Date.now() + 2_000));
    await client.publish({ topic: "devices/expiring/messages/events/", payload: "in time" });
    await client.ended;
    expect(hub.rejections("token-expired")).toBe(1);
    expect(hub.bodies("expiring")).toEqual(["in time"]);
  });

  test("misses no ping while it does not read itself: the journal is slow, or full", async () => {
    const waiting = await RawMqtt.device(slow.mqttPort, "waiting", slow.token("waiting"), { keepalive: 1 });
    const refused = await RawMqtt.device(slow.mqttPort, "refused", slow.token("refused"), { keepalive: 1 });
    slow.writer.hold();
    waiting.send(publishBytes({ topic: "devices/waiting/messages/events/", payload: Buffer.alloc(5_000) }));
    await until(() => slow.records("waiting").length === 1, "it is accepted, not durable");
    slow.writer.refuseWith("full");
    refused.send(publishBytes({ topic: "devices/refused/messages/events/", payload: "full" }));
    for (let ping = 0; ping < 5; ping++) {
      await aWhile(900);
      waiting.send(Buffer.from([0xc0, 0]));
      refused.send(Buffer.from([0xc0, 0]));
    }
    expect([waiting.isEnded, refused.isEnded]).toEqual([false, false]);
    slow.writer.refuseWith(null);
    slow.writer.release();
    for (const client of [waiting, refused]) {
      const seen: unknown[] = [];
      while (seen.length < 6) seen.push(((await client.next()) as { cmd?: string }).cmd);
      expect(seen.filter((cmd) => cmd === "pingresp")).toHaveLength(5);
      expect(seen).toContain("puback");
    }
  });
});
