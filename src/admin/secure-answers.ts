// What a browser must know of every answer, and which names a browser may use for this listener.
//
// No header of ours lets another site's page read answers (no CORS); what it may not make a browser send is cross-site.ts's. What
// is left is DNS rebinding: a page of evil.example whose name suddenly means 127.0.0.1 is of the same origin as this listener
// then. It still says `Host: evil.example`, and is told nothing. Over TLS the certificate does that work.

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { isIP } from "node:net";
import type { AdminOptions } from "./options.ts";
import { isLoopback } from "./authorization.ts";

interface AnswerOptions {
  readonly isTls: boolean;
  readonly isKnownHost: (host: string) => boolean;
}

/** Answers of the API are data: nothing in them is to be run, framed, guessed at, kept or told on. */
const headers: readonly (readonly [string, string])[] = [
  ["content-security-policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"],
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "DENY"],
  ["referrer-policy", "no-referrer"],
  ["cross-origin-resource-policy", "same-origin"],
  ["cache-control", "no-store"],
];
const yearSeconds = 31_536_000;

/** Gives every answer its headers, and refuses names that are not this server's. */
export function secureAnswers(handler: RequestListener, { isTls, isKnownHost }: AnswerOptions): RequestListener {
  return (request, response) => {
    for (const [name, value] of headers) response.setHeader(name, value);
    if (isTls) response.setHeader("strict-transport-security", `max-age=${yearSeconds}`);
    if (isOpen(request) || isKnownHost(request.headers.host ?? "")) handler(request, response);
    else refuse(request, response);
  };
}

/** Load balancers look at these by names of their own; they say yes or no. */
function isOpen({ url }: IncomingMessage): boolean {
  return url === "/healthz" || url === "/readyz";
}

/**
 * Names that a request to the listener may be for. On loopback without TLS: addresses, `localhost`, the public hosts and
 * `web-hosts`; else any, for a page that was rebound to it has no certificate for its name.
 */
export function knownHosts({ host, tls, endpoints, webHosts }: AdminOptions): (host: string) => boolean {
  if (tls !== undefined || !isLoopback(host)) return () => true;
  const names = new Set(["localhost", ...endpoints().publicHosts, ...webHosts].map((name) => name.toLowerCase()));
  return (given) => {
    // HTTP/1.0 has no Host, and no browser speaks it. An address cannot be rebound.
    if (given === "") return true;
    const name = given.replace(/:\d*$/, "").toLowerCase();
    return names.has(name) || isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0;
  };
}

function refuse(request: IncomingMessage, response: ServerResponse): void {
  const body = JSON.stringify({
    error: {
      code: "host-unknown",
      message: `This server is not known as ${JSON.stringify((request.headers.host ?? "").slice(0, 200))}.`,
      hint: "Use localhost or an address; for a proxy on this machine add the name with --web-hosts.",
    },
  });
  // 421 Misdirected Request: RFC 9110, 15.5.20. The body is not read: the connection ends.
  response.writeHead(421, { "content-type": "application/json; charset=utf-8", connection: "close" }).end(body);
}
