// Beside a device's messages: whether they are live, and what is not shown, and why.

import { MessageBar, MessageBarBody } from "@fluentui/react-components";
import { formatCount, formatTime } from "../parts/amounts.ts";
import { StateBadge } from "../parts/states.tsx";
import type { DeviceMessages } from "./use-device-messages.ts";

export function LiveState({ messages, isPaused }: { readonly messages: DeviceMessages; readonly isPaused: boolean }) {
  if (isPaused) return <StateBadge tone="warn">Paused</StateBadge>;
  return messages.isLive ? (
    <StateBadge tone="good">Live</StateBadge>
  ) : (
    <StateBadge tone="busy">Connecting to the live stream …</StateBadge>
  );
}

/** What is not shown, and why. */
export function SearchNotes({
  messages: { search, skipped, error },
  minutes,
}: {
  readonly messages: DeviceMessages;
  readonly minutes: number | null;
}) {
  const notes: string[] = [];
  const since = search?.scannedFrom;
  if (search !== null && !search.complete && minutes !== null) {
    if (search.endedBy === "limit" || search.endedBy === "answer") {
      notes.push("More came than are shown: these are the newest. All of them are in the exported files.");
    } else if (search.endedBy !== null) {
      notes.push(
        `Looking further back would take long${since ? `; what came since ${formatTime(since)} was looked at` : ""}. Older messages are in the exported files.`,
      );
    }
  }
  if (minutes === null && (search?.endedBy === "bytes" || search?.endedBy === "time")) {
    notes.push(
      `What came ${since ? `since ${formatTime(since)}` : "last"} was looked at. Older messages are in the exported files.`,
    );
  }
  for (const { message } of search?.unreadable ?? [])
    notes.push(`A minute of the journal could not be read: ${message}`);
  if (skipped > 0)
    notes.push(`${formatCount(skipped)} messages came too fast to be shown. They were kept and will be exported.`);
  if (error !== null) notes.push(`The last messages cannot be read now: ${error.message}`);
  return notes.map((note) => (
    <MessageBar key={note} intent={error === null ? "info" : "warning"} layout="multiline">
      <MessageBarBody>{note}</MessageBarBody>
    </MessageBar>
  ));
}
