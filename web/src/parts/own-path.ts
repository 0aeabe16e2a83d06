// A path of this page that came in an address, e.g. `?from=`: anything else could lead to an impostor's page. Pure.

/** The path with its search, or null when the text is none of ours. */
export function ownPath(text: unknown): string | null {
  return typeof text === "string" && /^\/(?![/\\])[^\\\s]*$/.test(text) ? text : null;
}

/** The path with these added to its search. */
export function withSearch(path: string, search: Readonly<Record<string, string | undefined>>): string {
  const url = new URL(path, "http://page");
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return `${url.pathname}${url.search}${url.hash}`;
}

/** For `validateSearch` of a page that one comes to from another page's form, and goes back from. */
export function fromSearch(search: Readonly<Record<string, unknown>>): { readonly from?: string | undefined } {
  // Said even when there is none: the router keeps whatever a page does not speak of.
  return { from: ownPath(search["from"]) ?? undefined };
}
