// Who uses the page: asked of the server, never kept in the browser (the cookie is out of scripts' reach).

import { queryOptions, useQuery } from "@tanstack/react-query";
import { type Schema, answerOf, api, setCsrfToken } from "../api/client.ts";
import { queryClient } from "../api/query-client.ts";
import { hurryStreams } from "../live/event-stream.ts";

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

interface KnownSession extends Session {
  /** It has ended, and the page waits for the same user to sign in again. All else is as it was. */
  readonly hasEnded?: boolean;
}

/** Whose page this is: of whom the queries keep what they were shown, also after the session has ended. */
let kept: Session | null = null;

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async (): Promise<KnownSession> => {
    const session = await answerOf(api.GET("/api/v1/session"));
    if (!session.signedIn && kept !== null) return { ...kept, hasEnded: true };
    keep(session);
    return session;
  },
  staleTime: ({ state }) => (state.data?.hasEnded === true ? 0 : 60_000),
});

/** The session once it is known. Within the shell there always is one, signed in. */
export function useSession(): KnownSession | undefined {
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
  keep(session);
  queryClient.setQueryData(sessionQuery.queryKey, session);
  // What was refused while nobody was signed in.
  hurryStreams();
  await queryClient.invalidateQueries({ predicate: ({ state }) => state.error !== null });
}

function keep(session: Session): void {
  setCsrfToken(session.csrfToken);
  // Nothing that somebody was shown stays for who comes next.
  if (kept !== null && kept.user?.id !== session.user?.id) forget();
  kept = session.signedIn ? session : null;
}

/** Ends the session here and on the server. Throws when the server was not told. */
export async function signOut(): Promise<void> {
  await answerOf(api.DELETE("/api/v1/session"));
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel: it has this origin only
  otherTabs?.postMessage(signedOut);
  leave();
}

const signedOut = "signed-out";
const otherTabs = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("coldpath-session");

/** Tells when somebody signs out in another tab of this browser. @returns what ends that. */
export function onSignedOutElsewhere(then: () => void): () => void {
  const hear = ({ data }: MessageEvent): void => {
    if (data !== signedOut) return;
    leave();
    then();
  };
  otherTabs?.addEventListener("message", hear);
  return () => otherTabs?.removeEventListener("message", hear);
}

/** Whoever signs out leaves nothing behind. */
function leave(): void {
  setCsrfToken(null);
  kept = null;
  forget();
}

function forget(): void {
  queryClient.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" });
}
