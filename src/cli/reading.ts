// A reading of many Avro files: records in order, damage reported file by file, the rest still read.

import { openContainer, type ContainerHeader } from "../avro/avro.ts";
import { DestinationError } from "../destinations/destination.ts";
import { ColdpathError, messageOf } from "../lib/errors.ts";
import { printError } from "./errors.ts";
import type { AvroFile } from "./read-source.ts";
import { kindOf, type RecordKind } from "./record-kinds.ts";
import type { Terminal } from "./terminal.ts";

export interface FileHeader extends ContainerHeader {
  /** One of `recordKinds`, else the name in the schema. */
  readonly kind: string;
}

export interface ReadingOptions {
  readonly kind: RecordKind | undefined;
  readonly limit: number | undefined;
  /** Errors as JSON. */
  readonly json: boolean;
  /** Errors with where they happened. */
  readonly debug: boolean;
}

export class Reading {
  readonly #terminal: Terminal;
  readonly #options: ReadingOptions;
  #left: number;
  filesSeen = 0;
  hasFailed = false;

  constructor(terminal: Terminal, options: ReadingOptions) {
    this.#terminal = terminal;
    this.#options = options;
    this.#left = options.limit ?? Number.POSITIVE_INFINITY;
  }

  /** From the start again, for what needs two passes. Failures are reported in the last one only. */
  rewind(): void {
    this.#left = this.#options.limit ?? Number.POSITIVE_INFINITY;
    this.hasFailed = false;
  }

  get isDone(): boolean {
    return this.#left <= 0;
  }

  /** Passes files on; when finding them fails, that is reported and the end. */
  async *guard(place: string, files: AsyncIterable<AvroFile>): AsyncGenerator<AvroFile, void, void> {
    try {
      for await (const file of files) {
        this.filesSeen++;
        yield file;
      }
    } catch (error) {
      this.#fail(withoutQuery(place), error, false);
    }
  }

  /**
   * The records of a file. It ends early at the limit, at damage (which it reports) and, before the first record, when
   * the file is of another kind.
   *
   * @param more.quiet  say nothing of damage: another pass will.
   */
  async *records(
    file: AvroFile,
    more: { readonly onHeader?: (header: FileHeader) => void; readonly quiet?: boolean } = {},
  ): AsyncGenerator<unknown, void, void> {
    if (this.isDone) return;
    const bytes = file.open();
    let header: FileHeader | null = null;
    try {
      const records = openContainer(bytes, {
        onHeader: (found) => {
          header = { ...found, kind: kindOf(found.schemaText) };
          if (this.#wants(header)) more.onHeader?.(header);
        },
      });
      for await (const record of records) {
        if (header === null || !this.#wants(header)) return;
        yield record;
        this.#left--;
        if (this.isDone) return;
      }
    } catch (error) {
      if (more.quiet !== true) this.#fail(file.name, error, true);
    } finally {
      // The container's reader leaves its source open when it is left early.
      if ("destroy" in bytes && typeof bytes.destroy === "function") bytes.destroy();
      else await bytes[Symbol.asyncIterator]().return?.(undefined);
    }
  }

  #wants(header: FileHeader): boolean {
    return this.#options.kind === undefined || header.kind === this.#options.kind;
  }

  #fail(name: string, error: unknown, isFile: boolean): void {
    this.hasFailed = true;
    const failure = error instanceof DestinationError ? error.failure : null;
    const ours = error instanceof ColdpathError ? error : null;
    const message = isFile && !messageOf(error).includes(name) ? `${name}: ${messageOf(error)}` : messageOf(error);
    const hint = failure?.hint ?? ours?.hint;
    const shown = new ColdpathError("invalid", failure?.code ?? ours?.code ?? "file-unreadable", message, {
      hint,
      cause: error,
    });
    printError(this.#terminal, shown, { ...this.#options, command: "read" });
  }
}

/** A SAS is not printed. */
function withoutQuery(place: string): string {
  return place.split("?")[0] ?? place;
}
