// Makes a directory's entries durable: a new file exists after power loss only when its directory was synced.

import { closeSync, fsyncSync, openSync } from "node:fs";

export function syncDirectory(directory: string): void {
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
