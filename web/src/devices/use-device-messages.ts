// A device's messages: the last ones from the journal, then each as it becomes durable.
//
// The stream is opened first and the last messages are asked for when it is open, so that none falls between the two; partition
// and offset tell them apart. After a reconnect the same again. Bounded: the newest so many.

import { useEffect, useState } from "react";
import { type Schema, answerOf, api } from "../api/client.ts";
import { openEventStream } from "../live/event-stream.ts";

export type DeviceMessage = Schema<"DeviceMessage">;
type MessageList = Schema<"DeviceMessageList">;

/** One answer of the server, and what comes in an hour at one a second. */
const askedMax = 1_000;
const keptMax = 5_000;
/** How often what came is drawn. */
const drawMs = 250;

export interface DeviceMessages {
  /** Newest first; null before the first answer. */
  readonly messages: readonly DeviceMessage[] | null;
  /** About the last answer of the journal: how far it looked, and why not further. */
  readonly search: Pick<MessageList, "scannedFrom" | "complete" | "endedBy" | "unreadable"> | null;
  readonly isLive: boolean;
  /** How many the stream left out because they came too fast. */
  readonly skipped: number;
  readonly error: Error | null;
  /** Asks again, after an error. */
  readonly retry: () => void;
}

export const keyOfMessage = ({ partition, offset }: Pick<DeviceMessage, "partition" | "offset">): string =>
  `${partition}:${offset}`;

const nothing: Omit<DeviceMessages, "retry"> = { messages: null, search: null, isLive: false, skipped: 0, error: null };

/** @param minutes  how far back; null: the last `limit`, however old. */
export function useDeviceMessages(deviceId: string, minutes: number | null, limit = askedMax): DeviceMessages {
  const [state, setState] = useState(nothing);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    setState(nothing);
    let isOver = false;
    let coming: DeviceMessage[] = [];
    let skipped = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = (): void => {
      timer = undefined;
      const [came, lost] = [coming, skipped];
      coming = [];
      skipped = 0;
      setState((before) => ({
        ...before,
        messages: merged(came, before.messages ?? []),
        skipped: before.skipped + lost,
      }));
    };
    const drawLater = (): void => {
      timer ??= setTimeout(draw, drawMs);
    };
    const load = async (): Promise<void> => {
      try {
        const { items, ...search } = await answerOf(
          api.GET("/api/v1/devices/{deviceId}/messages", {
            params: { path: { deviceId }, query: { limit, ...(minutes === null ? {} : { minutes }) } },
          }),
        );
        if (isOver) return;
        setState((before) => ({ ...before, messages: merged(items, before.messages ?? []), search, error: null }));
      } catch (error) {
        if (isOver) return;
        setState((before) => ({ ...before, error: error instanceof Error ? error : new Error(String(error)) }));
      }
    };
    let hasLoaded = false;
    const close = openEventStream({
      path: `/api/v1/devices/${encodeURIComponent(deviceId)}/live`,
      on: {
        message: (content) => {
          coming.push(content as DeviceMessage);
          drawLater();
        },
        skipped: (content) => {
          skipped += (content as Schema<"SkippedMessages">).count;
          drawLater();
        },
      },
      onState: (isLive) => {
        setState((before) => ({ ...before, isLive }));
        // Also when the stream cannot be had: then what was sent so far is shown at least.
        if (isLive || !hasLoaded) {
          hasLoaded = true;
          void load();
        }
      },
    });
    return () => {
      isOver = true;
      clearTimeout(timer);
      close();
    };
  }, [deviceId, minutes, limit, attempt]);
  return { ...state, retry: () => setAttempt(attempt + 1) };
}

/** Both lists in one, newest first, each message once. */
function merged(some: readonly DeviceMessage[], others: readonly DeviceMessage[]): readonly DeviceMessage[] {
  const known = new Map([...others, ...some].map((message) => [keyOfMessage(message), message]));
  return [...known.values()].sort(newestFirst).slice(0, keptMax);
}

function newestFirst(a: DeviceMessage, b: DeviceMessage): number {
  if (a.enqueuedTime !== b.enqueuedTime) return a.enqueuedTime < b.enqueuedTime ? 1 : -1;
  return b.partition - a.partition || b.offset - a.offset;
}
