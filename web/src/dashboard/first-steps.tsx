// From a first start to a first file, step by step. Gone when all is done; for who may do the steps.

import { Text, makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import { CheckmarkCircleFilled, CircleRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import type { Schema } from "../api/client.ts";
import { exportsQuery, storageAccountsQuery } from "../exports/export-queries.ts";
import { Panel } from "../parts/panel.tsx";
import { LinkButton } from "../parts/plain-link.tsx";
import { useRole } from "../session/session.ts";
import { deviceCountQuery } from "./dashboard-queries.ts";

const useStyles = makeStyles({
  list: { display: "flex", flexDirection: "column", rowGap: "10px", listStyleType: "none", margin: 0, padding: 0 },
  step: { display: "flex", flexWrap: "wrap", alignItems: "center", columnGap: "10px", rowGap: "4px" },
  done: { color: tokens.colorNeutralForeground3 },
  icon: { fontSize: "20px", flexShrink: 0 },
  good: { color: tokens.colorPaletteGreenForeground1 },
  words: { flexGrow: 1, flexBasis: "200px", minWidth: 0 },
});

interface Step {
  readonly words: string;
  readonly isDone: boolean;
  readonly to: string;
  readonly action: string;
}

export function FirstSteps({ status }: { readonly status: Schema<"Status"> }) {
  return useRole() === "administrator" ? <Steps status={status} /> : null;
}

function Steps({ status }: { readonly status: Schema<"Status"> }) {
  const styles = useStyles();
  const accounts = useQuery(storageAccountsQuery).data;
  const exports = useQuery(exportsQuery).data;
  const devices = useQuery(deviceCountQuery).data?.total;
  if (accounts === undefined || exports === undefined || devices === undefined) return null;
  const wasExported = exports.some((one) => one.status.lastFile !== null);
  if (wasExported && devices > 0) return null;
  const steps: readonly Step[] = [
    {
      words: "Add a storage account: where files go",
      isDone: accounts.length > 0 || exports.length > 0,
      to: "/admin/storage/new",
      action: "Add storage account",
    },
    {
      words: "Turn Continuous Data Export on: data begins with that moment",
      isDone: exports.some(({ on }) => on) || wasExported,
      to: exports.length > 0 ? "/admin/exports" : "/admin/exports/new",
      action: exports.length > 0 ? "Turn on" : "New export",
    },
    { words: "Create a device and connect it", isDone: devices > 0, to: "/devices", action: "Create a device" },
    {
      words: "Let it send: its message is in a file about a minute later",
      isDone: wasExported && status.messages.accepted > 0,
      to: "/admin/exports",
      action: "See exports",
    },
  ];
  const next = steps.findIndex(({ isDone }) => !isDone);
  return (
    <Panel title="First steps" about="From here to the first file it takes a few minutes.">
      <ol className={styles.list}>
        {steps.map(({ words, isDone, to, action }, at) => (
          <li key={words} className={styles.step}>
            {isDone ? (
              <CheckmarkCircleFilled aria-label="Done:" className={mergeClasses(styles.icon, styles.good)} />
            ) : (
              <CircleRegular aria-label="To do:" className={styles.icon} />
            )}
            <Text className={mergeClasses(styles.words, isDone && styles.done)}>
              {at + 1}. {words}
            </Text>
            {!isDone && (
              <LinkButton to={to} size="small" {...(at === next ? { appearance: "primary" as const } : {})}>
                {action}
              </LinkButton>
            )}
          </li>
        ))}
      </ol>
    </Panel>
  );
}
