// Comparing secrets: in a time that says nothing about where they differ, or how long the other is.
//
// `===` stops at the first character that differs. test/lib/tidy.ts refuses it for anything that is named like a secret.

import { createHash, timingSafeEqual } from "node:crypto";

export function isSameSecret(one: string, other: string): boolean {
  // Digests are of one length.
  return timingSafeEqual(digestOf(one), digestOf(other));
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
