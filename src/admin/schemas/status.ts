// Schemas of the hub's status.

import { Type } from "typebox";
import { exportStates } from "../../export/export.ts";
import { count, mapOf, orNull, ref, shape, time, window, words } from "../schema.ts";
import { AuditSummary, ExportAdvice, ExportTrouble, ExportedFile } from "./export.ts";

export const EndpointList = shape("Endpoints", "How devices reach the hub.", {
  publicHosts: Type.Array(Type.String()),
  hostName: Type.String({ description: "As it stands in connection strings." }),
  mqttPort: orNull(Type.Integer()),
  mqttsPort: Type.Integer(),
  amqpsPort: Type.Integer(),
  httpsPort: Type.Integer(),
  caPath: orNull(Type.String({ description: "The authority that devices must trust; null for a public one." })),
});
export const JournalNotice = shape("JournalNotice", "Something about the journal that an operator must know.", {
  level: words(["info", "warn", "error"]),
  code: Type.String(),
  message: Type.String(),
  at: time(),
});
export const JournalPartition = shape("JournalPartition", "One partition of the journal.", {
  partition: count(),
  windowOpen: window("The window now open."),
  offsetNext: count(),
  refusal: orNull(Type.String({ description: "Why nothing can be appended now." })),
  segments: count(),
  segmentBytes: count(),
  aheadMs: Type.Number({ description: "Above 0 while the wall clock is behind what was journaled." }),
});
export const JournalState = shape("JournalStatus", "The journal: messages kept, and room.", {
  partitions: Type.Array(ref(JournalPartition)),
  bytes: count("Staged snapshots included."),
  bytesMax: count("Devices are refused when all of it is owed to exports."),
  owedBytes: count("Of bytes, what exports owe; the rest goes when room is needed."),
  untilFullMs: orNull(
    count("At the rate of the last minutes, until devices are refused; null when the journal does not fill."),
  ),
  notices: Type.Array(ref(JournalNotice)),
  appendedRecords: count("Since the server started."),
  appendedBytes: count("Since the server started."),
});
export const ExportSummary = shape("ExportSummary", "An export in short.", {
  id: Type.String(),
  name: Type.String(),
  on: Type.Boolean(),
  state: words(exportStates),
  trouble: orNull(ref(ExportTrouble)),
  owedFiles: count(),
  owedBytes: count(),
  lagMs: count(),
  lastFile: orNull(ref(ExportedFile)),
  audit: orNull(ref(AuditSummary)),
  advice: ref(ExportAdvice),
});
export const StorageSummary = shape("StorageSummary", "A storage account in short.", {
  id: Type.String(),
  name: Type.String(),
  sasExpiresAt: orNull(time("When its SAS ends; null without one.")),
  warnings: Type.Array(Type.String()),
});
export const RestoredHub = shape("Restored", "The last restore of this hub from a backup.", {
  restoredAt: time(),
  backupAt: time("When the backup was made: changes after it are gone."),
  isRegistryOnly: Type.Boolean({ description: "Whether the journal stayed." }),
  gaps: count("On record because of it: see the gaps of each export."),
});
export const Status = shape("Status", "How the hub is.", {
  hubName: Type.String(),
  installationId: Type.String(),
  version: Type.String(),
  startedAt: time(),
  uptimeSeconds: count(),
  now: time("By the window clock."),
  windowOpen: window("The window now open."),
  ready: Type.Boolean({ description: "Whether messages are accepted." }),
  reasons: Type.Array(Type.String(), { description: "Why not." }),
  endpoints: ref(EndpointList),
  devicesConnected: count(),
  messages: Type.Object(
    {
      accepted: count(),
      acceptedBytes: count("Of bodies."),
      folded: count("Sent again, and folded into their first record."),
      rejections: mapOf(count(), "By reason; reasons that never occurred are left out."),
    },
    { additionalProperties: false, description: "Since the server started." },
  ),
  restored: orNull(ref(RestoredHub, "That it was restored from a backup; null when it never was.")),
  journal: ref(JournalState),
  exports: Type.Optional(Type.Array(ref(ExportSummary), { description: "For administrators only." })),
  storage: Type.Optional(Type.Array(ref(StorageSummary), { description: "For administrators only." })),
});
