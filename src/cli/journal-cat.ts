// `coldpath journal cat`: what devices sent, as it stands in the journal, before or after it is exported.

import { windowOf, type Window } from "../lib/window.ts";
import { command } from "./command.ts";
import { UsageError } from "./errors.ts";
import { dataDirOption, isInUse, journalDirectory, minuteText } from "./journal-directory.ts";
import { jsonOption } from "./output.ts";
import { jsonLine } from "./record-view.ts";

const group = "Selection";
const windowOption = (description: string) =>
  ({
    group,
    type: "string",
    isFlagOnly: true,
    pattern: /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::00)?Z?$/,
    form: "a UTC minute such as 2026-01-02T03:04",
    description,
  }) as const;

export const journalCatCommand = command({
  name: "journal cat",
  purpose: "print the records of the journal, one a line",
  details:
    "Each line is a message as it is exported. Damage is reported, and what is whole behind it still printed. The torn tail of an open segment is not a record.",
  options: {
    ...dataDirOption,
    partition: { group, type: "integer", min: "0", max: "1000000", isFlagOnly: true, description: "Only this one." },
    window: windowOption("Only this UTC minute, e.g. 2026-01-02T03:04."),
    from: windowOption("From this UTC minute on."),
    to: windowOption("Up to this UTC minute, inclusive."),
    limit: {
      group,
      type: "integer",
      min: "1",
      max: "1000000000000",
      isFlagOnly: true,
      description: "At most so many records.",
    },
    raw: { group: "Form", type: "boolean", isFlagOnly: true, description: "Bodies as base64, whatever they hold." },
    json: {
      ...jsonOption.json,
      group: "Form",
      description:
        "Each record with its partition, window, offset and time: {partition, window, offset, time, record}.",
    },
  },
  examples: [
    ["coldpath journal cat --window 2026-01-02T03:04", "one minute"],
    ["coldpath journal cat --from 2026-01-02T03:00 --limit 10 --json", "ten records with their offsets"],
  ],
  exitCodes: { 1: "The journal is damaged, or cannot be read. What is whole was printed." },
  run: async ({ values, terminal }) => {
    const { dataDir, partition, limit = Number.POSITIVE_INFINITY, raw, json } = values;
    if (values.window !== undefined && (values.from ?? values.to) !== undefined) {
      throw new UsageError("journal cat", "Give --window, or --from and --to, not both.");
    }
    const [{ catJournal }, { recordReader }] = await Promise.all([
      import("../journal/file/journal-cat.ts"),
      import("../avro/record-reader.ts"),
    ]);
    const directory = journalDirectory(dataDir);
    if (await isInUse(dataDir)) {
      terminal.complain("coldpath: A server uses this journal now; its open segment may be in motion.");
    }
    let isDamaged = false;
    const decode = recordReader("measurements");
    const records = catJournal({
      directory,
      partition,
      windowFirst: parseMinute(values.window ?? values.from),
      windowLast: parseMinute(values.window ?? values.to),
      onDamage: (what) => {
        isDamaged = true;
        terminal.complain(`coldpath: ${what}.`);
      },
    });
    let left = limit;
    for await (const { bytes, offset, timeMs, window, partition } of records) {
      const record = jsonLine(decode(bytes), { raw: raw === true });
      if (json !== true) await terminal.write(`${record}\n`);
      else {
        const place = { partition, window: minuteText(window), offset, time: new Date(timeMs).toISOString() };
        await terminal.write(`${JSON.stringify(place).slice(0, -1)},"record":${record}}\n`);
      }
      if (--left <= 0) break;
    }
    return isDamaged ? 1 : 0;
  },
});

function parseMinute(text: string | undefined): Window | undefined {
  if (text === undefined) return undefined;
  const timeMs = Date.parse(`${text.slice(0, 16)}:00Z`);
  if (!Number.isNaN(timeMs)) return windowOf(timeMs);
  throw new UsageError("journal cat", `${text} is not a minute of the calendar.`);
}
