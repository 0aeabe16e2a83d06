// What the pages of exports ask of the server. All keys begin with "exports": a change of any export has them asked again.

import { queryOptions } from "@tanstack/react-query";
import { type Schema, answerOf, api } from "../api/client.ts";

export type Export = Schema<"Export">;
export type ExportType = Schema<"ExportDefinition">["types"][number];
export type StorageAccount = Schema<"StorageAccount">;

export const exportsQuery = queryOptions({
  queryKey: ["exports"],
  queryFn: async () => (await answerOf(api.GET("/api/v1/exports"))).items,
});

export function exportQuery(exportId: string) {
  return queryOptions({
    queryKey: ["exports", exportId],
    queryFn: async () => await answerOf(api.GET("/api/v1/exports/{exportId}", { params: { path: { exportId } } })),
  });
}

export const exportDefaultsQuery = queryOptions({
  queryKey: ["export-defaults"],
  queryFn: async () => await answerOf(api.GET("/api/v1/exports/defaults")),
  staleTime: Infinity,
});

export function runsQuery(exportId: string, before: number | undefined, limit: number) {
  return queryOptions({
    queryKey: ["exports", exportId, "runs", before ?? null, limit],
    queryFn: async () =>
      await answerOf(
        api.GET("/api/v1/exports/{exportId}/runs", {
          params: { path: { exportId }, query: { limit, ...(before === undefined ? {} : { before }) } },
        }),
      ),
  });
}

export function auditQuery(exportId: string) {
  return queryOptions({
    queryKey: ["exports", exportId, "audit"],
    queryFn: async () =>
      await answerOf(api.GET("/api/v1/exports/{exportId}/audit", { params: { path: { exportId } } })),
  });
}

export function gapsQuery(exportId: string) {
  return queryOptions({
    queryKey: ["exports", exportId, "gaps"],
    queryFn: async () =>
      (await answerOf(api.GET("/api/v1/exports/{exportId}/gaps", { params: { path: { exportId } } }))).items,
  });
}

export const storageAccountsQuery = queryOptions({
  queryKey: ["storage-accounts"],
  queryFn: async () => (await answerOf(api.GET("/api/v1/storage-accounts"))).items,
});

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
  });
}

/** The window clock, which decides when files come, against this browser's. */
export const windowClockQuery = queryOptions({
  queryKey: ["status", "clock"],
  queryFn: async () => {
    const { now, windowOpen } = await answerOf(api.GET("/api/v1/status"));
    return { aheadMs: Date.parse(now) - Date.now(), windowOpen };
  },
  refetchInterval: 10_000,
});
