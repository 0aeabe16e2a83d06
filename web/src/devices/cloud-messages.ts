// What the page asks about a device's cloud-to-device messages, and its words for what became of them.

import { queryOptions } from "@tanstack/react-query";
import { type Schema, answerOf, api } from "../api/client.ts";
import type { Tone } from "../parts/states.tsx";

export type CloudMessage = Schema<"CloudMessage">;
export type CloudMessageState = CloudMessage["state"];

export function cloudMessagesQuery(deviceId: string) {
  return queryOptions({
    queryKey: ["devices", "cloud-messages", deviceId],
    queryFn: async () =>
      (await answerOf(api.GET("/api/v1/devices/{deviceId}/cloud-messages", { params: { path: { deviceId } } }))).items,
  });
}

export const stateWords: Readonly<
  Record<CloudMessageState, { readonly tone: Tone; readonly word: string; readonly means: string }>
> = {
  queued: { tone: "busy", word: "Queued", means: "waits for the device" },
  delivering: {
    tone: "busy",
    word: "With the device",
    means: "the device has it and has not said yet that it is done",
  },
  completed: { tone: "good", word: "Completed", means: "the device is done with it" },
  rejected: { tone: "warn", word: "Rejected", means: "the device did not want it" },
  expired: { tone: "bad", word: "Expired", means: "the device did not come for it in time" },
  "dead-lettered": { tone: "bad", word: "Given up", means: "it was delivered ten times, and never completed" },
  purged: { tone: "off", word: "Purged", means: "somebody took it out of the queue" },
};

export function isWaiting({ state }: Pick<CloudMessage, "state">): boolean {
  return state === "queued" || state === "delivering";
}

/** How long a message may wait. The server takes up to 48 hours. */
export const lifetimes = [
  { seconds: 60, label: "1 minute" },
  { seconds: 600, label: "10 minutes" },
  { seconds: 3_600, label: "1 hour" },
  { seconds: 6 * 3_600, label: "6 hours" },
  { seconds: 24 * 3_600, label: "1 day" },
  { seconds: 48 * 3_600, label: "2 days" },
] as const;
