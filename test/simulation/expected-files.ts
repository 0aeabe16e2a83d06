// The files that a closed window must become under a definition: names and bytes, derived a second time from the documents
// (E2).

import { containerOf, cut, schemaOf, syncMarkerOf } from "./avro.ts";
import { hubName } from "./hub.ts";
import type { ClosedWindow } from "./journal-truth.ts";
import type { Definition } from "./registry-truth.ts";

export interface ExpectedFile {
  readonly path: string;
  readonly bytes: Buffer;
  readonly first: number;
  readonly next: number;
  readonly records: number;
}

export class ExpectedFiles {
  readonly #files = new Map<ClosedWindow, Map<string, readonly ExpectedFile[]>>();

  /** @param secret  the installation's. Made once: neither a closed window nor a definition changes. */
  of(secret: Buffer, definition: Definition, closed: ClosedWindow): readonly ExpectedFile[] {
    const { pathTemplate, codec, blockBytes, fileBytesMax, formatRevision } = definition;
    const key = [pathTemplate, codec, blockBytes, fileBytesMax, formatRevision].join(" ");
    const known = this.#files.get(closed) ?? new Map<string, readonly ExpectedFile[]>();
    this.#files.set(closed, known);
    const files = known.get(key) ?? make(secret, definition, closed);
    known.set(key, files);
    return files;
  }
}

function make(secret: Buffer, definition: Definition, closed: ClosedWindow): readonly ExpectedFile[] {
  const { partition, window, records, offsetFirst } = closed;
  const { pathTemplate, codec, blockBytes, fileBytesMax, formatRevision } = definition;
  let first = offsetFirst;
  return cut(records, fileBytesMax).map((group, part) => {
    const file = { type: "measurements", partition, window, part };
    const syncMarker = syncMarkerOf(secret, file);
    const schemaText = schemaOf("measurements", formatRevision).text;
    const bytes = containerOf(group, { schemaText, codec, syncMarker, blockBytes });
    const path = pathOf(pathTemplate, file);
    first += group.length;
    return { path, bytes, first: first - group.length, next: first, records: group.length };
  });
}

/** docs/formats.md, "Paths". */
export function pathOf(
  template: string,
  of: { type: string; window: number; partition: number; part: number },
): string {
  const at = new Date(of.window * 60_000).toISOString();
  const two = String(of.partition).padStart(2, "0");
  return template
    .replace("{type}", of.type)
    .replace("{hub}", hubName)
    .replace("{YYYY}", at.slice(0, 4))
    .replace("{MM}", at.slice(5, 7))
    .replace("{dd}", at.slice(8, 10))
    .replace("{hh}", at.slice(11, 13))
    .replace("{mm}", at.slice(14, 16))
    .replace("{NN}", of.part === 0 ? two : `${two}_${String(of.part).padStart(3, "0")}`);
}
