// Says above the devices that some wait to become one.

import { MessageBar, MessageBarActions, MessageBarBody } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { LinkButton } from "../parts/plain-link.tsx";
import { waitingQuery } from "./registration-queries.ts";

export function WaitingBar() {
  const { data } = useQuery(waitingQuery);
  if (data === undefined || data.count === 0) return null;
  const { count, isMore } = data;
  return (
    <MessageBar intent="info" layout="multiline">
      <MessageBarBody>
        {isMore ? `More than ${count} devices wait` : count === 1 ? "1 device waits" : `${count} devices wait`} to be
        let in.
      </MessageBarBody>
      <MessageBarActions>
        <LinkButton to="/registrations" size="small">
          Show them
        </LinkButton>
      </MessageBarActions>
    </MessageBar>
  );
}
