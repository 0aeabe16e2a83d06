// How many entries a page has.

import { ColdpathError } from "../lib/errors.ts";

const limitDefault = 100;
/** The registry's own bound. */
const registryMax = 1000;

/** @throws ColdpathError `invalid`, field `limit`. */
export function pageLimit(given: number | undefined, pageSizeMax: number): number {
  const max = Math.min(pageSizeMax, registryMax);
  if (given === undefined) return Math.min(limitDefault, max);
  if (given >= 1 && given <= max) return given;
  throw new ColdpathError("invalid", "input-invalid", `limit must be from 1 to ${max}, not ${given}.`, {
    field: "limit",
    hint: "Ask for less, and for the next page with what `next` says.",
  });
}
