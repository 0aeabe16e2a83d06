// Records as texts: appending and reading them the short way. Test support, for every adapter.

import type { DurableWaiter, Journal, PartitionWriter, Refusal, Segment } from "./journal.ts";

/** Appends one record; null or why it was refused. */
export function append(writer: PartitionWriter, text: string, waiter?: DurableWaiter): Refusal | null {
  const bytes = Buffer.from(text);
  const refusal = writer.reserve(bytes.length);
  if (refusal !== null) return refusal;
  bytes.copy(writer.buffer, writer.position);
  writer.commit(writer.position + bytes.length);
  if (waiter !== undefined) writer.onDurable(waiter);
  return null;
}

/** The records of a closed segment. */
export async function texts(journal: Journal, segment: Segment): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of journal.read(segment)) {
    let at = 0;
    for (const length of batch.lengths) {
      found.push(batch.bytes.toString("utf8", at, at + length));
      at += length;
    }
  }
  return found;
}
