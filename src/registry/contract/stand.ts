// The test stand: a fresh registry, a clock that is set by hand, and what most stories start with.

import type { Clock } from "../../lib/clock.ts";
import type {
  CutRecord,
  Device,
  DeviceTemplate,
  ExportRun,
  ExportSettings,
  NewTemplate,
  Registry,
  RegistryEvent,
  Span,
} from "../registry.ts";

export interface Stand {
  /** The registry now open. */
  registry: Registry;
  readonly clock: HandClock;
  /** Closes it and opens the same one again. */
  readonly reopen: () => Promise<Registry>;
}

/** Makes a fresh registry; what it takes is given back when the test ends. */
export type MakeStand = () => Promise<Stand>;

export interface HandClock extends Clock {
  timeMs: number;
}

export function handClock(time = "2026-01-02T03:04:05.678Z"): HandClock {
  const clock: HandClock = {
    timeMs: Date.parse(time),
    nowMs: () => clock.timeMs,
    monotonicMs: () => clock.timeMs,
    timer: () => () => {},
  };
  return clock;
}

export const fridge: NewTemplate = {
  id: "fridge",
  name: "Refrigerated Vending Machine",
  publish: true,
  measurements: {
    telemetry: { humidity: { name: "Humidity", dataType: "double", minValue: 0, maxValue: 100 } },
    states: { connectivity: { name: "Connectivity", values: [{ value: "connected", name: "Connected" }] } },
    events: { opened: { name: "Door Opened", category: "informational" } },
  },
  settings: { device: { fanSpeed: { name: "Fan Speed", dataType: "double", initialValue: 0 } } },
  properties: {
    cloud: {
      location: { name: "Location", dataType: "string", initialValue: "Seattle" },
      maintCon: { name: "Maintenance Contract", dataType: "boolean", initialValue: true },
      tempThresh: { name: "Temperature Alert Threshold", dataType: "double", initialValue: 30 },
    },
    device: { lastReboot: { name: "Last Reboot", dataType: "dateTime" } },
  },
};

export const exportSettings: Omit<ExportSettings, "storageAccountId"> = {
  container: "iot",
  types: ["measurements", "devices", "deviceTemplates"],
  pathTemplate: "{type}/{hub}/{window}",
  codec: "null",
  formatRevision: "2018-07",
  blockBytes: 65_536,
  fileBytesMax: 2 ** 30,
};

/** An export, off, into a folder. */
export async function makeExport(
  registry: Registry,
  name: string,
  windowOpen: number,
  more: Partial<ExportSettings> = {},
) {
  const account = await registry.createStorageAccount({
    name: `for ${name}`,
    settings: { kind: "folder", path: "/srv" },
  });
  const settings: ExportSettings = { ...exportSettings, storageAccountId: account.id, ...more };
  return await registry.createExport(name, settings, () => windowOpen);
}

/** The run of a window with three records, in partition 0. */
export function runOf(exportId: string, window: number, more: Partial<ExportRun> = {}): ExportRun {
  return {
    exportId,
    type: "measurements",
    partition: 0,
    definitionVersion: 1,
    window,
    part: 0,
    path: `measurements/coldpath/${window}/00.avro`,
    records: 3,
    bytes: 1234,
    sha256: "ab".repeat(32),
    attempts: 1,
    startedAt: "2026-01-02T03:05:00.000Z",
    committedAt: "2026-01-02T03:05:01.000Z",
    outcome: "created",
    ...more,
  };
}

/** What stands beside such runs, at an offset. */
export function cutOf(runs: readonly ExportRun[], first: number, more: Partial<CutRecord> = {}): CutRecord {
  const parts = runs.map(({ records, bytes, sha256 }) => ({ records, bytes, sha256 }));
  const { exportId, type, partition, window, definitionVersion } = runs[0]!;
  const next = first + parts.reduce((sum, { records }) => sum + records, 0);
  return { exportId, type, partition, window, definitionVersion, first, next, parts, ...more };
}

export const spanFrom = (windowFirst: number, tenure = 1): Span => ({ tenure, windowFirst, windowLast: null });

/** Collects events from now on. */
export function eventsOf(registry: Registry): RegistryEvent[] {
  const events: RegistryEvent[] = [];
  registry.subscribe((event) => events.push(event));
  return events;
}

/** What a snapshot after `revisionAfter` would hold, and where the next one starts. */
export function changesSince(registry: Registry, revisionAfter: number, pageLength = 100): Changes {
  const view = registry.openView();
  try {
    const devices: Device[] = [];
    const templates: DeviceTemplate[] = [];
    for (let after = revisionAfter; ;) {
      const page = view.devices(after, pageLength);
      devices.push(...page.map(({ device }) => device));
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.revision;
    }
    templates.push(...view.deviceTemplates(revisionAfter, 1000).map(({ template }) => template));
    return { devices, templates, revision: view.revision };
  } finally {
    view.close();
  }
}

export interface Changes {
  readonly devices: readonly Device[];
  readonly templates: readonly DeviceTemplate[];
  readonly revision: number;
}
