// The administration room: the hub's side for people and scripts, as a REST API with an OpenAPI document.
//
// Owns:      routes and the schemas of what they take and answer; who may call; the form of errors.
// Does not:  decide anything: rules and their messages are the registry's and the exporter's; routes are
//            validation → call → answer.
//
// Invariants (tests cite the numbers):
//   D2  An answer is sent only after its change is durable: the registry's calls resolve after commit.
//   A1  Every call under /api/v1 needs a session, an API token or the data directory's token, the OpenAPI document too, and
//       a role that its route names; open are only those that sign in. A session's cookie counts only for pages of this
//       origin. Open are /healthz and /readyz, which say yes or no, and /metrics while the listener is on loopback;
//       elsewhere it needs an administrator. What was changed, and by whom, is in the audit log before it is answered.
//   A2  Passwords and storage secrets go in and never come out, neither in answers nor in the logs; device and policy keys
//       only in the answers made for them.
//   M1  Requests, pages, headers, connections and the time of each are bounded.
//
// Etags: answers carry `etag`; a body may give it back, then a stale edit is refused with 409. No If-Match header: bodies
// are what the page, the CLI and scripts have at hand.
//
// Files: api.ts puts the server together; authorization.ts lets calls in; routes/ one file per resource; schemas/ what they
// take and answer. A stream that outlives its request watches its caller with watchPrincipal (principal.ts).

import { secureTransport } from "../lib/secure-transport.ts";
import { makeApi } from "./api.ts";
import type { AdminOptions, TlsCredentials } from "./options.ts";

export type { AdminOptions, TlsCredentials } from "./options.ts";

export interface RunningAdmin {
  /** The one bound, also where 0 asked for any. */
  readonly port: number;
  /** Where the first administrator is made; null when there is a user. */
  setUpLink(): string | null;
  /** A renewed certificate, for connections from now on. Nothing over plain HTTP. */
  setSecureContext(tls: TlsCredentials): void;
  /** Answers what is under way, then closes. */
  close(): Promise<void>;
}

/**
 * Listens. Rejects with Node's error (`EADDRINUSE`, `EACCES`, …) when it cannot.
 */
export async function startAdmin(options: AdminOptions): Promise<RunningAdmin> {
  const { app, server, setUp } = await makeApi(options);
  try {
    await app.listen({ port: options.port, host: options.host });
  } catch (error) {
    await app.close();
    throw error;
  }
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  return {
    port,
    setUpLink: () => setUp.link,
    setSecureContext: (tls) => {
      if ("setSecureContext" in server) server.setSecureContext({ ...secureTransport, ...tls });
    },
    close: async () => {
      await app.close();
    },
  };
}
