// Schemas of what keeps pages live, and of a device's messages.

import { Type } from "typebox";
import { exportStates } from "../../export/export.ts";
import { searchEnds } from "../../live/live.ts";
import { changeKinds } from "../changes.ts";
import { count, mapOf, orNull, ref, shape, time, window, words } from "../schema.ts";

const realTime = "Real time.";

export const LiveExport = shape("LiveExport", "The state of an export, in short.", {
  id: Type.String(),
  state: words(exportStates),
  lagMs: count("How long ago the oldest window began that is owed; 0 when nothing is."),
  owedFiles: count(),
  lastFilePath: orNull(Type.String()),
});
export const LiveStatus = shape("LiveStatus", "The event `status`, once a second.", {
  at: time(realTime),
  messagesPerSecond: Type.Number({ description: "In the last second, as all that is per second." }),
  bytesPerSecond: Type.Number({ description: "Of bodies." }),
  rejectionsPerSecond: Type.Number(),
  devicesConnected: count(),
  acceptedTotal: count("Messages since the server started."),
  journalBytes: count(),
  journalBytesMax: count(),
  owedBytes: count(),
  untilFullMs: orNull(count("As in the status.")),
  ready: Type.Boolean(),
  reasons: Type.Array(Type.String()),
  exports: Type.Optional(Type.Array(ref(LiveExport), { description: "Only for administrators." })),
});
export const LiveChange = shape("LiveChange", "The event `changed`: what a page shows of this may be old.", {
  kind: words(changeKinds),
  id: orNull(Type.String({ description: "Null: more of this kind than are named, so ask again for all." })),
});
export const RateSecond = shape("RateSecond", "What happened in about a second.", {
  at: time(`${realTime} When it ended.`),
  spanMs: Type.Number({ description: "How long it was: more than a second when the server stood still." }),
  messages: count(),
  bytes: count("Of bodies."),
  rejections: count(),
  connected: count("At its end."),
});
export const RateMinute = shape(
  "RateMinute",
  "What happened in a minute; less than one when the server just started.",
  {
    at: time(`${realTime} When it ended.`),
    spanMs: Type.Number(),
    messages: count(),
    bytes: count("Of bodies."),
    rejections: count(),
    connected: count("At its end."),
  },
);
export const StatusHistory = shape("StatusHistory", "The last seconds and minutes since the server started.", {
  secondMs: Type.Integer({ description: "How long a second is meant to be: 1000." }),
  seconds: Type.Array(ref(RateSecond), { description: "Oldest first, of the last five minutes." }),
  minutes: Type.Array(ref(RateMinute), {
    description: "Oldest first, of the last three hours, without the one that runs.",
  }),
});

export const DeviceMessage = shape(
  "DeviceMessage",
  "A message of a device, as the journal has it and exports get it.",
  {
    enqueuedTime: Type.String({ description: "When it was taken, by the window clock, as in exported files." }),
    partition: count("Of the journal."),
    offset: count("In the partition: with it, unique."),
    properties: mapOf(Type.String()),
    systemProperties: mapOf(
      Type.String(),
      "As in exported files: connectionDeviceGenerationId says which device of this id.",
    ),
    body: Type.Unknown({ description: "The body as JSON; null when it is not (or is null), or nests deeper than 64." }),
    bodyText: orNull(
      Type.String({ description: "The body as it came, when it is UTF-8: exact, also where it is JSON." }),
    ),
    bodyBase64: orNull(Type.String({ description: "The body when it is not UTF-8." })),
    bytes: count("Of the body."),
  },
);
export const UnreadableWindow = shape("UnreadableWindow", "A window of the journal that could not be read.", {
  partition: count(),
  window: window("Its minute."),
  code: Type.String({ description: "`journal-corrupt`, or `journal-trimmed`: let go while it was looked for." }),
  message: Type.String(),
});
export const DeviceMessageList = shape("DeviceMessageList", "The last messages of a device that were found.", {
  items: Type.Array(ref(DeviceMessage), { description: "Newest first." }),
  scannedFrom: orNull(time("All since then was looked at, by the window clock; null when the journal holds nothing.")),
  complete: Type.Boolean({ description: "Whether all that was asked for was looked at." }),
  endedBy: orNull(
    words(searchEnds, "Why not: as many as asked for were found, the answer is full, or as much was read as may be."),
  ),
  unreadable: Type.Array(ref(UnreadableWindow)),
});
export const SkippedMessages = shape("SkippedMessages", "The event `skipped`, at the end of a second.", {
  count: count("Messages of that second that were taken, and are not shown."),
});
