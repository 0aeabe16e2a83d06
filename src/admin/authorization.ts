// Who may call: whoever shows the administrator token.

import type { FastifyReply, FastifyRequest } from "fastify";
import { isSameSecret } from "../lib/secret-equality.ts";

/** A hook that lets a request through only with `Authorization: Bearer {token}`. */
export function requireToken(token: string): (request: FastifyRequest, reply: FastifyReply) => Promise<unknown> {
  return async (request, reply) => {
    const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (given !== undefined && isSameSecret(given, token)) return undefined;
    return await reply
      .code(401)
      .header("www-authenticate", 'Bearer realm="coldpath"')
      .send({
        error: {
          code: "unauthorized",
          message:
            given === undefined ? "This call needs the administrator token." : "The administrator token is wrong.",
          hint: "Send the header `Authorization: Bearer TOKEN`, with the token of the data directory's file admin.token.",
        },
      });
  };
}

/** Whether only this machine can reach a listener on `host`. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
