// What must be so at every moment: M1, as far as it is cheap to see, and the hub's own audit, which must be right.

import type { Cast } from "./cast.ts";

export function checkBounds({ world, plan, machine, journal, network }: Cast): void {
  const { hub } = machine;
  if (hub === null) return;
  const { isDamaged } = journal;
  for (const { exportId, audit } of hub.exporter.statuses()) {
    const [first] = audit?.violations ?? [];
    // Records that a damaged window lost may be missed before it is let go; offsets that nobody was given, never.
    if (first !== undefined && (!isDamaged || first.records >= 2 ** 32))
      world.violate("audit", `${exportId}: ${first.kind} ${first.message}`);
  }
  const { partitions, journalBytesMax, frameBytesMax } = plan.machine;
  const { bytes } = hub.journal.status();
  // What was taken before it was full: three frames a partition, and files have a header and a seal.
  const boundBytes = journalBytesMax + partitions * 3 * (2 * frameBytesMax + 8192) + 65_536;
  if (bytes > boundBytes) world.violate("M1", `the journal holds ${bytes} bytes, at most ${boundBytes} are allowed`);
  for (const bytes of network.unsentBytes()) {
    if (bytes > 4096) world.violate("M1", `a connection has ${bytes} bytes that its device does not read`);
  }
}
