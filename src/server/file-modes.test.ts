import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Log, silentLog } from "../lib/log.ts";
import { guardFileModes } from "./file-modes.ts";

test("A2: a key that others may read is told and closed, at each start; the operator's own key is told", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "coldpath-modes-"));
  mkdirSync(join(dataDir, "tls"));
  const own = join(dataDir, "own.key");
  const files = ["secret.key", "admin.token", "registry.db", "tls/ca.key", "tls/server.key"].map((name) =>
    join(dataDir, name),
  );
  for (const file of [...files, own]) writeFileSync(file, "");
  for (const file of files) chmodSync(file, 0o600);
  chmodSync(own, 0o640);
  const told: unknown[] = [];
  const log: Log = { ...silentLog, warn: (fields) => told.push(fields), error: (fields) => told.push(fields) };
  await guardFileModes(dataDir, own, log);
  expect(told).toEqual([]);

  for (const file of files) chmodSync(file, 0o640);
  chmodSync(own, 0o644);
  await guardFileModes(dataDir, own, log);
  expect(told).toEqual(
    [...files, own].map((file) => expect.objectContaining({ file, code: "file-exposed" }) as object),
  );
  for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(own).mode & 0o777).toBe(0o644);
  rmSync(dataDir, { recursive: true });
});
