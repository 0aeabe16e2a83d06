// The parts of the page "Device connection", as they stand in its address. Pure.

export const connectionTabs = ["overview", "groups", "enrollments", "certificates"] as const;
export type ConnectionTab = (typeof connectionTabs)[number];

export interface ConnectionSearch {
  /** The overview when left out. */
  readonly tab?: ConnectionTab;
}

export function connectionSearch(given: Record<string, unknown>): ConnectionSearch {
  const tab = connectionTabs.find((one) => one === given["tab"]);
  return tab === undefined ? {} : { tab };
}
