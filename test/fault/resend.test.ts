// From device to file exactly once: devices that send every message until it is acknowledged, over a network that loses
// acknowledgements, to a server that is killed again and again. With folding on and a messageId each message is one
// record; the control shows that without folding the same devices make doubles, and that nothing is lost then either.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { CuttingProxy } from "../lib/cutting-proxy.ts";
import { type Fleet, breachesOf, makeFleet, pause } from "../lib/fleet.ts";
import { HubProcess } from "../lib/hub-process.ts";
import { noBreaches } from "../lib/read-back.ts";
import { ResendingDevice, ResendingHttpsDevice } from "../lib/resending-device.ts";

/** A window lasts one second. */
const rate = 60;
const rounds = Number(process.env["COLDPATH_KILL_ROUNDS"] ?? 6);

let hub: HubProcess | null = null;
let proxies: CuttingProxy[] = [];
let directory = "";
afterEach(async () => {
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  proxies = [];
  await hub?.kill();
  hub = null;
  rmSync(directory, { recursive: true, force: true });
});

function running(): HubProcess {
  if (hub === null) throw new Error("the server is not running");
  return hub;
}

interface Setting {
  readonly fleet: Fleet;
  readonly devices: readonly (ResendingDevice | ResendingHttpsDevice)[];
  readonly start: () => Promise<void>;
}

async function prepare(hasMessageIds: boolean, ...flags: string[]): Promise<Setting> {
  directory = mkdtempSync(join(tmpdir(), "coldpath-resend-"));
  const start = async (): Promise<void> => {
    hub = await HubProcess.start(join(directory, "data"), "--no-sample", `--test-clock-rate=${rate}`, ...flags);
  };
  await start();
  const fleet = await makeFleet(running(), directory, 4);
  const mqtt = await CuttingProxy.start(() => running().address.ports.mqtt);
  const https = await CuttingProxy.start(() => running().address.ports.https);
  proxies = [mqtt, https];
  // A TLS handshake takes two answers or three; the request behind it is answered with the next.
  mqtt.answersBeforeCut = () => 1 + Math.floor(Math.random() * 40);
  https.answersBeforeCut = () => 2 + Math.floor(Math.random() * 4);
  const of = (
    index: number,
  ): { deviceId: string; policyKey: string; ledger: Fleet["ledger"]; hasMessageIds: boolean } => {
    return { deviceId: `dev-${index}`, policyKey: fleet.policyKey, ledger: fleet.ledger, hasMessageIds };
  };
  const devices = [
    new ResendingDevice({ ...of(0), port: mqtt.port, marksDup: false }),
    new ResendingDevice({ ...of(1), port: mqtt.port, marksDup: false }),
    new ResendingDevice({ ...of(2), port: mqtt.port, marksDup: true }),
    new ResendingHttpsDevice({ ...of(3), port: https.port }),
  ];
  return { fleet, devices, start };
}

/** With so many, acknowledgements were lost for certain. */
const cutsMin = 10;

async function live({ devices, start, fleet }: Setting, kills: number): Promise<void> {
  for (let round = 0; round < kills; round++) {
    await pause(400 + Math.random() * 1500);
    await running().kill();
    await start();
  }
  // On a busy machine it takes longer until something was cut off.
  const endMs = performance.now() + 60_000;
  while (proxies.some(({ cuts }) => cuts < cutsMin) && performance.now() < endMs) await pause(50);
  await pause(1000);
  await Promise.all(devices.map((device) => device.stop()));
  expect(fleet.ledger.acknowledged.size).toBe(fleet.ledger.next); // each was sent until it was acknowledged
  for (const proxy of proxies) expect(proxy.cuts).toBeGreaterThanOrEqual(cutsMin);
}

test(`J1, E1: folding on, ${rounds} kills, acknowledgements lost all the time: every message sent until acknowledged is exactly one record`, async () => {
  const setting = await prepare(true, "--fold-window=1d");
  await live(setting, rounds);
  expect(await breachesOf(setting.fleet, 120)).toEqual(noBreaches);
  expect(setting.fleet.ledger.acknowledged.size).toBeGreaterThan(200);
});

test("E1: control, folding off: the same devices make doubles; nothing is lost", async () => {
  const setting = await prepare(true);
  await live(setting, 1);
  const { doubled, ...others } = await breachesOf(setting.fleet, 120);
  expect({ ...others, doubled: [] }).toEqual(noBreaches);
  expect(doubled.length).toBeGreaterThan(3);
});

test("E1: control, folding on without messageIds: doubles too, nothing is lost", async () => {
  const setting = await prepare(false, "--fold-window=1d");
  await live(setting, 1);
  const { doubled, ...others } = await breachesOf(setting.fleet, 120);
  expect({ ...others, doubled: [] }).toEqual(noBreaches);
  expect(doubled.length).toBeGreaterThan(3);
});
