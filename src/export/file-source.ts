// The records of one owed window, for files: read again for every attempt, always the same (E2). Records are counted
// from 0 in the order of the source.

import type { RecordRun } from "../avro/avro.ts";

export interface FileSource {
  /** A fresh pass over all records. */
  runs(): AsyncIterable<RecordRun>;
}

/** Where a part ended. */
export interface PartEnd {
  /** Records in this and all earlier parts. */
  readonly recordNext: number;
  /** Nothing is left behind this part. */
  readonly isLast: boolean;
}

/**
 * The records of a part: from the `recordFirst`-th on, up to `bytesMax` bytes of records (at least one record).
 *
 * @param onEnd  told once, after the last record.
 */
export async function* partRuns(
  source: FileSource,
  recordFirst: number,
  bytesMax: number,
  onEnd: (end: PartEnd) => void,
): AsyncGenerator<RecordRun, void, void> {
  let passed = 0;
  let bytes = 0;
  let records = 0;
  for await (const run of source.runs()) {
    const { lengths } = run;
    if (passed + lengths.length <= recordFirst) {
      passed += lengths.length;
      continue;
    }
    let index = 0;
    let at = 0;
    for (; passed + index < recordFirst; index++) at += lengths[index] as number;
    const indexFirst = index;
    const atFirst = at;
    for (; index < lengths.length; index++) {
      const length = lengths[index] as number;
      if (records > 0 && bytes + length > bytesMax) break;
      bytes += length;
      records++;
      at += length;
    }
    if (index > indexFirst) {
      const isWhole = indexFirst === 0 && index === lengths.length;
      yield isWhole ? run : { bytes: run.bytes.subarray(atFirst, at), lengths: lengths.subarray(indexFirst, index) };
    }
    if (index < lengths.length) {
      onEnd({ recordNext: recordFirst + records, isLast: false });
      return;
    }
    passed += lengths.length;
  }
  onEnd({ recordNext: recordFirst + records, isLast: true });
}
