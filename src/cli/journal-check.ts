// `coldpath journal check`: reads every byte of a journal and says whether all that was acknowledged is there.

import { command } from "./command.ts";
import { dataDirOption, isInUse, journalDirectory, minuteText } from "./journal-directory.ts";
import { bytesText, counted, jsonOption, stateText } from "./output.ts";
import { renderTable } from "./table.ts";

const progressMs = 5000;

export const journalCheckCommand = command({
  name: "journal check",
  purpose: "read every byte of the journal and say whether it is sound",
  details:
    "A torn tail of the open segment is no damage: a crash in the middle of a write leaves it, before the acknowledgement, and the next start cuts it. Nothing is changed.",
  options: {
    ...dataDirOption,
    all: { group: "Options", type: "boolean", isFlagOnly: true, description: "List every segment, sound ones too." },
    ...jsonOption,
  },
  examples: [
    ["coldpath journal check", "the journal in ./data"],
    ["coldpath journal check --data-dir /backup/coldpath --all", "a backup, segment by segment"],
  ],
  exitCodes: { 0: "The journal is sound.", 1: "It is damaged, or cannot be read." },
  run: async ({ values: { dataDir, all, json }, terminal }) => {
    const { checkJournal } = await import("../journal/file/journal-check.ts");
    const directory = journalDirectory(dataDir);
    const inUse = await isInUse(dataDir);
    let toldMs = performance.now();
    const report = await checkJournal(directory, undefined, (bytes) => {
      if (performance.now() - toldMs < progressMs) return;
      toldMs = performance.now();
      terminal.complain(`coldpath: ${bytesText(bytes)} of records read …`);
    });
    if (json === true) {
      terminal.print(JSON.stringify({ ...report, inUse }, null, 2));
      return report.isSound ? 0 : 1;
    }
    if (inUse) terminal.complain("coldpath: A server uses this journal now; its open segment may be in motion.");
    for (const partition of report.partitions) {
      const { segments, role, floor } = partition;
      const records = segments.reduce((sum, one) => sum + one.records, 0);
      const bytes = segments.reduce((sum, one) => sum + one.fileBytes, 0);
      const next =
        floor === null ? "" : `; next window ${minuteText(floor.windowNext)}, next offset ${floor.offsetNext}`;
      terminal.print(
        `partition ${partition.partition} (${role}): ${counted(segments.length, "segment")}, ${counted(records, "record")}, ${bytesText(bytes)}${next}`,
      );
      const shown = all === true ? segments : segments.filter((one) => one.state !== "closed");
      if (shown.length > 0) {
        const rows = shown.map((one) => [
          minuteText(one.window),
          one.state,
          String(one.offsetFirst),
          String(one.records),
          String(one.recordBytes),
          one.detail ?? "",
        ]);
        const headings = ["window", "state", "offset", "records", "bytes", "detail"];
        terminal.print(renderTable(headings, rows, terminal).replace(/^/gm, "  "));
      }
    }
    const problems = [...report.problems, ...report.partitions.flatMap((partition) => partition.problems)];
    for (const problem of problems) terminal.print(`${stateText("problem", terminal)}: ${problem}.`);
    if (report.isSound) terminal.print(`${stateText("sound", terminal)}: every record that was acknowledged is there.`);
    else if (inUse) terminal.print("A server writes to it now: stop it and check again to be sure.");
    else terminal.print("Keep these files; docs/operating.md says what to do about damage.");
    return report.isSound ? 0 : 1;
  },
});
