// Symmetric keys of devices and hub policies: base64 text of 16 to 64 bytes, in pairs.

import { randomBytes } from "node:crypto";
import { registryError } from "./errors.ts";
import { kindOf } from "./input.ts";
import type { KeyPair } from "./registry.ts";

const newKeyBytes = 32;

export function newAccessKey(): string {
  return randomBytes(newKeyBytes).toString("base64");
}

export function accessKeyOf(input: unknown, field: string): string {
  const bytes = typeof input === "string" ? Buffer.from(input, "base64") : null;
  // Encoding it again shows what the tolerant decoder passed over.
  if (bytes !== null && bytes.toString("base64") === input && bytes.length >= 16 && bytes.length <= 64) return input;
  throw registryError(
    "input-invalid",
    `${field} must be base64 of 16 to 64 bytes${typeof input === "string" ? "" : `, not ${kindOf(input)}`}.`,
    { field, hint: "Leave it out for a random key, or make one with: openssl rand -base64 32" },
  );
}

/** The keys given, random ones for those left out. */
export function keyPairOf(given: Partial<{ [K in keyof KeyPair]: string | undefined }>): KeyPair {
  return {
    primaryKey: given.primaryKey === undefined ? newAccessKey() : accessKeyOf(given.primaryKey, "primaryKey"),
    secondaryKey: given.secondaryKey === undefined ? newAccessKey() : accessKeyOf(given.secondaryKey, "secondaryKey"),
  };
}

/** One text for both keys, so that they are sealed together. Base64 has no line feed. */
export function printKeyPair(keys: KeyPair): string {
  return `${keys.primaryKey}\n${keys.secondaryKey}`;
}

export function parseKeyPair(text: string): KeyPair {
  const at = text.indexOf("\n");
  return { primaryKey: text.slice(0, at), secondaryKey: text.slice(at + 1) };
}
