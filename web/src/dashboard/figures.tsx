// The numbers at the top: messages, devices, and how much room the journal has.

import { ProgressBar, Text, makeStyles, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useId } from "react";
import type { Schema } from "../api/client.ts";
import { useLive } from "../live/live-stream.ts";
import { formatBytes, formatCount, formatDuration, formatRate } from "../parts/amounts.ts";
import { PlainLink } from "../parts/plain-link.tsx";
import { deviceCountQuery } from "./dashboard-queries.ts";

const dayMs = 86_400_000;
const useStyles = makeStyles({
  figures: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(160px, 100%), 1fr))",
    gap: "16px",
  },
  figure: {
    display: "flex",
    flexDirection: "column",
    rowGap: "4px",
    padding: "14px 18px 16px",
    minWidth: 0,
    borderRadius: tokens.borderRadiusLarge,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    backgroundColor: tokens.colorNeutralBackground1,
  },
  name: { color: tokens.colorNeutralForeground3, margin: 0, fontSize: tokens.fontSizeBase200, fontWeight: "normal" },
  value: {
    fontSize: tokens.fontSizeHero700,
    lineHeight: tokens.lineHeightHero700,
    fontWeight: tokens.fontWeightSemibold,
    fontVariantNumeric: "tabular-nums",
  },
  more: { color: tokens.colorNeutralForeground3 },
  bar: { marginTop: "8px", marginBottom: "4px" },
});

export function Figures({ status }: { readonly status: Schema<"Status"> }) {
  const live = useLive().status;
  const devices = useQuery(deviceCountQuery).data;
  const connected = live?.devicesConnected ?? status.devicesConnected;
  const accepted = live?.acceptedTotal ?? status.messages.accepted;
  const styles = useStyles();
  return (
    <div className={styles.figures}>
      <Figure name="Messages per second" value={live === null ? "–" : formatRate(live.messagesPerSecond)}>
        {live === null ? "" : `${formatBytes(Math.round(live.bytesPerSecond))} per second`}
      </Figure>
      <Figure name="Messages accepted" value={formatCount(accepted)}>
        Since the server started {formatDuration(status.uptimeSeconds * 1000)} ago
      </Figure>
      <Figure name="Devices connected" value={formatCount(connected)}>
        <PlainLink to="/devices">
          {devices === undefined
            ? "Devices"
            : `of ${formatCount(devices.real)}${devices.total > devices.real ? "; simulated ones need no connection" : ""}`}
        </PlainLink>
      </Figure>
      <JournalFigure status={status} />
    </div>
  );
}

function Figure({
  name,
  value,
  children,
}: {
  readonly name: string;
  readonly value: string;
  readonly children: ReactNode;
}) {
  const styles = useStyles();
  const id = useId();
  return (
    <section aria-labelledby={id} className={styles.figure}>
      <h2 id={id} className={styles.name}>
        {name}
      </h2>
      <span className={styles.value}>{value}</span>
      <Text size={200} className={styles.more}>
        {children}
      </Text>
    </section>
  );
}

/** What exports still need fills it; the rest goes when room is needed. */
function JournalFigure({ status }: { readonly status: Schema<"Status"> }) {
  const styles = useStyles();
  const live = useLive().status;
  const id = useId();
  const owedBytes = live?.owedBytes ?? status.journal.owedBytes;
  const bytes = live?.journalBytes ?? status.journal.bytes;
  const bytesMax = live?.journalBytesMax ?? status.journal.bytesMax;
  const untilFullMs = live === null ? status.journal.untilFullMs : live.untilFullMs;
  const share = bytesMax === 0 ? 0 : owedBytes / bytesMax;
  // While a minute waits for its end it always fills a little.
  const isTight = (untilFullMs !== null && untilFullMs < dayMs) || share > 0.7;
  return (
    <section aria-labelledby={id} className={styles.figure}>
      <h2 id={id} className={styles.name}>
        Journal backlog
      </h2>
      <span className={styles.value}>{formatBytes(owedBytes)}</span>
      <ProgressBar
        aria-labelledby={id}
        aria-valuetext={`${Math.round(share * 100)} % of the journal is owed to exports`}
        className={styles.bar}
        thickness="large"
        // A number like 3e-7 is none to a screen reader.
        value={Number(share.toFixed(3))}
        color={share > 0.9 ? "error" : isTight ? "warning" : "brand"}
      />
      <Text size={200} className={styles.more}>
        {isTight && untilFullMs !== null
          ? `It fills: full in ${formatDuration(untilFullMs)}, then devices are refused. Room for ${formatBytes(bytesMax)}.`
          : `For exports, the newest minutes included, of ${formatBytes(bytesMax)} of room; ${formatBytes(bytes)} kept in all`}
      </Text>
    </section>
  );
}
