// What the tests of the device pages start from: a template with something of every type, and devices of it.

import type { NewTemplate } from "../../src/registry/registry.ts";
import type { PageStand } from "./page-stand.ts";

export const fridge = {
  id: "fridge",
  name: "Fridge",
  version: "1.0.0",
  publish: true,
  measurements: {
    telemetry: {
      temp: { name: "Temperature", dataType: "double", unit: "°C", minValue: -5, maxValue: 12 },
      place: { name: "Place", dataType: "location" },
    },
    states: {
      door: {
        name: "Door",
        values: [
          { value: "open", name: "Open" },
          { value: "closed", name: "Closed" },
        ],
      },
    },
    events: { fault: { name: "Fault", category: "error" } },
  },
  settings: {
    device: {
      target: { name: "Target", dataType: "double", unit: "°C", minValue: 0, maxValue: 10, initialValue: 4 },
      eco: { name: "Eco mode", dataType: "boolean" },
      fan: {
        name: "Fan",
        dataType: "enum",
        values: [
          { value: "l", name: "Low" },
          { value: "h", name: "High" },
        ],
      },
    },
  },
  properties: {
    cloud: {
      owner: { name: "Owner", dataType: "string", initialValue: "Kitchen" },
      since: { name: "In service since", dataType: "dateTime" },
      where: { name: "Where it stands", dataType: "location" },
    },
    device: { firmware: { name: "Firmware", dataType: "string" } },
  },
} satisfies NewTemplate;

/** Every character that a device's id may have besides letters and digits. */
export const awkwardId = "a-:.+%_#*?!(),=@$'%2F%25..z";

/** Markup and script, should anybody take it for that. */
export const hostile = `<img src=x onerror="globalThis.wasRun=true">"'</script><script>globalThis.wasRun=true</script>{{7*7}}`;

export async function makeFridges(stand: PageStand, ...devices: readonly object[]): Promise<void> {
  for (const device of devices)
    await stand.hub.api("POST", "/devices", { templateId: fridge.id, templateVersion: fridge.version, ...device });
}

/** @returns the path of a device's page. */
export function devicePath(id: string, tab?: string): string {
  return `/devices/${encodeURIComponent(id)}${tab === undefined ? "" : `?tab=${tab}`}`;
}
