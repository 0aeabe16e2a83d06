// Input from outside, checked step by step: every refusal names the field, what was expected and what came.
//
// Types say what a caller should send; these functions make sure that it did. They return clean values: own, known
// keys only, text that UTF-8 can hold.

import { registryError } from "./errors.ts";

/** The object's own entries, when `input` is an object with no keys but `keys` (any key when left out). */
export function objectOf(input: unknown, field: string, keys?: readonly string[]): Record<string, unknown> {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw registryError("input-invalid", `${field} must be an object, not ${kindOf(input)}.`, { field });
  }
  for (const key of Object.keys(input)) {
    if (keys !== undefined && !keys.includes(key)) {
      const path = field === "" ? shownKey(key) : `${field}.${shownKey(key)}`;
      throw registryError("field-unknown", `${path} does not exist; known: ${listed(keys)}.`, { field: path });
    }
  }
  return input as Record<string, unknown>;
}

/** A key that somebody made up, for an error: it may be a megabyte, and half a character. */
export function shownKey(key: string): string {
  return key.length <= 64 ? key.toWellFormed() : `${key.slice(0, 64).toWellFormed()}…`;
}

/** As `objectOf`; `{}` when `input` is left out. */
export function objectOrEmpty(input: unknown, field: string, keys?: readonly string[]): Record<string, unknown> {
  return input === undefined ? {} : objectOf(input, field, keys);
}

/** The value of a key that the object itself has: `constructor` and the like are ordinary field names. */
export function own<T>(object: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Text of 1..`charsMax` characters for people to read: no control characters, no lone surrogates. */
export function nameOf(input: unknown, field: string, charsMax: number): string {
  if (typeof input !== "string" || input.length === 0 || input.length > charsMax) {
    throw registryError("input-invalid", `${field} must be text of 1 to ${charsMax} characters.`, { field });
  }
  // oxlint-disable-next-line no-control-regex -- that is what is refused
  if (!input.isWellFormed() || /[\u0000-\u001f\u007f]/.test(input)) {
    throw registryError("input-invalid", `${field} must not contain control characters or half characters.`, { field });
  }
  return input;
}

export function booleanOf(input: unknown, field: string): boolean {
  if (typeof input === "boolean") return input;
  throw registryError("input-invalid", `${field} must be true or false, not ${kindOf(input)}.`, { field });
}

export function integerOf(input: unknown, field: string, min: number, max: number): number {
  if (typeof input === "number" && Number.isSafeInteger(input) && input >= min && input <= max) return input;
  throw registryError("input-invalid", `${field} must be a whole number from ${min} to ${max}.`, { field });
}

export function oneOf<T extends string>(allowed: readonly T[], input: unknown, field: string): T {
  const found = allowed.find((value) => value === input);
  if (found !== undefined) return found;
  throw registryError("input-invalid", `${field} must be one of ${listed(allowed)}.`, { field });
}

/** The names, comma-separated; a long list is cut short. */
export function listed(names: readonly string[]): string {
  if (names.length === 0) return "none";
  return names.length <= 20 ? names.join(", ") : `${names.slice(0, 20).join(", ")} and ${names.length - 20} more`;
}

/** What came instead, without its content: it may be a secret or a megabyte. */
export function kindOf(input: unknown): string {
  if (input === undefined) return "left out";
  if (input === null) return "null";
  return Array.isArray(input) ? "an array" : typeof input === "object" ? "an object" : `a ${typeof input}`;
}

/** JSON with keys in code-unit order: equal values give equal text, so a no-op write can be seen (S1). */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}
