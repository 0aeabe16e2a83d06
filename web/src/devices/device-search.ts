// What the device explorer shows, as it stands in its address: so that going back works, and an address can be passed on. Pure.

export const deviceSorts = ["id", "name", "template", "createdAt"] as const;
export type DeviceSort = (typeof deviceSorts)[number];

/** What is left out is not asked for. */
export interface DeviceSearch {
  readonly search?: string;
  readonly templateId?: string;
  readonly templateVersion?: string;
  readonly simulated?: boolean;
  readonly enabled?: boolean;
  readonly connected?: boolean;
  readonly sort?: DeviceSort;
  readonly descending?: boolean;
  /** Of the page, as the server gave it. */
  readonly after?: string;
  /** Its number: 2 and on. */
  readonly page?: number;
}
export type DeviceFilter = Pick<
  DeviceSearch,
  "search" | "templateId" | "templateVersion" | "simulated" | "enabled" | "connected"
>;

/** Whatever stands in the address: what makes no sense is left out. */
export function deviceSearchOf(given: Record<string, unknown>): DeviceSearch {
  const text = (key: string): string | undefined => {
    const value = given[key];
    // The router takes `?search=12` for a number.
    const written = typeof value === "number" ? String(value) : value;
    return typeof written === "string" && written !== "" ? written : undefined;
  };
  const truth = (key: string): boolean | undefined => (typeof given[key] === "boolean" ? given[key] : undefined);
  const sort = deviceSorts.find((one) => one === given["sort"]);
  const page = given["page"];
  const after = text("after");
  return withoutUndefined({
    search: text("search"),
    templateId: text("templateId"),
    templateVersion: text("templateId") === undefined ? undefined : text("templateVersion"),
    simulated: truth("simulated"),
    enabled: truth("enabled"),
    connected: truth("connected"),
    sort,
    descending: given["descending"] === true ? true : undefined,
    after,
    page: after !== undefined && typeof page === "number" && page > 1 ? Math.floor(page) : undefined,
  });
}

/** Without what is about order and page. */
export function filterOf({
  search,
  templateId,
  templateVersion,
  simulated,
  enabled,
  connected,
}: DeviceSearch): DeviceFilter {
  return withoutUndefined({ search, templateId, templateVersion, simulated, enabled, connected });
}

export function isFiltered(search: DeviceSearch): boolean {
  return Object.keys(filterOf(search)).length > 0;
}

function withoutUndefined<T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
