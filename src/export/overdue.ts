// Which owed windows an export's backlog policy lets go now. Pure.

import { type Window, windowStartMs } from "../lib/window.ts";
import type { BacklogPolicy } from "../registry/registry.ts";
import type { Backlog } from "./backlog.ts";

/** What of a stream the policy looks at. */
export interface PolicyStream {
  readonly backlog: Pick<Backlog, "owed">;
  readonly status: { readonly blocked: unknown };
}

/**
 * The newest window to let go, with the reason for the record; null when the policy holds everything.
 *
 * Age counts only while the export cannot write: after a downtime of ours an old backlog deserves its attempt. Bytes count
 * always: they are there so that one slow export does not fill the journal for all.
 */
export function overdue(
  policy: BacklogPolicy,
  streams: readonly PolicyStream[],
  nowMs: number,
): { readonly windowLast: Window; readonly reason: string } | null {
  const { letGoAfterHours, letGoAfterBytes } = policy;
  if (letGoAfterHours !== null && streams.some(({ status }) => status.blocked !== null)) {
    const limitMs = nowMs - letGoAfterHours * 3_600_000;
    const old = streams
      .flatMap(({ backlog }) => backlog.owed())
      .filter(({ window }) => windowStartMs(window + 1) <= limitMs)
      .map(({ window }) => window);
    if (old.length > 0) {
      return { windowLast: Math.max(...old), reason: `it could not write for more than ${letGoAfterHours} hours` };
    }
  }
  if (letGoAfterBytes === null) return null;
  const owed = streams.flatMap(({ backlog }) => backlog.owed()).toSorted((one, other) => other.window - one.window);
  let bytes = 0;
  for (const { window, bytes: more } of owed) {
    bytes += more;
    if (bytes > letGoAfterBytes) return { windowLast: window, reason: `its backlog passed ${letGoAfterBytes} bytes` };
  }
  return null;
}
