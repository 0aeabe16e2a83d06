// The key that all secrets of a registry are sealed with: a file beside it, or given by whoever starts the server.
//
// Owns:      `secret.key` and, while a rotation is under way, `secret.key.next`; both 32 bytes, mode 600.
// Does not:  seal (secrets.ts), rotate (rotation.ts), ask a vault (server/given-secret-key.ts).
//
// A rotation is one transaction between two steps on files: `secret.key.next` is made durable, everything is sealed with
// it, it takes the name `secret.key`. So after a crash exactly one of the two opens everything, and a start finds out which
// and tidies up.

import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import { codeOf, messageOf } from "../../lib/errors.ts";
import { registryError } from "../errors.ts";
import { syncDirectory } from "./sync.ts";

const secretKeyBytes = 32;

export function secretKeyFile(directory: string): string {
  return path.join(directory, "secret.key");
}

export function nextSecretKeyFile(directory: string): string {
  return path.join(directory, "secret.key.next");
}

/** The key in the file, or null when there is no file. Throws ColdpathError when it cannot be read or is no key. */
export function readSecretKey(file: string): Buffer | null {
  let key: Buffer;
  try {
    key = readFileSync(file);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return null;
    throw registryError("secret-key-missing", `The key file ${file} cannot be read: ${messageOf(cause)}.`, {
      hint: "Make the file readable for the user this server runs as (mode 600).",
      cause,
    });
  }
  if (key.length !== secretKeyBytes) {
    throw registryError(
      "secret-key-wrong",
      `The key file ${file} has ${key.length} bytes; a key has ${secretKeyBytes}.`,
    );
  }
  return key;
}

/** Makes a new key, durable before anything can be sealed with it. */
export function makeSecretKey(file: string): Buffer {
  const key = randomBytes(secretKeyBytes);
  const temporary = `${file}.new`;
  rmSync(temporary, { force: true });
  const handle = openSync(temporary, "wx", 0o600);
  try {
    writeSync(handle, key);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, file);
  syncDirectory(path.dirname(file));
  return key;
}

/** The end of a rotation: the next key takes the place of the former one, which is gone then. */
export function adoptNextSecretKey(directory: string): void {
  renameSync(nextSecretKeyFile(directory), secretKeyFile(directory));
  syncDirectory(directory);
}

export function removeKeyFile(file: string): void {
  rmSync(file, { force: true });
  syncDirectory(path.dirname(file));
}
