// How the hub is, at a glance: what comes in, whether there is room, how exports are, and what is refused.

import { MessageBar, MessageBarBody, MessageBarTitle, makeStyles } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useLive } from "../live/live-stream.ts";
import { PageFrame } from "../parts/page-frame.tsx";
import { Shown, StateBadge } from "../parts/states.tsx";
import { useRole } from "../session/session.ts";
import { ConnectPanel } from "./connect-panel.tsx";
import { statusQuery } from "./dashboard-queries.ts";
import { ExportsPanel } from "./exports-panel.tsx";
import { FirstSteps } from "./first-steps.tsx";
import { Figures } from "./figures.tsx";
import { NoticesPanel } from "./notices-panel.tsx";
import { RatePanels } from "./rate-panels.tsx";
import { RejectionsPanel } from "./rejections-panel.tsx";

const useStyles = makeStyles({
  pair: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(420px, 100%), 1fr))",
    gap: "16px",
  },
});

export default function DashboardPage() {
  const styles = useStyles();
  const isAdministrator = useRole() === "administrator";
  const status = useQuery(statusQuery);
  const live = useLive().status;
  const isReady = live?.ready ?? status.data?.ready;
  const reasons = live?.reasons ?? status.data?.reasons ?? [];
  return (
    <PageFrame
      title="Dashboard"
      badge={
        isReady === undefined ? undefined : (
          <StateBadge tone={isReady ? "good" : "bad"}>
            {isReady ? "Messages are accepted" : "Messages are refused"}
          </StateBadge>
        )
      }
    >
      <Shown query={status}>
        {(content) => (
          <>
            {isReady === false && (
              <MessageBar intent="error" layout="multiline" role="alert">
                <MessageBarBody>
                  <MessageBarTitle>Devices are refused now.</MessageBarTitle> {reasons.join("; ")}. They keep what they
                  have to say and try again by themselves; nothing that was acknowledged is lost.
                </MessageBarBody>
              </MessageBar>
            )}
            <FirstSteps status={content} />
            <Figures status={content} />
            <RatePanels />
            {isAdministrator && <ExportsPanel />}
            <div className={styles.pair}>
              <RejectionsPanel rejections={content.messages.rejections} since={content.startedAt} />
              <NoticesPanel notices={content.journal.notices} />
            </div>
            <ConnectPanel status={content} />
          </>
        )}
      </Shown>
    </PageFrame>
  );
}
