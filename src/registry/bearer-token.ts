// Tokens of sessions and scripts: 256 random bits. Only SHA-256 of one is kept, which is enough for what cannot be guessed.

import { createHash, randomBytes } from "node:crypto";

const tokenBytes = 32;

/** @param prefix  tells people and secret scanners what it is. */
export function newBearerToken(prefix: string): string {
  return prefix + randomBytes(tokenBytes).toString("base64url");
}

export function hashOfToken(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
