// Files that are for the server's own user only: looked at, at each start.
//
// All of them are made with mode 600. A restore, a copy or a volume with a group of its own may have changed that; then it is
// said, and set right where it can be.

import { chmod, stat } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";

const ownFiles = [
  "secret.key",
  "admin.token",
  "registry.db",
  "registry.db-wal",
  join("tls", "ca.key"),
  join("tls", "server.key"),
];
const others = 0o077;
const everybodyReads = 0o004;

/** @param ownKey  the operator's own private key: a group may read that, everybody may not; it is never changed. */
export async function guardFileModes(dataDir: string, ownKey: string | undefined, log: Log): Promise<void> {
  for (const name of ownFiles) {
    const file = join(dataDir, name);
    const mode = await modeOf(file);
    if (mode === null || (mode & others) === 0) continue;
    const fields = { file, mode: mode.toString(8), code: "file-exposed" };
    try {
      await chmod(file, 0o600);
      const hint = "If somebody may have read it, change what is in it: docs/security.md says how.";
      log.warn({ ...fields, hint }, "A file with secrets was open to other users of this machine; it is not any more.");
    } catch (error) {
      const hint = "Give it to the user that the server runs as, with mode 600.";
      log.error(
        { ...fields, error: messageOf(error), hint },
        "A file with secrets is open to other users of this machine.",
      );
    }
  }
  const mode = ownKey === undefined ? null : await modeOf(ownKey);
  if (mode === null || (mode & everybodyReads) === 0) return;
  const hint = "Take the right to read it from everybody but the server's user or group (mode 640 or 600).";
  log.warn(
    { file: ownKey, mode: mode.toString(8), code: "file-exposed", hint },
    "Everybody on this machine can read the private key.",
  );
}

async function modeOf(file: string): Promise<number | null> {
  try {
    return (await stat(file)).mode & 0o777;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}
