// The way from a command to the running server: where it listens and the administrator's token.
//
// Both are in the data directory of a server on this machine (`server.json`, written while it runs; `admin.token`, mode
// 600), so that no option is needed there. A server elsewhere is named by --url and --token.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { serverOptions } from "../config/options.ts";
import type { OptionTable, Values } from "../config/option.ts";
import { codeOf, ColdpathError, messageOf } from "../lib/errors.ts";
import { Client } from "./client.ts";

const group = "The server to ask";

export const connectionOptions = {
  "data-dir": {
    group,
    type: "path",
    default: serverOptions["data-dir"].default,
    description: "The server's data directory, which tells its address and the administrator's token.",
  },
  url: {
    group,
    type: "string",
    pattern: /^https?:\/\/[^/?#]+\/?$/,
    form: "a URL such as http://127.0.0.1:8080",
    description: "Where the server's web port is, when its data directory is not on this machine.",
  },
  token: {
    group,
    type: "string",
    isSecret: true,
    description: "The administrator's token. Better in the environment: others can see a command line.",
  },
  "tls-ca": {
    group,
    type: "path",
    description: "The authority (PEM) to trust for an https URL, when it is neither public nor {data-dir}/tls/ca.pem.",
  },
} as const satisfies OptionTable;

export type Connection = Values<typeof connectionOptions>;

interface ServerAddress {
  readonly url: string;
  readonly pid: number;
  readonly startedAt: string;
}

/**
 * A client for the server that the options name. Asks nobody yet.
 *
 * @throws ColdpathError `server-absent` when no server runs on the data directory; `token-missing`.
 */
export function connect(connection: Connection): Client {
  const { dataDir } = connection;
  const address = readAddress(dataDir);
  const url = connection.url ?? address?.url;
  if (url === undefined) {
    throw new ColdpathError(
      "unavailable",
      "server-absent",
      `No Coldpath server runs on the data directory ${dataDir}.`,
      {
        hint: "Start one with `coldpath serve`, or name the one you mean with --data-dir, or with --url and --token.",
      },
    );
  }
  return new Client({
    url: url.replace(/\/$/, ""),
    token: connection.token ?? readToken(dataDir, url, address),
    authorities: authoritiesOf(connection),
    absence:
      connection.url === undefined && address !== null
        ? `${join(dataDir, "server.json")} is of a server with process id ${address.pid}, started ${address.startedAt}; if that is gone, start it again with \`coldpath serve\`.`
        : "Start it with `coldpath serve`, or correct --url (COLDPATH_URL).",
  });
}

function readAddress(dataDir: string): ServerAddress | null {
  const path = join(dataDir, "server.json");
  if (!existsSync(path)) return null;
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ServerAddress;
  } catch (error) {
    throw new ColdpathError("unavailable", "server-absent", `Cannot read ${path}: ${messageOf(error)}.`, {
      hint: "Run the command as the user that the server runs as, or give --url and --token.",
    });
  }
}

/** The token of the data directory, for a server on this machine only: no other host gets to see it. */
function readToken(dataDir: string, url: string, address: ServerAddress | null): string {
  const path = join(dataDir, "admin.token");
  const isOurs = url === address?.url || /^https?:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?\/?$/.test(url);
  if (!isOurs || !existsSync(path)) {
    throw new ColdpathError("invalid", "token-missing", `There is no administrator's token for ${url}.`, {
      hint: "Put it into COLDPATH_TOKEN, or name the data directory that holds admin.token with --data-dir.",
    });
  }
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    const why = codeOf(error) === "EACCES" ? "only the user that the server runs as may read it" : messageOf(error);
    throw new ColdpathError("invalid", "token-missing", `Cannot read ${path}: ${why}.`, {
      hint: "Run the command as that user, or put the token into COLDPATH_TOKEN.",
      cause: error,
    });
  }
}

/** Null: the public ones. */
function authoritiesOf({ dataDir, tlsCa }: Connection): readonly string[] | null {
  const path = tlsCa ?? join(dataDir, "tls", "ca.pem");
  if (tlsCa === undefined && !existsSync(path)) return null;
  try {
    return [...rootCertificates, readFileSync(path, "utf8")];
  } catch (error) {
    if (tlsCa === undefined) return null;
    throw new ColdpathError("invalid", "ca-unreadable", `Cannot read ${path}: ${messageOf(error)}.`, {
      field: "tls-ca",
    });
  }
}
