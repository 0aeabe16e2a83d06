// What the page "Device connection" asks of the server.

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { type Schema, answerOf, api } from "../api/client.ts";
import { templatesQuery as allTemplatesQuery } from "../templates/template-queries.ts";

export type Provisioning = Schema<"Provisioning">;
export type EnrollmentGroup = Schema<"EnrollmentGroup">;
export type Enrollment = Schema<"Enrollment">;
export type CaCertificate = Schema<"CaCertificate">;
export type DeviceTemplate = Schema<"DeviceTemplate">;
/** What becomes of those that come by an enrollment. */
export type Terms = Pick<EnrollmentGroup, "templateId" | "templateVersion" | "autoApprove" | "enabled">;

/** Oldest version first. */
export const publishedTemplatesQuery = {
  ...allTemplatesQuery,
  staleTime: 30_000,
  select: (all: DeviceTemplate[]): readonly DeviceTemplate[] => all.filter(({ published }) => published),
};

export const provisioningQuery = queryOptions({
  queryKey: ["provisioning", "service"],
  queryFn: async () => await answerOf(api.GET("/api/v1/provisioning")),
});

export const groupsQuery = queryOptions({
  queryKey: ["provisioning", "groups"],
  queryFn: async () => (await answerOf(api.GET("/api/v1/enrollment-groups"))).items,
});

export const pageEnrollments = 50;
export function enrollmentsQuery(after: string | undefined) {
  const query = { limit: pageEnrollments, ...(after === undefined ? {} : { after }) };
  return queryOptions({
    queryKey: ["provisioning", "enrollments", query],
    queryFn: async ({ signal }) => await answerOf(api.GET("/api/v1/enrollments", { params: { query }, signal })),
    placeholderData: keepPreviousData,
  });
}

export const caCertificatesQuery = queryOptions({
  queryKey: ["ca-certificates"],
  queryFn: async () => (await answerOf(api.GET("/api/v1/ca-certificates"))).items,
});
