// Records of a file as JSON trees, one that opens for each.

import { Text, makeStyles, tokens } from "@fluentui/react-components";
import { CopyBox } from "../parts/copy-box.tsx";
import { JsonView } from "../parts/json-view.tsx";
import { bodyOf, cellText, exactText, messageOf } from "./shown-record.ts";

const useStyles = makeStyles({
  list: { display: "flex", flexDirection: "column", rowGap: "8px", listStyleType: "none", margin: 0, padding: 0 },
  record: {
    padding: "8px 14px",
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground1,
    overflowWrap: "anywhere",
  },
  summary: { cursor: "pointer", "&:focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}` } },
  inside: { display: "flex", flexDirection: "column", rowGap: "8px", paddingTop: "8px" },
  quiet: { color: tokens.colorNeutralForeground3 },
});

/** The first one stands open: one sees at once what a record looks like. */
export function RecordList({ records, offset }: { readonly records: readonly unknown[]; readonly offset: number }) {
  const styles = useStyles();
  return (
    <ol className={styles.list} aria-label="Records">
      {records.map((record, at) => (
        <li key={offset + at} className={styles.record}>
          <details open={at === 0}>
            <summary className={styles.summary}>
              {offset + at + 1}
              <Text className={styles.quiet}> · {titleOf(record)}</Text>
            </summary>
            <div className={styles.inside}>
              <Record record={record} />
            </div>
          </details>
        </li>
      ))}
    </ol>
  );
}

function titleOf(record: unknown): string {
  const { enqueuedTime, deviceId } = messageOf(record);
  if (deviceId !== "") return `${enqueuedTime} · ${deviceId}`;
  const { id, name } = record as { readonly id?: unknown; readonly name?: unknown };
  return [name, id]
    .filter((part) => part !== undefined)
    .map((part) => cellText(part))
    .join(" · ");
}

function Record({ record }: { readonly record: unknown }) {
  const styles = useStyles();
  const fields = record as Readonly<Record<string, unknown>>;
  const body = bodyOf(fields["Body"]);
  if (body === null) return <JsonView value={record} openDepth={4} />;
  const { Body: given, ...rest } = fields;
  const text = exactText(given);
  return (
    <>
      <JsonView value={rest} openDepth={2} />
      <Text size={200} className={styles.quiet}>
        Body, {body.bytes} bytes, {body.kind === "base64" ? "neither JSON nor text: in base64" : body.kind}
      </Text>
      {body.kind === "JSON" ? (
        <>
          <JsonView value={body.value} openDepth={2} />
          {text !== null && <CopyBox text={text} label="exactly as it was sent" />}
        </>
      ) : (
        <CopyBox text={String(body.value)} />
      )}
    </>
  );
}
