// States, types and settings of exports in words. Pure.

import type { Tone } from "../parts/states.tsx";
import type { Export, ExportType } from "./export-queries.ts";

type State = Export["status"]["state"];

export const stateWords: Readonly<Record<State, { readonly word: string; readonly tone: Tone }>> = {
  starting: { word: "Starting", tone: "busy" },
  healthy: { word: "Healthy", tone: "good" },
  retrying: { word: "Retrying", tone: "warn" },
  stopped: { word: "Stopped", tone: "bad" },
  draining: { word: "Draining", tone: "busy" },
  off: { word: "Off", tone: "off" },
};

export const exportTypes: readonly ExportType[] = ["measurements", "devices", "deviceTemplates"];

export const typeNames: Readonly<Record<ExportType, string>> = {
  measurements: "Measurements",
  devices: "Devices",
  deviceTemplates: "Device templates",
};

export const typeMeanings: Readonly<Record<ExportType, string>> = {
  measurements: "Every message that devices send: each minute a file with the messages of that minute.",
  devices:
    "First all devices with their properties and settings, then each minute those that are new or changed. Deleted devices leave no trace.",
  deviceTemplates:
    "First all device templates, then each minute those that are new or changed: names, units and data types of what devices send.",
};

export function typeList(types: readonly ExportType[]): string {
  return types.map((type) => typeNames[type]).join(", ");
}

export const codecWords: Readonly<Record<"null" | "deflate", string>> = {
  null: "None (as in 2018; every reader takes it)",
  deflate: "Deflate (smaller files; most readers take it)",
};

export const revisionWords: Readonly<Record<"2018-07" | "2018-09", string>> = {
  "2018-07": "2018-07 (as described in July 2018)",
  "2018-09": "2018-09 (devices also have their deviceId)",
};

export const whatFilesHold =
  "A file holds every message that devices sent in one minute (UTC), each exactly once and as it was sent: no averages, no samples. A minute in which nothing was sent has no file.";
export const whenDataBegins =
  "Data begins with the moment you turn this on. What devices send while it is off cannot be exported later: turn it on early.";
