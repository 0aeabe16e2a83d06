// The session's cookie: its name, its attributes, and how it is read.
//
// Browsers tell cookies apart by host and not by port, so the name holds a part of the installation's id: two hubs on one
// machine do not sign each other's users out. Over TLS it has the prefix __Host-, which no other host and no plain HTTP can
// set (RFC 6265bis, 4.1.3).

import type { FastifyReply, FastifyRequest } from "fastify";

export class SessionCookie {
  readonly #name: string;
  readonly #isTls: boolean;

  constructor(installationId: string, isTls: boolean) {
    this.#name = `coldpath-${installationId.slice(0, 8)}`;
    this.#isTls = isTls;
  }

  /** The session's token, or null. A cookie that is there twice is none: somebody else may have set one of them. */
  read(request: FastifyRequest): string | null {
    const found = new Map<string, string[]>();
    for (const pair of (request.headers.cookie ?? "").split(";")) {
      const at = pair.indexOf("=");
      const name = pair.slice(0, at).trim();
      found.set(name, [...(found.get(name) ?? []), pair.slice(at + 1).trim()]);
    }
    const secure = found.get(`__Host-${this.#name}`);
    const values = this.#isTls ? secure : (secure ?? found.get(this.#name));
    const [token, second] = values ?? [];
    return token === undefined || second !== undefined || !/^[\w-]{43}$/.test(token) ? null : token;
  }

  /** @param maxAgeSeconds  0 takes it away. */
  write(request: FastifyRequest, reply: FastifyReply, token: string, maxAgeSeconds: number): void {
    const attributes = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}`;
    // A proxy before a listener without TLS says by Origin that the browser speaks TLS to it.
    const isSecure = this.#isTls || (request.headers.origin ?? "").startsWith("https://");
    reply.header(
      "set-cookie",
      isSecure ? `__Host-${this.#name}=${token}; ${attributes}; Secure` : `${this.#name}=${token}; ${attributes}`,
    );
  }

  clear(request: FastifyRequest, reply: FastifyReply): void {
    this.write(request, reply, "", 0);
  }
}
