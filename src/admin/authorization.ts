// Who may call what: finds out who calls, and holds it against the role that the route asks for.
//
// Each route says in its schema who may call it (`access`); one that does not say so is refused when it is added, so that no
// route is open by oversight. A bearer token counts before a cookie, and alone: what is sent on purpose is what is meant.

import type { FastifyRequest, RouteOptions } from "fastify";
import { isSameSecret } from "../lib/secret-equality.ts";
import type { Log } from "../lib/log.ts";
import { messageOf } from "../lib/errors.ts";
import { type Registry, type Role, type Session, type SessionBounds, isAtLeast } from "../registry/registry.ts";
import { csrfTokenOf, refuseForeignPage, refuseForgery } from "./cross-site.ts";
import { type Principal, root } from "./principal.ts";
import { RefusedCall } from "./refused-call.ts";
import type { SessionCookie } from "./session-cookie.ts";

/** The least role that may call a route; "anyone" needs none. */
export type Access = Role | "anyone";

declare module "fastify" {
  interface FastifySchema {
    readonly access?: Access;
  }
}

export interface AuthorizationOptions {
  readonly registry: Registry;
  readonly adminToken: string;
  readonly sessions: SessionBounds;
  readonly cookie: SessionCookie;
  /** Names by which a browser may know this server, without a port. */
  readonly isOurName: (name: string) => boolean;
  readonly log: Log;
}

/** The use of a session or token is noted at most so often. */
const noteEveryMs = 60_000;

export class Authorization {
  readonly #options: AuthorizationOptions;
  readonly #tokensNoted = new Map<string, number>();

  constructor(options: AuthorizationOptions) {
    this.#options = options;
  }

  /** For each route that is added. Throws when it does not say who may call it. */
  checkRoute({ method, url, schema }: RouteOptions): void {
    if (schema?.access !== undefined) return;
    throw new Error(`The route ${String(method)} ${url} does not say who may call it: its schema lacks \`access\`.`);
  }

  /** Sets `request.principal`, and refuses who may not make the call. @throws RefusedCall. */
  admit(request: FastifyRequest, access: Access | undefined = request.routeOptions.schema?.access): void {
    const principal = this.#principalOf(request);
    request.principal = principal;
    if (access === "anyone") {
      if (principal === null || principal.via === "session") refuseForeignPage(request, this.#options.isOurName);
      return;
    }
    if (principal === null) throw unauthorized("This call needs a signed-in user or a token.");
    if (principal.via === "session") {
      refuseForeignPage(request, this.#options.isOurName);
      refuseForgery(request, principal.csrfToken);
    }
    // What does not exist (no access) is answered as such, to whoever is known.
    if (access !== undefined) requireRole(principal, access);
  }

  #principalOf(request: FastifyRequest): Principal | null {
    const { adminToken, registry, cookie } = this.#options;
    const nowMs = Date.now();
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
      if (given === undefined || isTwice(request, "authorization")) throw unauthorized("There is no one bearer token.");
      if (isSameSecret(given, adminToken)) return root;
      const found = registry.apiToken(given, nowMs);
      if (found === null) throw unauthorized("The token is wrong, or has expired or been deleted.");
      const { id, name, role } = found;
      this.#noteToken(id, nowMs);
      return { via: "token", id, name, role, expiresMs: Date.parse(found.expiresAt) };
    }
    const token = cookie.read(request);
    const session = token === null ? null : registry.session(token, nowMs);
    if (token === null || session === null) return null;
    return sessionPrincipal(token, session, this.#prolong(session, nowMs));
  }

  /** @returns until when the session lasts now. */
  #prolong(session: Session, nowMs: number): number {
    const { registry, sessions } = this.#options;
    const idleUntilMs = Math.min(nowMs + sessions.idleMs, session.expiresMs);
    if (idleUntilMs - session.idleUntilMs < Math.min(noteEveryMs, sessions.idleMs / 10)) return session.idleUntilMs;
    // Nobody waits for it: a registry that cannot be written must not keep an operator from looking.
    this.#note(registry.prolongSession(session.id, idleUntilMs));
    return idleUntilMs;
  }

  #noteToken(id: string, nowMs: number): void {
    if (nowMs - (this.#tokensNoted.get(id) ?? 0) < noteEveryMs) return;
    // As many as there can be tokens; those deleted long since leave with the rest.
    if (this.#tokensNoted.size >= 2000) this.#tokensNoted.clear();
    this.#tokensNoted.set(id, nowMs);
    this.#note(this.#options.registry.apiTokenUsed(id, nowMs));
  }

  #note(noted: Promise<void>): void {
    noted.catch((error: unknown) => {
      this.#options.log.warn({ error: messageOf(error) }, "The use of a session or API token could not be noted.");
    });
  }
}

export function sessionPrincipal(token: string, session: Session, idleUntilMs = session.idleUntilMs): Principal {
  return {
    via: "session",
    id: session.userId,
    name: session.userName,
    role: session.role,
    sessionId: session.id,
    csrfToken: csrfTokenOf(token),
    expiresMs: Math.min(idleUntilMs, session.expiresMs),
  };
}

/** @throws RefusedCall `forbidden`. */
export function requireRole(principal: Principal, least: Role): void {
  if (isAtLeast(principal.role, least)) return;
  const who = least === "administrator" ? "an administrator" : `a ${least} or an administrator`;
  throw new RefusedCall(403, "forbidden", `This needs ${who}; ${principal.name} is ${withArticle(principal.role)}.`, {
    hint: "Ask an administrator.",
  });
}

const withArticle = (role: Role): string => (role === "builder" ? "a builder" : `an ${role}`);

function unauthorized(message: string): RefusedCall {
  return new RefusedCall(401, "unauthorized", message, {
    headers: { "www-authenticate": 'Bearer realm="coldpath"' },
    hint: "Sign in, or send the header `Authorization: Bearer TOKEN` with an API token, or with the token of the data directory's file admin.token.",
  });
}

/** Node keeps the first of them and drops the others; a proxy before it may have looked at another. */
function isTwice({ raw }: FastifyRequest, header: string): boolean {
  return raw.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === header).length > 1;
}

/** Whether only this machine can reach a listener on `host`. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
