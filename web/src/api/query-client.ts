// What the page knows of the server's answers, and when it asks again.
//
// The first word of a query's key is the API's own collection ("devices", "exports", …): a `changed` event of the live stream makes
// all queries of its collection stale (live/live-stream.ts), and so should a mutation: `invalidate("devices")`.

import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError } from "./api-error.ts";
import { connection } from "./connection.ts";

/** First words of query keys. */
export const collections = [
  "session",
  "status",
  "devices",
  "device-templates",
  "storage-accounts",
  "exports",
  "policies",
  "provisioning",
  "registrations",
  "ca-certificates",
  "users",
  "tokens",
  "audit-log",
] as const;
export type Collection = (typeof collections)[number];

/** A session that ended is noticed by whatever call comes next: also by one that is no query and no mutation. */
export function hearFailure(error: unknown): void {
  if (error instanceof ApiError && error.status === 401 && error.code === "unauthorized") void invalidate("session");
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: hearFailure }),
  mutationCache: new MutationCache({ onError: hearFailure }),
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      networkMode: "always",
      // What the server refused it will refuse again; the connection is probed elsewhere.
      retry: (count, error) => error instanceof ApiError && error.status >= 500 && count < 2,
    },
    mutations: { networkMode: "always", retry: false },
  },
});

/** Has all queries of these collections asked again where they are shown, and later where they are not. */
export async function invalidate(...names: readonly Collection[]): Promise<void> {
  await Promise.all(names.map(async (name) => await queryClient.invalidateQueries({ queryKey: [name] })));
}

let wasLost = false;
connection.subscribe(() => {
  const isLost = connection.lostSinceMs !== null;
  // Whatever failed meanwhile, and whatever may have changed.
  if (wasLost && !isLost) void queryClient.invalidateQueries();
  wasLost = isLost;
});
