// ID scopes: what devices call the provisioning service they belong to. Pure.

import { registryError } from "./errors.ts";

const charsMax = 64;

/** @throws ColdpathError `input-invalid`. */
export function idScopeOf(input: unknown, field: string): string {
  if (typeof input === "string" && /^[A-Za-z0-9]+$/.test(input) && input.length <= charsMax) return input;
  throw registryError("input-invalid", `${field} must be 1 to ${charsMax} letters and digits.`, {
    field,
    hint: "Copy it from the provisioning service's, or the application's, device connection page.",
  });
}
