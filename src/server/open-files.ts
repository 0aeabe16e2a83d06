// How many sockets of devices the process's limit of open files allows (RLIMIT_NOFILE, `LimitNOFILE`, `ulimit -n`).

import { readFileSync } from "node:fs";

/** Kept for the journal, the registry, exports and the API's own sockets, at most. */
const keptFilesMax = 1024;

/** Half of a small limit, all but 1024 of a large one. No bound where the system does not tell its limit. */
export function socketsMaxOf(filesMax: number): number {
  return Math.max(1, filesMax - Math.min(keptFilesMax, Math.floor(filesMax / 2)));
}

/** Node has raised the soft limit to the hard one at its start. */
export function openFilesMax(): number {
  try {
    const [, soft] = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    const files = Number(soft);
    return Number.isInteger(files) && files > 0 ? files : Infinity;
  } catch {
    return Infinity; // not Linux
  }
}
