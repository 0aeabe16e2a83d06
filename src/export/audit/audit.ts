// The conservation audit of one export: journaled = exported + waiting + discarded + accepted, and every window joins the
// next. Pure.
//
//   E1  What it proves is that no owed record was passed over and none was exported twice, by offsets, which the journal
//       gives out, against counts, which the file writer counted. docs/guarantees.md says what it does not prove.
//
// A stream's tallies (registry) are what was settled without a break, so only their ends need be looked at: the cost
// follows the number of tallies and of segments in the journal, not the history.
//
// What an administrator accepted is taken out by the numbers on record, lost records by their offsets, so that whatever is
// more, or lies beside, alarms again. It never counts as exported.

import { type AuditFacts, type ExportTally, type StreamKey, snapshotTypes } from "../../registry/registry.ts";
import type { Balance } from "./balance.ts";
import { PartitionAudit, type PartitionView } from "./partition-audit.ts";
import { type Violation, unbalancedOf, violation } from "./violation.ts";

export interface ExportAudit {
  readonly balances: readonly Balance[];
  readonly violations: readonly Violation[];
}

export function auditExport(facts: AuditFacts, partitions: readonly PartitionView[]): ExportAudit {
  const isMeasured = ({ type }: StreamKey): boolean => type === "measurements";
  const numbers = new Set([
    ...partitions.map(({ partition }) => partition),
    ...facts.tallies.filter(isMeasured).map(({ partition }) => partition),
  ]);
  const audits = [
    ...[...numbers]
      .toSorted((one, other) => one - other)
      .map((partition) => new PartitionAudit(facts, partition, partitions).audit()),
    ...snapshotTypes.map((type) => auditSnapshots(facts, type)),
  ];
  return {
    balances: audits.flatMap(({ balances }) => balances),
    violations: audits.flatMap(({ violations }) => violations),
  };
}

/** Snapshots: what was given to write, against what was written, let go, and is owed. */
function auditSnapshots(facts: AuditFacts, type: (typeof snapshotTypes)[number]): ExportAudit {
  const tallies = facts.tallies.filter((tally) => tally.type === type);
  const accepted = unbalancedOf(facts.accepted.filter((one) => one.type === type));
  const owed = facts.owed.filter(({ cut }) => cut.type === type);
  const first = tallies[0];
  if (first === undefined) return { balances: [], violations: [] };
  const sum = (pick: (tally: ExportTally) => number): number =>
    tallies.reduce((total, tally) => total + pick(tally), 0);
  const balance: Balance = {
    type,
    partition: 0,
    tenure: null,
    journaled: sum(({ given }) => given ?? 0),
    exported: sum(({ exported }) => exported),
    waiting: owed.reduce((total, { cut }) => total + cut.records, 0),
    discarded: sum(({ discarded }) => discarded),
    accepted,
  };
  const missing = balance.journaled - balance.exported - balance.waiting - balance.discarded - accepted;
  const windowLast = tallies.at(-1)?.settled?.last ?? first.windowFirst;
  const of = { type, partition: 0, windowFirst: first.windowFirst, windowLast, offsets: null, records: missing };
  return {
    balances: [balance],
    violations: missing === 0 ? [] : [violation(facts.export, { ...of, kind: "unbalanced" })],
  };
}
