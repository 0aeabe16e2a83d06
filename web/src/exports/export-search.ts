// What stands behind the ? of the paths of exports. Pure.

export const exportTabs = ["overview", "history", "files"] as const;
export type ExportTab = (typeof exportTabs)[number];

export interface ExportSearch {
  readonly tab?: ExportTab;
  /** The folder that is looked into; with its slash. */
  readonly prefix?: string;
  /** The definition whose container is looked into; the newest when left out. */
  readonly version?: number;
}

export interface FileSearch {
  readonly path: string;
  readonly version?: number;
}

/** A storage account to begin with: one comes back with it from where it was added. */
export interface NewExportSearch {
  readonly storageAccountId?: string;
  readonly container?: string;
}

export function newExportSearch(search: Record<string, unknown>): NewExportSearch {
  const { storageAccountId, container } = search;
  return {
    ...(typeof storageAccountId === "string" ? { storageAccountId } : {}),
    ...(typeof container === "string" ? { container } : {}),
  };
}

export function exportSearch(search: Record<string, unknown>): ExportSearch {
  const tab = exportTabs.find((one) => one === search["tab"]);
  const { prefix } = search;
  return {
    ...(tab === undefined ? {} : { tab }),
    ...(typeof prefix === "string" && prefix !== "" ? { prefix } : {}),
    ...versionOf(search),
  };
}

export function fileSearch(search: Record<string, unknown>): FileSearch {
  const { path } = search;
  return { path: typeof path === "string" ? path : "", ...versionOf(search) };
}

function versionOf({ version }: Record<string, unknown>): { readonly version?: number } {
  return typeof version === "number" && Number.isInteger(version) ? { version } : {};
}

/** `measurements/hub/2026/` of `measurements/hub/2026/x.avro`. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}
