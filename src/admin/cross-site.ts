// Calls that another site's page makes a browser send: they carry the cookie's power where nothing looks.
//
// A browser says where a request comes from (Sec-Fetch-Site, Origin). SameSite=Strict keeps the cookie from other sites, but
// another port of this host is the same site, so only the same origin is let in. Besides, unsafe calls show a token that
// only a page of this origin can have read (x-csrf-token); it follows from the session's, so nothing is kept of it.

import { createHmac } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { isSameSecret } from "../lib/secret-equality.ts";
import { RefusedCall } from "./refused-call.ts";

export function csrfTokenOf(sessionToken: string): string {
  return createHmac("sha256", sessionToken).update("coldpath x-csrf-token").digest("base64url");
}

const isSafe = (method: string): boolean => method === "GET" || method === "HEAD";

/**
 * Refuses what a browser says to come from another origin.
 *
 * @param isOurName  names under which a proxy may show this server, without a port.
 */
export function refuseForeignPage(request: FastifyRequest, isOurName: (name: string) => boolean): void {
  const { method, headers } = request;
  const site = headers["sec-fetch-site"];
  // `none`: typed into the address bar, for one.
  const isOwn = site === undefined || site === "same-origin" || (site === "none" && isSafe(method));
  const { origin } = headers;
  if (isOwn && (origin === undefined || isOurOrigin(origin, headers.host ?? "", isOurName))) return;
  throw new RefusedCall(403, "cross-site", "This call comes from a page of another site.", {
    hint: "Open the page of this server. Scripts send an API token and no cookie. Behind a proxy that changes the Host header, name its host with --web-hosts.",
  });
}

/** Refuses an unsafe call by cookie that does not show the session's token. */
export function refuseForgery(request: FastifyRequest, csrfToken: string): void {
  if (isSafe(request.method)) return;
  const given = request.headers["x-csrf-token"];
  if (typeof given === "string" && isSameSecret(given, csrfToken)) return;
  throw new RefusedCall(403, "csrf-token-wrong", "The header x-csrf-token is missing or not this session's.", {
    hint: "Send the csrfToken that GET /api/v1/session answers.",
  });
}

function isOurOrigin(origin: string, host: string, isOurName: (name: string) => boolean): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  if (url.protocol !== "http:" && url.protocol !== "https:") return false;
  return url.host === host.toLowerCase() || isOurName(url.hostname.toLowerCase());
}
