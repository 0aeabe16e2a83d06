// Plain devices: of a template that defines nothing, made over the REST API.

import type { NewTemplate } from "../../src/registry/registry.ts";
import type { HubProcess } from "./hub-process.ts";

export const emptyTemplate = {
  id: "plain",
  name: "Plain",
  publish: true,
  measurements: { telemetry: {}, states: {}, events: {} },
  settings: { device: {} },
  properties: { cloud: {}, device: {} },
} satisfies NewTemplate;

/** On a hub that has none yet: `dev-0` and on, unless `idOf` says otherwise. */
export async function makePlainDevices(
  hub: HubProcess,
  count: number,
  idOf: (index: number) => string = (index) => `dev-${index}`,
): Promise<void> {
  await hub.api("POST", "/device-templates", emptyTemplate);
  for (let index = 0; index < count; index++) {
    await hub.api("POST", "/devices", { id: idOf(index), templateId: emptyTemplate.id });
  }
}
