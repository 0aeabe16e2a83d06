// Lets owed minutes go for good: for what can never be written, as a damaged minute of the journal.

import { Field, Radio, RadioGroup, Text, Textarea, makeStyles } from "@fluentui/react-components";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { formatBytes, formatCount, formatTime } from "../parts/amounts.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { useToast } from "../parts/toasts.tsx";
import type { Export } from "./export-queries.ts";

const useStyles = makeStyles({ column: { display: "flex", flexDirection: "column", rowGap: "12px" } });

export function DiscardDialog({
  one,
  isOpen,
  onClose,
}: {
  readonly one: Export;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}) {
  const styles = useStyles();
  const toast = useToast();
  const [extent, setExtent] = useState<"oldest" | "all">("oldest");
  const [reason, setReason] = useState("");
  const { oldestOwedWindow, owedFiles, owedBytes } = one.status;
  const discard = async (): Promise<void> => {
    const { discarded } = await answerOf(
      api.POST("/api/v1/exports/{exportId}/discard", {
        params: { path: { exportId: one.id } },
        body: {
          reason: reason.trim(),
          ...(extent === "oldest" && oldestOwedWindow !== null ? { windowLast: oldestOwedWindow } : {}),
        },
      }),
    );
    await invalidate("exports");
    toast(discarded === 1 ? "1 owed file was let go" : `${formatCount(discarded)} owed files were let go`);
    setReason("");
  };
  return (
    <ConfirmDialog
      isOpen={isOpen}
      title="Discard backlog?"
      confirmLabel="Discard for good"
      onConfirm={discard}
      onClose={onClose}
    >
      <div className={styles.column}>
        <Text>
          {formatCount(owedFiles)} {owedFiles === 1 ? "file is" : "files are"} owed ({formatBytes(owedBytes)} of
          records). What you discard is never exported and cannot be brought back; the gap is recorded with your reason.
        </Text>
        <Field label="What to discard">
          <RadioGroup value={extent} onChange={(_event, { value }) => setExtent(value === "all" ? "all" : "oldest")}>
            <Radio
              value="oldest"
              label={`Only the oldest owed minute${oldestOwedWindow === null ? "" : ` (${formatTime(oldestOwedWindow).slice(0, 16)} UTC)`}`}
            />
            <Radio value="all" label="Everything that is owed now" />
          </RadioGroup>
        </Field>
        <Field label="Reason" required hint="For whoever looks for this data later.">
          <Textarea value={reason} maxLength={500} onChange={(_event, { value }) => setReason(value)} />
        </Field>
      </div>
    </ConfirmDialog>
  );
}
