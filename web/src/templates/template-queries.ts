// What the pages of device templates ask of the server.

import { queryOptions } from "@tanstack/react-query";
import { api, answerOf } from "../api/client.ts";

/** All versions of all templates, by id, then version. */
export const templatesQuery = queryOptions({
  queryKey: ["device-templates", "all"],
  queryFn: async () => (await answerOf(api.GET("/api/v1/device-templates"))).items,
});

/** Of one template, oldest first. */
export function versionsQuery(templateId: string) {
  return queryOptions({
    queryKey: ["device-templates", "versions", templateId],
    queryFn: async () =>
      (await answerOf(api.GET("/api/v1/device-templates/{templateId}/versions", { params: { path: { templateId } } })))
        .items,
  });
}

/** What an exported file holds of a version, as it is saved with this etag. */
export function recordQuery(templateId: string, version: string, etag: number) {
  return queryOptions({
    queryKey: ["device-templates", "record", templateId, version, etag],
    queryFn: async () =>
      (
        await answerOf(
          api.GET("/api/v1/device-templates/{templateId}/versions/{version}/record", {
            params: { path: { templateId, version } },
          }),
        )
      ).record,
  });
}

/** How many devices use a template, or one version of it. */
export function deviceCountQuery(templateId: string, templateVersion?: string) {
  const query = { templateId, limit: 1, ...(templateVersion === undefined ? {} : { templateVersion }) };
  return queryOptions({
    queryKey: ["devices", "count", templateId, templateVersion ?? null],
    queryFn: async () => (await answerOf(api.GET("/api/v1/devices", { params: { query } }))).total,
    staleTime: 10_000,
  });
}

/** The version that new devices get: the newest published one, else the newest draft. */
export function usualVersion<Version extends { readonly published: boolean }>(
  versions: readonly Version[],
): Version | undefined {
  return versions.findLast(({ published }) => published) ?? versions.at(-1);
}
