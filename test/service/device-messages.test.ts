// A device's messages with the real server, in a process of its own, and real devices over MQTT and HTTPS: what was
// acknowledged is shown, once and in order, also over restarts and when partitions were added; and at a terminal.

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import device from "azure-iot-device";
import azureMqtt from "azure-iot-device-mqtt";
import { afterEach, expect, test } from "vitest";
import { type BenchDevice, DeviceBench } from "../lib/device-bench.ts";
import { EventReader } from "../lib/event-reader.ts";
import { until } from "../lib/ingest-hub.ts";

const root = join(import.meta.dirname, "../..");
const children: ChildProcess[] = [];
const readers: EventReader[] = [];
let bench: DeviceBench;
afterEach(async () => {
  for (const child of children.splice(0)) child.kill();
  for (const reader of readers.splice(0)) reader.close();
  await bench.close();
});

interface Shown {
  readonly items: readonly {
    readonly enqueuedTime: string;
    readonly bodyText: string;
    readonly partition: number;
    readonly offset: number;
  }[];
  readonly complete: boolean;
}

async function shownOf(id: string, query = ""): Promise<Shown> {
  return await bench.hub.api<Shown>("GET", `/devices/${encodeURIComponent(id)}/messages${query}`);
}

async function stream(path: string): Promise<EventReader> {
  const { hub } = bench;
  const reader = await EventReader.open(`${hub.address.url}/api/v1${path}`, { token: hub.adminToken });
  expect(reader.status).toBe(200);
  readers.push(reader);
  return reader;
}

/** A few messages over MQTT and a few over HTTPS, one after the other. @returns their bodies. */
async function send(from: BenchDevice, word: string): Promise<string[]> {
  const bodies: string[] = [];
  const client = device.Client.fromConnectionString(from.connectionString, azureMqtt.Mqtt);
  await client.setOptions({ ca: bench.ca });
  await client.open();
  for (let index = 0; index < 4; index++) {
    const body = JSON.stringify({ word, from: from.id, mqtt: index });
    await client.sendEvent(new device.Message(body));
    bodies.push(body);
  }
  await client.close();
  for (let index = 0; index < 3; index++) {
    const body = JSON.stringify({ word, from: from.id, https: index });
    await bench.post(from, body);
    bodies.push(body);
  }
  return bodies;
}

test("J1: whatever was acknowledged is shown, newest first, over restarts and with more partitions each time", async () => {
  bench = await DeviceBench.open();
  // Ids that lead to other partitions as their number grows, and such as are hard to tell apart.
  const devices: BenchDevice[] = [];
  for (const id of ["a", "aa", "aaa", "b:c", "b.c", "device-17"]) devices.push(await bench.device(id));
  const bodies = new Map<string, string[]>(devices.map(({ id }) => [id, []]));
  const partitions = new Set<number>();
  for (const [round, count] of [1, 3, 3, 5].entries()) {
    if (round > 0) {
      if (round === 2) await bench.hub.kill();
      else expect(await bench.hub.stop()).toBe(0);
      await bench.start(`--journal-partitions=${count}`);
    }
    for (const [index, one] of devices.entries()) {
      // Connection strings name the port, which is another after each start.
      const now = await bench.keysOf(one.id);
      if ((index + round) % 3 !== 2) bodies.get(one.id)?.push(...(await send(now, `round ${round}`)));
    }
    for (const { id } of devices) {
      const { items, complete } = await shownOf(id);
      expect(complete).toBe(true);
      // By the time in the record. A partition's time may run ahead of the clock after a restart (J4), so what was sent
      // later into another partition may stand below; within one partition the order is that of sending.
      const sent = bodies.get(id) ?? [];
      expect(items.map(({ bodyText }) => bodyText).toSorted()).toEqual(sent.toSorted());
      const times = items.map(({ enqueuedTime }) => enqueuedTime);
      expect(times).toEqual(times.toSorted().toReversed());
      for (const one of new Set(items.map(({ partition }) => partition))) {
        const places = items.filter(({ partition }) => partition === one).map(({ bodyText }) => sent.indexOf(bodyText));
        expect(places).toEqual(places.toSorted((a, b) => b - a));
      }
      expect(new Set(items.map(({ partition, offset }) => `${partition} ${offset}`)).size).toBe(items.length);
      for (const { partition } of items) partitions.add(partition);
      expect((await shownOf(id, "?limit=2")).items).toEqual(items.slice(0, 2));
    }
  }
  expect(partitions.size).toBeGreaterThan(3);
});

test("J1: messages are shown as they come, in each partition; a stop of the server ends the streams and is not held up", async () => {
  bench = await DeviceBench.open("--journal-partitions=3");
  const devices: BenchDevice[] = [];
  for (let index = 0; index < 6; index++) devices.push(await bench.device(`dev-${index}`));
  const all = await stream("/live");
  const opened = await Promise.all(devices.map(async ({ id }) => await stream(`/devices/${id}/live`)));
  for (const [index, one] of devices.entries()) {
    const bodies = await send(one, "live");
    await until(() => opened[index]?.of("message").length === bodies.length, "all are shown");
    expect(opened[index]?.of("message").map(({ bodyText }) => bodyText as string)).toEqual(bodies);
    expect((await shownOf(one.id)).items).toEqual(opened[index]?.of("message").toReversed());
  }
  await until(() => (all.of("status").at(-1)?.acceptedTotal ?? 0) === 42, "the status knows of all");
  expect(all.of("status").some(({ messagesPerSecond }) => messagesPerSecond > 0)).toBe(true);
  expect(await bench.hub.stop()).toBe(0);
  for (const reader of [all, ...opened]) await reader.over();
  // Not by its own time limit for a stop.
  expect(bench.hub.output).not.toMatch(/drain-seconds/);
});

test("coldpath device messages shows the last ones, and with --follow those to come, over a restart of the server", async () => {
  bench = await DeviceBench.open();
  const from = await bench.device("fridge");
  const port = bench.hub.address.ports.web;
  const dataDir = join(bench.directory, "data");
  const follow = (
    ...words: string[]
  ): { out: string; err: string; lines: () => string[]; code: Promise<number | null> } => {
    const child = spawn(join(root, "coldpath"), ["device", "messages", ...words, "--data-dir", dataDir], {
      env: { PATH: process.env["PATH"] ?? "" },
    });
    children.push(child);
    const told = {
      out: "",
      err: "",
      lines: () => told.out.split("\n").slice(0, -1),
      code: new Promise<number | null>((resolve) => child.once("exit", resolve)),
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (told.out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (told.err += text));
    return told;
  };

  const none = follow("fridge");
  expect(await none.code).toBe(0);
  expect(none).toMatchObject({ out: "", err: expect.stringMatching(/no message/) });
  expect(await follow("nobody").code).toBe(1);

  const first = await send(from, "before");
  await bench.post(from, Buffer.from([0xff, 0xfe]));
  await bench.post(from, "\u001b[31mred\r\nline");
  const shown = follow("fridge", "--limit", "4");
  expect(await shown.code).toBe(0);
  expect(shown.lines().map((line) => line.replace(/^\S+Z {2}/, ""))).toEqual([
    ...first.slice(-2),
    "base64://4=",
    " [31mred line",
  ]);
  expect(shown.lines()[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z {2}\{/);

  const following = follow("fridge", "--follow", "--json", "--limit", "1");
  await until(() => following.lines().length === 1, "the last one is shown", 20_000);
  const second = await send(from, "live");
  await until(() => following.lines().length === 8, "those to come are shown", 20_000);
  expect(await bench.hub.stop()).toBe(0);
  await until(() => following.err.includes("trying again"), "it says that the server is away", 20_000);
  await bench.start(`--web-port=${port}`);
  const third = await send(await bench.keysOf("fridge"), "after");
  await until(() => following.lines().length === 15, "it goes on", 30_000);
  const bodies = following.lines().map((line) => (JSON.parse(line) as { bodyText: string }).bodyText);
  expect(bodies.slice(1)).toEqual([...second, ...third]);
  expect(following.err).toMatch(/there again/);
});
