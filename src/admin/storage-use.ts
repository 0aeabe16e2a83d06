// Using a storage account for the length of one call.

import type { StorageAccess } from "../destinations/destination.ts";

/** A person waits for the answer; the SDK's own time limits are longer. */
const storageTimeoutMs = 20_000;

/** Opens, uses and closes; what takes longer than 20 seconds fails as temporary. */
export async function withStorage<T>(
  open: () => StorageAccess | Promise<StorageAccess>,
  use: (storage: StorageAccess, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const storage = await open();
  try {
    return await use(storage, AbortSignal.timeout(storageTimeoutMs));
  } finally {
    await storage.close();
  }
}
