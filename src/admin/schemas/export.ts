// Schemas of exports, their state, their runs and gaps.

import { Type } from "typebox";
import { violationKinds } from "../../export/audit/violation.ts";
import { exportStates } from "../../export/export.ts";
import { codecs, exportTypes, formatRevisions } from "../../registry/registry.ts";
import { count, etag, givenEtag, orNull, ref, shape, time, window, words } from "../schema.ts";

const type = words(exportTypes);
const settings = {
  storageAccountId: Type.String(),
  container: Type.String({ description: "It must exist." }),
  types: Type.Array(type, { description: "What to export." }),
  pathTemplate: Type.String({ description: "Of {type} {hub} {YYYY} {MM} {dd} {hh} {mm} {NN} and text." }),
  codec: words(codecs, "Compression of the files' blocks."),
  formatRevision: words(formatRevisions, "Of the records of devices and device templates."),
  blockBytes: Type.Integer({ description: "Size of a block in a file, before compression." }),
  fileBytesMax: Type.Integer({ description: "A larger minute goes on in a further file." }),
};

export const ExportDefinition = shape("ExportDefinition", "An immutable version of an export's settings.", {
  version: count(),
  windowFirst: window("In force from this window on."),
  ...settings,
});
export const Tenure = shape("Tenure", "A time the export was on; both ends are included.", {
  number: count(),
  windowFirst: window("Its first window."),
  windowLast: orNull(window("Its last window; null while it is on.")),
});
export const ExportTrouble = shape("ExportTrouble", "Why an export does not move now.", {
  code: Type.String({ description: "The service's own, or ours." }),
  message: Type.String(),
  hint: Type.String({ description: "What to do." }),
  since: time(),
  nextAttempt: orNull(time()),
  attempts: count(),
  path: orNull(Type.String({ description: "The file it is about." })),
});
export const ExportedFile = shape("ExportedFile", "The last file that was confirmed.", {
  path: Type.String(),
  committedAt: time(),
  records: count(),
});
const balance = {
  journaled: count("Records that the journal took for it."),
  exported: count("Records in confirmed files, as the writer counted them."),
  waiting: count("Records that are owed: in closed windows and in the open one."),
  discarded: count("Records in gaps."),
  accepted: Type.Integer({
    description: "Records that are known to be missing: accepted violations; below 0 when too many.",
  }),
};
export const AuditSummary = shape(
  "AuditSummary",
  "journaled = exported + waiting + discarded + accepted, or there are violations.",
  {
    at: time("When it was looked at last."),
    ...balance,
    violations: count("0, or somebody must look: see the export's audit."),
  },
);
export const AuditBalance = shape("AuditBalance", "The records of one stream in one tenure.", {
  type,
  partition: count(),
  tenure: orNull(Type.Integer({ description: "Null for snapshots, which are summed over all." })),
  ...balance,
});
const extent = {
  type,
  partition: count(),
  windowFirst: window("The first window it lies in."),
  windowLast: window("The last."),
  offsetFirst: orNull(count()),
  offsetNext: orNull(count()),
  records: Type.Integer({ description: "By how many; below 0 when there are too many." }),
};
export const AuditViolation = shape("AuditViolation", "Records that are lost, doubled or miscounted.", {
  id: Type.String({ description: "To accept it by; it changes with the numbers." }),
  kind: words(violationKinds),
  ...extent,
  message: Type.String(),
  hint: Type.String({ description: "What to do." }),
});
export const AcceptedViolation = shape("AcceptedViolation", "A violation that was looked into; it alarms no more.", {
  kind: Type.String(),
  ...extent,
  reason: Type.String(),
  at: time("When it was accepted."),
});
export const AcceptViolations = shape("AcceptViolations", "Violations that were looked into: put on record for good.", {
  violations: Type.Array(Type.String(), { minItems: 1, maxItems: 100, description: "Their ids, as they stand now." }),
  reason: Type.String({ minLength: 1, maxLength: 500 }),
});
export const AcceptedViolationList = shape("AcceptedViolationList", "What was accepted.", {
  items: Type.Array(ref(AcceptedViolation)),
});
export const ExportAudit = shape("ExportAudit", "Whether all that was journaled is exported, waiting or let go.", {
  at: orNull(time("When it was looked at last; null before the first time.")),
  balances: Type.Array(ref(AuditBalance)),
  violations: Type.Array(ref(AuditViolation), { description: "At most 100." }),
  violationCount: count("All of them."),
  accepted: Type.Array(ref(AcceptedViolation), { description: "In the order in which they were accepted." }),
});
export const ExportStatus = shape("ExportStatus", "How far an export is.", {
  state: words(exportStates),
  trouble: orNull(ref(ExportTrouble)),
  owedFiles: count("Closed windows with records, and snapshots, that are owed and not written."),
  owedBytes: count(),
  oldestOwedWindow: orNull(window("The oldest that is owed.")),
  lagMs: count("How long ago that started; 0 when nothing is owed."),
  lastFile: orNull(ref(ExportedFile)),
  filesWritten: count("Since the server started."),
  recordsWritten: count("Since the server started."),
  bytesWritten: count("Since the server started."),
  audit: orNull(ref(AuditSummary, "Null before the first since the server started.")),
});
export const BacklogPolicy = shape("BacklogPolicy", "What becomes of a backlog: held, unless one of these is set.", {
  letGoAfterHours: orNull(Type.Number({ description: "While it cannot write, windows older than this are let go." })),
  letGoAfterBytes: orNull(Type.Number({ description: "The oldest windows beyond this many bytes are let go." })),
});
export const ExportAdvice = shape("ExportAdvice", "The state of an export in plain words.", {
  happened: Type.String({ description: "How it is, and why." }),
  toDo: orNull(Type.String({ description: "What to do next; null when there is nothing to do." })),
});
export const Export = shape("Export", "A continuous data export.", {
  id: Type.String(),
  name: Type.String(),
  on: Type.Boolean(),
  definition: orNull(ref(ExportDefinition)),
  latestDefinition: ref(ExportDefinition, "What an edit starts from: in force from the next window after an edit."),
  tenures: Type.Array(ref(Tenure)),
  backlog: ref(BacklogPolicy),
  status: ref(ExportStatus),
  advice: ref(ExportAdvice),
  nextPath: Type.String({ description: "Where a file of the window now open goes, for the first of its types." }),
  etag,
  createdAt: time(),
});
export const ExportList = shape("ExportList", "Exports, by name.", { items: Type.Array(ref(Export)) });

const { storageAccountId, container, types, ...rest } = settings;
const optional = {
  pathTemplate: Type.Optional(rest.pathTemplate),
  codec: Type.Optional(rest.codec),
  formatRevision: Type.Optional(rest.formatRevision),
  blockBytes: Type.Optional(rest.blockBytes),
  fileBytesMax: Type.Optional(rest.fileBytesMax),
  backlog: Type.Optional(ref(BacklogPolicy)),
};
export const NewExport = shape("NewExport", "An export to be made. What is left out gets the server's default.", {
  name: Type.String(),
  storageAccountId,
  container,
  types,
  ...optional,
  on: Type.Optional(Type.Boolean({ description: "Turned on at once unless false." })),
});
export const ExportDefaults = shape("ExportDefaults", "What a new export gets where nothing is given.", {
  pathTemplate: rest.pathTemplate,
  codec: rest.codec,
  formatRevision: rest.formatRevision,
  blockBytes: rest.blockBytes,
  fileBytesMax: rest.fileBytesMax,
});
export const ExportChange = shape("ExportChange", "What is left out stays.", {
  name: Type.Optional(Type.String()),
  storageAccountId: Type.Optional(storageAccountId),
  container: Type.Optional(container),
  types: Type.Optional(types),
  ...optional,
  on: Type.Optional(Type.Boolean()),
  etag: givenEtag,
});

export const Discard = shape("Discard", "Owed windows to be let go for good; the gap is recorded.", {
  reason: Type.String({ minLength: 1, maxLength: 500 }),
  windowLast: Type.Optional(window("The last one to let go; all that are closed when left out.")),
});
export const Discarded = shape("Discarded", "What was let go.", {
  discarded: count("Windows and snapshots."),
});

const stream = { type, partition: count() };
export const ExportRun = shape("ExportRun", "One exported file.", {
  number: count("Grows with each run; give it as `before` for older ones."),
  ...stream,
  window: window("The minute it holds."),
  part: count("0 for a window's first file."),
  definitionVersion: count(),
  path: Type.String(),
  records: count(),
  bytes: count(),
  sha256: Type.String(),
  attempts: count(),
  startedAt: time(),
  committedAt: time(),
  durationMs: count("From the start of the attempt that wrote it until it was confirmed."),
  outcome: words(["created", "adopted"], "Written by this attempt, or found there and ours."),
});
export const ExportRunPage = shape("ExportRunPage", "Runs, newest first.", {
  items: Type.Array(ref(ExportRun)),
  next: orNull(Type.Integer({ description: "Give it as `before` for the next page; null on the last." })),
});
export const ExportGap = shape("ExportGap", "Owed windows that were let go.", {
  ...stream,
  windowFirst: window("The first."),
  windowLast: window("The last."),
  reason: Type.String(),
  at: time(),
  records: orNull(count("How many were let go; null when nobody knows.")),
});
export const ExportGapList = shape("ExportGapList", "Gaps.", { items: Type.Array(ref(ExportGap)) });

export const PathPreviewRequest = shape("PathPreviewRequest", "A path template to be tried.", {
  pathTemplate: rest.pathTemplate,
  types,
});
export const PathPreview = shape("PathPreview", "What the template makes of the window now open.", {
  window: window("The one now open."),
  examples: Type.Object(
    {
      measurements: Type.Optional(Type.String()),
      devices: Type.Optional(Type.String()),
      deviceTemplates: Type.Optional(Type.String()),
    },
    { additionalProperties: false, description: "The path of a file, for each type that was asked for." },
  ),
});
