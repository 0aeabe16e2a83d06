// Storage accounts as the streams share them: opened once each, and again when they were changed.
//
// Whoever is in the middle of an upload ends it with what it began with: credentials are replaced without a gap. A former
// account is closed when the last of its users has ended.

import type { StorageAccess } from "../destinations/destination.ts";

interface Shared {
  readonly opened: Promise<StorageAccess>;
  users: number;
  isFormer: boolean;
}

export class SharedStorages {
  readonly #open: (storageAccountId: string) => Promise<StorageAccess>;
  readonly #onCloseFailed: (error: unknown) => void;
  readonly #shared = new Map<string, Shared>();

  constructor(open: (storageAccountId: string) => Promise<StorageAccess>, onCloseFailed: (error: unknown) => void) {
    this.#open = open;
    this.#onCloseFailed = onCloseFailed;
  }

  /** What `use` gives. Throws what opening throws; then it is opened again at the next use. */
  async with<T>(storageAccountId: string, use: (storage: StorageAccess) => Promise<T>): Promise<T> {
    const shared = this.#shared.get(storageAccountId) ?? this.#share(storageAccountId);
    shared.users++;
    try {
      return await use(await shared.opened);
    } finally {
      shared.users--;
      if (shared.isFormer && shared.users === 0) await this.#close(shared);
    }
  }

  /** The account was changed: from now on it is opened anew. */
  async renew(storageAccountId: string): Promise<void> {
    const shared = this.#shared.get(storageAccountId);
    if (shared === undefined) return;
    this.#shared.delete(storageAccountId);
    shared.isFormer = true;
    if (shared.users === 0) await this.#close(shared);
  }

  /** When nobody uses any. */
  async close(): Promise<void> {
    await Promise.all([...this.#shared.keys()].map((id) => this.renew(id)));
  }

  #share(storageAccountId: string): Shared {
    const shared: Shared = { opened: this.#open(storageAccountId), users: 0, isFormer: false };
    this.#shared.set(storageAccountId, shared);
    shared.opened.catch(() => {
      if (this.#shared.get(storageAccountId) === shared) this.#shared.delete(storageAccountId);
    });
    return shared;
  }

  async #close({ opened }: Shared): Promise<void> {
    const storage = await opened.catch(() => null); // whoever asked for it was told
    try {
      await storage?.close();
    } catch (error) {
      this.#onCloseFailed(error);
    }
  }
}
