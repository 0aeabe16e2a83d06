// Two programs with one device id. The clock is the test's.

import { afterEach, beforeEach, expect, test } from "vitest";
import { type HubOptions, IngestHub, aWhile, until } from "../../test/lib/ingest-hub.ts";
import { RawMqtt, connectBytes } from "../../test/lib/raw-mqtt.ts";
import { SimulatedClock } from "../journal/clock.simulated.ts";
import { silentLog } from "../lib/log.ts";
import { TakeOvers } from "./take-overs.ts";

let clock: SimulatedClock;
let hub: IngestHub | null = null;
let warnings: Record<string, unknown>[] = [];
const log = { ...silentLog, warn: (fields: object) => void warnings.push({ ...fields }) };

beforeEach(() => {
  warnings = [];
  clock = new SimulatedClock(Date.parse("2026-01-02T03:04:05.000Z"), () => aWhile(20));
});
afterEach(async () => {
  await hub?.close();
  hub = null;
});

async function open(more: HubOptions = {}): Promise<IngestHub> {
  hub = await IngestHub.open({ clock, log, ...more });
  for (const id of ["shared", "other"]) await hub.createDevice(id);
  return hub;
}

/** As many connections as are let in without a wait, each taking over the one before. @returns the last. */
async function quarrel(of: IngestHub, deviceId: string, count: number): Promise<RawMqtt> {
  let last = await RawMqtt.device(of.mqttPort, deviceId, of.token(deviceId));
  for (let turn = 0; turn < count; turn++) last = await RawMqtt.device(of.mqttPort, deviceId, of.token(deviceId));
  return last;
}

async function comeAgain(of: IngestHub, deviceId: string): Promise<RawMqtt> {
  const client = await RawMqtt.open(of.mqttPort);
  client.send(connectBytes(deviceId, of.token(deviceId)));
  await aWhile(150);
  return client;
}

test("The sixth take-over within a minute is told once and waits, and the present connection works on", async () => {
  const of = await open({ limits: { connectTimeoutMs: 1_000 } });
  const present = await quarrel(of, "shared", 5);
  expect(warnings).toEqual([]);
  const next = await comeAgain(of, "shared");
  await aWhile(2_500); // longer than a CONNECT may take
  expect([next.packets.length, next.isEnded, present.isEnded]).toEqual([0, false, false]);
  await present.publish({ topic: "devices/shared/messages/events/", payload: "still here" });
  expect(warnings).toEqual([
    {
      code: "device-id-shared",
      deviceId: "shared",
      address: `127.0.0.1:${next.socket.localPort}`,
      formerAddress: `127.0.0.1:${present.socket.localPort}`,
    },
  ]);
  await clock.pass(1_100);
  expect(await next.next()).toMatchObject({ cmd: "connack", returnCode: 0 });
  await present.ended;
  const third = await comeAgain(of, "shared"); // waits longer
  await clock.pass(1_100);
  expect(third.packets).toEqual([]);
  await clock.pass(1_000);
  expect(await third.next()).toMatchObject({ cmd: "connack", returnCode: 0 });
  expect(warnings).toHaveLength(1);
});

test("Another device, a device that was not connected, and a device that is quiet again do not wait", async () => {
  const of = await open();
  const present = await quarrel(of, "shared", 5);
  const waiting = await comeAgain(of, "shared");
  await quarrel(of, "other", 2);
  waiting.destroy();
  present.destroy();
  await present.ended;
  await until(() => !of.table.isOpen("shared"), "it is gone");
  const alone = await comeAgain(of, "shared");
  expect(await alone.next()).toMatchObject({ cmd: "connack", returnCode: 0 });
  await clock.pass(120_000);
  await quarrel(of, "shared", 4);
  expect(warnings).toHaveLength(1);
});

test("D1: a device that is disabled while its connection waits is not let in", async () => {
  const of = await open();
  await quarrel(of, "shared", 5);
  const waiting = await comeAgain(of, "shared");
  await of.registry.updateDevice("shared", { enabled: false });
  await clock.pass(5_000);
  expect(await waiting.next()).toBe("ended");
  expect([of.counters.connectionsOpened, of.table.openCount]).toEqual([6, 0]);
});

test("M1: beyond those that may wait, nobody waits", async () => {
  const of = await open({ takeOversWaitingMax: 1 });
  await quarrel(of, "shared", 5);
  const waiting = await comeAgain(of, "shared");
  const past = await comeAgain(of, "shared");
  expect([waiting.packets.length, past.packets.length]).toEqual([0, 1]);
  await clock.pass(1_500);
  expect(await waiting.next()).toMatchObject({ cmd: "connack", returnCode: 0 });
  const again = await comeAgain(of, "shared");
  expect(again.packets).toEqual([]);
});

test("M1: devices that are quiet are forgotten, and never more are watched than allowed", async () => {
  const takeOvers = new TakeOvers({ clock, log, devicesMax: 10 });
  const admit = (deviceId: string): void => {
    takeOvers.admit({ deviceId, address: undefined, formerAddress: undefined }, () => {});
  };
  for (let device = 0; device < 50; device++) admit(`a-${device}`);
  expect(takeOvers.devices).toBe(10);
  await clock.pass(60_000);
  admit("b");
  expect(takeOvers.devices).toBe(1);
});
