// Who uses the page: asked of the server, never kept in the browser (the cookie is out of scripts' reach).

import { queryOptions, useQuery } from "@tanstack/react-query";
import { setCsrfToken } from "../api/client.ts";
import { ApiError } from "../api/api-error.ts";
import { queryClient } from "../api/query-client.ts";
import type { Session } from "./session-contract.ts";
import { sessionCalls } from "./session-contract.ts";

export const roles = ["operator", "builder", "administrator"] as const;
export type Role = (typeof roles)[number];

export const roleNames: Readonly<Record<Role, string>> = {
  operator: "Operator",
  builder: "Builder",
  administrator: "Administrator",
};

/** Whether somebody of role `role` may do what asks for at least `least`. The server decides; this only hides what it would refuse. */
export function mayUse(role: Role | null, least: Role): boolean {
  return role !== null && roles.indexOf(role) >= roles.indexOf(least);
}

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async () => {
    const session = await sessionCalls.get();
    setCsrfToken(session.csrfToken);
    return session;
  },
  staleTime: 60_000,
});

/** The session once it is known. Within the shell there always is one, signed in. */
export function useSession(): Session | undefined {
  return useQuery(sessionQuery).data;
}

/** The role of whoever uses the page. */
export function useRole(): Role | null {
  return useSession()?.user?.role ?? null;
}

/** Takes a session that a call has answered with. */
export function takeSession(session: Session): void {
  setCsrfToken(session.csrfToken);
  // Nothing that somebody else was shown stays.
  queryClient.clear();
  queryClient.setQueryData(sessionQuery.queryKey, session);
}

export async function signOut(): Promise<void> {
  try {
    await sessionCalls.end();
  } catch (error) {
    // It has ended already: that is what was wanted.
    if (!(error instanceof ApiError && error.status === 401)) throw error;
  }
  setCsrfToken(null);
  queryClient.clear();
}
