// One file to its destination: written, or found there and ours, or in the way and foreign.
//
//   E2  The bytes are a function of the source, the definition and the sync marker: every attempt makes the same.
//   E5  Nothing is overwritten: a name that exists is looked at. It is ours when it is the same cut and the hash is
//       equal; with another hash or without a label, when its records are equal one by one.

import { createHash } from "node:crypto";
import { type ContainerOptions, openContainer, writeContainer } from "../avro/avro.ts";
import type { Destination, Failure } from "../destinations/destination.ts";
import { ColdpathError, messageOf } from "../lib/errors.ts";
import { must } from "../lib/assert.ts";
import { type Cut, isSameCut, parseLabel, printLabel } from "./cut.ts";
import { type FileSource, type PartEnd, partRuns } from "./file-source.ts";

export interface FileRequest {
  readonly destination: Destination;
  readonly path: string;
  /** Without `next`, which is known at the end of the part. */
  readonly cut: Omit<Cut, "next">;
  /** The cut's `next`, from where the part ended. */
  readonly nextOf: (end: PartEnd) => number;
  readonly container: ContainerOptions;
  readonly source: FileSource;
  readonly recordFirst: number;
  readonly fileBytesMax: number;
  readonly signal: AbortSignal;
}

export interface WrittenFile {
  readonly kind: "written";
  readonly outcome: "created" | "adopted";
  readonly end: PartEnd;
  readonly records: number;
  readonly bytes: number;
  readonly sha256: string;
}

export type WriteOutcome =
  | WrittenFile
  /** Something that is not ours has the name: the export stops, nothing is overwritten. */
  | { readonly kind: "foreign"; readonly message: string; readonly hint: string }
  | Failure;

/** Throws only what the source threw (a damaged journal). */
export async function writeFile(request: FileRequest): Promise<WriteOutcome> {
  const pass = new Pass(request);
  const outcome = await request.destination.put({
    path: request.path,
    bytes: pass.bytes(),
    label: () => printLabel({ ...request.cut, next: pass.next(), records: pass.records, sha256: pass.sha256() }),
    signal: request.signal,
  });
  switch (outcome.kind) {
    case "created":
      return pass.written("created");
    case "exists":
      return await judge(request);
    case "temporary":
    case "permanent":
      return outcome;
  }
}

/** Ours or foreign? */
async function judge(request: FileRequest): Promise<WriteOutcome> {
  const { destination, path, cut, signal } = request;
  const head = await destination.head(path, signal);
  if (head.kind === "absent") {
    const message = `${path} in ${destination.root} existed and was gone a moment later.`;
    return { kind: "temporary", code: "vanished", message, hint: "It will be written again." };
  }
  if (head.kind !== "found") return head;
  // Our own bytes once more, without sending them: the first attempt may have been cut short.
  const pass = new Pass(request);
  for await (const chunk of pass.bytes()) void chunk;
  const label = parseLabel(head.label);
  const isOurCut = label !== null && isSameCut(label, { ...cut, next: pass.next() });
  if (isOurCut && label.sha256 === pass.sha256() && head.bytes === pass.byteCount) return pass.written("adopted");
  const difference = await compareRecords(request);
  if (typeof difference !== "string" && difference !== null) return difference;
  if (difference === null) return pass.written("adopted");
  return {
    kind: "foreign",
    message: `${path} in ${destination.root} exists and is not this export's file: ${difference}.`,
    hint: "Nothing was overwritten. Move that object away, or give the export another container or path template; then retry the export.",
  };
}

/** Null when the object holds our records, one by one; else what differs, or why it could not be read. */
async function compareRecords(request: FileRequest): Promise<string | Failure | null> {
  const { destination, path, source, recordFirst, fileBytesMax, signal } = request;
  let schemaText = "";
  const theirs = openContainer(destination.read(path, signal), {
    raw: true,
    onHeader: (header) => {
      schemaText = header.schemaText;
    },
  });
  let count = 0;
  try {
    for await (const run of partRuns(source, recordFirst, fileBytesMax, () => {})) {
      let at = 0;
      for (const length of run.lengths) {
        const next = await theirs.next();
        if (schemaText !== "" && schemaText !== request.container.schemaText) return "it has another schema";
        if (next.done === true) return `it has ${count} records, fewer than ours`;
        const record = Buffer.from(run.bytes.buffer, run.bytes.byteOffset + at, length);
        if (!record.equals(next.value as Buffer)) return `its record ${count} differs`;
        at += length;
        count++;
      }
    }
    return (await theirs.next()).done === true ? null : `it has more records than our ${count}`;
  } catch (error) {
    if (error instanceof ColdpathError && error.code === "avro-unreadable") return messageOf(error);
    if (error instanceof Error && "failure" in error) return error.failure as Failure;
    throw error;
  } finally {
    await theirs.return();
  }
}

/** One pass over the part: its bytes, and what is known after the last. */
class Pass {
  readonly #request: FileRequest;
  readonly #hash = createHash("sha256");
  #end: PartEnd | null = null;
  #digest: string | null = null;
  byteCount = 0;

  constructor(request: FileRequest) {
    this.#request = request;
  }

  async *bytes(): AsyncGenerator<Uint8Array, void, void> {
    const { container, source, recordFirst, fileBytesMax } = this.#request;
    const runs = partRuns(source, recordFirst, fileBytesMax, (end) => {
      this.#end = end;
    });
    for await (const chunk of writeContainer(container, runs)) {
      this.#hash.update(chunk);
      this.byteCount += chunk.length;
      yield chunk;
    }
  }

  get records(): number {
    return this.#partEnd().recordNext - this.#request.recordFirst;
  }

  next(): number {
    return this.#request.nextOf(this.#partEnd());
  }

  sha256(): string {
    this.#digest ??= this.#hash.digest("hex");
    return this.#digest;
  }

  written(outcome: "created" | "adopted"): WrittenFile {
    const end = this.#partEnd();
    return { kind: "written", outcome, end, records: this.records, bytes: this.byteCount, sha256: this.sha256() };
  }

  #partEnd(): PartEnd {
    return must(this.#end, "the pass is over");
  }
}
