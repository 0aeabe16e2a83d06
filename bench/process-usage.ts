// What a process used, from /proc: CPU time and memory as the kernel accounts them. Linux only.

import { readFileSync } from "node:fs";

/** Kernel clock ticks a second: 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** User and system CPU time in microseconds, all threads. */
export function cpuMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / ticksPerSecond;
}

/** Resident memory in MiB. */
export function rssMiB(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Math.round(Number(match?.[1] ?? 0) / 1024);
}
