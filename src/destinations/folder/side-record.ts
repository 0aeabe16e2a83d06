// Side records: the label of an object, as `.coldpath/labels/{path}.json`.
//
// A side record is written after its object has its name, and names the file it is about by inode, size and modification
// time. So it may be missing (a crash in between, a lake copied to another disk), and is then null, but it cannot speak
// for a foreign file that took the name later: that one has another inode or another time.

import { type BigIntStats, constants } from "node:fs";
import { basename, dirname, join } from "node:path";
import { codeOf } from "../../lib/errors.ts";
import type { Label } from "../destination.ts";
import { ownDirectory } from "../object-path.ts";
import { isAbsent } from "./file-error.ts";
import type { Directories } from "./directories.ts";
import type { Files } from "./files.ts";

interface SideRecord {
  readonly version: 1;
  readonly file: FileIdentity;
  readonly label: Label;
}

interface FileIdentity {
  readonly inode: string;
  readonly bytes: string;
  readonly modifiedNs: string;
}

export class SideRecords {
  readonly #files: Files;
  readonly #directories: Directories;
  readonly #root: string;

  constructor(files: Files, directories: Directories, root: string) {
    this.#files = files;
    this.#directories = directories;
    this.#root = root;
  }

  /** Writes the label of the file that `stat` describes, durably, over whatever record was there. */
  async write(path: string, stat: BigIntStats, label: Label, temporaryFile: string): Promise<void> {
    const record: SideRecord = { version: 1, file: identityOf(stat), label };
    const directory = await this.#directories.ensure(directorySegments(path));
    const handle = await this.#files.open(temporaryFile, "wx");
    try {
      await handle.writeFile(`${JSON.stringify(record)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await this.#files.rename(temporaryFile, join(directory, `${basename(path)}.json`));
    await this.#directories.sync(directory);
  }

  /** The label of the file that `stat` describes; null when there is none, or it is another file's. */
  async read(path: string, stat: BigIntStats): Promise<Label | null> {
    const segments = directorySegments(path);
    let text: string;
    try {
      if (!(await this.#directories.exist(segments))) return null;
      const file = join(this.#root, ...segments, `${basename(path)}.json`);
      // A3: a symbolic link there leads out of the root; a pipe would hang us.
      const flag = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
      text = await this.#files.readFile(file, { encoding: "utf8", flag });
    } catch (thrown) {
      // ENOTDIR, EISDIR: the record of another path is in the way (`a.json` beside `a.json/b`), so this one has none.
      if (isAbsent(thrown) || ["ENOTDIR", "EISDIR", "ELOOP"].includes(codeOf(thrown) ?? "")) return null;
      throw thrown;
    }
    const record = parseRecord(text);
    if (record === null) return null;
    const identity = identityOf(stat);
    const isSame =
      record.file.inode === identity.inode &&
      record.file.bytes === identity.bytes &&
      record.file.modifiedNs === identity.modifiedNs;
    return isSame ? record.label : null;
  }
}

function directorySegments(path: string): readonly string[] {
  const directory = dirname(path);
  return [ownDirectory, "labels", ...(directory === "." ? [] : directory.split("/"))];
}

function identityOf(stat: BigIntStats): FileIdentity {
  return { inode: String(stat.ino), bytes: String(stat.size), modifiedNs: String(stat.mtimeNs) };
}

/** Null for anything that `write` did not write: the object's own bytes decide then. */
function parseRecord(text: string): SideRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const record = value as Partial<SideRecord> | null;
  if (record?.version !== 1 || typeof record.file !== "object" || typeof record.label !== "object") return null;
  if (record.label === null || Object.values(record.label).some((entry) => typeof entry !== "string")) return null;
  return record as SideRecord;
}
