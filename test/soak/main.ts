// A real server under mixed load for hours: `npm run soak -- --hours 1`.
//
// Devices over MQTT and HTTPS, storms of reconnects, an administrator at work, a container that goes away now and then.
// Every ten seconds it looks at the server's metrics. In the end it judges: memory and descriptors do not grow, the event
// loop is free, all that was accepted is exported. Samples, verdict and picture go to test-results/.
//
// Resumable: with the same --directory it goes on where it was.

import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join, resolve } from "node:path";
import { makeSasToken } from "../../src/ingest/sas-token.ts";
import { HubProcess } from "../lib/hub-process.ts";
import { scriptArguments } from "../lib/script-arguments.ts";
import { DeviceTally, SoakDevice } from "./devices.ts";
import { soakPicture } from "./picture.ts";
import { type Check, type SoakSample, metricOf, verdict } from "./samples.ts";

const help = `npm run soak -- [options]

  --hours N        how long in all (default 1; a long one is 24)
  --directory DIR  where the server and the samples are kept; given again, it goes on (default: ./soak-data, removed
                   after a soak that passed)
  --devices N      devices over MQTT (default 50; each sends ten messages a second)
  --loop-ms N      what the event loop's p99 may be (default 100)`;

const { values } = scriptArguments(
  help,
  {
    hours: { type: "string", default: "1" },
    directory: { type: "string", default: "soak-data" },
    devices: { type: "string", default: "50" },
    "loop-ms": { type: "string", default: "100" },
  },
  { hours: 0.01, devices: 1, "loop-ms": 1 },
);

const sampleMs = 10_000;
const directory = resolve(values.directory);
const samplesPath = join(directory, "samples.jsonl");
const results = resolve(import.meta.dirname, "../../test-results");
mkdirSync(directory, { recursive: true });
mkdirSync(results, { recursive: true });
const samples: SoakSample[] = existsSync(samplesPath)
  ? readFileSync(samplesPath, "utf8")
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as SoakSample)
  : [];
const beforeSeconds = samples.at(-1)?.elapsedSeconds ?? 0;
const endSeconds = Number(values.hours) * 3600;
const deviceCount = Number(values.devices);
const lake = join(directory, "lake");

const hub = await HubProcess.start(
  join(directory, "data"),
  "--no-sample",
  "--log-level=warn",
  "--journal-bytes-max=2GiB",
  "--journal-retention=10min",
);
const startMs = performance.now();
const elapsedSeconds = (): number => beforeSeconds + (performance.now() - startMs) / 1000;
const policyKey = (await hub.api<{ primaryKey: string }>("GET", "/policies/device/keys")).primaryKey;
const ca = readFileSync(join(directory, "data", "tls", "ca.pem"), "utf8");
if (samples.length === 0) await prepare();
console.log(`Soak of ${values.hours} h, from ${(beforeSeconds / 3600).toFixed(2)} h on, in ${directory}`);

const tally = new DeviceTally();
const devices = Array.from(
  { length: deviceCount },
  (_, index) => new SoakDevice(deviceId(index), () => ({ port: hub.address.ports.mqtt, policyKey }), tally),
);
let httpTaken = 0;
let administered = 0;
const troubles: string[] = [];
const works = [
  every(200, post),
  every(5_000, administer),
  every(3 * 60_000, () => {
    for (const device of devices) device.cut();
  }),
  every(7 * 60_000, loseContainer),
];

let acceptedBefore = Number.NaN;
const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
while (elapsedSeconds() < endSeconds && !interrupted.signal.aborted) {
  await pause(sampleMs);
  await sample();
}
for (const stop of works) stop();
for (const device of devices) device.stop();
const exported = await settled();
await hub.stop();
finish();

function deviceId(index: number): string {
  return `soak-${index}`;
}

/** Once, on a fresh directory. */
async function prepare(): Promise<void> {
  await hub.api("POST", "/device-templates", {
    id: "soak",
    name: "Soak",
    publish: true,
    measurements: { telemetry: {}, states: {}, events: {} },
    settings: { device: {} },
    properties: { cloud: {}, device: {} },
  });
  for (let index = 0; index < deviceCount + 2; index++) {
    await hub.api("POST", "/devices", { id: deviceId(index), templateId: "soak" });
  }
  const { id } = await hub.api<{ id: string }>("POST", "/storage-accounts", {
    name: "lake",
    settings: { kind: "folder", path: lake },
  });
  for (const container of ["kept", "lost"]) {
    await hub.api("POST", `/storage-accounts/${id}/containers`, { name: container });
    await hub.api("POST", "/exports", {
      name: container,
      storageAccountId: id,
      container,
      types: ["measurements", "devices", "deviceTemplates"],
    });
  }
}

/** One message over HTTPS, now and then a batch. */
async function post(turn: number): Promise<void> {
  const id = deviceId(deviceCount);
  const isBatch = turn % 20 === 0;
  const message = { body: "x".repeat(300), base64Encoded: false };
  const body = isBatch ? JSON.stringify(Array.from({ length: 200 }, () => message)) : message.body;
  const status = await new Promise<number>((done, reject) => {
    const sent = request(
      {
        host: "127.0.0.1",
        servername: "localhost",
        port: hub.address.ports.https,
        ca,
        method: "POST",
        path: `/devices/${id}/messages/events?api-version=2021-04-12`,
        headers: {
          authorization: makeSasToken("localhost", policyKey, Date.now() + 60_000, "device"),
          ...(isBatch ? { "content-type": "application/vnd.microsoft.iothub.json" } : {}),
        },
      },
      (response) => {
        response.resume();
        done(response.statusCode ?? 0);
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
  if (status === 204) httpTaken++;
}

/** Makes, changes and removes devices; turns an export off and on. */
async function administer(turn: number): Promise<void> {
  const id = `passing-${turn % 20}`;
  if (turn % 40 < 20) await hub.api("POST", "/devices", { id, templateId: "soak" });
  else await hub.api("DELETE", `/devices/${id}`);
  administered++;
}

/** The container is away for a minute: its export stops, and heals. */
async function loseContainer(): Promise<void> {
  const path = join(lake, "lost");
  renameSync(path, `${path}.away`);
  await pause(60_000);
  renameSync(`${path}.away`, path);
}

async function sample(): Promise<void> {
  const page = await (await fetch(`${hub.address.url}/metrics`)).text();
  const of = (name: string): number => metricOf(page, name);
  const accepted = of("coldpath_ingest_messages_total");
  const one: SoakSample = {
    elapsedSeconds: Math.round(elapsedSeconds()),
    rssBytes: of("process_resident_memory_bytes"),
    heapBytes: of("nodejs_heap_size_used_bytes"),
    externalBytes: of("nodejs_external_memory_bytes"),
    fds: of("process_open_fds"),
    connections: of("coldpath_ingest_connections"),
    loopP50Ms: of("nodejs_eventloop_lag_p50_seconds") * 1000,
    loopP99Ms: of("nodejs_eventloop_lag_p99_seconds") * 1000,
    pubackP99Ms: tally.p99Ms(),
    lagSeconds: of("coldpath_export_lag_seconds"),
    messagesPerSecond: Math.max(0, accepted - acceptedBefore) / (sampleMs / 1000) || 0,
  };
  acceptedBefore = accepted;
  samples.push(one);
  appendFileSync(samplesPath, `${JSON.stringify(one)}\n`);
  draw();
}

function draw(): void {
  writeFileSync(join(results, "soak.svg"), soakPicture(`Soak, ${deviceCount} devices over MQTT`, samples));
}

/** Waits until everything is exported. @returns whether as many records were written as messages were accepted. */
async function settled(): Promise<Check> {
  const { exports } = await hub.api<{ exports: { id: string; name: string }[] }>("GET", "/status");
  for (const { id } of exports) await hub.api("POST", `/exports/${id}/retry`).catch(() => null);
  let detail = "";
  for (let turn = 0; turn < 60; turn++) {
    await pause(5_000);
    const page = await (await fetch(`${hub.address.url}/metrics`)).text();
    const accepted = metricOf(page, "coldpath_journal_appended_records_total");
    const lag = metricOf(page, "coldpath_export_lag_seconds");
    const measured = [...page.matchAll(/^coldpath_export_records_written_total\{[^}]*\} (\S+)$/gm)].map(([, value]) =>
      Number(value),
    );
    detail = `${accepted} accepted since the last start, ${measured.join(" and ")} records written with those of snapshots, lag ${lag} s`;
    if (lag === 0 && measured.length === 2 && measured.every((count) => count >= accepted)) {
      return { name: "all that was accepted is exported", isPassed: true, detail };
    }
  }
  return { name: "all that was accepted is exported", isPassed: false, detail };
}

function finish(): void {
  const checks = [
    ...verdict(samples, Number(values["loop-ms"])),
    exported,
    {
      name: "every helper of the load did its work",
      isPassed: troubles.length < 20,
      detail: troubles.length === 0 ? "no trouble" : `${troubles.length} troubles, the last: ${troubles.at(-1)}`,
    },
  ];
  const { sent, acknowledged, reconnects } = tally;
  const isPassed = checks.every((check) => check.isPassed) && !interrupted.signal.aborted;
  const summary = {
    hours: elapsedSeconds() / 3600,
    sent,
    acknowledged,
    reconnects,
    httpTaken,
    administered,
    isPassed,
    checks,
  };
  writeFileSync(join(results, "soak.json"), `${JSON.stringify({ ...summary, samples }, null, 2)}\n`);
  draw();
  console.log(
    `${acknowledged} of ${sent} messages acknowledged, ${reconnects} reconnects, ${httpTaken} HTTPS requests, ${administered} changes`,
  );
  for (const check of checks) console.log(`${check.isPassed ? "passed" : "FAILED"}  ${check.name}: ${check.detail}`);
  if (isPassed && values.directory === "soak-data") rmSync(directory, { recursive: true, force: true });
  process.exit(isPassed ? 0 : 1);
}

/** Does `work` again and again, one at a time. @returns a function that ends it. */
function every(ms: number, work: (turn: number) => Promise<void> | void): () => void {
  let turn = 0;
  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    Promise.resolve(work(turn++))
      .catch((error: unknown) => troubles.push(String(error)))
      .finally(() => (isBusy = false));
  }, ms);
  return () => clearInterval(timer);
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
