// The server is away: says since when, and that the page goes on by itself.

import { MessageBar, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import { useLostSinceMs } from "../api/connection.ts";
import { formatTime } from "./amounts.ts";

export function ConnectionBar() {
  const sinceMs = useLostSinceMs();
  if (sinceMs === null) return null;
  return (
    <MessageBar intent="warning" layout="multiline" shape="square" role="alert">
      <MessageBarBody>
        <MessageBarTitle>The server cannot be reached.</MessageBarTitle>
        Reconnecting since {formatTime(sinceMs).slice(11)}. What is shown may be old; the page goes on by itself as soon
        as the server answers.
      </MessageBarBody>
    </MessageBar>
  );
}
