// Etags: a row's count of real changes, given back by callers that read before they write.

import { registryError } from "../errors.ts";

/** Throws ColdpathError `etag-stale` when the caller read an older state than the row's. */
export function checkEtag(row: { readonly etag: number }, etag: number | undefined, what: string): void {
  if (etag === undefined || etag === row.etag) return;
  throw registryError("etag-stale", `The ${what} was changed meanwhile: its etag is ${row.etag}, not ${etag}.`, {
    field: "etag",
  });
}
