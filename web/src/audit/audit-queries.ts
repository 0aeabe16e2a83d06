// What the page of the audit log asks of the server.

import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { answerOf, api } from "../api/client.ts";
import type { Collection } from "../api/query-client.ts";
import type { AuditSearch } from "./audit-search.ts";

const pageSize = 50;

/** @param before  the `next` of the page before. The first page is looked at again by itself. */
export function auditLogQuery({ actor, subject, action }: AuditSearch, before: number | undefined) {
  return queryOptions({
    queryKey: ["audit-log", actor, subject, action, before],
    queryFn: async () =>
      await answerOf(
        api.GET("/api/v1/audit-log", {
          params: { query: { limit: pageSize, ...given({ actor, subject, action, before }) } },
        }),
      ),
    placeholderData: keepPreviousData,
    refetchInterval: before === undefined ? 10_000 : false,
  });
}

/** Without what is not asked for. */
function given<Query extends object>(query: Query): { readonly [Key in keyof Query]?: Exclude<Query[Key], undefined> } {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as Query;
}

interface Named {
  readonly id: string;
  readonly name: string;
}

/** Names of what has an id that says nothing, by id. */
export function useNames(): ReadonlyMap<string, string> {
  const users = useNamed("users", async () => (await answerOf(api.GET("/api/v1/users"))).items);
  const tokens = useNamed("tokens", async () => (await answerOf(api.GET("/api/v1/tokens"))).items);
  const accounts = useNamed(
    "storage-accounts",
    async () => (await answerOf(api.GET("/api/v1/storage-accounts"))).items,
  );
  const exports = useNamed("exports", async () => (await answerOf(api.GET("/api/v1/exports"))).items);
  return new Map([users, tokens, accounts, exports].flat().map(({ id, name }) => [id, name]));
}

function useNamed(collection: Collection, ask: () => Promise<readonly Named[]>): readonly Named[] {
  return useQuery({ queryKey: [collection, "names"], queryFn: ask, staleTime: 60_000 }).data ?? [];
}
