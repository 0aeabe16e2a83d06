// What the pages of exports ask of the server. All keys begin with "exports": a change of any export has them asked again.

import { queryOptions } from "@tanstack/react-query";
import { type Schema, answerOf, api } from "../api/client.ts";
import { storageQuery } from "../storage/storage-queries.ts";

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

/** The same query as the list's own page: one answer under one key. */
export const storageAccountsQuery = queryOptions({ ...storageQuery, select: ({ items }) => items });

/** The window clock, which decides when files come, against this browser's. */
export const windowClockQuery = queryOptions({
  queryKey: ["status", "clock"],
  queryFn: async () => {
    const { now, windowOpen } = await answerOf(api.GET("/api/v1/status"));
    return { aheadMs: Date.parse(now) - Date.now(), windowOpen };
  },
  refetchInterval: 10_000,
});
