// What the file journal makes of faults: full disks, failed disks, power cuts at every step, records that arrive in the
// wrong moment. One story a test; the property suite mixes them.

import { expect, test } from "vitest";
import { windowMs, windowOf } from "../../lib/window.ts";
import { append } from "../records.simulated.ts";
import type { PartitionWriter } from "../journal.ts";
import { SimulatedMachine, journalDirectory, storyStartMs } from "./machine.simulated.ts";

const firstWindow = windowOf(storyStartMs);

async function started(
  options: ConstructorParameters<typeof SimulatedMachine>[1] = {},
  seed = 1,
): Promise<SimulatedMachine> {
  const machine = new SimulatedMachine(seed, options);
  expect(await machine.start()).toBe(true);
  return machine;
}

async function restarted(machine: SimulatedMachine): Promise<void> {
  expect(await machine.start(), String(machine.refusedToStart)).toBe(true);
}

/** Closes the open window and reads everything. */
async function everything(machine: SimulatedMachine): Promise<string[]> {
  await machine.clock.pass(2 * windowMs);
  return machine.closedRecords();
}

// ---- J1, J3: crashes ----

test("J1, J3: a power cut or kill after any operation of a minute's work loses nothing acknowledged", async () => {
  for (let steps = 0; steps < 80; steps++) {
    const way = steps % 2 === 0 ? "powerCut" : "kill";
    const machine = await started({}, steps);
    const told: string[] = [];
    machine.disk.freezeAfter(steps);
    for (let index = 0; index < 8 && !machine.disk.isFrozen; index++) {
      machine.append(`r${index}`, { durable: () => told.push(`r${index}`) });
      await machine.settle();
      if (index % 3 === 2) await machine.clock.pass(windowMs);
    }
    machine[way]();
    await restarted(machine);
    machine.kill(); // what was recovered is as durable as what was acknowledged
    await restarted(machine);
    machine.powerCut();
    await restarted(machine);
    const found = await everything(machine);
    expect(found.slice(0, told.length), `${way} after ${steps}`).toEqual(told);
    expect(found.length - told.length, `${way} after ${steps}`).toBeLessThanOrEqual(1);
    expect(machine.notices()).not.toContain("corruption");
  }
});

test("J3: a crash between the seal and its copy leaves a window that can be read", async () => {
  const machine = await started();
  await machine.accept("a");
  machine.disk.fail("write", "EIO", { path: /\.seg$/, skip: 2 }); // after a witness and the seal: its copy
  await machine.clock.pass(windowMs);
  expect(machine.failure).not.toBeNull();
  machine.kill();
  await restarted(machine);
  await machine.clock.pass(windowMs);
  expect(await machine.closedRecords()).toEqual(["a"]);
});

test("J4: a seal that only the page cache held is made durable before anyone sees its window closed", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const machine = await started({}, seed);
    await machine.accept("a");
    machine.disk.fail("sync", "EIO", { path: /\.seg$/, skip: 1 }); // after the witness: of the seal
    await machine.clock.pass(windowMs);
    machine.kill();
    await restarted(machine);
    const isShown = machine.running.closedBelow(0) > firstWindow;
    machine.powerCut();
    machine.clock.wallMs -= windowMs;
    await restarted(machine);
    if (isShown) expect(machine.running.closedBelow(0)).toBeGreaterThan(firstWindow);
    await machine.accept("b");
    await machine.clock.pass(3 * windowMs);
    const segments = machine.running.segments(0, 0);
    expect(await machine.closedRecords()).toEqual(["a", "b"]);
    if (isShown) expect(segments[0]).toMatchObject({ window: firstWindow, offsetNext: 1 });
  }
});

test("J1: a segment whose directory entry was not synced when the process died is made durable at the start", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const machine = await started({}, seed);
    machine.disk.fail("sync-directory", "EIO", { path: /\/0$/ });
    machine.append("lost");
    await machine.settle();
    machine.kill();
    await restarted(machine);
    await machine.accept("kept");
    machine.powerCut();
    await restarted(machine);
    expect(await everything(machine)).toContain("kept");
  }
});

test("J3: a power cut while a trimmed file is used again brings nothing back under its old name", async () => {
  for (let seed = 0; seed < 200; seed++) {
    const machine = await started({ retentionMs: 0, partitions: 1 }, seed);
    await machine.accept("a");
    await machine.clock.pass(3 * windowMs);
    machine.running.release(0, firstWindow + 1);
    await machine.settle();
    machine.disk.freezeAfter(seed % 6);
    machine.append("b");
    await machine.settle();
    machine.powerCut();
    await restarted(machine);
    expect(machine.notices(), `seed ${seed}`).not.toContain("corruption");
  }
});

// ---- records in the wrong moment ----

test("J1: closing while a witness is being written keeps every record", async () => {
  const machine = await started();
  machine.disk.delayTurnsMax = 3;
  await machine.accept("a");
  let isDurable = false;
  const passing = machine.clock.pass(1000); // the witness is due
  machine.append("b", { durable: () => (isDurable = true) });
  machine.disk.delayTurnsMax = 0;
  const closing = machine.running.close();
  await passing;
  await closing;
  await machine.settle();
  expect(isDurable).toBe(true);
  machine.kill();
  await restarted(machine);
  expect(await everything(machine)).toEqual(["a", "b"]);
});

test("closing while the disk is full ends, and what was not acknowledged is not there", async () => {
  const machine = await started();
  await machine.accept("a");
  machine.disk.roomBytes = 0;
  let told = 0;
  machine.append("b", { durable: () => told++ });
  await machine.settle();
  let isClosed = false;
  void machine.running.close().then(() => (isClosed = true));
  await machine.settle();
  expect(isClosed).toBe(true);
  expect(told).toBe(0);
  machine.kill();
  machine.disk.roomBytes = 1e9;
  await restarted(machine);
  expect(await everything(machine)).toEqual(["a"]);
});

test("closing after a seal was begun on a full disk does not write over the seal", async () => {
  const machine = await started();
  await machine.clock.pass(54_500);
  await machine.accept("a");
  machine.disk.fail("truncate", "ENOSPC", { times: 1000 });
  await machine.clock.pass(700);
  expect(machine.running.partitions[0]?.refusal).toBe("full");
  void machine.running.close();
  await machine.settle();
  expect(machine.failure).toBeNull();
  machine.kill();
  await restarted(machine);
  expect(machine.notices()).not.toContain("corruption");
  expect(await everything(machine)).toEqual(["a"]);
});

// ---- no more open files ----

test("J1: when no more files may be opened, devices wait and nothing ends; it goes on by itself", async () => {
  const places = [
    { operation: "create", path: /segment\.tmp$/, skip: 0 },
    { operation: "create", path: /floor\.tmp$/, skip: 0 },
    ...[0, 1].map((skip) => ({ operation: "sync-directory" as const, path: /./, skip })),
  ] as const;
  for (const code of ["EMFILE", "ENFILE"]) {
    for (const { operation, path, skip } of places) {
      const machine = await started();
      await machine.accept("a");
      machine.disk.fail(operation, code, { path, skip, times: 3 });
      // A new window: its floor, then its segment.
      await machine.clock.pass(windowMs);
      await machine.clock.pass(5_000);
      let told = 0;
      expect(machine.append("b", { durable: () => told++ })).toBeNull();
      await machine.settle();
      await machine.clock.pass(5_000);
      expect(machine.failure).toBeNull();
      expect(machine.notices()).toContain("files-exhausted");
      expect(told).toBe(1);
      await machine.accept("c");
      machine.kill();
      await restarted(machine);
      expect(machine.notices()).not.toContain("corruption");
      expect(await everything(machine)).toEqual(["a", "b", "c"]);
    }
  }
});

// ---- failed disks ----

test("J1: after a failed sync nothing is acknowledged any more", async () => {
  const machine = await started();
  await machine.accept("a");
  machine.disk.fail("sync", "EIO");
  let told = 0;
  machine.append("b", { durable: () => told++ });
  await machine.settle();
  expect(machine.failure).not.toBeNull();
  expect(machine.append("c")).toBe("failed");
  await machine.clock.pass(3 * windowMs);
  expect(told).toBe(0);
});

test("J1: after a failed sync of a witness nothing is acknowledged any more", async () => {
  const machine = await started();
  machine.disk.delayTurnsMax = 3;
  await machine.accept("a");
  machine.disk.fail("sync", "EIO");
  let told = 0;
  const passing = machine.clock.pass(1000);
  machine.append("b", { durable: () => told++ });
  await passing;
  await machine.clock.pass(2 * windowMs);
  expect(machine.failure).not.toBeNull();
  expect(told).toBe(0);
});

// ---- full disks ----

test("a full disk at any step refuses devices, and goes on by itself when there is room", async () => {
  for (let roomBytes = 0; roomBytes < 26_000; roomBytes += 700) {
    const machine = await started({}, roomBytes);
    machine.disk.roomBytes = roomBytes;
    const told: string[] = [];
    const sent: string[] = [];
    const send = async (): Promise<void> => {
      const text = `r${sent.length}`.padEnd(300, "x");
      if (machine.append(text, { durable: () => told.push(text) }) === null) sent.push(text);
      await machine.settle();
    };
    for (let index = 0; index < 9; index++) {
      await send();
      if (index % 3 === 2) await machine.clock.pass(windowMs);
    }
    machine.disk.roomBytes = 1e9;
    await machine.clock.pass(5000);
    expect(machine.running.partitions[0]?.refusal, `room ${roomBytes}`).toBeNull();
    await send();
    expect(told).toEqual(sent);
    expect(await everything(machine)).toEqual(told);
  }
});

test("a full disk at the close of an idle window does not refuse devices for ever", async () => {
  const machine = await started();
  machine.disk.roomBytes = 0;
  await machine.clock.pass(windowMs);
  expect(machine.running.partitions[0]?.refusal).toBe("full");
  machine.disk.roomBytes = 1e9;
  await machine.clock.pass(5000);
  expect(machine.running.partitions[0]?.refusal).toBeNull();
});

test("a start on a full disk refuses devices and lets exports go on, which makes room", async () => {
  const machine = await started({ recycleBytesMax: 0 });
  await machine.accept("a".repeat(20_000));
  await machine.clock.pass(windowMs);
  await machine.accept("b");
  machine.kill();
  machine.disk.roomBytes = 0;
  machine.clock.wallMs += 2 * windowMs;
  await restarted(machine);
  expect(machine.running.partitions[0]?.refusal).toBe("full");
  expect((await machine.closedRecords())[0]?.length).toBe(20_000);
  machine.running.release(0, firstWindow + 1);
  await machine.clock.pass(5000);
  await machine.accept("c");
  expect(await everything(machine)).toEqual(["b", "c"]);
});

test("recycled files that could not be used are given back", async () => {
  const machine = await started({ retentionMs: 0 });
  await machine.accept("a".repeat(20_000));
  await machine.clock.pass(3 * windowMs);
  machine.running.release(0, firstWindow + 1);
  await machine.settle();
  machine.disk.fail("rename", "ENOSPC", { path: /\.seg$/, times: 2 });
  machine.append("b");
  await machine.settle();
  await machine.clock.pass(5000);
  await machine.accept("c");
  expect(machine.disk.paths().filter((one) => one.endsWith(".free"))).toEqual([]); // used, or deleted to make room
});

// ---- the budget ----

test("M1: over the budget, writers that wait for room do not slip in one by one", async () => {
  const machine = await started({ bytesMax: 100_000 });
  const writer = machine.running.partitions[0] as PartitionWriter;
  let accepted = 0;
  const pump = (): void => {
    while (accepted < 1000) {
      if (append(writer, "x".repeat(10_000)) !== null) {
        writer.onRoom(pump, 10_000);
        return;
      }
      accepted++;
    }
  };
  pump();
  await machine.settle();
  await machine.clock.pass(10 * windowMs);
  expect(writer.refusal).toBe("full");
  expect(machine.running.status().bytes).toBeLessThan(100_000 + 4 * 64 * 1024);
});

test("M1, E4: a disk that runs short refuses devices while windows still close, and takes again when what was released is trimmed", async () => {
  const machine = new SimulatedMachine(1, { freeBytesMin: 100_000, recycleBytesMax: 0 });
  machine.disk.roomBytes = 400_000;
  await restarted(machine);
  const writer = machine.running.partitions[0] as PartitionWriter;
  let accepted = 0;
  while (writer.refusal === null && accepted < 100) {
    await machine.accept("x".repeat(20_000));
    accepted++;
  }
  expect(writer.refusal).toBe("full");
  expect(machine.notices()).toContain("disk-short");
  expect(machine.disk.roomBytes).toBeGreaterThan(50_000); // left for what must go on
  await machine.clock.pass(2 * windowMs);
  expect(await machine.closedRecords()).toHaveLength(accepted);
  expect(writer.refusal).toBe("full"); // nothing is released yet
  machine.running.release(0, firstWindow + 1);
  await machine.settle();
  expect(writer.refusal).toBeNull();
  expect(machine.running.segments(0, 0)).toEqual([]);
});

test("a disk that gets room from outside is taken again within seconds", async () => {
  const machine = new SimulatedMachine(1, { freeBytesMin: 100_000 });
  machine.disk.roomBytes = 140_000;
  await restarted(machine);
  const writer = machine.running.partitions[0] as PartitionWriter;
  await machine.accept("x".repeat(30_000));
  expect(writer.refusal).toBe("full");
  machine.disk.roomBytes = 1e9;
  await machine.clock.pass(3000);
  expect(writer.refusal).toBeNull();
});

test("a release during a trim is not forgotten", async () => {
  const machine = await started({ bytesMax: 75_000 });
  for (const text of ["a", "b", "c"]) {
    await machine.accept(text.repeat(24_000));
    await machine.clock.pass(windowMs);
  }
  expect(machine.running.partitions[0]?.refusal).toBe("full");
  machine.disk.delayTurnsMax = 2;
  machine.running.release(0, firstWindow);
  machine.running.release(0, firstWindow + 3);
  await machine.settle();
  expect(machine.running.partitions[0]?.refusal).toBeNull();
});

test("a segment that could not be opened for reading can be trimmed later", async () => {
  const machine = await started({ retentionMs: 0 });
  await machine.accept("a");
  await machine.clock.pass(3 * windowMs);
  machine.disk.fail("open", "EMFILE", { path: /\.seg$/ });
  await expect(machine.closedRecords()).rejects.toThrow("EMFILE");
  machine.running.release(0, firstWindow + 1);
  await machine.settle();
  expect(machine.running.segments(0, 0)).toEqual([]);
});

test("a segment released while it was read is trimmed afterwards", async () => {
  const machine = await started({ retentionMs: 0 });
  await machine.accept("a");
  await machine.clock.pass(3 * windowMs);
  const segment = machine.running.segments(0, 0)[0] as never;
  for await (const batch of machine.running.read(segment)) {
    machine.running.release(0, firstWindow + 1);
    await machine.settle();
    expect(batch.bytes.toString()).toBe("a");
    expect(machine.running.segments(0, 0)).toHaveLength(1);
  }
  await machine.settle();
  expect(machine.running.segments(0, 0)).toEqual([]);
});

test("recovery of a closed segment reads its header, not the file", async () => {
  const machine = await started();
  await machine.accept("a".repeat(60_000));
  await machine.clock.pass(3 * windowMs);
  machine.kill();
  const bytesRead: number[] = [];
  const session = machine.disk.session.bind(machine.disk);
  machine.disk.session = () => {
    const disk = session();
    return {
      ...disk,
      open: async (path, mode) => {
        const file = await disk.open(path, mode);
        if (!path.endsWith(".seg")) return file;
        return {
          ...file,
          read: (target, position) => {
            bytesRead.push(target.length);
            return file.read(target, position);
          },
        };
      },
    };
  };
  await restarted(machine);
  expect(bytesRead.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(4096);
  expect(machine.disk.paths()).toContain(`${journalDirectory}/0/floor`);
});
