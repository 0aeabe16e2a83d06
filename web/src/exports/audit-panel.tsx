// The conservation audit: all that was journaled is exported, waiting or let go; what is not, and what to do about it.

import {
  Button,
  Field,
  MessageBar,
  MessageBarBody,
  Text,
  Textarea,
  makeStyles,
  tokens,
} from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { formatCount } from "../parts/amounts.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { Panel } from "../parts/panel.tsx";
import { Shown, StateBadge } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { type Export, auditQuery } from "./export-queries.ts";
import { typeNames } from "./export-words.ts";

const useStyles = makeStyles({
  sum: { display: "flex", flexWrap: "wrap", alignItems: "flex-end", columnGap: "12px", rowGap: "8px", margin: 0 },
  part: { display: "flex", flexDirection: "column-reverse" },
  number: {
    margin: 0,
    fontSize: tokens.fontSizeBase500,
    lineHeight: tokens.lineHeightBase500,
    fontVariantNumeric: "tabular-nums",
  },
  name: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
  sign: {
    color: tokens.colorNeutralForeground3,
    fontSize: tokens.fontSizeBase500,
    lineHeight: tokens.lineHeightBase500,
  },
  column: { display: "flex", flexDirection: "column", rowGap: "10px" },
  list: { margin: 0, paddingInlineStart: "18px", display: "flex", flexDirection: "column", rowGap: "6px" },
});

export function AuditPanel({ one }: { readonly one: Export }) {
  const styles = useStyles();
  const audit = useQuery(auditQuery(one.id));
  const summary = one.status.audit;
  const violations = summary?.violations ?? 0;
  return (
    <Panel
      title="Conservation audit"
      {...(summary === null
        ? {}
        : {
            badge: (
              <StateBadge tone={violations === 0 ? "good" : "bad"}>
                {violations === 0 ? "Balanced" : violations === 1 ? "1 violation" : `${violations} violations`}
              </StateBadge>
            ),
          })}
      about="After each file and each minute the server counts: every record that the journal took must be exported, waiting, or on record as let go."
    >
      {summary === null ? (
        <Text>It has not been looked at since the server started; that happens within a minute.</Text>
      ) : (
        <Sum summary={summary} />
      )}
      {summary !== null && (
        <Text size={200}>
          Looked at <TimeText time={summary.at} />.
        </Text>
      )}
      <Shown query={audit}>
        {({ violations: items, violationCount, accepted }) => (
          <div className={styles.column}>
            {items.length > 0 && <Violations exportId={one.id} items={items} count={violationCount} />}
            {accepted.length > 0 && (
              <>
                <Text weight="semibold">Looked into and accepted</Text>
                <ul className={styles.list}>
                  {accepted.map((item) => (
                    <li key={`${item.at}${item.kind}${item.windowFirst}`}>
                      {item.kind}: {formatCount(Math.abs(item.records))} of {typeNames[item.type]}, {item.windowFirst}.{" "}
                      {item.reason} (<TimeText time={item.at} show="exact" />)
                    </li>
                  ))}
                </ul>
              </>
            )}
          </div>
        )}
      </Shown>
    </Panel>
  );
}

function Sum({ summary }: { readonly summary: NonNullable<Export["status"]["audit"]> }) {
  const styles = useStyles();
  const { journaled, exported, waiting, discarded, accepted } = summary;
  const parts: readonly (readonly [string, string, number])[] = [
    ["", "Journaled", journaled],
    ["=", "exported", exported],
    ["+", "waiting", waiting],
    ["+", "discarded", discarded],
    ...(accepted === 0 ? [] : ([["+", "accepted as missing", accepted]] as const)),
  ];
  return (
    <dl className={styles.sum}>
      {parts.map(([sign, name, count]) => (
        <div key={name} className={styles.part} style={{ position: "relative" }}>
          <dt className={styles.name}>{name}</dt>
          <dd className={styles.number}>
            {sign !== "" && <span className={styles.sign}>{sign} </span>}
            {formatCount(count)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Violations({
  exportId,
  items,
  count,
}: {
  readonly exportId: string;
  readonly items: readonly { readonly id: string; readonly message: string; readonly hint: string }[];
  readonly count: number;
}) {
  const styles = useStyles();
  const toast = useToast();
  const [asked, setAsked] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  return (
    <div className={styles.column}>
      {items.map(({ id, message, hint }) => (
        <MessageBar key={id} intent="error" layout="multiline">
          <MessageBarBody>
            <strong>{message}</strong> {hint}
            <br />
            <Button
              size="small"
              onClick={() => {
                setReason("");
                setAsked(id);
              }}
            >
              Accept …
            </Button>
          </MessageBarBody>
        </MessageBar>
      ))}
      {count > items.length && <Text>{formatCount(count - items.length)} more are not listed.</Text>}
      <ConfirmDialog
        isOpen={asked !== null}
        title="Accept this violation?"
        confirmLabel="Accept"
        onConfirm={async () => {
          await answerOf(
            api.POST("/api/v1/exports/{exportId}/audit/accept", {
              params: { path: { exportId } },
              body: { violations: asked === null ? [] : [asked], reason: reason.trim() },
            }),
          );
          await invalidate("exports");
          toast("The violation is on record as accepted");
        }}
        onClose={() => setAsked(null)}
      >
        <div className={styles.column}>
          <Text>
            Accept it only when it is understood: it alarms no more, and stays on record for good with your reason.
          </Text>
          <Field label="Reason" required>
            <Textarea value={reason} maxLength={500} onChange={(_event, { value }) => setReason(value)} />
          </Field>
        </div>
      </ConfirmDialog>
    </div>
  );
}
