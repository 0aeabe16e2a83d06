// Lists of devices in a large registry: how long one takes, and for how long it holds the event loop, which is what devices'
// messages wait for.

import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { systemClock } from "../src/lib/clock.ts";
import type { DeviceQuery, NewDevice, Registry } from "../src/registry/registry.ts";
import { openSqliteRegistry } from "../src/registry/sqlite/sqlite-registry.ts";

export interface DevicesRow {
  readonly list: string;
  readonly devices: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The longest time that nothing else could run. */
  readonly heldMs: number;
}

const text = { name: "Text", dataType: "string", initialValue: "as long as such a text usually is" } as const;
const content = {
  measurements: { telemetry: {}, states: {}, events: {} },
  settings: { device: { mode: text } },
  properties: { cloud: { place: text, owner: text, note: text }, device: {} },
};
const rounds = 40;
const lists: readonly (readonly [name: string, query: DeviceQuery])[] = [
  ["first page, by id", {}],
  ["first page, by name", { sort: "name" }],
  ["first page, by template", { sort: "template", descending: true }],
  ["search, nothing found", { search: "no such device" }],
  ["search, some found", { search: "99" }],
  ["search, all found, by name", { search: "e", sort: "name" }],
  ["simulated, newest first", { simulated: true, sort: "createdAt", descending: true }],
  ["connected", { isIncluded: (id) => id.endsWith("7") }],
];

export async function benchDevices(options: {
  readonly devices: number;
  readonly directory: string;
}): Promise<readonly DevicesRow[]> {
  const directory = mkdtempSync(join(options.directory, "bench-devices-"));
  const registry = await openSqliteRegistry({ directory, clock: systemClock });
  try {
    await fill(registry, options.devices);
    const rows: DevicesRow[] = [];
    for (const [list, query] of lists) {
      const held = monitorEventLoopDelay({ resolution: 1 });
      const times: number[] = [];
      await setTimeout(50);
      held.enable();
      for (let round = 0; round < rounds; round++) {
        const startMs = performance.now();
        await registry.devices({ ...query, limit: 100, isCounted: true });
        times.push(performance.now() - startMs);
        await setTimeout(5);
      }
      held.disable();
      times.sort((a, b) => a - b);
      rows.push({
        list,
        devices: options.devices,
        p50Ms: times[Math.floor(rounds / 2)] ?? 0,
        p99Ms: times.at(-1) ?? 0,
        heldMs: held.max / 1e6,
      });
    }
    return rows;
  } finally {
    await registry.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function fill(registry: Registry, devices: number): Promise<void> {
  await registry.createTemplate({ id: "cooler", name: "Cooler", publish: true, ...content });
  for (let first = 0; first < devices; first += 10_000) {
    await registry.createDevices(
      Array.from({ length: Math.min(10_000, devices - first) }, (_, index): NewDevice => {
        const at = first + index;
        const id = `device-${((at * 7919) % 10_000_019).toString(36)}-${at}`;
        return { id, name: `Refrigerator ${at}, hall ${at % 97}`, templateId: "cooler", simulated: at % 100 === 0 };
      }),
    );
  }
}
