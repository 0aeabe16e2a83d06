// What is asked of the server about storage accounts, here and in the forms of exports: one query a key.

import { queryOptions } from "@tanstack/react-query";
import { api, answerOf } from "../api/client.ts";

export const storageQuery = queryOptions({
  queryKey: ["storage-accounts"],
  queryFn: async () => await answerOf(api.GET("/api/v1/storage-accounts")),
});

export function storageAccountQuery(storageAccountId: string) {
  return queryOptions({
    queryKey: ["storage-accounts", storageAccountId],
    queryFn: async () =>
      await answerOf(
        api.GET("/api/v1/storage-accounts/{storageAccountId}", { params: { path: { storageAccountId } } }),
      ),
  });
}

/** Their names. */
export function containersQuery(storageAccountId: string) {
  return queryOptions({
    queryKey: ["storage-accounts", storageAccountId, "containers"],
    queryFn: async () =>
      (
        await answerOf(
          api.GET("/api/v1/storage-accounts/{storageAccountId}/containers", {
            params: { path: { storageAccountId } },
          }),
        )
      ).items.map(({ name }) => name),
    enabled: storageAccountId !== "",
    staleTime: 30_000,
    retry: false,
  });
}
