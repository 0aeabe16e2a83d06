// What a call asks of a pair of keys: some to set, or one to make anew.

import { ColdpathError } from "../lib/errors.ts";
import type { KeyChange, KeyPair } from "../registry/registry.ts";

/** @throws ColdpathError `input-invalid` when it is neither, or both. */
export function keyChangeOf({
  regenerate,
  ...keys
}: Partial<KeyPair> & { readonly regenerate?: "primary" | "secondary" }): KeyChange {
  if ((regenerate === undefined) === (Object.keys(keys).length === 0)) {
    throw new ColdpathError("invalid", "input-invalid", "Give either keys or regenerate.", {
      field: "regenerate",
      hint: 'Send { "regenerate": "primary" }, or a primaryKey, a secondaryKey or both.',
    });
  }
  return regenerate === undefined ? keys : `regenerate-${regenerate}`;
}
