// How the test of a storage account went: each step as it came out, what is missing, and what to do.

import { MessageBar, MessageBarBody, MessageBarTitle, Text, makeStyles, tokens } from "@fluentui/react-components";
import { CheckmarkCircleFilled, CircleRegular, DismissCircleFilled } from "@fluentui/react-icons";
import type { ReactElement } from "react";
import type { Schema } from "../api/client.ts";

type Step = Schema<"StorageTestStep">;

const useStyles = makeStyles({
  list: { listStyleType: "none", margin: 0, padding: 0, display: "flex", flexDirection: "column", rowGap: "8px" },
  step: { display: "flex", columnGap: "10px", alignItems: "flex-start", minWidth: 0 },
  icon: { flexShrink: 0, fontSize: "20px", lineHeight: 0 },
  ok: { color: tokens.colorPaletteGreenForeground1 },
  failed: { color: tokens.colorPaletteRedForeground1 },
  untried: { color: tokens.colorNeutralForeground3 },
  text: { display: "flex", flexDirection: "column", rowGap: "2px", minWidth: 0, overflowWrap: "anywhere" },
  outcome: { color: tokens.colorNeutralForeground3 },
  permission: {
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    padding: "1px 6px",
    borderRadius: tokens.borderRadiusSmall,
    backgroundColor: tokens.colorNeutralBackground3,
  },
  all: { display: "flex", flexDirection: "column", rowGap: "12px" },
});

const words: Readonly<Record<Step["outcome"], string>> = { ok: "worked", failed: "failed", "not-tried": "not tried" };

/** @param inContainer  the container it was tried with; null: only the account itself was tried. */
export function TestSteps({
  outcome,
  inContainer,
}: {
  readonly outcome: Schema<"StorageTestOutcome">;
  readonly inContainer: string | null;
}) {
  const styles = useStyles();
  const icons: Readonly<Record<Step["outcome"], ReactElement>> = {
    ok: <CheckmarkCircleFilled className={styles.ok} aria-hidden />,
    failed: <DismissCircleFilled className={styles.failed} aria-hidden />,
    "not-tried": <CircleRegular className={styles.untried} aria-hidden />,
  };
  const where = inContainer === null ? "" : ` in the container ${inContainer}`;
  return (
    <div className={styles.all} role="status">
      <MessageBar intent={outcome.ok ? "success" : "error"} layout="multiline">
        <MessageBarBody>
          <MessageBarTitle>{outcome.ok ? "The connection works." : "It does not work yet."}</MessageBarTitle>
          {outcome.ok
            ? inContainer === null
              ? "The account answers and lists its containers. Whether an export may write is known once you test with a container."
              : `Everything that an export needs works${where}. Nothing was left behind.`
            : `A step failed${where}; below is which one, and what to do.`}
        </MessageBarBody>
      </MessageBar>
      <ol className={styles.list} aria-label="Steps of the test">
        {outcome.steps.map((one, at) => (
          <li key={one.step} className={styles.step}>
            <span className={styles.icon}>{icons[one.outcome]}</span>
            <div className={styles.text}>
              <Text weight={one.outcome === "failed" ? "semibold" : "regular"}>
                {sentence(one.step)}
                <span className={styles.outcome}> – {words[one.outcome]}</span>
              </Text>
              {one.permission !== undefined && (
                <Text>
                  Missing: <span className={styles.permission}>{one.permission}</span>
                </Text>
              )}
              {one.message !== undefined && (
                <Text>
                  {sentence(one.message)}
                  {one.code !== undefined && !one.message.includes(one.code) && (
                    <span className={styles.outcome}> ({one.code})</span>
                  )}
                </Text>
              )}
              {one.hint !== undefined && (
                // The same answer to several steps is said once.
                <Text>What to do: {one.hint === outcome.steps[at - 1]?.hint ? "as above." : one.hint}</Text>
              )}
            </div>
          </li>
        ))}
      </ol>
    </div>
  );
}

function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
