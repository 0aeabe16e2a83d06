// Journals to damage: images of real ones, and changes of their files as an input spells them.
//
// A record's text says its partition and offset, so that whoever reads it knows whether it is where it was (J2).

import type { PartitionWriter } from "../../src/journal/journal.ts";
import { append } from "../../src/journal/records.simulated.ts";
import { SimulatedMachine, journalDirectory } from "../../src/journal/file/machine.simulated.ts";
import type { SimulatedDisk } from "../../src/lib/disk.simulated.ts";
import { printWindow, windowMs, windowOf } from "../../src/lib/window.ts";
import type { InputReader } from "./engine/target.ts";

export interface Image {
  readonly files: ReadonlyMap<string, Buffer>;
  /** Acknowledged records, by partition. */
  readonly acknowledged: ReadonlyMap<number, number>;
  /** Of these, the first offset that stands in a frame whose durability nothing witnesses yet. */
  readonly unwitnessedFrom: ReadonlyMap<number, number>;
  /** The segment of the window that is open, where it has records. */
  readonly open: ReadonlyMap<number, { readonly path: string; readonly offsetFirst: number }>;
  readonly wallMs: number;
}

export const partitions = 2;

export function recordText(partition: number, offset: number): string {
  return `${partition}:${offset}:${"x".repeat((offset * 37) % 90)}`;
}

/** @param story  moves time and appends; ends with the process dying. */
async function imageOf(
  story: (machine: SimulatedMachine, accept: (partition: number, count: number) => Promise<void>) => Promise<void>,
): Promise<Image> {
  const machine = new SimulatedMachine(1, { partitions });
  if (!(await machine.start())) throw new Error("the journal does not start", { cause: machine.refusedToStart });
  const acknowledged = new Map<number, number>();
  const unwitnessedFrom = new Map<number, number>();
  const open = new Map<number, { path: string; offsetFirst: number }>();
  const accept = async (partition: number, count: number): Promise<void> => {
    const first = acknowledged.get(partition) ?? 0;
    unwitnessedFrom.set(partition, first);
    const path = `${journalDirectory}/${partition}/${printWindow(windowOf(machine.clock.wallMs))}.seg`;
    if (open.get(partition)?.path !== path) open.set(partition, { path, offsetFirst: first });
    for (let offset = first; offset < first + count; offset++) {
      const refusal = append(machine.running.partitions[partition] as PartitionWriter, recordText(partition, offset), {
        durable: () => acknowledged.set(partition, offset + 1),
      });
      if (refusal !== null) throw new Error(`refused: ${refusal}`);
    }
    await machine.settle();
    if (acknowledged.get(partition) !== first + count) throw new Error("a record was not acknowledged");
  };
  await story(machine, accept);
  const { wallMs } = machine.clock;
  const now = printWindow(windowOf(wallMs));
  for (const [partition, { path }] of open) if (!path.endsWith(`${now}.seg`)) open.delete(partition);
  machine.kill();
  const files = new Map(machine.disk.paths().map((path) => [path, machine.disk.content(path)]));
  return { files, acknowledged, unwitnessedFrom, open, wallMs };
}

/** Closed windows and open ones, with and without a witness, empty windows, recycled files. */
export async function makeImages(): Promise<readonly Image[]> {
  return [
    await imageOf(async ({ clock }, accept) => {
      await accept(0, 2);
      await accept(1, 1);
      await clock.pass(windowMs);
      await accept(0, 1);
      await clock.pass(windowMs);
      await accept(0, 3);
      await accept(1, 4);
      await clock.pass(1500);
    }),
    await imageOf(async ({ clock }, accept) => {
      await accept(0, 1);
      await clock.pass(3 * windowMs);
      await accept(0, 2);
      await accept(0, 2);
    }),
    await imageOf(async ({ clock }, accept) => {
      await accept(1, 5);
      await clock.pass(windowMs);
      await accept(1, 5);
      await clock.pass(2 * windowMs);
    }),
    await imageOf(async (machine, accept) => {
      await accept(0, 6);
      await machine.clock.pass(2 * windowMs);
      machine.running.release(0, machine.running.windowNext());
      await machine.clock.pass(windowMs);
      await accept(0, 1);
    }),
  ];
}

export interface Damage {
  readonly image: Image;
  /** Changes made. */
  readonly changes: number;
  /** None, or one bit or byte of one file. */
  readonly isSmall: boolean;
  /** Files that were changed more than once, or by more than a byte. */
  readonly rewritten: ReadonlySet<string>;
}

const oddNames = [
  "0/2026-01-02T03-04.seg",
  "0/202601020304.seg",
  "0/x.seg",
  "0/floor.tmp",
  "1/floor",
  "2/floor",
  "partitions.tmp",
  "free/1.seg",
  "99/99999999999.seg",
];

/** Puts an image on a disk and changes it as the input says: a byte for the image, then one change after the other. */
export async function damage(disk: SimulatedDisk, images: readonly Image[], reader: InputReader): Promise<Damage> {
  const image = reader.pick(images);
  const session = disk.session();
  for (const directory of ["", "/0", "/1", "/2", "/99", "/free"])
    await session.makeDirectory(journalDirectory + directory);
  for (const [path, content] of image.files) disk.setContent(path, content);
  let changes = 0;
  let small = 0;
  const touched = new Set<string>();
  const rewritten = new Set<string>();
  while (reader.left > 0 && changes < 12) {
    const paths = disk.paths();
    if (paths.length === 0) break;
    const kind = reader.byte() % 11;
    const path = reader.pick(paths);
    const bytes = disk.content(path);
    const place = (): number => (bytes.length === 0 ? 0 : reader.short() % bytes.length);
    changes++;
    if (kind > 1 || touched.has(path)) rewritten.add(path);
    touched.add(path);
    switch (kind) {
      case 0:
      case 1: {
        small++;
        const at = place();
        const by = reader.byte();
        if (at < bytes.length) bytes[at] = kind === 0 ? (bytes[at] as number) ^ (1 << (by & 7)) : by;
        disk.setContent(path, bytes);
        break;
      }
      case 2:
        disk.setContent(path, bytes.subarray(0, place()));
        break;
      case 3:
        disk.damage(path, null);
        break;
      case 4: {
        const other = reader.pick(paths);
        rewritten.add(other);
        const content = disk.content(other);
        disk.setContent(other, bytes);
        disk.setContent(path, content);
        break;
      }
      case 5: {
        const other = reader.pick(paths);
        rewritten.add(other);
        disk.setContent(other, bytes);
        break;
      }
      case 6: {
        const at = place();
        reader.take(1 + (reader.byte() % 32)).copy(bytes, at);
        disk.setContent(path, bytes);
        break;
      }
      case 7:
        disk.setContent(path, Buffer.concat([bytes, Buffer.alloc(reader.short() % 5000, reader.byte())]));
        break;
      case 8:
        disk.setContent(`${journalDirectory}/${reader.pick(oddNames)}`, reader.byte() < 128 ? bytes : reader.take(64));
        break;
      case 9: {
        const [from, to] = [place(), place()];
        bytes.copy(bytes, to, from, from + (reader.short() % 600));
        disk.setContent(path, bytes);
        break;
      }
      default: {
        // As a recycled file: one behind the other.
        const other = disk.content(reader.pick(paths));
        disk.setContent(path, Buffer.concat([bytes.subarray(0, place()), other]));
      }
    }
  }
  return { image, changes, isSmall: changes === small && changes <= 1, rewritten };
}

/** Inputs that change one thing each. */
export function damageSeeds(): Buffer[] {
  const seeds: Buffer[] = [];
  for (let image = 0; image < 4; image++) {
    seeds.push(Buffer.from([image]));
    for (let kind = 0; kind < 11; kind++) {
      for (const file of [1, 3, 5])
        seeds.push(Buffer.from([image, kind, file, 0x10, 0x30, 2, 7, 1, 1, 0x10, 0x00, 0, 90]));
    }
  }
  return seeds;
}
