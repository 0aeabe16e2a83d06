// Small files of a running server in its data directory: the administrator's token and where the server listens.

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The local administrator's token, made at first start: whoever may read the file administers the server. Mode 600. */
export async function openAdminToken(dataDir: string): Promise<string> {
  const path = join(dataDir, "admin.token");
  if (existsSync(path)) {
    const token = readFileSync(path, "utf8").trim();
    if (token.length >= 32) return token;
  }
  const token = randomBytes(32).toString("base64url");
  await writeWhole(path, `${token}\n`, 0o600);
  return token;
}

/** Where the server listens, for the CLI. */
export interface ServerAddress {
  readonly url: string;
  readonly ports: {
    readonly mqtt: number;
    readonly mqtts: number;
    readonly amqps: number;
    readonly https: number;
    readonly web: number;
  };
  readonly pid: number;
  readonly startedAt: string;
}

export async function writeServerAddress(dataDir: string, address: ServerAddress): Promise<void> {
  await writeWhole(join(dataDir, "server.json"), `${JSON.stringify(address)}\n`, 0o644);
}

export async function removeServerAddress(dataDir: string): Promise<void> {
  await rm(join(dataDir, "server.json"), { force: true });
}

async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  await writeFile(`${path}.tmp`, text, { mode });
  await rename(`${path}.tmp`, path);
}
