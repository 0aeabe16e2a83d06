// CSV files that people upload, read row by row.
//
// Owns:      what counts as a row and which number it has; where such a file cannot be read on.
// Does not:  know what its columns mean.
//
// Whatever spreadsheets write is read: with or without a byte order mark, quotes, line ends of any system, separated by
// comma, semicolon (where the comma is for decimals) or tab. A quote that opens and does not close takes all that follows
// into its cell, so there the reading ends, and the error names the row where it opened.

import { isUtf8 } from "node:buffer";
import { setImmediate } from "node:timers/promises";
import { CsvError, parse } from "csv-parse";
import { ColdpathError } from "../lib/errors.ts";

export interface CsvRow {
  /** As a spreadsheet shows it: the first is 1, and one without anything in it counts. */
  readonly number: number;
  readonly cells: readonly string[];
}

/** Read in one turn: a millisecond or so. */
const chunkBytesUsual = 16 * 1024;
/** Looked at for what kind of file it is. */
const headBytes = 16 * 1024;
/** Many times what a row of devices has; also how much of a file is held as text. */
const rowBytesMax = 64 * 1024;

/**
 * The rows of a file, some at a time, in a turn each.
 *
 * @throws ColdpathError `csv-unreadable`: before anything when it is not text in UTF-8, else behind the last row that could
 *         be read.
 */
export async function* csvRows(bytes: Buffer, chunkBytes = chunkBytesUsual): AsyncGenerator<readonly CsvRow[]> {
  if (!isUtf8(bytes) || bytes.subarray(0, headBytes).includes(0)) {
    throw unreadable("The file is not text in UTF-8.", "Save it as “CSV UTF-8”, and import that.");
  }
  let rows: CsvRow[] = [];
  let read = 0;
  const parser = parse({
    bom: true,
    delimiter: delimiterOf(bytes),
    // All of them: by itself it takes the first line's, and a file that was put together has several.
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: false,
    max_record_size: rowBytesMax,
    on_record: (cells: readonly string[]) => {
      rows.push({ number: ++read, cells });
      return null; // nothing for its stream: `rows` is emptied after each chunk
    },
  });
  const failures: Error[] = [];
  parser.on("error", (error: Error) => failures.push(error));
  parser.resume();
  for (let at = 0; at <= bytes.length && failures.length === 0; at += chunkBytes) {
    const chunk = bytes.subarray(at, at + chunkBytes);
    await new Promise<void>((resolve) => {
      if (at + chunkBytes <= bytes.length) parser.write(chunk, () => resolve());
      else {
        parser.once("error", () => resolve());
        parser.once("end", () => resolve());
        parser.end(chunk);
      }
    });
    if (rows.length > 0) yield rows;
    rows = [];
    await setImmediate();
  }
  const [failure] = failures;
  if (failure !== undefined) throw brokenOff(failure, read + 1);
}

/** The one that the heading has most of. */
function delimiterOf(bytes: Buffer): string {
  const [heading = ""] = bytes
    .subarray(0, headBytes)
    .toString("utf8")
    .trimStart()
    .split(/[\r\n]/, 1);
  const counted = [",", ";", "\t"].map((delimiter) => ({ delimiter, count: heading.split(delimiter).length }));
  return counted.toSorted((a, b) => b.count - a.count)[0]?.delimiter ?? ",";
}

function brokenOff(error: Error, row: number): ColdpathError {
  const code = error instanceof CsvError ? error.code : "";
  const isOpen = code === "CSV_QUOTE_NOT_CLOSED" || code === "CSV_MAX_RECORD_SIZE";
  const why = isOpen
    ? `a quote that opens there does not close, or the row is longer than ${rowBytesMax} characters`
    : "it is no CSV there";
  return unreadable(
    `Row ${row} cannot be read, and nothing behind it was: ${why}.`,
    "Correct that row, and import the file again: devices that were made are left as they are.",
  );
}

function unreadable(message: string, hint: string): ColdpathError {
  return new ColdpathError("invalid", "csv-unreadable", message, { hint });
}
