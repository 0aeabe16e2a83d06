// Schemas of cloud-to-device messages.

import { Type } from "typebox";
import { cloudMessageStates } from "../../registry/registry.ts";
import { count, mapOf, ref, shape, time, words } from "../schema.ts";

const head = {
  correlationId: Type.Optional(Type.String()),
  userId: Type.Optional(Type.String()),
  contentType: Type.Optional(Type.String()),
  contentEncoding: Type.Optional(Type.String()),
};
const printable = "Names as those of headers, values printable ASCII; 8 KiB in all.";

export const CloudMessage = shape(
  "CloudMessage",
  "A message for a device. Its body is shown to nobody but the device.",
  {
    messageId: Type.String(),
    state: words(
      cloudMessageStates,
      "queued: it waits; delivering: the device has it and has not said yet that it is done with it; the others: what became of it.",
    ),
    ...head,
    properties: mapOf(Type.String()),
    bytes: count("Of the body."),
    deliveryCount: count("How often it was given to the device; the tenth time is the last."),
    enqueuedAt: time(),
    expiresAt: time(),
    endedAt: Type.Optional(time("Of those that ended; they are known for a day, and 50 of them.")),
  },
);
export const CloudMessageList = shape(
  "CloudMessageList",
  "Those that wait, in order, then those that ended, newest first.",
  {
    items: Type.Array(ref(CloudMessage)),
  },
);
export const NewCloudMessage = shape("NewCloudMessage", "A message to be sent: 64 KiB at most, with its properties.", {
  body: Type.Optional(Type.String({ description: "Empty when left out." })),
  bodyEncoding: Type.Optional(words(["text", "base64"], "How `body` is written: text, as UTF-8, when left out.")),
  messageId: Type.Optional(
    Type.String({
      description: "Made up when left out. Give one to repeat a call safely: the second is answered 409.",
    }),
  ),
  ...head,
  properties: Type.Optional(mapOf(Type.String(), printable)),
  ttlSeconds: Type.Optional(Type.Number({ description: "Until it expires, 1 to 172800 (48 h); 3600 when left out." })),
});
