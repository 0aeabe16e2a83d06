// The device template of stories: content that differs from version to version in what migration keeps and drops.

import type { NewTemplate } from "../../src/registry/registry.ts";

export const templateId = "cooler";

export function template(number: number): Omit<NewTemplate, "id" | "publish" | "version"> {
  return {
    name: `Cooler ${number}`,
    measurements: {
      telemetry: { temp: { name: "Temperature", dataType: "double", minValue: -number, maxValue: 50 } },
      states: { door: { name: "Door", values: [{ value: "open", name: "Open" }] } },
      events: { fault: { name: `Fault ${number}`, category: "error" } },
    },
    settings: { device: { fan: { name: "Fan", dataType: "double", initialValue: number } } },
    properties: {
      cloud: {
        site: { name: "Site", dataType: "string", initialValue: "Leeds" },
        count: { name: "Count", dataType: "double", initialValue: 0 },
        ...(number % 2 === 0 ? { even: { name: "Even", dataType: "boolean", initialValue: true } } : {}),
      },
      device: { boots: { name: "Boots", dataType: "double" } },
    },
  };
}
