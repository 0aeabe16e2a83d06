// API tokens in SQLite: a hash, a role, an end.

import { randomUUID } from "node:crypto";
import { hashOfToken, newBearerToken } from "../bearer-token.ts";
import { registryError } from "../errors.ts";
import { integerOf, nameOf } from "../input.ts";
import type { ApiToken, ApiTokenCalls, Role } from "../registry.ts";
import { roleOf } from "../user-input.ts";
import type { Database } from "./database.ts";
import type { ApiTokenRow } from "./schema.ts";

const tokenPrefix = "cpt_";
const nameCharsMax = 200;
const daysMax = 366;
const dayMs = 86_400_000;
const apiTokensMax = 1000;
/** Expired ones are shown for so long: whoever looks for the reason of a 401 finds it. */
const expiredKeptMs = 30 * dayMs;

export function apiTokensIn(database: Database): ApiTokenCalls {
  const lookUp = database.rawReader.prepare("select * from api_tokens where hash = ? and expires_ms > ?");

  return {
    async apiTokens() {
      const rows = await database.reader.selectFrom("api_tokens").selectAll().orderBy("name").orderBy("id").execute();
      return rows.map(fromRow);
    },

    async createApiToken({ name, role, expiresInDays, createdBy }, nowMs) {
      const token = newBearerToken(tokenPrefix);
      const row: ApiTokenRow = {
        id: randomUUID(),
        hash: hashOfToken(token),
        name: nameOf(name, "name", nameCharsMax),
        role: roleOf(role),
        created_at: new Date(nowMs).toISOString(),
        created_by: createdBy,
        expires_ms: nowMs + integerOf(expiresInDays, "expiresInDays", 1, daysMax) * dayMs,
        last_used_at: null,
      };
      return await database.change(async (change, tell) => {
        await change
          .deleteFrom("api_tokens")
          .where("expires_ms", "<=", nowMs - expiredKeptMs)
          .execute();
        const { count } = await change
          .selectFrom("api_tokens")
          .select(({ fn }) => fn.countAll<number>().as("count"))
          .executeTakeFirstOrThrow();
        if (count >= apiTokensMax) {
          throw registryError("api-tokens-too-many", `There are ${count} API tokens, and no more may be.`);
        }
        await change.insertInto("api_tokens").values(row).execute();
        tell({ kind: "api-token-changed", apiTokenId: row.id });
        return { ...fromRow(row), token };
      });
    },

    async deleteApiToken(id) {
      await database.change(async (change, tell) => {
        const { numDeletedRows } = await change.deleteFrom("api_tokens").where("id", "=", id).executeTakeFirst();
        if (numDeletedRows === 0n) {
          throw registryError("api-token-not-found", `There is no API token ${JSON.stringify(id)}.`);
        }
        tell({ kind: "api-token-changed", apiTokenId: id });
      });
    },

    apiToken(token, nowMs) {
      const row = lookUp.get(hashOfToken(token), nowMs) as ApiTokenRow | undefined;
      return row === undefined ? null : fromRow(row);
    },

    async apiTokenUsed(id, nowMs) {
      await database.change(async (change) => {
        const set = { last_used_at: new Date(nowMs).toISOString() };
        await change.updateTable("api_tokens").set(set).where("id", "=", id).execute();
      });
    },
  };
}

function fromRow(row: ApiTokenRow): ApiToken {
  return {
    id: row.id,
    name: row.name,
    role: row.role as Role,
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: new Date(row.expires_ms).toISOString(),
    lastUsedAt: row.last_used_at,
  };
}
