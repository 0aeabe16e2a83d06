// Signing in and out, one's own password, and the first administrator.

import type { FastifyReply, FastifyRequest } from "fastify";
import { codeOf } from "../../lib/errors.ts";
import type { NewSession, User } from "../../registry/registry.ts";
import { userNameKey } from "../../registry/user-input.ts";
import { sessionPrincipal } from "../authorization.ts";
import { refuseForgery } from "../cross-site.ts";
import type { AdminOptions } from "../options.ts";
import { type Principal, actorOf } from "../principal.ts";
import { RefusedCall } from "../refused-call.ts";
import { type Api, ref } from "../schema.ts";
import { gone } from "../schemas/error.ts";
import { Credentials, EndedSessions, FirstUser, PasswordChange, Session, SetUpLink } from "../schemas/user.ts";
import type { SessionCookie } from "../session-cookie.ts";
import type { SetUp } from "../set-up.ts";
import { SignInThrottle } from "../sign-in-throttle.ts";

const tags = ["session"];

export function sessionRoutes(api: Api, options: AdminOptions, cookie: SessionCookie, setUp: SetUp): void {
  const { registry, sessions } = options;
  const throttle = new SignInThrottle();

  const answer = (principal: Principal | null) => ({
    signedIn: principal !== null,
    user: principal === null ? null : { id: principal.id, name: principal.name, role: principal.role },
    via: principal?.via ?? null,
    csrfToken: principal?.via === "session" ? principal.csrfToken : null,
    setupNeeded: setUp.isNeeded,
    expiresAt: principal === null || principal.via === "root" ? null : new Date(principal.expiresMs).toISOString(),
  });

  /** From here on the browser has the new session, and no other. */
  const begin = async (request: FastifyRequest, reply: FastifyReply, { token, session }: NewSession) => {
    const former = request.principal;
    if (former?.via === "session" && former.sessionId !== session.id) await registry.endSession(former.sessionId);
    const principal = sessionPrincipal(token, session);
    request.callNote = { ...request.callNote, actor: actorOf(principal), role: principal.role, subject: principal.id };
    cookie.write(request, reply, token, Math.floor(sessions.lengthMs / 1000));
    return answer(principal);
  };

  /** Whether `tryIt` found the password right; throws `sign-in-throttled` when it was tried too often. */
  const throttled = async <T>(request: FastifyRequest, name: string, tryIt: () => Promise<T | null>) => {
    const key = userNameKey(name);
    const waitMs = throttle.take(key, request.ip, Date.now());
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1000);
      throw new RefusedCall(
        429,
        "sign-in-throttled",
        `Too many have tried to sign in; the next try is in ${seconds} s.`,
        {
          hint: "Wait. Whoever lost a password asks an administrator for a new one.",
          headers: { "retry-after": String(seconds) },
        },
      );
    }
    try {
      const outcome = await tryIt();
      if (outcome === null) return null;
      throttle.giveBack(key, request.ip, Date.now());
      throttle.succeeded(key, request.ip);
      return outcome;
    } catch (error) {
      // Nobody looked at the password.
      if (codeOf(error) === "sign-in-busy") throttle.giveBack(key, request.ip, Date.now());
      throw error;
    }
  };

  api.get(
    "/session",
    {
      schema: {
        operationId: "getSession",
        summary: "Who is signed in.",
        tags,
        access: "anyone",
        response: { 200: ref(Session) },
      },
    },
    // The cookie of an ended session stays: taking it away could take the one that a sign-in has just set.
    async (request) => answer(request.principal),
  );

  api.post(
    "/session",
    {
      schema: {
        operationId: "signIn",
        summary: "Signs in: the answer sets the session's cookie.",
        tags,
        access: "anyone",
        body: ref(Credentials),
        response: { 200: ref(Session) },
        failures: [429, 503],
      },
    },
    async (request, reply) => {
      const { name, password } = request.body;
      let known: User | null = null;
      const session = await throttled(request, name, async () => {
        const outcome = await registry.signIn(name, password, Date.now(), sessions);
        ({ user: known } = outcome);
        return outcome.kind === "signed-in" ? outcome.session : null;
      });
      // A name that nobody has may be a password in the wrong field.
      const { id = null, name: shown = "(no user's)" } = (known ?? {}) as Partial<User>;
      request.callNote = { actor: actorOf(null), subject: id, detail: { name: shown } };
      if (session !== null) return await begin(request, reply, session);
      throw new RefusedCall(401, "sign-in-refused", "Name or password is wrong, or the user is disabled.", {
        hint: "Try again. Whoever lost a password asks an administrator for a new one.",
      });
    },
  );

  api.delete(
    "/session",
    {
      schema: {
        operationId: "signOut",
        summary: "Signs out: the session ends, and its cookie is taken away.",
        tags,
        access: "anyone",
        response: { 204: gone },
      },
    },
    async (request, reply) => {
      const { principal } = request;
      if (principal?.via === "session") {
        refuseForgery(request, principal.csrfToken);
        await registry.endSession(principal.sessionId);
      }
      cookie.clear(request, reply);
      return await reply.code(204).send(null);
    },
  );

  api.put(
    "/session/password",
    {
      schema: {
        operationId: "changePassword",
        summary: "Sets one's own password; all other sessions of the user end.",
        tags,
        access: "operator",
        body: ref(PasswordChange),
        response: { 200: ref(Session) },
        failures: [409, 429, 503],
      },
    },
    async (request, reply) => {
      const { principal } = request;
      if (principal?.via !== "session") {
        throw new RefusedCall(409, "session-missing", "Only a signed-in user has a password of their own.", {
          hint: "Use PATCH /api/v1/users/{userId} to set the password of a user.",
        });
      }
      const { currentPassword: current, newPassword: next } = request.body;
      const session = await throttled(
        request,
        principal.name,
        async () => await registry.changePassword(principal.id, { current, next }, Date.now(), sessions),
      );
      request.callNote = { subject: principal.id };
      if (session !== null) return await begin(request, reply, session);
      throw new RefusedCall(403, "password-wrong", "The current password is wrong.", {
        field: "currentPassword",
        hint: "Type it again.",
      });
    },
  );

  api.post(
    "/session/end-others",
    {
      schema: {
        operationId: "endOtherSessions",
        summary: "Signs oneself out everywhere else: all sessions of the user end but this one.",
        tags,
        access: "operator",
        response: { 200: ref(EndedSessions) },
        failures: [409],
      },
    },
    async (request) => {
      const { principal } = request;
      if (principal?.via !== "session") {
        throw new RefusedCall(409, "session-missing", "Only a signed-in user has sessions.", {
          hint: "Use PATCH /api/v1/users/{userId} to set a user's password, which ends all sessions of the user.",
        });
      }
      request.callNote = { subject: principal.id };
      return { ended: await registry.endOtherSessions(principal.id, principal.sessionId) };
    },
  );

  api.post(
    "/setup",
    {
      schema: {
        operationId: "setUp",
        summary: "Makes the first administrator and signs in.",
        tags,
        access: "anyone",
        body: ref(FirstUser),
        response: { 201: ref(Session) },
        failures: [503],
      },
    },
    async (request, reply) => {
      const { setupToken, name, password } = request.body;
      if (!setUp.isNeeded) throw over();
      if (!setUp.isToken(setupToken)) {
        throw new RefusedCall(403, "setup-token-wrong", "This set-up link is not of the server's last start.", {
          field: "setupToken",
          hint: "Use the link that the server printed when it started; `coldpath user setup-link` shows it again.",
        });
      }
      try {
        await registry.createFirstUser({ name, password });
      } catch (error) {
        throw codeOf(error) === "setup-over" ? over() : error;
      }
      const outcome = await registry.signIn(name, password, Date.now(), sessions);
      if (outcome.kind === "refused") throw over();
      reply.code(201);
      return await begin(request, reply, outcome.session);
    },
  );

  api.get(
    "/setup-link",
    {
      schema: {
        operationId: "getSetUpLink",
        summary: "The link with which the first administrator is made, while there is no user.",
        tags,
        access: "administrator",
        response: { 200: ref(SetUpLink) },
        failures: [409],
      },
    },
    async () => {
      const { link } = setUp;
      if (link !== null) return { link };
      throw new RefusedCall(409, "setup-over", "The first administrator was made already.", {
        hint: "Make users with `coldpath user create`; `coldpath user update NAME --new-password` sets a lost password.",
      });
    },
  );
}

function over(): RefusedCall {
  return new RefusedCall(403, "setup-over", "The first administrator was made already.", {
    hint: "Sign in, or ask an administrator for a user.",
  });
}
