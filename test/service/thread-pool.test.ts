// A folder on a file server that hangs holds a thread of Node's pool for each file operation on it. The journal needs one, too.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HubProcess } from "../lib/hub-process.ts";

test("J1: more threads stand ready than uploads can hold, so that the journal is written while folders hang", async () => {
  const directory = mkdtempSync(join(tmpdir(), "coldpath-threads-"));
  const hub = await HubProcess.start(join(directory, "data"), "--no-sample");
  try {
    const uploadsMax = 64; // of --export-uploads-max
    expect(readdirSync(`/proc/${hub.address.pid}/task`).length).toBeGreaterThan(uploadsMax + 4);
  } finally {
    await hub.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});
