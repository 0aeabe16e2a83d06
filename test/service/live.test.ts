// What keeps pages live, over real rooms: rates, the stream of changes, a device's messages.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { must } from "../../src/lib/assert.ts";
import { EnqueuedTime } from "../../src/message/enqueued-time.ts";
import { type MessageProperties, noProperties } from "../../src/message/message.ts";
import { recordBytesMax, recordHead, writeRecord } from "../../src/message/record-encoder.ts";
import { AdminBench, adminToken } from "../lib/admin-bench.ts";
import { EventReader } from "../lib/event-reader.ts";
import { aWhile, until } from "../lib/ingest-hub.ts";

let bench: AdminBench;
const readers: EventReader[] = [];
beforeEach(async () => {
  bench = await AdminBench.open();
});
afterEach(async () => {
  for (const reader of readers.splice(0)) reader.close();
  await bench.close();
});

async function stream(path: string, more: { token?: string; isPaused?: boolean } = {}): Promise<EventReader> {
  const reader = await EventReader.open(`${bench.url}/api/v1${path}`, { token: adminToken, ...more });
  readers.push(reader);
  return reader;
}

describe("the stream of what changes", () => {
  test("A1: needs the token, and is no answer that a proxy or browser keeps", async () => {
    expect((await stream("/live", { token: "wrong" })).status).toBe(401);
    expect((await bench.call("GET", "/live", undefined, { token: null })).status).toBe(401);
    const { status, headers } = await stream("/live");
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
  });

  test("says how the hub is at once, and every second", async () => {
    const reader = await stream("/live");
    expect(await reader.next("status")).toMatchObject({
      messagesPerSecond: 0,
      devicesConnected: 0,
      acceptedTotal: 0,
      journalBytes: 0,
      ready: true,
      reasons: [],
      exports: [],
    });
    bench.counters.acceptedMessages += 500;
    bench.counters.acceptedBytes += 50_000;
    bench.counters.rejections["token-expired"] += 2;
    bench.rates.tick();
    const status = await reader.next("status");
    expect(status.acceptedTotal).toBe(500);
    expect(status.messagesPerSecond).toBeGreaterThan(0);
    expect(status.bytesPerSecond / status.messagesPerSecond).toBeCloseTo(100, 0);
    expect(status.rejectionsPerSecond).toBeGreaterThan(0);
  });

  test("tells what changed, whoever changed it", async () => {
    const reader = await stream("/live");
    await reader.next("status");
    await bench.expect(201, "POST", "/devices", { id: "d1", templateId: "cooler" });
    expect(await reader.next("changed")).toEqual({ kind: "device", id: "d1" });
    await bench.expect(201, "POST", "/device-templates/cooler/versions", { name: "Cooler", version: "2.0.0" });
    expect(await reader.next("changed")).toEqual({ kind: "template", id: "cooler" });
    const folder = await bench.folder("lake");
    expect(await reader.next("changed")).toEqual({ kind: "storage-account", id: folder });
    const made = await bench.expect(201, "POST", "/exports", {
      name: "all",
      storageAccountId: folder,
      container: "iot",
      types: ["measurements"],
    });
    expect(await reader.next("changed")).toEqual({ kind: "export", id: made.id });
    // With an enrollment its registrations change, however many they are.
    const group = await bench.expect(201, "POST", "/enrollment-groups", { name: "line" });
    expect(await reader.next("changed")).toEqual({ kind: "provisioning", id: group.id });
    expect(await reader.next("changed")).toEqual({ kind: "registration", id: null });
  });

  test("tells that an export is in another state", async () => {
    const reader = await stream("/live");
    const folder = await bench.folder("lake");
    const made = await bench.rooms.createExport("all", bench.rooms.settings(folder, { types: ["measurements"] }));
    await bench.rooms.exporter.resting();
    await aWhile(600);
    bench.rates.tick();
    await aWhile(400);
    const before = reader.of("changed").length;
    bench.rates.tick();
    await aWhile(400);
    expect(reader.of("changed")).toHaveLength(before);
    await bench.rooms.send(3);
    await bench.rooms.pass(2);
    await bench.rooms.exporter.resting();
    bench.rates.tick();
    await until(() => reader.of("changed").length > before, "a file is told");
    expect(reader.of("changed").slice(before)).toEqual([{ kind: "export", id: made.id }]);
    bench.rates.tick();
    await until(
      () => (reader.of("status").at(-1)?.exports[0]?.lastFilePath ?? null) !== null,
      "a status with the file",
    );
    expect(reader.of("status").at(-1).exports).toMatchObject([{ id: made.id, state: "healthy", owedFiles: 0 }]);
  });

  test("M1: ten thousand devices made at once are a few events", async () => {
    const reader = await stream("/live");
    await bench.rooms.registry.createDevices(
      Array.from({ length: 10_000 }, (_, index) => ({ id: `d${index}`, templateId: "cooler" })),
    );
    expect(await reader.next("changed")).toEqual({ kind: "device", id: null });
    await aWhile(600);
    expect(reader.of("changed")).toEqual([{ kind: "device", id: null }]);
  });

  test("M1: streams are counted, and whoever comes later is told", async () => {
    for (let index = 0; index < 200; index++) await stream("/live");
    expect(await bench.refused(503, "GET", "/live")).toMatchObject({ code: "streams-full" });
    await bench.expect(201, "POST", "/devices", { id: "d1", templateId: "cooler" });
    expect(await bench.refused(503, "GET", "/devices/d1/live")).toMatchObject({ code: "streams-full" });
    await until(() => readers.every((reader) => reader.of("changed").length === 1), "all 200 are told");
    readers[0]?.close();
    let status = 503;
    while (status === 503) ({ status } = await stream("/live"));
    expect(status).toBe(200);
  });

  test("M1: what is of the moment only is left out for a reader that is behind, and the others go on", async () => {
    const slow = await stream("/live", { isPaused: true });
    const reader = await stream("/live");
    bench.reasons = ["x".repeat(100_000)];
    for (let ticks = 0; ticks < 500; ticks++) {
      bench.rates.tick();
      await new Promise(setImmediate);
    }
    await until(() => reader.of("status").length > 400, "the other one reads");
    expect(slow.isOver).toBe(false);
    slow.read();
    await until(() => slow.of("status").length > 0, "it reads what came");
    expect(slow.of("status").length).toBeLessThan(400);
  });

  test("a server that stops ends its streams, also of those who do not read", async () => {
    const slow = await stream("/live", { isPaused: true });
    const reader = await stream("/live");
    bench.reasons = ["x".repeat(100_000)];
    for (let index = 0; index < 50; index++) {
      bench.rates.tick();
      await new Promise(setImmediate);
    }
    const startMs = performance.now();
    await bench.admin.close();
    expect(performance.now() - startMs).toBeLessThan(10_000);
    await reader.over();
    slow.read();
    await slow.over();
  });
});

describe("the rates of the last seconds and minutes", () => {
  test("start empty and are kept for five minutes, and for three hours", async () => {
    expect(await bench.expect(200, "GET", "/status/history")).toEqual({ secondMs: 1000, seconds: [], minutes: [] });
    bench.counters.acceptedMessages += 7;
    bench.counters.acceptedBytes += 70;
    bench.counters.rejections["token-expired"] += 1;
    bench.rates.tick();
    bench.rates.tick();
    const { seconds } = await bench.expect(200, "GET", "/status/history");
    expect(seconds).toMatchObject([
      { messages: 7, bytes: 70, rejections: 1, connected: 0 },
      { messages: 0, bytes: 0, rejections: 0, connected: 0 },
    ]);
    for (let index = 0; index < 400; index++) bench.rates.tick();
    expect((await bench.expect(200, "GET", "/status/history")).seconds).toHaveLength(300);
  });
});

/** What a device sends, past the front ends. */
interface Sent {
  readonly deviceId?: string;
  readonly body: Buffer | string;
  readonly properties?: MessageProperties;
}

async function put(...messages: readonly Sent[]): Promise<void> {
  const writer = must(bench.rooms.journal.partitions[0], "there is a partition");
  const time = new EnqueuedTime();
  for (const { deviceId = "d1", body, properties = noProperties } of messages) {
    const bytes = Buffer.from(body);
    const head = recordHead({ deviceId, authScope: "device", generationId: "639000000000000000" }, properties);
    expect(writer.reserve(recordBytesMax(head, bytes.length))).toBeNull();
    time.set(writer.timeMs);
    writer.commit(writeRecord(writer.buffer, writer.position, time, head, bytes, 0, bytes.length));
  }
  await writer.flush();
}

describe("the last messages of a device", () => {
  beforeEach(async () => {
    for (const id of ["d1", "d", "d11", "e1"])
      await bench.expect(201, "POST", "/devices", { id, templateId: "cooler" });
  });
  const texts = async (path: string): Promise<string[]> =>
    (await bench.expect(200, "GET", path)).items.map((one: { bodyText: string }) => one.bodyText);

  test("come newest first, from the open window and from closed ones", async () => {
    expect(await bench.expect(200, "GET", "/devices/d1/messages")).toEqual({
      items: [],
      scannedFrom: "2026-01-02T03:04:00.000Z",
      complete: true,
      endedBy: null,
      unreadable: [],
    });
    await put({ body: "1" }, { body: "2", deviceId: "e1" }, { body: "3" });
    await bench.rooms.pass(1);
    await put({ body: "4" });
    await put({ body: "5" }, { body: "6" });
    await bench.rooms.pass(3);
    await put({ body: "7" });
    expect(await texts("/devices/d1/messages")).toEqual(["7", "6", "5", "4", "3", "1"]);
    expect(await texts("/devices/e1/messages")).toEqual(["2"]);
    const two = await bench.expect(200, "GET", "/devices/d1/messages?limit=2");
    expect(two).toMatchObject({ items: [{ bodyText: "7" }, { bodyText: "6" }], complete: false, endedBy: "limit" });
    expect(two.scannedFrom).toBe("2026-01-02T03:05:05.000Z");
    expect(await texts("/devices/d1/messages?minutes=1")).toEqual(["7"]);
    expect(await texts("/devices/d1/messages?minutes=3")).toEqual(["7", "6", "5", "4"]);
    const all = await bench.expect(200, "GET", "/devices/d1/messages?minutes=3");
    expect(all).toMatchObject({ complete: true, endedBy: null, scannedFrom: "2026-01-02T03:05:05.000Z" });
  });

  test("are shown as they are: JSON, text, bytes, properties", async () => {
    const properties: MessageProperties = {
      application: new Map([
        ["__proto__", "p"],
        ["k", "v"],
      ]),
      system: new Map([
        ["messageId", "m-1"],
        ["contentType", "application/json"],
      ]),
    };
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    await put(
      { body: '{"temp": 12345678901234567890, "__proto__": 1}', properties },
      { body: "warm, é" },
      { body: Buffer.from([0xff, 0x00]) },
      { body: "" },
      { body: "null" },
      { body: deep },
      { body: "\ufeff{}" },
      { body: '"[{[{" ' },
    );
    const { items } = await bench.expect(200, "GET", "/devices/d1/messages");
    expect(items.map(({ body, bodyText, bodyBase64, bytes }: Shown) => [body, bodyText, bodyBase64, bytes])).toEqual([
      ["[{[{", '"[{[{" ', null, 7],
      [null, "\ufeff{}", null, 5],
      [null, deep, null, 200_000],
      [null, "null", null, 4],
      [null, "", null, 0],
      [null, null, "/wA=", 2],
      [null, "warm, é", null, 8],
      [
        JSON.parse('{"temp": 12345678901234567890, "__proto__": 1}'),
        '{"temp": 12345678901234567890, "__proto__": 1}',
        null,
        46,
      ],
    ]);
    const first = items.at(-1);
    expect(Object.entries(first.properties)).toEqual([
      ["__proto__", "p"],
      ["k", "v"],
    ]);
    expect(first).toMatchObject({
      partition: 0,
      offset: 0,
      enqueuedTime: "2026-01-02T03:04:05.0000000Z",
      systemProperties: {
        connectionDeviceId: "d1",
        connectionDeviceGenerationId: "639000000000000000",
        messageId: "m-1",
        enqueuedTime: "2026-01-02T03:04:05.0000000Z",
      },
    });
  });

  test("D1: are those of this device only, whatever others write into ids, properties and bodies", async () => {
    const asIf = new Map([
      ["connectionDeviceId", "d1"],
      ["$connectionDeviceId", "d1"],
    ]);
    const head = recordHead({ deviceId: "d1", authScope: "device", generationId: "1" }, noProperties).bytes;
    await put(
      { deviceId: "d", body: "prefix" },
      { deviceId: "d11", body: "longer" },
      { deviceId: "e1", body: head },
      {
        deviceId: "e1",
        body: "as if",
        properties: { application: asIf, system: new Map([["messageId", "connectionDeviceId"]]) },
      },
      {
        deviceId: "e1",
        body: "",
        properties: {
          application: new Map([
            [head.toString("latin1"), "d1"],
            ["", ""],
          ]),
          system: new Map(),
        },
      },
      {
        deviceId: "d1",
        body: "mine",
        properties: { application: new Map([["a".repeat(200), "e1".repeat(9000)]]), system: new Map() },
      },
    );
    expect(await texts("/devices/d1/messages")).toEqual(["mine"]);
    expect(await texts("/devices/d/messages")).toEqual(["prefix"]);
    expect(await texts("/devices/d11/messages")).toEqual(["longer"]);
    expect((await bench.expect(200, "GET", "/devices/e1/messages")).items).toHaveLength(3);
  });

  test("M1: an answer holds so many bytes, or one message that is larger", async () => {
    await put(...Array.from({ length: 30 }, (_, index) => ({ body: `${index} ${"x".repeat(100_000)}` })));
    const answer = await bench.expect(200, "GET", "/devices/d1/messages");
    expect(answer).toMatchObject({ complete: false, endedBy: "answer" });
    expect(answer.items).toHaveLength(10);
    await put({ body: "y".repeat(3_000_000) });
    expect((await bench.expect(200, "GET", "/devices/d1/messages")).items).toHaveLength(1);
  });

  test("refuse what cannot be", async () => {
    expect(await bench.refused(404, "GET", "/devices/none/messages")).toMatchObject({ code: "device-not-found" });
    expect(await bench.refused(404, "GET", "/devices/none/live")).toMatchObject({ code: "device-not-found" });
    for (const [query, field] of [
      ["limit=0", "limit"],
      ["limit=1001", "limit"],
      ["minutes=0", "minutes"],
      ["minutes=x", "minutes"],
    ]) {
      expect(await bench.refused(400, "GET", `/devices/d1/messages?${query}`), query).toMatchObject({ field });
    }
  });
});

interface Shown {
  readonly body: unknown;
  readonly bodyText: string | null;
  readonly bodyBase64: string | null;
  readonly bytes: number;
}

describe("the messages of a device as they come", () => {
  beforeEach(async () => {
    for (const id of ["d1", "e1"]) await bench.expect(201, "POST", "/devices", { id, templateId: "cooler" });
  });

  test("are shown when they are durable, and are those of the device", async () => {
    await put({ body: "before" });
    const reader = await stream("/devices/d1/live");
    const second = await stream("/devices/d1/live");
    const other = await stream("/devices/e1/live");
    await put({ body: "1" }, { body: "2", deviceId: "e1" }, { body: '{"n":3}' });
    await put({ body: "4" });
    expect(await reader.next("message")).toMatchObject({ bodyText: "1", offset: 1, partition: 0 });
    expect(await reader.next("message")).toMatchObject({ body: { n: 3 }, offset: 3 });
    expect(await reader.next("message")).toMatchObject({ bodyText: "4", offset: 4 });
    await until(() => second.events.length === 3, "the second reader has them, too");
    expect(await other.next("message")).toMatchObject({ bodyText: "2" });
    const { items } = await bench.expect(200, "GET", "/devices/d1/messages?limit=3");
    expect(reader.of("message").toReversed()).toEqual(items);
    expect(other.events).toHaveLength(1);
  });

  test("M1: so many a second, and how many more there were", async () => {
    const reader = await stream("/devices/d1/live");
    await put(...Array.from({ length: 500 }, (_, index) => ({ body: String(index) })));
    const { count } = await reader.next("skipped");
    expect(reader.of("message").length + count).toBe(500);
    expect(reader.of("message").length).toBeLessThanOrEqual(100);
    await put({ body: "later" });
    await until(() => reader.of("message").at(-1).bodyText === "later", "it goes on");
  });

  test("M1: so many devices, and whoever leaves makes room", async () => {
    const ids = Array.from({ length: 9 }, (_, index) => `w${index}`);
    for (const id of ids) await bench.expect(201, "POST", "/devices", { id, templateId: "cooler" });
    const opened: EventReader[] = [];
    for (const id of ids.slice(0, 8)) opened.push(await stream(`/devices/${id}/live`));
    expect(await bench.refused(503, "GET", "/devices/w8/live")).toMatchObject({ code: "watched-devices-full" });
    expect((await stream("/devices/w0/live")).status).toBe(200);
    opened[1]?.close();
    let status = 503;
    while (status === 503) ({ status } = await stream("/devices/w8/live"));
    expect(status).toBe(200);
  });

  test("M1: a reader that does not read is ended", async () => {
    const slow = await stream("/devices/d1/live", { isPaused: true });
    const reader = await stream("/devices/e1/live");
    for (let index = 0; index < 40; index++) {
      // A message is shown once a second however large it is.
      await put({ body: Buffer.alloc(2_000_000, 97) });
      await put({ deviceId: "e1", body: "x" });
      bench.watchedDevices.tick();
      await aWhile(5);
    }
    slow.read();
    await slow.over();
    expect(slow.of("message").length).toBeLessThan(40);
    expect(reader.of("message")).toHaveLength(40);
    expect(reader.isOver).toBe(false);
  });
});
