// Secrets at rest: AES-256-GCM with a random nonce, bound to the row they belong to (A2).
//
// Owns:      the sealed form.
// Does not:  know what a secret is for, or where the key comes from (secret-key.ts).
//
// Sealed form, version 1: version byte, 12-byte nonce, 16-byte tag, ciphertext. The row's identity is authenticated
// with it, so a sealed secret that was copied into another row does not open.

import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from "node:crypto";
import { registryError } from "../errors.ts";

const formatVersion = 1;
const nonceBytes = 12;
const tagBytes = 16;

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
