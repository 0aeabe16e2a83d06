// What the caller of `put` gives: chunks and a label. Watched, so that its own errors stay its own.
//
// Both adapters catch what their protocol throws and turn it into outcomes. An EIO that the *journal* threw while its
// bytes were read must not be taken for the destination's: it travels as a SourceError and is unwrapped at the door.

import { assert } from "../lib/assert.ts";
import type { Label, PutRequest } from "./destination.ts";

/** `cause` is what `bytes` or `label` threw. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  constructor(cause: unknown) {
    super("the source of an object failed", { cause });
  }
}

/** The chunks of `bytes` that hold something, in order. */
export async function* chunksOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of bytes) if (chunk.byteLength > 0) yield chunk;
  } catch (thrown) {
    throw new SourceError(thrown);
  }
}

/** Asks for the label, after the last chunk. */
export function labelOf(request: PutRequest): Label {
  try {
    const label = request.label();
    assertLabel(label);
    return label;
  } catch (thrown) {
    throw new SourceError(thrown);
  }
}

const labelEntriesMax = 20;
const labelCharactersMax = 4_096;

/** Throws AssertionError unless `label` keeps the port's rule: a destination would refuse or change it. */
function assertLabel(label: Label): void {
  const entries = Object.entries(label);
  assert(entries.length <= labelEntriesMax, `a label has at most ${labelEntriesMax} entries`);
  let characters = 0;
  for (const [key, value] of entries) {
    assert(/^[a-z][a-z0-9_]{0,63}$/.test(key), `a label's key is lower case letters, digits and _, not "${key}"`);
    assert(/^[\x21-\x7e]([\x20-\x7e]{0,510}[\x21-\x7e])?$/.test(value), `the label ${key} is 1..512 printable ASCII`);
    characters += key.length + value.length;
  }
  assert(characters <= labelCharactersMax, `a label has at most ${labelCharactersMax} characters in all`);
}
