// A real server under mixed load for hours: `npm run soak -- --hours 1`.
//
// Devices over every transport, some that send and some that talk (twins, direct methods, messages for them), storms of reconnects,
// an administrator at work, a container that goes away now and then. Every ten seconds it looks at the server's metrics. In the end
// it judges: memory, descriptors and connections do not grow, the event loop is free, and an independent reader finds each message
// that was acknowledged in exactly one file. Samples, verdict and picture go to test-results/.
//
// Resumable: with the same --directory it goes on where it was.

import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { HubProcess } from "../lib/hub-process.ts";
import { Ledger } from "../lib/ledger.ts";
import { type LoadDevice, type LoadTarget, makeLoadDevices, publishAs, ways } from "../lib/load-devices.ts";
import { reasonMissing, setupCommand } from "../lib/needs.ts";
import { emptyTemplate } from "../lib/plain-devices.ts";
import { ReadBack } from "../lib/read-back.ts";
import { scriptArguments } from "../lib/script-arguments.ts";
import { DeviceTally, SoakDevice } from "./devices.ts";
import { soakPicture } from "./picture.ts";
import { type Check, type SoakSample, metricOf, verdict } from "./samples.ts";
import { TalkTally, Talker } from "./talkers.ts";

const help = `npm run soak -- [options]

  --hours N        how long in all (default 1; a long one is 24)
  --directory DIR  where the server and the samples are kept; given again, it goes on (default: ./soak-data, removed
                   after a soak that passed)
  --devices N      devices that send, over all transports in turn (default 48; each sends ten messages a second)
  --talkers N      devices that report, hear what is wanted, answer methods and take messages (default 8; each once a
                   second)
  --loop-ms N      what the event loop's p99 may be (default 100)`;

const { values } = scriptArguments(
  help,
  {
    hours: { type: "string", default: "1" },
    directory: { type: "string", default: "soak-data" },
    devices: { type: "string", default: "48" },
    talkers: { type: "string", default: "8" },
    "loop-ms": { type: "string", default: "100" },
  },
  { hours: 0.01, devices: 1, talkers: 1, "loop-ms": 1 },
);
const missing = reasonMissing(["python"]);
if (missing !== null) {
  console.error(`It needs the independent reader, and ${missing}. To install: ${setupCommand}`);
  process.exit(2);
}

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
const talkerCount = Number(values.talkers);
const lake = join(directory, "lake");
const containers = ["kept", "lost"];
const talkerWays = ways.filter(
  ({ transport, sender }) => !transport.startsWith("https") && !sender.startsWith("module"),
);

const hub = await HubProcess.start(
  join(directory, "data"),
  "--no-sample",
  "--log-level=warn",
  "--journal-bytes-max=2GiB",
  "--journal-retention=10min",
);
const startMs = performance.now();
const elapsedSeconds = (): number => beforeSeconds + (performance.now() - startMs) / 1000;
const target = (): LoadTarget => ({ ports: hub.address.ports, ca });
const ca = readFileSync(join(directory, "data", "tls", "ca.pem"), "utf8");
const devicesPath = join(directory, "devices.json");
const isNew = !existsSync(devicesPath);
if (isNew) await prepare();
const all = JSON.parse(readFileSync(devicesPath, "utf8")) as readonly LoadDevice[];
const ledger = isNew ? new Ledger() : Ledger.load(directory);
console.log(`Soak of ${values.hours} h, from ${(beforeSeconds / 3600).toFixed(2)} h on, in ${directory}`);

const tally = new DeviceTally();
/** Mostly small messages; now and then a large one. */
const padBytesOf = (number: number): number => (number % 6_000 === 0 ? 200_000 : number % 500);
const work = { ledger, inFlight: 20, perSecond: 10, padBytesOf, took: (ms: number) => tally.took(ms) };
const devices = all
  .slice(0, deviceCount)
  .map((device) => new SoakDevice(() => publishAs(device, target(), work), tally));
const talkTally = new TalkTally();
const talkers = all.slice(deviceCount).map((device) => new Talker(hub, device, target, talkTally));
let administered = 0;
const troubles: string[] = [];
const works = [
  every(1_000, async () => {
    await Promise.all(talkers.map(async (talker) => await talker.turn()));
  }),
  every(5_000, administer),
  every(3 * 60_000, () => {
    for (const one of [...devices, ...talkers]) one.cut();
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
await Promise.all(devices.map(async (device) => await device.stop()));
ledger.save(directory);
const wrongTalks = (await Promise.all(talkers.map(async (talker) => await talker.settled()))).flat();
await Promise.all(talkers.map(async (talker) => await talker.stop()));
await settled();
const kept = await Promise.all(containers.map(async (container) => await keptIn(container)));
await hub.stop();
finish();

/** Once, on a fresh directory. */
async function prepare(): Promise<void> {
  const cycle = <T>(of: readonly T[], length: number): T[] =>
    Array.from({ length }, (_, index) => of[index % of.length] as T);
  const made = await makeLoadDevices(hub, [...cycle(ways, deviceCount), ...cycle(talkerWays, talkerCount)]);
  const { id } = await hub.api<{ id: string }>("POST", "/storage-accounts", {
    name: "lake",
    settings: { kind: "folder", path: lake },
  });
  for (const container of containers) {
    await hub.api("POST", `/storage-accounts/${id}/containers`, { name: container });
    await hub.api("POST", "/exports", {
      name: container,
      storageAccountId: id,
      container,
      types: ["measurements", "devices", "deviceTemplates"],
    });
  }
  writeFileSync(devicesPath, JSON.stringify(made));
}

/** Makes, changes and removes devices; turns an export off and on. */
async function administer(turn: number): Promise<void> {
  const id = `passing-${turn % 20}`;
  if (turn % 40 < 20) await hub.api("POST", "/devices", { id, templateId: emptyTemplate.id });
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
  ledger.save(directory);
  appendFileSync(samplesPath, `${JSON.stringify(one)}\n`);
  draw();
}

function draw(): void {
  writeFileSync(join(results, "soak.svg"), soakPicture(`Soak, ${all.length} devices over all transports`, samples));
}

/** Waits until the exports owe nothing, and two more windows have closed. */
async function settled(): Promise<void> {
  interface Answer {
    readonly id: string;
    readonly status: { readonly state: string; readonly owedFiles: number };
  }
  const exports = async (): Promise<readonly Answer[]> =>
    (await hub.api<{ items: readonly Answer[] }>("GET", "/exports")).items;
  for (const { id } of await exports()) await hub.api("POST", `/exports/${id}/retry`).catch(() => null);
  await pause(125_000);
  for (let turn = 0; turn < 60; turn++) {
    if ((await exports()).every(({ status }) => status.state === "healthy" && status.owedFiles === 0)) return;
    await pause(5_000);
  }
}

/** What the independent reader finds in a container: each acknowledged message once. */
async function keptIn(container: string): Promise<Check> {
  const reading = new ReadBack(join(lake, container));
  await reading.more();
  const { lost, doubled, invented, wrong } = reading.breaches(ledger, Infinity);
  return {
    name: `each acknowledged message is in one file of ${container}`,
    isPassed: lost.length + doubled.length + invented.length + wrong.length === 0,
    detail:
      `${ledger.acknowledged.size} acknowledged, ${reading.records} records in ${reading.files.size} files, ${lost.length} lost, ` +
      `${doubled.length} twice, ${invented.length} never sent, ${wrong.length} files wrong ${wrong.slice(0, 3).join(", ")}`,
  };
}

function finish(): void {
  const checks = [
    ...verdict(samples, Number(values["loop-ms"])),
    ...kept,
    {
      name: "what was answered of twins, methods and messages is so",
      isPassed: wrongTalks.length === 0 && talkTally.failures.length < 20,
      detail:
        `${talkTally.reports} reports, ${talkTally.patches} patches, ${talkTally.calls} methods, ${talkTally.messages} messages; ` +
        `${talkTally.failures.length} not answered ${talkTally.failures.slice(-3).join("; ")} ${wrongTalks.join("; ")}`,
    },
    {
      name: "every helper of the load did its work",
      isPassed: troubles.length < 20,
      detail: troubles.length === 0 ? "no trouble" : `${troubles.length} troubles, the last: ${troubles.at(-1)}`,
    },
  ];
  const { reconnects } = tally;
  const acknowledged = ledger.acknowledged.size;
  const acknowledgedBy = Object.fromEntries([...ledger.acknowledgedBy].map(([way, { size }]) => [way, size]));
  const isPassed = checks.every((check) => check.isPassed) && !interrupted.signal.aborted;
  const summary = {
    hours: elapsedSeconds() / 3600,
    acknowledged,
    acknowledgedBy,
    reconnects,
    administered,
    isPassed,
    checks,
  };
  writeFileSync(join(results, "soak.json"), `${JSON.stringify({ ...summary, samples }, null, 2)}\n`);
  draw();
  console.log(`${acknowledged} messages acknowledged, ${reconnects} reconnects, ${administered} changes`);
  for (const [way, count] of Object.entries(acknowledgedBy)) console.log(`  ${way}: ${count} acknowledged`);
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
