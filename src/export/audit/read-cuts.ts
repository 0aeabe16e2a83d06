// The cut records of an export, read in order.
//
//   M1  By page, and the event loop is held for one page at a time.

import type { Window } from "../../lib/window.ts";
import type { AuditFacts, CutRecord, Registry, StreamKey } from "../../registry/registry.ts";

const pageRows = 500;

/** The streams of which something was ever owed. */
export function streamsOf(facts: Pick<AuditFacts, "tallies">): readonly StreamKey[] {
  const streams = facts.tallies.map(({ type, partition }) => ({ type, partition }));
  return [...new Map(streams.map((stream) => [streamName(stream), stream])).values()];
}

/** `measurements/0`. */
export function streamName({ type, partition }: StreamKey): string {
  return `${type}/${partition}`;
}

/** All cut records of a stream, ascending by window. */
export async function* cutsOf(
  registry: Pick<Registry, "cuts">,
  exportId: string,
  stream: StreamKey,
  range: { readonly first: Window; readonly last: Window } | null = null,
): AsyncGenerator<CutRecord, void, void> {
  for (let windowFirst = range?.first ?? 0; ;) {
    const cuts = await registry.cuts({ exportId, stream, windowFirst, windowLast: range?.last, limit: pageRows });
    yield* cuts;
    const last = cuts.at(-1);
    if (last === undefined || cuts.length < pageRows) return;
    windowFirst = last.window + 1;
    await new Promise(setImmediate);
  }
}
