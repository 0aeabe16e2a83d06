// The sync marker of a file: a function of what the file is, and of a secret of the installation. Were it predictable, a
// device's body could forge a block for readers that split files at markers.

import { createHmac } from "node:crypto";
import type { Window } from "../lib/window.ts";
import type { ExportType } from "../registry/registry.ts";

/** 16 bytes; the same in every export, so that two exports with equal definitions get equal bytes. */
export function syncMarker(
  secret: Buffer,
  of: { readonly type: ExportType; readonly partition: number; readonly window: Window; readonly part: number },
): Buffer {
  const text = `${of.type}/${of.partition}/${of.window}/${of.part}`;
  return createHmac("sha256", secret).update(text).digest().subarray(0, 16);
}
