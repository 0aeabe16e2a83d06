// Setting up: as long as there is no user, whoever shows the token of this start may make the first administrator.
//
// The token is in memory only, and in the link that a person reads where the server was started; never in the log.

import { randomBytes } from "node:crypto";
import { isSameSecret } from "../lib/secret-equality.ts";
import type { Registry } from "../registry/registry.ts";

export class SetUp {
  readonly #registry: Pick<Registry, "hasUsers">;
  readonly #webUrl: () => string;
  readonly #token = randomBytes(32).toString("base64url");

  constructor(registry: Pick<Registry, "hasUsers">, webUrl: () => string) {
    this.#registry = registry;
    this.#webUrl = webUrl;
  }

  get isNeeded(): boolean {
    return !this.#registry.hasUsers();
  }

  /** For a person's browser; what follows # stays there. Null when it is over. */
  get link(): string | null {
    return this.isNeeded ? `${this.#webUrl()}/setup#token=${this.#token}` : null;
  }

  isToken(given: string): boolean {
    return isSameSecret(given, this.#token);
  }
}
