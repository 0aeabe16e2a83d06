// What stands in an export's destination, read back with an independent reader (independent_reader.py: fastavro, and
// Python's own HTTP), and the comparison with what was acknowledged.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Ledger } from "./ledger.ts";
import { pythonPath } from "./needs.ts";
import { NumberSet } from "./number-set.ts";

const program = join(import.meta.dirname, "independent_reader.py");

export interface FoundFile {
  /** Below the folder or container. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly records: number;
  /** The minutes of EnqueuedTimeUtc in it, as 2026-03-04T05:06. */
  readonly minutes: readonly string[];
}

/** Each as numbers of messages; all empty when the promise was kept. */
export interface Breaches {
  /** Acknowledged, and in no file. */
  readonly lost: readonly number[];
  /** Stand more than once. */
  readonly doubled: readonly number[];
  /** In a file, and never sent. */
  readonly invented: readonly number[];
  /** Files that are not whole, or hold a record of another minute than their name says. */
  readonly wrong: readonly string[];
}

export const noBreaches: Breaches = { lost: [], doubled: [], invented: [], wrong: [] };

type Line =
  | (FoundFile & { readonly numbers: string; readonly error?: undefined })
  | { readonly path: string; readonly error: string };

export class ReadBack {
  readonly found = new NumberSet();
  readonly files = new Map<string, FoundFile>();
  readonly #source: string;
  readonly #doubled: number[] = [];
  readonly #wrong: string[] = [];

  /** @param source  a folder, absolute, or the URL of a container with a SAS that allows to list and read. */
  constructor(source: string) {
    this.#source = source;
  }

  get records(): number {
    let records = 0;
    for (const file of this.files.values()) records += file.records;
    return records;
  }

  /** Reads the files that came since the last time: a file never changes (E5). A file that is not whole is read again. */
  async more(): Promise<void> {
    const child = spawn(pythonPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    child.stdin.end(JSON.stringify({ source: this.#source, known: [...this.files.keys()] }));
    this.#wrong.length = 0;
    for await (const text of createInterface({ input: child.stdout })) this.#take(JSON.parse(text) as Line);
    const code = await ended;
    if (code !== 0) throw new Error(`the independent reader ended with code ${code}`);
  }

  /** At most `shownMax` examples of each. */
  breaches(ledger: Ledger, shownMax = 10): Breaches {
    const lost: number[] = [];
    for (const number of ledger.acknowledged) if (!this.found.has(number)) lost.push(number);
    const invented: number[] = [];
    for (const number of this.found) if (!ledger.hasSent(number)) invented.push(number);
    const some = <T>(all: readonly T[]): readonly T[] => all.slice(0, shownMax);
    return { lost: some(lost), doubled: some(this.#doubled), invented: some(invented), wrong: some(this.#wrong) };
  }

  #take(line: Line): void {
    if (line.error !== undefined) return void this.#wrong.push(`${line.path}: ${line.error}`);
    const { numbers, ...file } = line;
    this.files.set(file.path, file);
    // …/2026/03/04/05/06/00.avro
    const [minute] = /\d{4}(\/\d\d){4}(?=\/\d\d)/.exec(file.path) ?? [];
    const strange = file.minutes.filter((one) => one.replaceAll(/[-T:]/g, "/") !== minute);
    if (strange.length > 0) this.#wrong.push(`${file.path}: records of ${strange.join(", ")}`);
    const bytes = Buffer.from(numbers, "base64");
    for (let at = 0; at < bytes.length; at += 4) {
      const number = bytes.readUInt32LE(at);
      if (!this.found.add(number)) this.#doubled.push(number);
    }
  }
}
