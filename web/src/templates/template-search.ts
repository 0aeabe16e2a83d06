// What stands behind the ? of a template's path. Pure.

export interface TemplateSearch {
  /** The version that is shown; the usual one when left out. */
  readonly version?: string | undefined;
  /** The version that this one was made of: its devices may want to move. */
  readonly from?: string | undefined;
}

export function templateSearch(search: Readonly<Record<string, unknown>>): TemplateSearch {
  return { version: versionOf(search["version"]), from: versionOf(search["from"]) };
}

function versionOf(given: unknown): string | undefined {
  return typeof given === "string" && given !== "" ? given : undefined;
}
