// Direct methods: a connected device, or a module of it, is asked to do something, and says what came of it.

import { Button, Input, MessageBar, MessageBarBody, Text, makeStyles, tokens } from "@fluentui/react-components";
import { ArrowRepeatAllRegular, PlayRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { ApiError } from "../api/api-error.ts";
import { formatDuration, formatTime } from "../parts/amounts.ts";
import { JsonField } from "../parts/json-field.tsx";
import { readJson, writtenJson } from "../parts/json-text.ts";
import { JsonView } from "../parts/json-view.tsx";
import { Panel } from "../parts/panel.tsx";
import { FormField, ServerErrorBar, useServerErrors, wordsOf } from "../parts/server-errors.tsx";
import { StateBadge, type Tone } from "../parts/states.tsx";
import type { MethodCall, MethodCalls, MethodOutcome, MethodRequest } from "./method-calls.ts";

const useStyles = makeStyles({
  form: { display: "flex", flexDirection: "column", rowGap: "14px", maxWidth: "720px" },
  times: { display: "flex", flexWrap: "wrap", gap: "14px", alignItems: "flex-start", "& > *": { flex: "1 1 200px" } },
  list: { listStyleType: "none", margin: 0, padding: 0, display: "flex", flexDirection: "column" },
  item: {
    display: "flex",
    flexDirection: "column",
    rowGap: "6px",
    padding: "12px 0",
    borderTop: `1px solid ${tokens.colorNeutralStroke3}`,
    minWidth: 0,
  },
  head: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: "4px 10px" },
  name: { fontWeight: tokens.fontWeightSemibold, overflowWrap: "anywhere", minWidth: 0 },
  again: { marginInlineStart: "auto" },
  quiet: { color: tokens.colorNeutralForeground3 },
  both: { display: "grid", gridTemplateColumns: "repeat(auto-fit, minmax(min(280px, 100%), 1fr))", gap: "8px 28px" },
  side: { minWidth: 0 },
  title: { margin: 0, fontSize: tokens.fontSizeBase400, lineHeight: tokens.lineHeightBase400 },
});

interface MethodDraft {
  readonly name: string;
  readonly payload: string;
  readonly responseSeconds: string;
  readonly connectSeconds: string;
}
const emptyDraft: MethodDraft = { name: "", payload: "", responseSeconds: "30", connectSeconds: "0" };

export function MethodPanel({
  about,
  whyNot,
  calls: { calls, call },
}: {
  /** What it is for, and when it is not enough. */
  readonly about: string;
  /** What stands in the way of an answer now, and what to do; null: nothing that is known. */
  readonly whyNot: string | null;
  readonly calls: MethodCalls;
}) {
  const styles = useStyles();
  const [draft, setDraft] = useState<MethodDraft>(emptyDraft);
  const [error, setError] = useState<Error | null>(null);
  const errors = useServerErrors(error, ["name", "payload", "responseTimeoutSeconds", "connectTimeoutSeconds"]);
  const set = (change: Partial<MethodDraft>): void => setDraft((before) => ({ ...before, ...change }));
  const payload = readJson(draft.payload);
  const isComplete = draft.name.trim() !== "" && payload.isJson;
  const run = (): void => {
    if (!isComplete) return;
    setError(null);
    call({
      name: draft.name.trim(),
      payload: payload.value,
      responseTimeoutSeconds: Number(draft.responseSeconds),
      connectTimeoutSeconds: Number(draft.connectSeconds),
    }).catch((thrown: unknown) => setError(thrown instanceof Error ? thrown : new Error(String(thrown))));
  };
  return (
    <Panel title="Direct method" about={about}>
      {whyNot !== null && (
        <MessageBar intent="info" layout="multiline">
          <MessageBarBody>{whyNot}</MessageBarBody>
        </MessageBar>
      )}
      <form
        className={styles.form}
        aria-label="Direct method"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          run();
        }}
      >
        <FormField
          label="Method"
          required
          hint="As the program there calls it. Of a component: component*method."
          errors={errors}
          field="name"
        >
          <Input
            value={draft.name}
            autoComplete="off"
            spellCheck={false}
            onChange={(_event, { value }) => set({ name: value })}
          />
        </FormField>
        <JsonField
          label="Payload"
          hint="Any JSON. Nothing at all is null."
          field="payload"
          text={draft.payload}
          errors={errors}
          onChange={(text) => set({ payload: text })}
        />
        <div className={styles.times}>
          <FormField
            label="Seconds for the answer"
            hint="5 to 300, from when it was asked."
            errors={errors}
            field="responseTimeoutSeconds"
          >
            <Input
              type="number"
              min={5}
              max={300}
              value={draft.responseSeconds}
              onChange={(_event, { value }) => set({ responseSeconds: value })}
            />
          </FormField>
          <FormField
            label="Seconds for it to connect"
            hint="0 to 300, for one that is away."
            errors={errors}
            field="connectTimeoutSeconds"
          >
            <Input
              type="number"
              min={0}
              max={300}
              value={draft.connectSeconds}
              onChange={(_event, { value }) => set({ connectSeconds: value })}
            />
          </FormField>
        </div>
        <ServerErrorBar error={errors.rest} />
        <div>
          <Button type="submit" appearance="primary" icon={<PlayRegular />} disabledFocusable={!isComplete}>
            Run
          </Button>
        </div>
      </form>
      <CallList
        calls={calls}
        onAgain={({ name, payload: given, responseTimeoutSeconds, connectTimeoutSeconds }) => {
          setError(null);
          setDraft({
            name,
            payload: given === null ? "" : writtenJson(given),
            responseSeconds: String(responseTimeoutSeconds),
            connectSeconds: String(connectTimeoutSeconds),
          });
        }}
      />
    </Panel>
  );
}

function CallList({
  calls,
  onAgain,
}: {
  readonly calls: readonly MethodCall[];
  readonly onAgain: (request: MethodRequest) => void;
}) {
  const styles = useStyles();
  const last = calls.find(({ outcome }) => outcome !== null);
  return (
    <>
      {/* What is read aloud as it comes: the list itself would be read from its top. */}
      <Text role="status" size={200} className={styles.quiet}>
        {last?.outcome !== undefined &&
          last.outcome !== null &&
          `${last.request.name}: ${outcomeOf(last.outcome).words}`}
      </Text>
      {calls.length > 0 && (
        <>
          <h3 className={styles.title}>Run since this page was opened</h3>
          <ul className={styles.list} aria-label="Methods that were run, newest first">
            {calls.map((one) => (
              <Call key={one.number} call={one} onAgain={() => onAgain(one.request)} />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function Call({
  call: { request, startedMs, outcome },
  onAgain,
}: {
  readonly call: MethodCall;
  readonly onAgain: () => void;
}) {
  const styles = useStyles();
  const { tone, words } = outcome === null ? waiting : outcomeOf(outcome);
  return (
    <li className={styles.item}>
      <div className={styles.head}>
        <span className={styles.name}>{request.name}</span>
        <StateBadge tone={tone}>{words}</StateBadge>
        <Text size={200} className={styles.quiet}>
          {formatTime(startedMs).slice(11)}
          {outcome !== null && `, took ${formatDuration(outcome.tookMs)}`}
        </Text>
        <Button
          className={styles.again}
          size="small"
          appearance="subtle"
          icon={<ArrowRepeatAllRegular />}
          aria-label={`Fill in again: ${request.name}`}
          onClick={onAgain}
        >
          Fill in again
        </Button>
      </div>
      {outcome?.kind === "failed" && <Text>{wordsOf(outcome.error)}</Text>}
      <div className={styles.both}>
        <div className={styles.side}>
          <Text size={200} className={styles.quiet}>
            Payload
          </Text>
          <JsonView value={request.payload} openDepth={1} />
        </div>
        {outcome?.kind === "answered" && (
          <div className={styles.side}>
            <Text size={200} className={styles.quiet}>
              Answer
            </Text>
            <JsonView value={outcome.answer.payload} openDepth={2} />
          </div>
        )}
      </div>
    </li>
  );
}

const waiting = { tone: "busy", words: "Waiting …" } as const;
const failureWords: Readonly<Record<string, string>> = {
  "device-offline": "Not connected",
  "method-timeout": "No answer in time",
  "device-disconnected": "Disconnected meanwhile",
  "method-answer-too-large": "Answer too large",
  "methods-busy": "Too many at once",
};

function outcomeOf(outcome: MethodOutcome): { readonly tone: Tone; readonly words: string } {
  if (outcome.kind === "answered") {
    const { status } = outcome.answer;
    // The device's own numbers: most use those of HTTP.
    return { tone: status >= 200 && status < 300 ? "good" : "warn", words: `Answered with ${status}` };
  }
  const code = outcome.error instanceof ApiError ? outcome.error.code : "";
  return { tone: "bad", words: failureWords[code] ?? "Failed" };
}
