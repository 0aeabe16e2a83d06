// Secrets at rest: AES-256-GCM with a random nonce, bound to the row they belong to (A2).
//
// Owns:      the sealed form and the key file.
// Does not:  know what a secret is for.
//
// Sealed form, version 1: version byte, 12-byte nonce, 16-byte tag, ciphertext. The row's identity is authenticated
// with it, so a sealed secret that was copied into another row does not open.

import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import { codeOf, messageOf } from "../../lib/errors.ts";
import { registryError } from "../errors.ts";
import { syncDirectory } from "./sync.ts";

const formatVersion = 1;
const nonceBytes = 12;
const tagBytes = 16;
const keyBytes = 32;

export interface SecretBox {
  /** @param identity  the row it is kept in, e.g. `policy:device`. */
  seal(plain: string | Uint8Array, identity: string): Buffer;
  /** Throws ColdpathError `secret-altered` when key, row or bytes are not those of `seal`. */
  open(sealed: Uint8Array, identity: string): Buffer;
}

/** A closure rather than a class: no log of it shows the key. */
export function secretBox(key: Buffer): SecretBox {
  const keyObject = createSecretKey(key);
  return {
    seal(plain, identity) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", keyObject, nonce, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.from(identity, "utf8"));
      const text = cipher.update(typeof plain === "string" ? Buffer.from(plain, "utf8") : plain);
      const rest = cipher.final();
      return Buffer.concat([Buffer.of(formatVersion), nonce, cipher.getAuthTag(), text, rest]);
    },
    open(sealed, identity) {
      try {
        if (sealed[0] !== formatVersion) throw new Error(`unknown format version ${sealed[0] ?? "none"}`);
        const nonce = sealed.subarray(1, 1 + nonceBytes);
        const decipher = createDecipheriv("aes-256-gcm", keyObject, nonce, { authTagLength: tagBytes });
        decipher.setAAD(Buffer.from(identity, "utf8"));
        decipher.setAuthTag(sealed.subarray(1 + nonceBytes, 1 + nonceBytes + tagBytes));
        return Buffer.concat([decipher.update(sealed.subarray(1 + nonceBytes + tagBytes)), decipher.final()]);
      } catch (cause) {
        throw registryError("secret-altered", `The secret of ${identity} does not open.`, { cause });
      }
    },
  };
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
  if (key.length !== keyBytes) {
    throw registryError("secret-key-wrong", `The key file ${file} has ${key.length} bytes; a key has ${keyBytes}.`);
  }
  return key;
}

/** Makes a new key, durable before anything can be sealed with it. */
export function makeSecretKey(file: string): Buffer {
  const key = randomBytes(keyBytes);
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
