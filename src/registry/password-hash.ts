// Hashes of passwords: scrypt, with its cost written beside each, so that it can be raised; then a hash is made anew at
// the next sign-in.
//
// One is computed at a time, in a thread of Node's pool: 32 MiB and one core, however many sign in. So many wait and no
// more; the others are told to come back.

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { registryError } from "./errors.ts";

interface Cost {
  /** CPU and memory: memory is 128 × N × r bytes. */
  readonly N: number;
  readonly r: number;
  /** Times that work is done. */
  readonly p: number;
}

/** One of those that OWASP's password storage cheat sheet gives as equally strong, with 32 MiB. */
const cost: Cost = { N: 2 ** 15, r: 8, p: 3 };
/** What a hash in a registry may ask for: a damaged or foreign one must not take the machine. */
const memoryBytesMax = 256 * 2 ** 20;
const saltBytes = 16;
const hashBytes = 32;
const waitingMax = 32;

export class PasswordHashes {
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #decoy: string | null = null;

  /** @throws ColdpathError `sign-in-busy`. */
  async make(password: string): Promise<string> {
    const salt = randomBytes(saltBytes);
    return printHash(cost, salt, await this.#compute(password, salt, cost));
  }

  /**
   * Whether `password` is the one of `stored`; null stands for nobody's, and takes as long.
   *
   * @throws ColdpathError `sign-in-busy`.
   */
  async verify(password: string, stored: string | null): Promise<boolean> {
    const { cost: storedCost, salt, hash } = parseHash(stored ?? this.#nobodys());
    const computed = await this.#compute(password, salt, storedCost);
    return computed.length === hash.length && timingSafeEqual(computed, hash) && stored !== null;
  }

  /** Whether a hash was made with another cost than those made now. */
  isDated(stored: string): boolean {
    const { cost: storedCost } = parseHash(stored);
    return storedCost.N !== cost.N || storedCost.r !== cost.r || storedCost.p !== cost.p;
  }

  #nobodys(): string {
    return (this.#decoy ??= printHash(cost, randomBytes(saltBytes), randomBytes(hashBytes)));
  }

  #compute(password: string, salt: Buffer, { N, r, p }: Cost): Promise<Buffer> {
    if (this.#waiting >= waitingMax) {
      throw registryError("sign-in-busy", `${waitingMax} others are signing in at this moment.`);
    }
    this.#waiting++;
    const turn = this.#tail
      .then(async () => await scryptOf(password.normalize("NFC"), salt, { N, r, p }))
      .finally(() => {
        this.#waiting--;
      });
    this.#tail = turn.catch(() => {}); // whoever took that turn got its error
    return turn;
  }
}

function scryptOf(password: string, salt: Buffer, { N, r, p }: Cost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hashBytes, { N, r, p, maxmem: memoryBytesMax + 2 ** 20 }, (error, hash) => {
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}

/** `scrypt:N:r:p:salt:hash`. */
function printHash({ N, r, p }: Cost, salt: Buffer, hash: Buffer): string {
  return ["scrypt", N, r, p, salt.toString("base64url"), hash.toString("base64url")].join(":");
}

function parseHash(text: string): { readonly cost: Cost; readonly salt: Buffer; readonly hash: Buffer } {
  const [scheme, N, r, p, salt = "", hash = ""] = text.split(":");
  if (scheme !== "scrypt" || 128 * Number(N) * Number(r) > memoryBytesMax) {
    throw registryError(
      "registry-unreadable",
      "A password in the registry was hashed in a way this version does not know.",
    );
  }
  return {
    cost: { N: Number(N), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, "base64url"),
    hash: Buffer.from(hash, "base64url"),
  };
}
