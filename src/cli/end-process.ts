// The end of a process although file operations hang (a folder whose file server is gone): each holds a thread, and both
// `process.exit` and the end of all work wait for threads. Only SIGKILL ends them, which is exit code 137.

import { setTimeout as pause } from "node:timers/promises";

/** What is left of file operations on a disk that is well ends within this. */
const endWithinMs = 1000;

const hasFileOperations = (): boolean => process.getActiveResourcesInfo().some((what) => what.startsWith("FSReq"));

/** Ends the process whatever still runs. */
export async function endProcess(code: number): Promise<never> {
  const lateMs = performance.now() + endWithinMs;
  while (hasFileOperations()) {
    if (performance.now() > lateMs) process.kill(process.pid, "SIGKILL");
    await pause(10);
  }
  process.exit(code);
}

/** For a command that is done: what it left is waited for, but not a file operation that hangs. */
export function endThoughFilesHang(): void {
  setTimeout(() => {
    if (!hasFileOperations()) return;
    process.stderr.write("coldpath: a file operation hangs and cannot be ended, so this process ends by SIGKILL.\n");
    process.kill(process.pid, "SIGKILL");
  }, endWithinMs).unref();
}
