// Backups of a registry under change, and what is refused. (A whole hub that is lost and restored: test/fault/restore.test.ts.)

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeFreshJournal, readMarks } from "../journal/file/fresh-journal.ts";
import { systemClock } from "../lib/clock.ts";
import { windowOf } from "../lib/window.ts";
import { openSqliteRegistry } from "../registry/sqlite/sqlite-registry.ts";
import type { Registry } from "../registry/registry.ts";
import type { BackupManifest } from "./backup.ts";
import { printManifest } from "./manifest.ts";
import { readBackup } from "./read-backup.ts";
import { restoreBackup } from "./restore.ts";
import { takeBackup } from "./take-backup.ts";

const nowMs = Date.parse("2026-03-04T05:06:30.000Z");
const marks = [
  { partition: 0, isRetired: true, windowNext: 35_000_000, offsetNext: 77 },
  { partition: 1, isRetired: false, windowNext: windowOf(nowMs), offsetNext: 1234 },
];

let directory = "";
let dataDir = "";
let registry: Registry;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-backup-"));
  dataDir = join(directory, "data");
  registry = await openSqliteRegistry({ directory: dataDir, hubName: "hub", clock: systemClock });
  await registry.createTemplate({
    id: "t",
    name: "T",
    publish: true,
    measurements: { telemetry: {}, states: {}, events: {} },
    settings: { device: {} },
    properties: { cloud: {}, device: {} },
  });
  await makeFreshJournal(join(dataDir, "journal"), marks);
  writeFileSync(join(dataDir, "admin.token"), "a token of this test alone, nothing else\n", { mode: 0o600 });
  mkdirSync(join(dataDir, "tls"));
  writeFileSync(join(dataDir, "tls", "ca.pem"), "an authority\n");
});
afterEach(async () => {
  await registry.close();
  rmSync(directory, { recursive: true, force: true });
});

async function backup(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const write = async (bytes: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of bytes) chunks.push(Buffer.from(chunk));
  };
  await takeBackup({ dataDir, temporaryDirectory: directory, nowMs, write });
  return Buffer.concat(chunks);
}

// oxlint-disable-next-line require-await -- a source
async function* sourceOf(bytes: Buffer, pieceBytes = 64 * 1024): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

function restore(bytes: Buffer, to: string, isRegistryOnly = false, atMs = nowMs) {
  return restoreBackup({ source: sourceOf(bytes), dataDir: to, isRegistryOnly, nowMs: atMs });
}

test(
  "B1: a hundred backups under random administration: each restores, is whole, and is of one moment",
  { timeout: 300_000 },
  async () => {
    const stop = new AbortController();
    let changes = 0;
    const administration = (async () => {
      for (let round = 0; !stop.signal.aborted; round++) {
        // The registry's calls resolve within the turn: nothing else would ever run.
        await pause(10);
        // Pairs in one change: an odd number of devices would be half of one.
        await registry.createDevices([`a-${round}`, `b-${round}`].map((id) => ({ id, templateId: "t" })));
        const choice = Math.random();
        if (choice < 0.3) await registry.setDeviceKeys(`a-${round}`, "regenerate-primary");
        else if (choice < 0.5) await registry.createPolicy(`p-${round}`);
        else if (choice < 0.7) {
          const settings = { kind: "azure-blob", auth: "account-key", endpoint: "https://example.org" } as const;
          await registry.createStorageAccount({
            name: `s-${round}`,
            settings,
            secret: Buffer.from(`${round}`).toString("base64"),
          });
        }
        changes++;
      }
    })();
    const counts: number[] = [];
    try {
      for (let round = 0; round < 100; round++) {
        const before = await registry.countDevices();
        const bytes = await backup();
        const after = await registry.countDevices();
        const to = join(directory, "restored");
        await restore(bytes, to);
        const copy = await openSqliteRegistry({ directory: to, clock: systemClock });
        const count = await copy.countDevices();
        expect(count % 2).toBe(0);
        expect(count).toBeGreaterThanOrEqual(before);
        expect(count).toBeLessThanOrEqual(after);
        // Its secrets open.
        expect(copy.installation.secret).toEqual(registry.installation.secret);
        if (count > 0) await copy.deviceKeys("a-0");
        for (const account of await copy.storageAccounts()) {
          expect(await copy.storageSecret(account.id)).toBe(await registry.storageSecret(account.id));
        }
        await copy.close();
        rmSync(to, { recursive: true });
        counts.push(count);
      }
    } finally {
      stop.abort();
    }
    await administration;
    expect(new Set(counts).size).toBeGreaterThan(10);
    expect(changes).toBeGreaterThan(10);
  },
);

test("What is restored: registry, keys, token, authority; the journal goes on above what the former one can have used (B2)", async () => {
  await registry.createDevice({ id: "d", templateId: "t" });
  const bytes = await backup();
  const to = join(directory, "restored");
  const weekLaterMs = nowMs + 7 * 24 * 3_600_000;
  const restoration = await restore(bytes, to, false, weekLaterMs);
  expect(restoration).toMatchObject({
    hubName: "hub",
    secretKey: "included",
    gaps: 0,
    windowNext: windowOf(weekLaterMs) + 1,
  });
  for (const name of ["secret.key", "admin.token", "tls/ca.pem"]) {
    expect(readFileSync(join(to, name))).toEqual(readFileSync(join(dataDir, name)));
    expect(statSync(join(to, name)).mode & 0o777).toBe(0o600);
  }
  expect(statSync(to).mode & 0o777).toBe(0o700);
  expect(existsSync(join(to, "restoring"))).toBe(false);
  const [retired, active] = await readMarks(join(to, "journal"));
  expect(retired).toEqual(marks[0]);
  expect(active).toMatchObject({ partition: 1, isRetired: false, windowNext: windowOf(weekLaterMs) + 1 });
  // More than four million records a second, all the week.
  expect(active?.offsetNext).toBeGreaterThan(1234 + 7 * 24 * 3600 * 4_000_000);
  const copy = await openSqliteRegistry({ directory: to, clock: systemClock });
  expect(await copy.deviceKeys("d")).toEqual(await registry.deviceKeys("d"));
  expect(copy.installation).toEqual(registry.installation);
  await copy.close();
});

test("B1: a key that is given to the server from elsewhere is not in the backup, and that is said", async () => {
  const key = readFileSync(join(dataDir, "secret.key"));
  rmSync(join(dataDir, "secret.key"));
  const bytes = await backup();
  const manifest = await readBackup(sourceOf(bytes));
  expect(manifest.secretKey).toBe("elsewhere");
  expect(manifest.entries.map(({ name }) => name)).toEqual(["registry.db", "admin.token", "tls/ca.pem"]);
  expect(bytes.includes(key)).toBe(false);
  // A key that lies there and opens nothing is no key of this registry.
  writeFileSync(join(dataDir, "secret.key"), Buffer.alloc(32, 7));
  expect((await readBackup(sourceOf(await backup()))).secretKey).toBe("elsewhere");
  // While a key is changed, the one that opens the copy is taken.
  writeFileSync(join(dataDir, "secret.key.next"), key);
  expect((await readBackup(sourceOf(await backup()))).secretKey).toBe("included");
  rmSync(join(dataDir, "secret.key.next"));
});

test("B1: damaged at any place or cut at any length, it is refused and the directory stays as it was", async () => {
  await registry.createDevice({ id: "d", templateId: "t" });
  const bytes = await backup();
  const to = join(directory, "restored");
  mkdirSync(to);
  const places = [
    // Each header and the whole manifest, then everywhere.
    ...Array.from({ length: 300 }, (_, index) => 345 + index * 11),
    ...Array.from({ length: 100 }, () => Math.floor(Math.random() * bytes.length)),
  ].filter((place) => place < bytes.length);
  let harmless = 0;
  for (const place of places) {
    const flipped = Buffer.from(bytes);
    flipped[place] = (flipped[place] ?? 0) ^ 0x10;
    try {
      await readBackup(sourceOf(flipped, 10_000));
      // Padding: nothing of the content.
      harmless++;
      expect(bytes[place], `a flip at ${place} went unseen`).toBe(0);
    } catch (error) {
      expect(error, `at ${place}`).toMatchObject({
        code: expect.stringMatching(/^backup-(?:damaged|newer)$/) as string,
      });
    }
  }
  expect(harmless).toBeLessThan(places.length / 2);
  for (const length of [0, 1, 511, 512, 2000, bytes.length >> 1, bytes.length - 1025, bytes.length - 513]) {
    await expect(restore(bytes.subarray(0, length), to), `cut at ${length}`).rejects.toMatchObject({
      code: "backup-damaged",
    });
  }
  await expect(restore(Buffer.from("no backup at all"), to)).rejects.toMatchObject({ code: "backup-damaged" });
  expect(readdirSync(to).filter((name) => !name.startsWith("lock"))).toEqual([]);
});

/** The backup with another manifest, well-formed. */
async function withManifest(change: (manifest: BackupManifest) => BackupManifest): Promise<Buffer> {
  const bytes = await backup();
  const manifest = await readBackup(sourceOf(bytes));
  const text = printManifest(change(manifest));
  const before = printManifest(manifest);
  const { padding, printHeader } = await import("./archive.ts");
  const length = Buffer.byteLength(before);
  const rest = bytes.subarray(512 + length + padding(length).length);
  const head = printHeader({ name: "manifest.json", bytes: Buffer.byteLength(text) }, nowMs);
  return Buffer.concat([head, Buffer.from(text), padding(Buffer.byteLength(text)), rest]);
}

test.each([
  ["of a newer format", "backup-newer", (manifest: BackupManifest) => ({ ...manifest, version: 2 })],
  [
    "of a newer registry",
    "backup-newer",
    (manifest: BackupManifest) => ({ ...manifest, migrations: ["0001-first", "9999-x"] }),
  ],
  [
    "that leads out of the directory",
    "backup-damaged",
    (manifest: BackupManifest) => ({
      ...manifest,
      entries: manifest.entries.map((entry) =>
        entry.name === "admin.token" ? { ...entry, name: "tls/../../x" } : entry,
      ),
    }),
  ],
  [
    "of another hub than its registry",
    "backup-damaged",
    (manifest: BackupManifest) => ({ ...manifest, hubName: "other" }),
  ],
] as const)("B1: a backup %s is refused with %s, and nothing is changed", async (_, code, change) => {
  const to = join(directory, "restored");
  await expect(restore(await withManifest(change), to)).rejects.toMatchObject({ code });
  expect(readdirSync(to).filter((name) => !name.startsWith("lock"))).toEqual([]);
  expect(existsSync(join(directory, "x"))).toBe(false);
});

test("A directory that is not empty, or in use, is not restored into", async () => {
  const bytes = await backup();
  const to = join(directory, "restored");
  mkdirSync(to);
  writeFileSync(join(to, "something"), "");
  await expect(restore(bytes, to)).rejects.toMatchObject({ code: "data-dir-not-empty" });
  expect(readdirSync(to)).toEqual(["something"]);
  await expect(restore(bytes, dataDir)).rejects.toMatchObject({ code: "data-dir-not-empty" });
  await expect(restore(bytes, dataDir, true)).rejects.toMatchObject({ code: "data-dir-in-use" });
  await expect(restore(bytes, to, true)).rejects.toMatchObject({ code: "journal-not-found" });
});

test("With --registry-only the former registry and its key are moved aside, and journal, token and authority stay", async () => {
  await registry.createDevice({ id: "old", templateId: "t" });
  const bytes = await backup();
  await registry.createDevice({ id: "newer", templateId: "t" });
  await registry.close();
  writeFileSync(join(dataDir, "admin.token"), "another token since, of this test alone, too\n");
  const journal = await readMarks(join(dataDir, "journal"));
  const { formerRegistry } = await restore(bytes, dataDir, true);
  expect(readdirSync(formerRegistry ?? "").toSorted()).toEqual(["registry.db", "secret.key"]);
  expect(await readMarks(join(dataDir, "journal"))).toEqual(journal);
  expect(readFileSync(join(dataDir, "admin.token"), "utf8")).toContain("another token since");
  registry = await openSqliteRegistry({ directory: dataDir, clock: systemClock });
  expect((await registry.devices({})).items.map(({ id }) => id)).toEqual(["old"]);
});
