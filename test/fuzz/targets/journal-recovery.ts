// Recovery: a journal whose files were damaged in any way starts and tells, or refuses to start with a documented code.
//
//   J2  a record that is read is the one that was acknowledged under that offset; new ones get offsets of their own
//   J3  a record that is missing is told of: by a notice, or by the window that cannot be read; nothing is cut but a torn tail
//       starting once more finds the same

import type { PartitionWriter } from "../../../src/journal/journal.ts";
import { append } from "../../../src/journal/records.simulated.ts";
import { SimulatedMachine } from "../../../src/journal/file/machine.simulated.ts";
import { codeOf } from "../../../src/lib/errors.ts";
import { windowMs } from "../../../src/lib/window.ts";
import { type Target, InputReader, claim } from "../engine/target.ts";
import { type Image, damage, damageSeeds, makeImages, partitions, recordText } from "../journal-damage.ts";

const refusals = ["journal-newer", "journal-foreign", "journal-floor-damaged", "journal-partitions"];
let images: readonly Image[] = [];

interface Found {
  readonly offsets: ReadonlyMap<number, readonly number[]>;
  /** Where the oldest segment begins, of partitions that have one. */
  readonly oldest: ReadonlyMap<number, number>;
  readonly unreadable: number;
}

/** Offsets that can be read, by partition, in order; and how many segments cannot. */
async function readable({ running }: SimulatedMachine, own: string): Promise<Found> {
  const offsets = new Map<number, number[]>();
  const oldest = new Map<number, number>();
  let unreadable = 0;
  for (const partition of running.partitionNumbers()) {
    const found: number[] = [];
    offsets.set(partition, found);
    let after = -1;
    const offsetFirst = running.segments(partition, 0)[0]?.offsetFirst;
    if (offsetFirst !== undefined) oldest.set(partition, offsetFirst);
    for (const segment of running.segments(partition, 0)) {
      try {
        const { offsetFirst } = segment;
        let isRead = false;
        for await (const batch of running.read(segment)) {
          let at = 0;
          claim(isRead || offsetFirst > after, "J2: two segments hold the same offsets");
          isRead = true;
          after = segment.offsetNext - 1;
          for (const [index, length] of batch.lengths.entries()) {
            const text = batch.bytes.toString("utf8", at, at + length);
            at += length;
            const offset = batch.offsetFirst + index;
            claim(
              offset >= segment.offsetFirst && offset < segment.offsetNext,
              "J2: a record stands outside its segment",
            );
            claim(
              text === recordText(partition, offset) || text === own,
              () => `J2: ${partition}:${offset} is read as ${text.slice(0, 40)}`,
            );
            if (text !== own) found.push(offset);
          }
        }
      } catch (error) {
        if (codeOf(error) !== "journal-corrupt") throw error;
        unreadable++;
      }
    }
  }
  return { offsets, oldest, unreadable };
}

export const target: Target = {
  bytesMax: 400,
  seeds: damageSeeds,
  open: async () => {
    images = await makeImages();
  },
  run: async (input) => {
    const machine = new SimulatedMachine(1, { partitions });
    const { image, isSmall, rewritten } = await damage(machine.disk, images, new InputReader(input));
    machine.clock.wallMs = image.wallMs;
    if (!(await machine.start())) {
      const code = codeOf(machine.refusedToStart);
      claim(
        code !== undefined && refusals.includes(code),
        () => `it refuses to start with ${String(machine.refusedToStart)}`,
      );
      return;
    }
    const noticesAtStart = machine.notices();
    await machine.clock.pass(2 * windowMs);
    claim(machine.failure === null, () => `it failed: ${String(machine.failure)}`);
    const first = await readable(machine, "new");
    const isTold = machine.running.status().notices.some(({ level }) => level !== "info") || first.unreadable > 0;
    for (const [partition, count] of image.acknowledged) {
      const offsets = first.offsets.get(partition) ?? [];
      const missing = Array.from({ length: count }, (_, offset) => offset).filter(
        (offset) => !offsets.includes(offset),
      );
      // Two losses nobody can tell, since nothing outside the file knows (docs/formats.md, "Where a segment ends"): an open
      // segment that was cut between two frames looks as it did before, and the oldest that are gone look trimmed.
      const open = image.open.get(partition);
      const untold = open !== undefined && rewritten.has(open.path) ? open.offsetFirst : Number.POSITIVE_INFINITY;
      const oldest = first.oldest.get(partition) ?? Number.POSITIVE_INFINITY;
      const lost = missing.filter((offset) => offset < untold && offset >= oldest);
      if (lost.length === 0) continue;
      claim(isTold, () => `J3: records ${lost.join(", ")} of partition ${partition} are gone, and nobody is told`);
      const isCut = isSmall && noticesAtStart.length > 0 && noticesAtStart.every((code) => code === "torn-tail");
      const from = image.unwitnessedFrom.get(partition) ?? 0;
      claim(
        !isCut || missing.every((offset) => offset >= from),
        () => `J3: records ${missing.join(", ")} were cut although they were known to be durable`,
      );
    }

    let offsetNew = -1;
    const writer = machine.running.partitions[0] as PartitionWriter;
    const next = machine.running.status().partitions[0]?.offsetNext ?? 0;
    if (append(writer, "new", { durable: () => (offsetNew = next) }) === null) {
      await machine.settle();
      claim(offsetNew >= (first.offsets.get(0)?.at(-1) ?? -1) + 1, "J2: an offset is used twice");
    }
    machine.kill();
    claim(await machine.start(), () => `it does not start once more: ${String(machine.refusedToStart)}`);
    await machine.clock.pass(2 * windowMs);
    const second = await readable(machine, "new");
    for (const [partition, offsets] of first.offsets) {
      const again = second.offsets.get(partition) ?? [];
      claim(
        offsets.join() === again.join(),
        () => `J3: ${offsets.join()} were there, after one more start ${again.join()}`,
      );
    }
    await machine.journal?.close();
  },
};
