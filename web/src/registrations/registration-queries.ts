// What the page asks about devices that came to be provisioned.

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { type Schema, answerOf, api } from "../api/client.ts";

export type Registration = Schema<"Registration">;
export type RegistrationStatus = Registration["status"];

export const registrationStatuses = ["waiting", "assigned", "blocked"] as const satisfies readonly RegistrationStatus[];
export const pageRegistrations = 50;

export function registrationsQuery(status: RegistrationStatus, after: string | undefined) {
  const query = { status, limit: pageRegistrations, ...(after === undefined ? {} : { after }) };
  return queryOptions({
    queryKey: ["registrations", "list", query],
    queryFn: async ({ signal }) => await answerOf(api.GET("/api/v1/registrations", { params: { query }, signal })),
    placeholderData: keepPreviousData,
  });
}

/** How many wait: up to so many, and then "more". */
export const waitingCountMax = 100;
export const waitingQuery = queryOptions({
  queryKey: ["registrations", "waiting"],
  queryFn: async () => {
    const query = { status: "waiting", limit: waitingCountMax } as const;
    const { items, next } = await answerOf(api.GET("/api/v1/registrations", { params: { query } }));
    return { count: items.length, isMore: next !== null };
  },
});
