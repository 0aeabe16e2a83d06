import { sql } from "kysely";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import type { RegistryEvent } from "../registry.ts";
import { takeRevisions } from "./counters.ts";
import { type Change, Database, type Tell } from "./database.ts";
import { makeDirectory } from "./sqlite-stand.contract.ts";

interface Stand {
  readonly database: Database;
  readonly told: string[];
  /** Names of the policies that are committed. */
  readonly committed: () => string[];
  /** A change that writes a policy and tells of it. */
  readonly add: (name: string, work?: (change: Change) => Promise<unknown>) => Promise<string>;
}

async function makeStand(): Promise<Stand> {
  const database = await Database.open(path.join(makeDirectory(), "registry.db"));
  onTestFinished(() => database.close());
  const told: string[] = [];
  database.subscribe((event: RegistryEvent) => told.push("name" in event ? event.name : event.kind));
  const select = database.rawReader.prepare("select name from hub_policies order by name");
  return {
    database,
    told,
    committed: () => select.all().map(({ name }) => String(name)),
    add: async (name, work = () => Promise.resolve()) =>
      await database.change(async (change: Change, tell: Tell) => {
        const row = { name, access_keys: new Uint8Array(1), created_at: "now" };
        await change.insertInto("hub_policies").values(row).execute();
        tell({ kind: "policy-changed", name });
        await work(change);
        return name;
      }),
  };
}

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => `p${String(at).padStart(4, "0")}`);

test("D2: changes asked for at once are committed together, and told in their order when all are durable", async () => {
  const { told, committed, add } = await makeStand();
  // However busy the machine is, no commit is too old to take along what waits.
  const now = vi.spyOn(performance, "now").mockReturnValue(0);
  onTestFinished(() => now.mockRestore());
  const names = numbered(20);
  let seenAtFirst: string[] = [];
  const first = add(names[0]!).then(() => (seenAtFirst = committed()));
  const others = names.slice(1).map((name) => add(name));
  expect(committed()).toEqual([]);
  await first;
  expect(seenAtFirst).toEqual(names);
  expect(await Promise.all(others)).toEqual(names.slice(1));
  expect(told).toEqual(names);
});

test("S1: one that throws takes back all it did and nothing else; its revisions are given to the next", async () => {
  const { database, told, committed, add } = await makeStand();
  const revisions: number[] = [];
  const revise = async (change: Change): Promise<void> => {
    revisions.push(await takeRevisions(change, 1));
  };
  const outcomes = await Promise.allSettled([
    add("a", revise),
    add("b", async (change) => {
      await revise(change);
      throw new Error("not this one");
    }),
    add("c", revise),
    add("a"),
    add("d", revise),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected", "fulfilled"]);
  expect(outcomes[1]).toMatchObject({ reason: { message: "not this one" } });
  expect(committed()).toEqual(["a", "c", "d"]);
  expect(told).toEqual(["a", "c", "d"]);
  expect(revisions).toEqual([1, 2, 2, 3]);
  expect(await database.change((change) => takeRevisions(change, 1))).toBe(4);
});

test("D2: a commit that fails fails all of its changes, tells nobody, and the next is as ever", async () => {
  const { told, committed, add } = await makeStand();
  const outcomes = await Promise.allSettled([
    add("a"),
    add("b", async (change) => {
      await sql`pragma defer_foreign_keys = on`.execute(change);
      await sql`insert into device_twins values ('no device', '{}', '{}')`.execute(change);
    }),
    add("c"),
  ]);
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ status: "rejected", reason: { message: /FOREIGN KEY/ } });
  }
  expect(committed()).toEqual([]);
  expect(told).toEqual([]);
  await add("d");
  expect(committed()).toEqual(["d"]);
});

test("D2: when SQLite gives up the whole transaction, what ran before in it fails with the same cause", async () => {
  const { told, committed, add } = await makeStand();
  const outcomes = await Promise.allSettled([
    add("a"),
    add("b", async (change) => {
      await sql`rollback`.execute(change);
      throw new Error("disk full");
    }),
    add("c"),
  ]);
  expect(outcomes).toMatchObject([
    { status: "rejected", reason: { message: "disk full" } },
    { status: "rejected", reason: { message: "disk full" } },
    { status: "fulfilled" },
  ]);
  expect(committed()).toEqual(["c"]);
  expect(told).toEqual(["c"]);
});

test("M1: a commit that is old enough takes no more along", async () => {
  const { committed, add } = await makeStand();
  let seenAtFirst: string[] = [];
  const first = add("a", () => pause(30)).then(() => (seenAtFirst = committed()));
  const second = add("b");
  await first;
  expect(seenAtFirst).toEqual(["a"]);
  await second;
  expect(committed()).toEqual(["a", "b"]);
});

test("More than one commit takes come all, in their order, and other turns are taken in between", async () => {
  const { told, add } = await makeStand();
  const names = numbered(1_200);
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    if (isOver) return;
    turns++;
    setImmediate(count);
  };
  count();
  await Promise.all(names.map((name) => add(name)));
  isOver = true;
  expect(told).toEqual(names);
  expect(turns).toBeGreaterThan(2);
});

test("Settled means: all that was asked for before is committed, and events are told", async () => {
  const { database, told, committed, add } = await makeStand();
  const names = numbered(30);
  for (const name of names) void add(name);
  const failing = expect(add(names[0]!)).rejects.toThrow(/UNIQUE/);
  await database.settled();
  expect(committed()).toEqual(names);
  expect(told).toEqual(names);
  await failing;
});

test("A listener may ask for a change: it runs after those before it", async () => {
  const { database, told, add } = await makeStand();
  const asked: Promise<string>[] = [];
  const stop = database.subscribe((event) => {
    if (event.kind === "policy-changed" && event.name === "a") asked.push(add("c"));
  });
  await Promise.all([add("a"), add("b")]);
  stop();
  expect(await Promise.all(asked)).toEqual(["c"]);
  expect(told).toEqual(["a", "b", "c"]);
});
