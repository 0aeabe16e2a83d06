// The parts of a device's page and of a module's, as they stand in their addresses. Pure.

export const deviceTabs = ["measurements", "values", "commands", "connect", "twin", "raw"] as const;
export type DeviceTab = (typeof deviceTabs)[number];

export interface DeviceTabSearch {
  /** Measurements when left out. */
  readonly tab?: DeviceTab;
}

export function deviceTabOf(given: Record<string, unknown>): DeviceTabSearch {
  const tab = deviceTabs.find((one) => one === given["tab"]);
  return tab === undefined ? {} : { tab };
}

export const moduleTabs = ["connect", "commands", "twin"] as const;
export type ModuleTab = (typeof moduleTabs)[number];

export interface ModuleTabSearch {
  /** Connect when left out. */
  readonly tab?: ModuleTab;
}

export function moduleTabOf(given: Record<string, unknown>): ModuleTabSearch {
  const tab = moduleTabs.find((one) => one === given["tab"]);
  return tab === undefined ? {} : { tab };
}
