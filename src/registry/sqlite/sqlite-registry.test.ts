import { rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { cutOf, handClock, makeExport, runOf, spanFrom } from "../contract/stand.ts";
import { registryContract } from "../registry.contract.ts";
import { openSqliteRegistry } from "./sqlite-registry.ts";
import { makeDirectory, makeSqliteStand, openIn } from "./sqlite-stand.contract.ts";

registryContract("SQLite", makeSqliteStand);

describe("a data directory", () => {
  test("is made, with its key for the owner only (A2)", async () => {
    const directory = path.join(makeDirectory(), "new", "data");
    await openIn(directory);
    const key = statSync(path.join(directory, "secret.key"));
    expect(key.mode & 0o777).toBe(0o600);
    expect(key.size).toBe(32);
    expect(statSync(path.join(directory, "registry.db")).mode & 0o077).toBe(0);
  });

  test("keeps its hub name", async () => {
    const directory = makeDirectory();
    await (await openIn(directory, { hubName: "factory" })).close();
    await (await openIn(directory, { hubName: "factory" })).close();
    const same = await openIn(directory);
    expect(same.installation.hubName).toBe("factory");
    await same.close();
    const other = openSqliteRegistry({ directory, hubName: "office", clock: handClock() });
    await expect(other).rejects.toMatchObject({
      kind: "fatal",
      code: "hub-name-fixed",
      message: /"factory".*"office"/,
      hint: /--hub-name factory/,
    });
  });

  test.each(["", "a/b", "-a", "x".repeat(51)])("R8: takes no hub name %j", async (hubName) => {
    const call = openSqliteRegistry({ directory: makeDirectory(), hubName, clock: handClock() });
    await expect(call).rejects.toMatchObject({ kind: "invalid", field: "hub-name" });
  });

  test("A2: a registry without its key is refused and never given a new one", async () => {
    const directory = makeDirectory();
    await (await openIn(directory)).close();
    const file = path.join(directory, "secret.key");
    rmSync(file);
    const call = openSqliteRegistry({ directory, clock: handClock() });
    await expect(call).rejects.toMatchObject({ kind: "fatal", code: "secret-key-missing" });
    expect(() => statSync(file)).toThrow(/ENOENT/);
  });

  test.each([
    ["of another registry", Buffer.alloc(32, 1)],
    ["cut short", Buffer.alloc(31, 1)],
  ])("A2: a key %s is refused", async (_what, key) => {
    const directory = makeDirectory();
    await (await openIn(directory)).close();
    writeFileSync(path.join(directory, "secret.key"), key);
    const call = openSqliteRegistry({ directory, clock: handClock() });
    await expect(call).rejects.toMatchObject({ kind: "fatal", code: "secret-key-wrong" });
  });

  test("of a newer version is refused in a clear sentence", async () => {
    const directory = makeDirectory();
    await (await openIn(directory)).close();
    const database = new DatabaseSync(path.join(directory, "registry.db"));
    database.exec("insert into kysely_migration (name, timestamp) values ('0099-future', '2030-01-01')");
    database.close();
    const call = openSqliteRegistry({ directory, clock: handClock() });
    await expect(call).rejects.toMatchObject({ kind: "fatal", code: "registry-newer", message: /0099-future/ });
  });

  test("of the first format is brought to this one; sums start at each stream's checkpoint", async () => {
    const directory = makeDirectory();
    const made = await openIn(directory);
    const { id } = await makeExport(made, "lake", 10);
    const stream = { type: "measurements", partition: 0 } as const;
    const runs = [runOf(id, 10)];
    const move = { exportId: id, stream, from: null, to: 11, span: spanFrom(10), runs, cut: cutOf(runs, 100) };
    await made.advanceCheckpoint(move);
    await made.close();
    const database = new DatabaseSync(path.join(directory, "registry.db"));
    database.exec(`drop index devices_by_name; drop index devices_by_creation; drop index devices_by_search;
      drop index export_runs_by_path; drop table export_cuts; drop table export_tallies; drop table export_accepted_violations;
      drop table sessions; drop table users; drop table api_tokens; drop table audit_log; drop table device_twins; drop table cloud_messages;
      drop table cloud_message_totals;
      drop table modules;
      drop table registrations; drop table enrollments; drop table enrollment_groups; drop table id_scopes; drop index device_templates_by_model;
      drop table ca_certificates; alter table devices drop column authentication; alter table devices drop column thumbprint_primary;
      alter table devices drop column thumbprint_secondary; drop table mqtt_sessions;
      alter table export_gaps drop column offset_first; alter table export_gaps drop column offset_next;
      alter table export_gaps drop column records; delete from kysely_migration where name > '0001-first'`);
    database.prepare("insert into export_gaps values (null, ?, 'measurements', 0, 7, 8, 'old', 'then')").run(id);
    database.close();
    const registry = await openIn(directory);
    const facts = await registry.auditFacts(id);
    expect(facts.tallies).toMatchObject([{ windowFirst: 11, settled: null, offsets: null, exported: 0 }]);
    expect(facts.gaps).toMatchObject([{ reason: "old", offsets: null, records: null }]);
    const more = [runOf(id, 12)];
    const next = { exportId: id, stream, from: 11, to: 13, span: spanFrom(10), runs: more, cut: cutOf(more, 103) };
    await registry.advanceCheckpoint(next);
    const { tallies } = await registry.auditFacts(id);
    expect(tallies).toMatchObject([
      { windowFirst: 11, settled: { first: 12, last: 12 }, offsets: { first: 103, next: 106 }, windows: 1 },
    ]);
  });

  test("with a damaged registry, or that cannot be made, is refused", async () => {
    const directory = makeDirectory();
    writeFileSync(
      path.join(directory, "registry.db"),
      "this is no database, and long enough to be looked at".repeat(50),
    );
    await expect(openSqliteRegistry({ directory, clock: handClock() })).rejects.toMatchObject({
      kind: "fatal",
      code: "registry-unreadable",
    });
    const below = path.join(directory, "registry.db", "data");
    await expect(openSqliteRegistry({ directory: below, clock: handClock() })).rejects.toMatchObject({
      kind: "fatal",
      code: "data-dir-unusable",
    });
  });

  test("a refused start frees the lock", async () => {
    const directory = makeDirectory();
    await (await openIn(directory)).close();
    const wrong = openSqliteRegistry({ directory, hubName: "other", clock: handClock() });
    await expect(wrong).rejects.toMatchObject({ code: "hub-name-fixed" });
    await openIn(directory);
  });
});
