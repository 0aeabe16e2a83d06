// Schemas of exported files: what lies in the destination, what is in a file, how others read it.

import { Type } from "typebox";
import { exportTypes } from "../../registry/registry.ts";
import { count, orNull, ref, shape, time, window, words } from "../schema.ts";

export const FileRun = shape("FileRun", "What the run history has of a file.", {
  number: count("Of the run."),
  window: window("The minute it holds."),
  records: count(),
  committedAt: time(),
  attempts: count(),
  durationMs: count("From the start of the attempt that wrote it until it was confirmed."),
});
export const BrowsedFile = shape("BrowsedFile", "A file of the export, in the destination now.", {
  path: Type.String(),
  name: Type.String({ description: "The last part of its path." }),
  bytes: count(),
  type: words(exportTypes),
  window: window("The minute that its path says."),
  run: orNull(ref(FileRun, "Null when the history has none: it is older, or another program wrote it.")),
});
export const FilePlaceAnswer = shape("FilePlace", "A container that the export writes or wrote to.", {
  version: count("Its newest definition there: give it as `version`."),
  storageAccountId: Type.String(),
  container: Type.String(),
});
export const BrowsedLevel = shape("FileLevel", "One page of a level of the export's files.", {
  prefix: Type.String({ description: "With its slash; empty at the top." }),
  folders: Type.Array(Type.String(), { description: "Names; give `prefix` and one of them as the next `prefix`." }),
  files: Type.Array(ref(BrowsedFile)),
  next: orNull(
    Type.String({ description: "Give it as `after` for the next page, which may be empty; null on the last." }),
  ),
  place: ref(FilePlaceAnswer, "What was looked into."),
  places: Type.Array(ref(FilePlaceAnswer), { description: "All, the newest first." }),
});

export const FilePreviewAnswer = shape("FilePreview", "Some records of a file.", {
  path: Type.String(),
  type: words(exportTypes),
  bytes: count("Of the whole file."),
  codec: Type.String(),
  schema: Type.Unsafe<unknown>({ description: "The Avro schema in the file, as JSON." }),
  records: Type.Array(Type.Unsafe<unknown>({}), {
    description:
      "Decoded. Bytes, as a message's Body, are {json, bytes}, {text, bytes} or {base64, bytes}; {json, text, bytes} where JavaScript would not write the JSON as it was sent.",
  }),
  offset: count("The number of the first of them, from 0 on."),
  next: orNull(count("Give it as `offset` for the next page; null when there is none.")),
  recordsSeen: count("Records up to the end of this page; all of the file when it is complete."),
  complete: Type.Boolean({ description: "Whether this page ends with the file, and the file is whole." }),
  damage: orNull(Type.String({ description: "Why the file cannot be read on, and where; null when it can." })),
  isCut: Type.Boolean({ description: "The file is longer than a preview reads: download it." }),
});

export const ReadingText = shape("ReadingText", "A way to read a file, ready to be copied.", {
  install: orNull(Type.String({ description: "To run once in a shell." })),
  code: Type.String(),
});
export const FileReading = shape("FileReading", "How other programs read a file. No secret is part of it.", {
  path: Type.String(),
  type: words(exportTypes),
  location: Type.String({ description: "The file on the server's machine, or the blob's URL." }),
  python: ref(ReadingText, "With pandas and pandavro."),
  fastavro: ref(ReadingText, "Python without pandas; reads what pandavro cannot."),
  csharp: ref(ReadingText, "With Microsoft.Hadoop.Avro."),
  nodejs: ref(ReadingText, "With avsc."),
  cli: ref(ReadingText, "With coldpath read."),
});
