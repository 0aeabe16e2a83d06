// Who uses the page: asked of the server, never kept in the browser (the cookie is out of scripts' reach).

import { queryOptions, useQuery } from "@tanstack/react-query";
import { type Schema, answerOf, api, setCsrfToken } from "../api/client.ts";
import { queryClient } from "../api/query-client.ts";

export type Session = Schema<"Session">;
export type Role = Schema<"SessionUser">["role"];

/** Each may do all that those before it may. */
export const roles: readonly Role[] = ["operator", "builder", "administrator"];

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
    const session = await answerOf(api.GET("/api/v1/session"));
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
export async function takeSession(session: Session): Promise<void> {
  // A question under way was asked with the former cookie.
  await queryClient.cancelQueries({ queryKey: sessionQuery.queryKey });
  setCsrfToken(session.csrfToken);
  const former = queryClient.getQueryData(sessionQuery.queryKey);
  if (former?.user?.id !== session.user?.id) forget();
  queryClient.setQueryData(sessionQuery.queryKey, session);
}

/** Ends the session here and on the server. Throws when the server was not told. */
export async function signOut(): Promise<void> {
  await answerOf(api.DELETE("/api/v1/session"));
  setCsrfToken(null);
  forget();
}

/** Nothing that somebody was shown stays for who comes next. */
function forget(): void {
  queryClient.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" });
}
