// `journal check` and `journal cat` over a damaged journal: they never fail, never tell a record that was not, and call sound
// only what is whole.

import { catJournal } from "../../../src/journal/file/journal-cat.ts";
import { checkJournal, segmentStates } from "../../../src/journal/file/journal-check.ts";
import { journalDirectory as directory } from "../../../src/journal/file/machine.simulated.ts";
import { SimulatedDisk } from "../../../src/lib/disk.simulated.ts";
import { codeOf } from "../../../src/lib/errors.ts";
import { type Target, InputReader, claim } from "../engine/target.ts";
import { type Image, damage, damageSeeds, makeImages, recordText } from "../journal-damage.ts";

let images: readonly Image[] = [];

export const target: Target = {
  bytesMax: 400,
  seeds: damageSeeds,
  open: async () => {
    images = await makeImages();
  },
  run: async (input) => {
    const machine = new SimulatedDisk(1);
    const { image } = await damage(machine, images, new InputReader(input));
    const before = machine.paths().map((path) => machine.content(path));
    const disk = machine.session();

    const report = await checkJournal(directory, disk);
    claim(
      report.isSound ===
        (report.problems.length === 0 && report.partitions.every(({ problems }) => problems.length === 0)),
      "its verdict is another than its problems",
    );
    const segments = report.partitions.flatMap((partition) => partition.segments);
    for (const { state, offsetFirst, offsetNext, records } of segments) {
      claim(segmentStates.includes(state), "a state that is none");
      claim(offsetFirst >= 0 && offsetNext >= offsetFirst && Number.isSafeInteger(offsetNext), "offsets that are none");
      if (state === "closed")
        claim(records === offsetNext - offsetFirst, "a closed segment with another number of records than offsets");
    }

    const skipped: string[] = [];
    const found = new Map<number, Set<number>>();
    try {
      for await (const { partition, offset, bytes } of catJournal({
        directory,
        disk,
        onDamage: (what) => skipped.push(what),
      })) {
        claim(
          bytes.toString() === recordText(partition, offset),
          () => `J2: ${partition}:${offset} is read as ${bytes.toString().slice(0, 40)}`,
        );
        const offsets = found.get(partition) ?? new Set();
        claim(!offsets.has(offset) || !report.isSound, "J2: an offset is told twice");
        found.set(partition, offsets.add(offset));
      }
    } catch (error) {
      claim(codeOf(error) === "journal-partitions", () => `cat fails with ${String(error)}`);
      claim(!report.isSound, "a journal without a partition table is called sound");
      return;
    }
    claim(!report.isSound || skipped.length === 0, () => `it is called sound, and ${skipped.join("; ")}`);
    let isThrown = false;
    try {
      for await (const record of catJournal({ directory, disk }))
        claim(record.bytes.length > 0, "a record without bytes");
    } catch (error) {
      claim(codeOf(error) === "journal-corrupt", () => `cat fails with ${String(error)}`);
      isThrown = true;
    }
    claim(isThrown === skipped.length > 0, "damage is told in one way only");
    if (report.isSound && segments.every(({ state }) => state !== "torn")) {
      for (const { partition, floor } of report.partitions) {
        const offsets = found.get(partition) ?? new Set();
        const first = Math.min(...offsets, floor?.offsetNext ?? 0);
        const count = image.acknowledged.get(partition) ?? 0;
        // The oldest may be gone, since they may have been trimmed; so may an open segment, which is then as it was before.
        const last = Math.max(floor?.offsetNext ?? 0, ...Array.from(offsets, (offset) => offset + 1));
        for (let offset = first; offset < Math.min(count, last); offset++) {
          claim(offsets.has(offset), () => `J3: it is called sound, and record ${partition}:${offset} is gone`);
        }
      }
    }
    claim(
      machine.paths().every((path, index) => machine.content(path).equals(before[index] as Buffer)),
      "it changed a file",
    );
  },
};
