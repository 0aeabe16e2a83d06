// What a device said last, as it said it: newest first, live. Bodies are shown as text only.

import { Button, Tab, TabList, Text, makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import { ChevronDownRegular, ChevronRightRegular, PauseRegular, PlayRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { formatBytes, formatCount } from "../parts/amounts.ts";
import { CopyButton } from "../parts/copy-box.tsx";
import { JsonView } from "../parts/json-view.tsx";
import { Panel } from "../parts/panel.tsx";
import { PageLink } from "../parts/plain-link.tsx";
import { EmptyState, ErrorState, Loading } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import type { Device } from "./device-queries.ts";
import { hexOf } from "./hex.ts";
import { LiveState, SearchNotes } from "./message-notes.tsx";
import { type DeviceMessage, type DeviceMessages, keyOfMessage, useDeviceMessages } from "./use-device-messages.ts";

const asked = 100;
const shownAtFirst = 50;
const previewChars = 160;
/** Of an exact body; the rest is in what Copy copies. */
const bodyCharsMax = 20_000;

const useStyles = makeStyles({
  bar: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: "8px 12px" },
  quiet: { color: tokens.colorNeutralForeground3 },
  list: { listStyleType: "none", margin: 0, padding: 0, display: "flex", flexDirection: "column" },
  item: { borderBottom: `1px solid ${tokens.colorNeutralStroke3}`, minWidth: 0 },
  head: {
    display: "grid",
    gridTemplateColumns: "20px minmax(86px, max-content) minmax(0, 1fr) max-content",
    columnGap: "10px",
    alignItems: "center",
    width: "100%",
    padding: "8px 4px",
    border: "none",
    background: "none",
    font: "inherit",
    color: "inherit",
    textAlign: "start",
    cursor: "pointer",
    "&:hover": { backgroundColor: tokens.colorSubtleBackgroundHover },
    "&:focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: "-2px" },
  },
  preview: {
    overflow: "hidden",
    textOverflow: "ellipsis",
    whiteSpace: "nowrap",
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
  },
  number: { fontVariantNumeric: "tabular-nums", fontSize: tokens.fontSizeBase200 },
  open: {
    display: "flex",
    flexDirection: "column",
    rowGap: "10px",
    padding: "4px 4px 16px 34px",
    minWidth: 0,
    "@media (max-width: 700px)": { paddingInlineStart: "4px" },
  },
  top: { display: "flex", alignItems: "center", justifyContent: "space-between", columnGap: "8px" },
  text: {
    margin: 0,
    padding: "10px 12px",
    maxHeight: "420px",
    overflow: "auto",
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground3,
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    lineHeight: tokens.lineHeightBase300,
    whiteSpace: "pre-wrap",
    overflowWrap: "anywhere",
  },
  hex: { whiteSpace: "pre", overflowWrap: "normal" },
  both: { display: "grid", gridTemplateColumns: "repeat(auto-fit, minmax(min(300px, 100%), 1fr))", gap: "12px 28px" },
});

export default function RawTab({ device }: { readonly device: Device }) {
  const styles = useStyles();
  const coming = useDeviceMessages(device.id, null, asked);
  const [paused, setPaused] = useState<DeviceMessages | null>(null);
  const [shownMax, setShownMax] = useState(shownAtFirst);
  const shown = paused ?? coming;
  const { messages, error } = shown;
  if (messages === null) {
    return error === null ? (
      <Loading label="Looking for messages …" />
    ) : (
      <ErrorState error={error} onRetry={coming.retry} />
    );
  }
  const waiting = paused === null ? 0 : (coming.messages ?? []).length - messages.length;
  return (
    <Panel title="Last messages" about="As the device sent them and as they are exported, newest first.">
      <div className={styles.bar}>
        <Button
          icon={paused === null ? <PauseRegular /> : <PlayRegular />}
          onClick={() => setPaused(paused === null ? coming : null)}
        >
          {paused === null ? "Pause" : "Go on"}
        </Button>
        <LiveState messages={coming} isPaused={paused !== null} />
        {waiting > 0 && <Text className={styles.quiet}>{formatCount(waiting)} more meanwhile</Text>}
      </div>
      <SearchNotes messages={shown} minutes={null} />
      {messages.length === 0 ? (
        <EmptyState
          title="Nothing yet"
          action={
            <PageLink to="/devices/$deviceId" params={{ deviceId: device.id }} search={{ tab: "connect" }}>
              How to connect it
            </PageLink>
          }
        >
          The journal holds no message of this device. What it sends shows up here as it comes.
        </EmptyState>
      ) : (
        <ul className={styles.list} aria-label="Messages, newest first">
          {messages.slice(0, shownMax).map((message) => (
            <Message key={keyOfMessage(message)} message={message} />
          ))}
        </ul>
      )}
      {messages.length > shownMax && (
        <div>
          <Button onClick={() => setShownMax(shownMax + shownAtFirst)}>Show more</Button>
        </div>
      )}
    </Panel>
  );
}

function Message({ message }: { readonly message: DeviceMessage }) {
  const styles = useStyles();
  const [isOpen, setOpen] = useState(false);
  const { enqueuedTime, bytes, properties, systemProperties, partition, offset } = message;
  return (
    <li className={styles.item}>
      <button type="button" className={styles.head} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? <ChevronDownRegular /> : <ChevronRightRegular />}
        <time dateTime={enqueuedTime} className={styles.number}>
          {timeWords(enqueuedTime)}
        </time>
        <span className={styles.preview}>{previewOf(message)}</span>
        <span className={mergeClasses(styles.number, styles.quiet)}>{formatBytes(bytes)}</span>
      </button>
      {isOpen && (
        <div className={styles.open}>
          <Text size={200} className={styles.quiet}>
            Taken <TimeText time={enqueuedTime} show="both" />, partition {partition}, offset {offset}
          </Text>
          <Body message={message} />
          <div className={styles.both}>
            <Words title="Properties" words={properties} />
            <Words title="System properties" words={systemProperties} />
          </div>
        </div>
      )}
    </li>
  );
}

/** The time of day; with its date when that is not today. */
function timeWords(enqueuedTime: string): string {
  const isToday = enqueuedTime.slice(0, 10) === new Date().toISOString().slice(0, 10);
  return enqueuedTime.slice(isToday ? 11 : 0, 23).replace("T", " ");
}

function previewOf({ bodyText, bodyBase64, bytes }: DeviceMessage): string {
  if (bytes === 0) return "(empty)";
  if (bodyText !== null) return bodyText.slice(0, previewChars);
  return `(binary) ${hexOf(bodyBase64 ?? "", 24).replaceAll("\n", " ")}`;
}

type Form = "tree" | "text" | "hex" | "base64";
const formNames: Readonly<Record<Form, string>> = { tree: "JSON", text: "Text", hex: "Hex", base64: "Base64" };

function Body({ message: { body, bodyText, bodyBase64, bytes } }: { readonly message: DeviceMessage }) {
  const styles = useStyles();
  const forms: readonly Form[] =
    bodyText === null ? ["hex", "base64"] : typeof body === "object" && body !== null ? ["tree", "text"] : ["text"];
  const [chosen, setChosen] = useState<Form>(forms[0] ?? "text");
  if (bytes === 0) return <Text>The body is empty.</Text>;
  const whole = bodyText ?? bodyBase64 ?? "";
  const text = chosen === "hex" ? hexOf(bodyBase64 ?? "") : whole;
  return (
    <div>
      <div className={styles.top}>
        <TabList size="small" selectedValue={chosen} onTabSelect={(_event, { value }) => setChosen(value as Form)}>
          {forms.map((form) => (
            <Tab key={form} value={form}>
              {formNames[form]}
            </Tab>
          ))}
        </TabList>
        <CopyButton text={chosen === "hex" ? text : whole} label="Copy body" />
      </div>
      {chosen === "tree" ? (
        <JsonView value={body} openDepth={2} />
      ) : (
        <>
          <pre
            className={mergeClasses(styles.text, chosen === "hex" && styles.hex)}
            tabIndex={0}
            role="region"
            aria-label="Body"
          >
            {text.slice(0, bodyCharsMax)}
          </pre>
          {text.length > bodyCharsMax && (
            <Text size={200} className={styles.quiet}>
              The first {formatCount(bodyCharsMax)} of {formatCount(text.length)} characters. Copy has all of them.
            </Text>
          )}
        </>
      )}
    </div>
  );
}

function Words({ title, words }: { readonly title: string; readonly words: Readonly<Record<string, string>> }) {
  const styles = useStyles();
  return (
    <div>
      <Text weight="semibold">{title}</Text>
      {Object.keys(words).length === 0 ? (
        <div className={styles.quiet}>None</div>
      ) : (
        <JsonView value={words} openDepth={1} />
      )}
    </div>
  );
}
