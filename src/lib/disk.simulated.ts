// A disk in memory that remembers what was synced and forgets the rest: test support, no part of the product.
//
//   file content     Reads see the page cache. `sync` makes it stable. A power cut keeps, loses or tears (at 512 bytes)
//                    each write since then, in any combination. A sync that fails leaves some of it stable, and forgets
//                    that the rest was dirty, as Linux does: only writing again can save it.
//   names            A create, rename or remove is atomic; it is stable after each directory it touches was synced. A
//                    power cut keeps or loses any of the others.
//   power cut, kill  End every session: operations of an ended session never return, like those of a dead process.
//   faults           No room (`roomBytes`), failures by operation (`fail`), freezing in mid-work (`freezeAfter`), bit
//                    flips, a disk that says "synced" and lies, delays. All drawn from one seed.

import type { Disk, DiskFile } from "./disk.ts";

const operations = [
  "open",
  "create",
  "write",
  "read",
  "sync",
  "truncate",
  "rename",
  "remove",
  "sync-directory",
] as const;
export type Operation = (typeof operations)[number];

const sectorBytes = 512;

type Change =
  | { readonly kind: "write"; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly bytes: number };

class Inode {
  /** Its name now: faults go by it. */
  path: string;
  cached: Buffer = Buffer.alloc(0);
  stable: Buffer = Buffer.alloc(0);
  dirty: Change[] = [];

  constructor(path: string) {
    this.path = path;
  }
}

interface NameChange {
  apply(names: Map<string, Inode>): void;
  /** Directories whose sync it still needs. */
  readonly unsynced: Set<string>;
}

interface Fault {
  readonly operation: Operation;
  readonly code: string;
  readonly path: RegExp;
  skip: number;
  times: number;
}

export class SimulatedDisk {
  /** Bytes that files may still grow by. */
  roomBytes = Number.POSITIVE_INFINITY;
  /** `sync` answers at once and makes nothing stable: the control that shows the properties can fail. */
  liesAboutSync = false;
  /** Turns of the event loop an operation may take, at most. */
  delayTurnsMax = 0;
  /** Begun so far, in all sessions. */
  operations = 0;
  /** Told before an operation takes effect, which waits for it. It may cut the power or kill the process meanwhile. */
  onOperation: (operation: Operation, path: string) => Promise<void> | void = () => {};

  readonly #random: () => number;
  readonly #directories = new Set<string>();
  #names = new Map<string, Inode>();
  #stableNames = new Map<string, Inode>();
  #nameChanges: NameChange[] = [];
  #faults: Fault[] = [];
  #session = 0;
  #freezeAfter = Number.POSITIVE_INFINITY;
  #isFrozen = false;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** The disk as one process sees it, until `powerCut` or `kill`. */
  session(): Disk {
    const session = this.#session;
    return {
      open: (path, mode) => this.#open(session, path, mode),
      list: async (directory) => {
        await this.#step(session, "read", directory);
        const names = [...this.#names.keys()].filter((path) => parentOf(path) === directory).map(nameOf);
        const directories = [...this.#directories].filter((path) => parentOf(path) === directory).map(nameOf);
        return [...names, ...directories].sort();
      },
      makeDirectory: async (path) => {
        await this.#step(session, "create", path);
        for (let at = path; at !== ""; at = parentOf(at)) this.#directories.add(at);
      },
      rename: async (from, to) => {
        await this.#step(session, "rename", to);
        const inode = this.#inode(from);
        inode.path = to;
        this.#free(this.#names.get(to));
        this.#changeNames([parentOf(from), parentOf(to)], (names) => {
          names.delete(from);
          names.set(to, inode);
        });
      },
      remove: async (path) => {
        await this.#step(session, "remove", path);
        this.#free(this.#names.get(path));
        this.#changeNames([parentOf(path)], (names) => names.delete(path));
      },
      room: () => Promise.resolve({ freeBytes: Math.max(0, this.roomBytes), totalBytes: Number.POSITIVE_INFINITY }),
      syncDirectory: async (path) => {
        await this.#step(session, "sync-directory", path);
        if (this.liesAboutSync) return;
        for (const change of this.#nameChanges) change.unsynced.delete(path);
        while (this.#nameChanges[0]?.unsynced.size === 0) this.#nameChanges.shift()?.apply(this.#stableNames);
      },
    };
  }

  /** Power goes: what was not synced is kept, lost or torn. Then the machine is up again, with nobody using it. */
  powerCut(): void {
    this.#endSessions();
    const keep = this.#chance();
    for (const change of this.#nameChanges) {
      if (change.unsynced.size === 0 || keep()) change.apply(this.#stableNames);
    }
    this.#nameChanges = [];
    this.#names = new Map(this.#stableNames);
    for (const inode of new Set(this.#names.values())) {
      spill(inode, keep, this.#random);
      inode.cached = Buffer.from(inode.stable);
    }
  }

  /** The process dies, the page cache lives on; clean pages may have to be read from the disk again. */
  kill(): void {
    this.#endSessions();
    const isEvicted = this.#random() < 0.5;
    if (!isEvicted) return;
    for (const inode of new Set(this.#names.values())) {
      inode.cached = Buffer.from(inode.stable);
      for (const change of inode.dirty) inode.cached = changed(inode.cached, change);
    }
  }

  /** Lets `times` operations fail, after `skip` that do not. A `sync` that fails loses data. */
  fail(operation: Operation, code: string, more: { path?: RegExp; skip?: number; times?: number } = {}): void {
    this.#faults.push({ operation, code, path: more.path ?? /./, skip: more.skip ?? 0, times: more.times ?? 1 });
  }

  /** Nothing fails any more, and there is room. */
  heal(): void {
    this.#faults = [];
    this.roomBytes = Number.POSITIVE_INFINITY;
  }

  /** After so many more operations that change something, nothing returns any more: the place for a power cut. */
  freezeAfter(count: number): void {
    this.#freezeAfter = count;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  flipBit(path: string, byte: number, bit: number): void {
    const inode = this.#inode(path);
    for (const content of [inode.cached, inode.stable]) {
      if (byte < content.length) content[byte] = (content[byte] as number) ^ (1 << bit);
    }
  }

  /** Cuts a file or (with no bytes) loses it, behind everybody's back. */
  damage(path: string, bytes: number | null): void {
    const inode = this.#inode(path);
    inode.cached = Buffer.from(inode.cached.subarray(0, bytes ?? 0));
    inode.stable = Buffer.from(inode.stable.subarray(0, bytes ?? 0));
    if (bytes !== null) return;
    this.#names.delete(path);
    this.#stableNames.delete(path);
  }

  paths(): readonly string[] {
    return [...this.#names.keys()].sort();
  }

  content(path: string): Buffer {
    return Buffer.from(this.#inode(path).cached);
  }

  /** What is left of every file when the power goes now and nothing unsynced is kept. Not copied: read only. */
  stableContents(): readonly (readonly [path: string, content: Buffer])[] {
    const names = new Map(this.#stableNames);
    for (const change of this.#nameChanges) if (change.unsynced.size === 0) change.apply(names);
    return [...names].map(([path, inode]) => [path, inode.stable]);
  }

  /** What every file holds for those who read it now. Not copied: read only. */
  contents(): readonly (readonly [path: string, content: Buffer])[] {
    return [...this.#names].map(([path, inode]) => [path, inode.cached]);
  }

  setContent(path: string, content: Uint8Array): void {
    const inode = new Inode(path);
    inode.cached = Buffer.from(content);
    inode.stable = Buffer.from(content);
    this.#names.set(path, inode);
    this.#stableNames.set(path, inode);
  }

  async #open(session: number, path: string, mode: "create" | "update" | "read"): Promise<DiskFile> {
    await this.#step(session, mode === "create" ? "create" : "open", path);
    if (mode === "create" && !this.#names.has(path)) {
      const made = new Inode(path);
      this.#changeNames([parentOf(path)], (names) => names.set(path, made));
    }
    const inode = this.#inode(path);
    if (mode === "create") this.#change(inode, { kind: "truncate", bytes: 0 });
    return {
      write: async (buffers, position) => {
        await this.#step(session, "write", inode.path);
        const bytes = Buffer.concat(buffers);
        const room = Math.max(0, inode.cached.length - position) + this.roomBytes;
        this.#change(inode, { kind: "write", position, bytes: bytes.subarray(0, room) });
        if (bytes.length > room) throw systemError("ENOSPC", "write", inode.path);
      },
      read: async (target, position) => {
        await this.#step(session, "read", inode.path);
        if (position >= inode.cached.length) return 0;
        return inode.cached.copy(target, 0, position, position + target.length);
      },
      sync: async () => {
        await this.#step(session, "sync", inode.path, () => {
          spill(inode, this.#chance(), this.#random);
        });
        if (!this.liesAboutSync) spill(inode, () => true, this.#random);
      },
      truncate: async (bytes) => {
        await this.#step(session, "truncate", inode.path);
        this.#change(inode, { kind: "truncate", bytes });
      },
      size: async () => {
        await this.#step(session, "read", inode.path);
        return inode.cached.length;
      },
      close: async () => {
        await this.#step(session, "read", inode.path);
      },
    };
  }

  /** Every operation passes here: a dead session waits for ever, a fault strikes. @param onFault  its side effect. */
  async #step(session: number, operation: Operation, path: string, onFault?: () => void): Promise<void> {
    this.operations++;
    const turns = this.delayTurnsMax === 0 ? 0 : Math.floor(this.#random() * (this.delayTurnsMax + 1));
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
    if (turns === 0) await Promise.resolve();
    if (session !== this.#session || this.#isFrozen) return forever();
    await this.onOperation(operation, path);
    if (session !== this.#session || this.#isFrozen) return forever();
    if (operation !== "read" && operation !== "open" && this.#freezeAfter-- <= 0) {
      this.#isFrozen = true;
      if (this.#random() < 0.5) return forever(); // else this one still happens
    }
    const fault = this.#faults.find((one) => one.operation === operation && one.path.test(path));
    if (fault === undefined) return;
    if (fault.skip > 0) fault.skip--;
    else {
      fault.times--;
      if (fault.times <= 0) this.#faults = this.#faults.filter((one) => one !== fault);
      onFault?.();
      throw systemError(fault.code, operation, path);
    }
  }

  #endSessions(): void {
    this.#session++;
    this.#faults = [];
    this.#freezeAfter = Number.POSITIVE_INFINITY;
    this.#isFrozen = false;
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw systemError("ENOENT", "open", path);
    return inode;
  }

  #change(inode: Inode, change: Change): void {
    const before = inode.cached.length;
    inode.cached = changed(inode.cached, change);
    inode.dirty.push(change);
    this.roomBytes -= inode.cached.length - before;
  }

  #free(inode: Inode | undefined): void {
    this.roomBytes += inode?.cached.length ?? 0;
  }

  #changeNames(directories: readonly string[], apply: (names: Map<string, Inode>) => void): void {
    apply(this.#names);
    this.#nameChanges.push({ apply, unsynced: new Set(directories) });
  }

  /** All, nothing, or each by the toss of a coin. */
  #chance(): () => boolean {
    const share = [0, 1, 0.5, 0.9][Math.floor(this.#random() * 4)] as number;
    return () => this.#random() < share;
  }
}

/** Numbers 0 ≤ n < 1 from a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Makes the sectors that `keep` picks stable, and calls the file clean. */
function spill(inode: Inode, keep: () => boolean, random: () => number): void {
  for (const change of inode.dirty) {
    if (change.kind === "truncate") {
      if (keep()) inode.stable = changed(inode.stable, change);
      continue;
    }
    const pieces: Change[] = [];
    for (let at = 0; at < change.bytes.length;) {
      const position = change.position + at;
      const bytes = change.bytes.subarray(at, at + sectorBytes - (position % sectorBytes));
      pieces.push({ kind: "write", position, bytes });
      at += bytes.length;
    }
    if (random() < 0.5) pieces.reverse();
    for (const piece of pieces) if (keep()) inode.stable = changed(inode.stable, piece);
  }
  inode.dirty = [];
}

function changed(content: Buffer, change: Change): Buffer {
  if (change.kind === "truncate") {
    const cut = Buffer.alloc(change.bytes);
    content.copy(cut);
    return cut;
  }
  const end = change.position + change.bytes.length;
  let target = content;
  if (end > content.length) {
    target = Buffer.alloc(change.bytes.length === 0 ? content.length : end);
    content.copy(target);
  }
  change.bytes.copy(target, change.position);
  return target;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function forever(): Promise<never> {
  return new Promise(() => {});
}

function systemError(code: string, operation: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, ${operation} '${path}'`), { code, syscall: operation, path });
}
