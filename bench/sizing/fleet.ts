// The scenario of a large fleet: devices in the registry, their snapshot, pages of them.

import { existsSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { SizingStand } from "./stand.ts";

export async function fleet(stand: SizingStand, count: number): Promise<void> {
  await stand.start("--request-bytes-max=16MiB");
  const madeMs = performance.now();
  await stand.makeDevices(count, (index) => `sizing-${String(index).padStart(6, "0")}`);
  await stand.row(`${count} devices made`, `${((performance.now() - madeMs) / 1000).toFixed(0)} s, 5000 in a call`);
  const storageAccountId = await stand.makeLake("iot");
  await stand.stop();
  const bytes = statSync(join(stand.dataDir, "registry.db")).size;
  const startMs = await stand.start("--test-clock-rate=20");
  await pause(3000);
  await stand.row(
    "started",
    `listened after ${(startMs / 1000).toFixed(1)} s; registry ${Math.round(bytes / 2 ** 20)} MiB`,
  );

  const pagesMs = performance.now();
  let after = "";
  let pages = 0;
  let slowestMs = 0;
  do {
    const pageMs = performance.now();
    const page = await stand.hub.api<{ next: string | null }>("GET", `/devices?limit=1000${after}`);
    slowestMs = Math.max(slowestMs, performance.now() - pageMs);
    after = page.next === null ? "" : `&after=${encodeURIComponent(page.next)}`;
    pages++;
  } while (after !== "");
  await stand.row(
    "listed, 1000 a page",
    `${pages} pages in ${((performance.now() - pagesMs) / 1000).toFixed(1)} s, the slowest ${slowestMs.toFixed(0)} ms`,
  );
  const searchMs = performance.now();
  for (let turn = 0; turn < 5; turn++) await stand.hub.api("GET", `/devices?search=9${turn}9&limit=100`);
  await stand.row("searched five times", `${((performance.now() - searchMs) / 5).toFixed(0)} ms each`);

  await stand.hub.api("POST", "/exports", {
    name: "lake",
    storageAccountId,
    container: "iot",
    types: ["devices", "deviceTemplates"],
  });
  const snapshotMs = performance.now();
  const lake = join(stand.directory, "lake/iot");
  const isThere = async (): Promise<boolean> =>
    existsSync(lake) && (await readdir(lake, { recursive: true })).some((name) => /devices\/.*\.avro$/.test(name));
  while (!(await isThere()) && performance.now() - snapshotMs < 120_000) await pause(200);
  await pause(1000);
  await stand.row(
    "snapshot of all exported",
    `${((performance.now() - snapshotMs) / 1000).toFixed(0)} s, minutes of 3 s`,
  );
}
