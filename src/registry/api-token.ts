// API tokens: what a script shows. They belong to the hub: whoever made one may be gone, it works until it expires or is
// deleted.

import type { Role } from "./role.ts";

export interface ApiToken {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: string;
  /** The name of whoever made it. */
  readonly createdBy: string;
  readonly expiresAt: string;
  readonly lastUsedAt: string | null;
}

export interface NewApiToken {
  readonly name: string;
  readonly role: Role;
  /** 1 to 366. */
  readonly expiresInDays: number;
  readonly createdBy: string;
}

export interface ApiTokenCalls {
  apiTokens(): Promise<readonly ApiToken[]>;
  /** `token` is told once; only a hash of it is kept. Conflict `api-tokens-too-many`. */
  createApiToken(token: NewApiToken, nowMs: number): Promise<ApiToken & { readonly token: string }>;
  deleteApiToken(id: string): Promise<void>;
  /** Null when there is none or it has expired. Fast: asked at every call. */
  apiToken(token: string, nowMs: number): ApiToken | null;
  apiTokenUsed(id: string, nowMs: number): Promise<void>;
}
