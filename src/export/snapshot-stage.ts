// Staged snapshots: the states of one cut, on disk until every export that owes it has written it.
//
//   E2  What was staged never changes: the files of every attempt and every export are made from it.
//   S2  It is written from one consistent view of the registry.
//
// A staged file is lines of JSON: a header, a state a line in revision order, and a trailer with the count and the
// SHA-256 of all before it. docs/formats.md "Staged snapshots".

import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import type { DeviceState, TemplateState } from "../avro/avro.ts";
import { type Disk, nodeDisk } from "../lib/disk.ts";
import { ColdpathError } from "../lib/errors.ts";
import { printWindow } from "../lib/window.ts";
import type { RegistryView, SnapshotCut, SnapshotType } from "../registry/registry.ts";

export type SnapshotState = DeviceState | TemplateState;

const formatVersion = 1;
const headerBytesMax = 4096;

/** Rows a page of the view: the event loop is held for one page at a time. */
const pageRows = 500;
const readBytes = 64 * 1024;
const lineFeed = 0x0a;

type Lost = (what: string, cause?: unknown) => ColdpathError;

export class SnapshotStage {
  readonly #directory: string;
  readonly #disk: Disk;

  private constructor(directory: string, disk: Disk) {
    this.#directory = directory;
    this.#disk = disk;
  }

  static async open(directory: string, disk: Disk = nodeDisk): Promise<SnapshotStage> {
    await disk.makeDirectory(directory);
    return new SnapshotStage(directory, disk);
  }

  /**
   * Stages what changed after `revisionFrom` as of the view, durably. Null when that is nothing; then no file is left.
   * Staging the same cut again replaces the file: only recorded cuts count.
   */
  async write(
    view: RegistryView,
    of: Pick<SnapshotCut, "type" | "window" | "scope" | "revisionFrom">,
  ): Promise<SnapshotCut | null> {
    const path = this.#path(of);
    const temporary = `${path}.tmp`;
    const file = await this.#disk.open(temporary, "create");
    const hash = createHash("sha256");
    let records = 0;
    let bytes = 0;
    const put = async (text: string): Promise<void> => {
      const chunk = Buffer.from(text);
      hash.update(chunk);
      await file.write([chunk], bytes);
      bytes += chunk.length;
    };
    try {
      const header = { version: formatVersion, ...of, revisionTo: view.revision };
      await put(`${JSON.stringify(header)}\n`);
      let after = of.revisionFrom;
      for (;;) {
        const page = pageOf(view, of.type, after);
        if (page.length === 0) break;
        await put(page.map(({ state }) => `${JSON.stringify(state)}\n`).join(""));
        records += page.length;
        after = page.at(-1)?.revision ?? after;
      }
      const trailer = Buffer.from(`${JSON.stringify({ records, sha256: hash.digest("hex") })}\n`);
      await file.write([trailer], bytes);
      bytes += trailer.length;
      await file.sync();
    } finally {
      await file.close();
    }
    if (records === 0) {
      await this.#disk.remove(temporary);
      return null;
    }
    await this.#disk.rename(temporary, path);
    await this.#disk.syncDirectory(this.#directory);
    return { ...of, revisionTo: view.revision, records, bytes };
  }

  /**
   * The states of a cut, in order, verified to the last byte.
   *
   * @throws ColdpathError `snapshot-lost` when the staged file is gone or damaged.
   */
  async *read(cut: SnapshotCut): AsyncGenerator<SnapshotState, void, void> {
    const path = this.#path(cut);
    const lost: Lost = (what, cause) =>
      new ColdpathError("conflict", "snapshot-lost", `The staged snapshot ${path} ${what}.`, {
        hint: "Restore the file from a backup, or discard this export's backlog and turn the type off and on again, which makes a full snapshot.",
        cause,
      });
    // All of it before the first state is used: a damaged state may be anything, and is not for an encoder to find.
    for await (const state of this.#verified(path, cut, lost)) void state;
    for await (const state of this.#verified(path, cut, lost)) yield parseState(state, lost);
  }

  /** The lines that are states; throws after the last when the file is not what was staged. */
  async *#verified(path: string, cut: SnapshotCut, lost: Lost): AsyncGenerator<string, void, void> {
    const hash = createHash("sha256");
    let records = -1; // the header is no record
    let previous: string | null = null;
    for await (const line of this.#lines(path, lost)) {
      if (previous !== null) {
        hash.update(`${previous}\n`);
        if (records >= 0) yield previous;
        records++;
      }
      previous = line;
    }
    const trailer = JSON.stringify({ records, sha256: hash.digest("hex") });
    if (previous !== trailer || records !== cut.records) throw lost("is damaged");
  }

  async remove(cut: SnapshotCut): Promise<void> {
    await this.#disk.remove(this.#path(cut));
  }

  /**
   * Puts on record why the staged file of a cut is gone, in its place. Nothing when the file is there.
   *
   * @param reason  for the gap of each export that cannot find it in its destination either.
   */
  async markLost(cut: SnapshotCut, reason: string): Promise<void> {
    const path = this.#path(cut);
    if ((await this.#disk.list(this.#directory)).includes(basename(path))) return;
    const { type, window, scope, revisionFrom, revisionTo } = cut;
    const header = { version: formatVersion, type, window, scope, revisionFrom, revisionTo, lost: reason };
    const temporary = `${path}.tmp`;
    const file = await this.#disk.open(temporary, "create");
    try {
      await file.write([Buffer.from(`${JSON.stringify(header)}\n`)], 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#disk.rename(temporary, path);
    await this.#disk.syncDirectory(this.#directory);
  }

  /** The reason that `markLost` put on record, or null. */
  async lostBy(cut: SnapshotCut): Promise<string | null> {
    const path = this.#path(cut);
    if (!(await this.#disk.list(this.#directory)).includes(basename(path))) return null;
    const lost = (await headerOf(this.#disk, path))?.lost;
    return typeof lost === "string" ? lost : null;
  }

  /** Removes what a crash left between staging and recording: every file that is of none of these cuts. */
  async removeOthers(cuts: readonly SnapshotCut[]): Promise<void> {
    const known = new Set(cuts.map((cut) => this.#path(cut)));
    for (const name of await this.#disk.list(this.#directory)) {
      const path = join(this.#directory, name);
      if (!known.has(path)) await this.#disk.remove(path);
    }
  }

  #path(of: Pick<SnapshotCut, "type" | "window" | "scope">): string {
    return join(this.#directory, `${of.type}-${printWindow(of.window)}-${of.scope}.jsonl`);
  }

  /** Without their line feeds; bytes behind the last one are a line too, since nothing may be passed over. */
  async *#lines(path: string, lost: Lost): AsyncGenerator<string, void, void> {
    const unreadable = (error: unknown): never => {
      throw lost("cannot be read", error);
    };
    const file = await this.#disk.open(path, "read").catch(unreadable);
    try {
      const chunk = Buffer.alloc(readBytes);
      let rest = Buffer.alloc(0);
      for (let position = 0; ;) {
        const bytes = await file.read(chunk, position).catch(unreadable);
        if (bytes === 0) break;
        position += bytes;
        rest = Buffer.concat([rest, chunk.subarray(0, bytes)]);
        let at = 0;
        for (let end = rest.indexOf(lineFeed); end >= 0; end = rest.indexOf(lineFeed, at)) {
          yield rest.toString("utf8", at, end);
          at = end + 1;
        }
        rest = rest.subarray(at);
      }
      if (rest.length > 0) yield rest.toString("utf8");
    } finally {
      await file.close();
    }
  }
}

/**
 * Looks whether a newer version has staged snapshots, and changes nothing.
 *
 * @throws ColdpathError `snapshot-newer`. No error when there is no directory.
 */
export async function refuseNewerSnapshots(directory: string, disk: Disk = nodeDisk): Promise<void> {
  for (const name of await disk.list(directory)) {
    if (!name.endsWith(".jsonl")) continue;
    const path = join(directory, name);
    const version = (await headerOf(disk, path))?.version;
    if (typeof version !== "number" || version <= formatVersion) continue;
    throw new ColdpathError("fatal", "snapshot-newer", `${path} was written by a newer Coldpath.`, {
      hint: "Start the version of Coldpath that wrote it, or a later one.",
    });
  }
}

interface StagedHeader {
  readonly version?: unknown;
  readonly lost?: unknown;
}

/** Null when the header cannot be read: that is for the export that owes it to tell. */
async function headerOf(disk: Disk, path: string): Promise<StagedHeader | null> {
  const file = await disk.open(path, "read");
  try {
    const buffer = Buffer.alloc(headerBytesMax);
    const [line = ""] = buffer.toString("utf8", 0, await file.read(buffer, 0)).split("\n");
    const header: unknown = JSON.parse(line);
    return typeof header === "object" ? header : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  } finally {
    await file.close();
  }
}

function parseState(line: string, lost: Lost): SnapshotState {
  try {
    return JSON.parse(line) as SnapshotState;
  } catch (error) {
    throw lost("is damaged", error);
  }
}

/** What is exported of each row: nothing else of a device may reach a file (A2). */
function pageOf(view: RegistryView, type: SnapshotType, after: number): { revision: number; state: SnapshotState }[] {
  if (type === "devices") {
    return view.devices(after, pageRows).map(({ revision, device }) => {
      const { id, name, simulated, templateId, templateVersion, properties, settings } = device;
      return { revision, state: { id, name, simulated, templateId, templateVersion, properties, settings } };
    });
  }
  return view.deviceTemplates(after, pageRows).map(({ revision, template }) => {
    const { id, name, version, measurements, settings, properties } = template;
    return { revision, state: { id, name, version, measurements, settings, properties } };
  });
}
