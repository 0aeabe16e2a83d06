// The parts of a device's page, as they stand in its address. Pure.

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
