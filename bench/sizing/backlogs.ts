// Scenarios of exports: a journal of many closed segments that are owed, many exports at once, one window of gigabytes.

import { fork } from "node:child_process";
import { renameSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { OpenSegment } from "../../src/journal/file/open-segment.ts";
import { writeFloor } from "../../src/journal/file/floor.ts";
import { SegmentPool } from "../../src/journal/file/segment-pool.ts";
import { type Disk, nodeDisk } from "../../src/lib/disk.ts";
import { windowOf, windowStartMs } from "../../src/lib/window.ts";
import { EnqueuedTime } from "../../src/message/enqueued-time.ts";
import { noProperties } from "../../src/message/message.ts";
import { recordBytesMax, recordHead, writeRecord } from "../../src/message/record-encoder.ts";
import { type LoadOptions, type LoadResult, deviceIdOf, loadBody } from "../load-client.ts";
import type { SizingStand } from "./stand.ts";

interface ExportView {
  readonly id: string;
  readonly status: { readonly state: string; readonly owedFiles: number; readonly lagMs: number } | null;
}

/** Segments of a few records each, owed to exports whose destination is away: the start, and then draining. */
export async function segments(stand: SizingStand, count: number, exportCount: number): Promise<void> {
  const windowFirst = windowOf(Date.now()) - count - 10;
  const origin = new Date(windowStartMs(windowFirst) + 1000).toISOString();
  await stand.start(`--test-clock-origin=${origin}`);
  await stand.makeDevices(1, () => "sizing-1");
  const storageAccountId = await stand.makeLake("iot");
  for (let index = 0; index < exportCount; index++) {
    await stand.hub.api("POST", "/exports", {
      name: `owed-${index}`,
      storageAccountId,
      container: "iot",
      types: ["measurements"],
      pathTemplate: `${index}/{type}/{hub}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro`,
    });
  }
  await stand.stop();
  await makeSegments(join(stand.dataDir, "journal"), windowFirst + 1, count, 20);
  const lake = join(stand.directory, "lake");
  renameSync(lake, `${lake}-away`);

  const startMs = await stand.start();
  await pause(3000);
  await stand.row("started, destination away", `listened after ${(startMs / 1000).toFixed(1)} s`);
  await pause(10_000);
  await stand.row("10 s later");
  renameSync(`${lake}-away`, lake);
  const exports = await stand.hub.api<{ items: ExportView[] }>("GET", "/exports");
  for (const { id } of exports.items) await stand.hub.api("POST", `/exports/${id}/retry`);
  const drainMs = performance.now();
  for (let turn = 0; ; turn++) {
    await pause(1000);
    const owed = await stand.sum("coldpath_export_owed_files");
    if (owed === 0 || performance.now() - drainMs > 60_000) break;
    if (turn % 15 === 0) await stand.row("draining", `${owed} owed of ${count * exportCount}`);
  }
  const seconds = (performance.now() - drainMs) / 1000;
  const written = await stand.sum("coldpath_export_files_written_total");
  await stand.row("after a minute of it", `${Math.round(written / seconds)} files a second`);
  const files = (await readdir(lake, { recursive: true })).filter((name) => /\d\d\.avro$/.test(name)).length;
  stand.say(
    `${files} files of ${count * exportCount} owed; violations: ${await stand.metric("coldpath_audit_violations")}`,
  );
}

/** Closed segments as the journal writes them, but not synced one by one. */
async function makeSegments(directory: string, windowFirst: number, count: number, records: number): Promise<void> {
  const disk: Disk = {
    ...nodeDisk,
    syncDirectory: () => Promise.resolve(),
    open: async (path, mode) => ({ ...(await nodeDisk.open(path, mode)), sync: () => Promise.resolve() }),
  };
  const pool = await SegmentPool.open(disk, join(directory, "free"), 0);
  const partition = join(directory, "0");
  const head = recordHead(
    { deviceId: "sizing-1", authScope: "device", generationId: "639000000000000000" },
    noProperties,
  );
  const body = loadBody(200);
  const time = new EnqueuedTime();
  const payload = Buffer.alloc(recordBytesMax(head, body.length) * records);
  for (let index = 0; index < count; index++) {
    const window = windowFirst + index;
    const timeMs = windowStartMs(window) + 30_000;
    time.set(timeMs);
    const lengths = new Uint32Array(records);
    let end = 0;
    for (let record = 0; record < records; record++) {
      const next = writeRecord(payload, end, time, head, body, 0, body.length);
      lengths[record] = next - end;
      end = next;
    }
    const offsetFirst = index * records;
    const of = { hub: "coldpath", partition: 0, window, offsetFirst, timeMs, bytesWanted: 0 };
    const segment = await OpenSegment.create(disk, pool, partition, of);
    await segment.append(records, new Uint8Array(lengths.buffer), payload.subarray(0, end), timeMs);
    await segment.seal();
    await segment.close();
  }
  await writeFloor(nodeDisk, partition, { windowNext: windowFirst + count, offsetNext: count * records });
}

/** Many exports of the same messages, each to a folder of its own; minutes last fifteen seconds. */
export async function exports(stand: SizingStand, count: number): Promise<void> {
  const rate = 4;
  await stand.start(`--test-clock-rate=${rate}`, "--request-bytes-max=16MiB");
  await stand.makeDevices(50, deviceIdOf);
  const storageAccountId = await stand.makeLake("iot");
  await pause(3000);
  await stand.row("at rest");
  for (let index = 0; index < count; index++) {
    await stand.hub.api("POST", "/exports", {
      name: `lake-${index}`,
      storageAccountId,
      container: "iot",
      types: ["measurements", "devices", "deviceTemplates"],
      pathTemplate: `${index}/{type}/{hub}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro`,
    });
  }
  await stand.row(`${count} exports made`);
  const load = sendLoad(stand, await stand.policyKey(), { connections: 10, inFlight: 1, bodyBytes: 200, seconds: 45 });
  let lagMax = 0;
  for (let turn = 0; turn < 46; turn++) {
    await pause(1000);
    lagMax = Math.max(lagMax, await stand.metric("coldpath_export_lag_seconds"));
    if (turn % 15 === 14)
      await stand.row("under load", `files ${(lagMax / rate).toFixed(0)} s after their minute at most`);
  }
  const { perSecond } = await load;
  const startMs = performance.now();
  while ((await stand.metric("coldpath_export_owed_files")) > 0 && performance.now() - startMs < 120_000) {
    await pause(500);
  }
  const seconds = (performance.now() - startMs) / 1000;
  await stand.row("drained", `${Math.round(perSecond)} messages a second before; ${seconds.toFixed(0)} s to drain`);
}

/** A burst into a single minute, exported in the codec `null` and in `deflate` at the same time. */
export async function window(stand: SizingStand, seconds: number): Promise<void> {
  const origin = new Date(windowStartMs(windowOf(Date.now()))).toISOString();
  // Half as fast: a minute of the server takes two, so the burst fits into one.
  await stand.start(
    "--request-bytes-max=16MiB",
    `--test-clock-origin=${origin}`,
    "--test-clock-rate=0.5",
    "--file-bytes-max=1GiB",
  );
  await stand.makeDevices(200, deviceIdOf);
  const storageAccountId = await stand.makeLake("iot");
  for (const codec of ["null", "deflate"]) {
    await stand.hub.api("POST", "/exports", {
      name: codec,
      storageAccountId,
      container: "iot",
      types: ["measurements"],
      codec,
      pathTemplate: `${codec}/{type}/{hub}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro`,
    });
  }
  await pause(1000);
  await stand.row("at rest");
  const load = { connections: 200, inFlight: 100, bodyBytes: 1024, seconds };
  const { perSecond } = await sendLoad(stand, await stand.policyKey(), load);
  const gibibytes = (await stand.metric("coldpath_journal_bytes")) / 2 ** 30;
  await stand.row("the burst is over", `${gibibytes.toFixed(1)} GiB, ${Math.round(perSecond)} messages a second`);
  while ((await stand.metric("coldpath_export_owed_files")) === 0) await pause(200);
  const startMs = performance.now();
  for (let turn = 0; ; turn++) {
    await pause(1000);
    if ((await stand.metric("coldpath_export_owed_files")) === 0 || performance.now() - startMs > 400_000) break;
    if (turn % 10 === 9) await stand.row("exporting");
  }
  await stand.row("exported", `after ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
  const files = (await readdir(join(stand.directory, "lake/iot"), { recursive: true })).filter((name) =>
    name.endsWith(".avro"),
  );
  stand.say(`files: ${files.toSorted().join(", ")}; violations: ${await stand.metric("coldpath_audit_violations")}`);
}

/** The load of the benchmark, in a process of its own. */
async function sendLoad(
  stand: SizingStand,
  policyKey: string,
  of: Pick<LoadOptions, "connections" | "inFlight" | "bodyBytes" | "seconds">,
): Promise<LoadResult> {
  const options: LoadOptions = {
    ...of,
    port: stand.hub.address.ports.mqtt,
    host: "127.0.0.1",
    warmUpSeconds: 1,
    policyKey,
  };
  const child = fork(join(import.meta.dirname, "../load-client.ts"), [JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  if (code !== 0) throw new Error("the load did not run to its end");
  return JSON.parse(output) as LoadResult;
}
