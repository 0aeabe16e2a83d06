// Who calls: what was found of the credentials of a request, and until when that holds.

import type { Actor, Registry, Role } from "../registry/registry.ts";

export type Principal =
  /** Whoever reads the data directory's admin.token. */
  | { readonly via: "root"; readonly id: "root"; readonly name: "root"; readonly role: "administrator" }
  | {
      readonly via: "token";
      /** The API token's. */
      readonly id: string;
      readonly name: string;
      readonly role: Role;
      readonly expiresMs: number;
    }
  | {
      readonly via: "session";
      /** The user's. */
      readonly id: string;
      readonly name: string;
      readonly role: Role;
      readonly sessionId: string;
      /** What unsafe calls of this session show besides the cookie. */
      readonly csrfToken: string;
      readonly expiresMs: number;
    };

export const root: Principal = { via: "root", id: "root", name: "root", role: "administrator" };

export function actorOf(principal: Principal | null): Actor {
  if (principal === null) return { kind: "nobody", id: null, name: null };
  if (principal.via === "root") return { kind: "root", id: null, name: "root" };
  return { kind: principal.via === "token" ? "token" : "user", id: principal.id, name: principal.name };
}

/** What is asked of the registry. */
export type WatchedRegistry = Pick<Registry, "subscribe" | "isSessionOpen">;

const checkMs = 10_000;

/**
 * For what outlives the request that opened it, a stream of events for one: calls `onEnd` once when the session or API token
 * has ended, at once when it was ended by somebody, within ten seconds when it expired.
 *
 * @returns a function that ends the watch.
 */
export function watchPrincipal(registry: WatchedRegistry, principal: Principal, onEnd: () => void): () => void {
  if (principal.via === "root") return () => {};
  let isOver = false;
  const stop = (): void => {
    isOver = true;
    clearInterval(timer);
    unsubscribe();
  };
  const end = (): void => {
    if (isOver) return;
    stop();
    onEnd();
  };
  const check = (): void => {
    const nowMs = Date.now();
    if (principal.via === "token") {
      if (principal.expiresMs <= nowMs) end();
    } else if (!registry.isSessionOpen(principal.sessionId, nowMs)) end();
  };
  const timer = setInterval(check, checkMs);
  timer.unref();
  const unsubscribe = registry.subscribe((event) => {
    // An API token is never changed: its second event is its deletion.
    if (event.kind === "api-token-changed" && event.apiTokenId === principal.id) end();
    else if (event.kind === "session-ended" && principal.via === "session" && event.sessionId === principal.sessionId) {
      end();
    }
  });
  return stop;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Null while nobody is known: only calls that anyone may make get that far. */
    principal: Principal | null;
  }
}
