// Faults of real disks: a small file system of its own under the data directory or under the destination, which runs full,
// is filled by somebody else, goes away, cannot be written, or breaks down, while devices publish.

import { renameSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { afterEach, expect, test } from "vitest";
import { DiskStand } from "../lib/disk-stand.ts";
import { eventually } from "../lib/fault-stand.ts";
import { pause } from "../lib/fleet.ts";
import { needs } from "../lib/needs.ts";
import { noBreaches } from "../lib/read-back.ts";

let stand: DiskStand;
let opened: DiskStand | null = null;
afterEach(async () => {
  await opened?.close();
  opened = null;
});

async function open(...parameters: Parameters<typeof DiskStand.open>): Promise<void> {
  opened = await DiskStand.open(...parameters);
  stand = opened;
}

/** Devices are refused, in the protocols' own words, and nothing is acknowledged. */
async function expectRefusing(code: string): Promise<void> {
  await eventually(
    code,
    () => stand.notices(),
    (notices) => notices.some((notice) => notice.code === code),
  );
  // A little is still taken while exported segments make room: what was exported last is released after it was full, and
  // devices that were refused take their time to come back.
  await eventually(
    "no PUBACK for half a second, refused before and after",
    async () => {
      const before = stand.ledger.acknowledged.size;
      const was = await stand.readiness();
      await pause(500);
      return [was, stand.ledger.acknowledged.size - before, await stand.readiness()];
    },
    (seen) => isDeepStrictEqual(seen, [503, 0, 503]),
  );
  expect(await stand.connack()).toBe(3);
  expect(await stand.post()).toEqual([503, "30"]);
}

/** Devices are taken again, and every PUBACK there was is kept. */
async function expectHealed(): Promise<void> {
  await eventually(
    "devices are taken",
    () => stand.readiness(),
    (status) => status === 200,
  );
  const before = stand.ledger.acknowledged.size;
  await eventually(
    "PUBACKs come",
    () => Promise.resolve(stand.ledger.acknowledged.size),
    (size) => size > before,
  );
  await eventually(
    "a device connects",
    () => stand.connack(),
    (code) => code === 0,
  );
  expect(await stand.settle()).toEqual(noBreaches);
}

needs("python", "mount")("a small disk under the data directory", () => {
  test.each([
    {
      what: "the journal's budget",
      flags: ["--journal-bytes-max=16MiB", "--frame-bytes-max=1MiB"],
      code: "journal-full",
    },
    { what: "the disk itself", flags: [], code: "disk-short" },
  ])(
    "J1, E4, M1: $what runs full while the destination is away: warned before, devices refused, healed by itself",
    async ({ flags, code }) => {
      await open("data", 1000, ...flags);
      await stand.until("the first file", ({ status }) => status.filesWritten > 0);
      renameSync(stand.container, `${stand.container}-away`);
      // What was being written is over: from here on nothing is released.
      await stand.until("it is away", ({ status }) => status.state === "stopped");
      await expectRefusing(code);
      const codes = (await stand.notices()).map((notice) => notice.code);
      expect(codes).toContain("journal-filling");
      expect(codes.indexOf("journal-filling")).toBeLessThan(codes.indexOf(code));
      expect((await stand.answer()).status).toMatchObject({
        state: "stopped",
        trouble: { code: "container-not-found" },
      });
      renameSync(`${stand.container}-away`, stand.container);
      await expectHealed();
    },
  );

  test("J1, E4: somebody else fills the disk to its last byte: devices refused, what was taken is exported; healed when it is deleted", async () => {
    await open("data", 100);
    await stand.until("the first file", ({ status }) => status.filesWritten > 0);
    stand.disk.fill();
    await eventually(
      "refused",
      () => stand.readiness(),
      (status) => status === 503,
    );
    const codes = (await stand.notices()).map(({ code }) => code);
    expect(codes.some((code) => code === "disk-short" || code === "disk-full")).toBe(true);
    stand.disk.clear();
    await expectHealed();
  });

  test("J1: the disk breaks down: the server ends with code 1 and says so, nothing is acknowledged any more", async () => {
    await open("data", 100);
    await stand.until("the first file", ({ status }) => status.filesWritten > 0);
    stand.disk.breakDown();
    const code = await Promise.race([stand.hub.exited, pause(30_000)]);
    expect(code, stand.hub.output.slice(-2000)).toBe(1);
    expect(stand.hub.output).toContain("disk-failed");
    const before = stand.ledger.acknowledged.size;
    await pause(500);
    expect(stand.ledger.acknowledged.size).toBe(before);
  });
});

needs("python", "mount")("a small disk under the destination", () => {
  const faults = [
    {
      what: "is full",
      state: "retrying",
      code: "ENOSPC",
      make: () => stand.disk.fill(),
      mend: () => stand.disk.clear(),
    },
    {
      what: "is unmounted",
      state: "stopped",
      code: "container-not-found",
      make: () => stand.disk.unmount(),
      mend: () => stand.disk.mount(),
    },
    {
      what: "is read-only",
      state: "stopped",
      code: "EROFS",
      make: () => stand.disk.makeReadOnly(true),
      mend: () => stand.disk.makeReadOnly(false),
    },
  ];
  test.each(faults)(
    "E1, E3, E5: it $what: $state with $code, and heals by itself",
    async ({ state, code, make, mend }) => {
      await open("destination", 100);
      await stand.until("the first file", ({ status }) => status.filesWritten > 0);
      make();
      const { status } = await stand.until(code, ({ status: { trouble } }) => trouble?.code === code);
      expect(status.state).toBe(state);
      expect(await stand.readiness()).toBe(200);
      mend();
      await stand.catchesUp();
      expect(await stand.settle()).toEqual(noBreaches);
      expect(stand.ledger.acknowledged.size).toBeGreaterThan(100);
    },
  );
});
