// Messages of a file as a table: when, from which device, and the values of their JSON bodies a column each.

import { Text, makeStyles, tokens } from "@fluentui/react-components";
import { bodyFields, cellText, columnNames, messageOf } from "./shown-record.ts";

const columnsMax = 16;
const useStyles = makeStyles({
  scroll: {
    overflowX: "auto",
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground1,
  },
  table: { borderCollapse: "collapse", fontSize: tokens.fontSizeBase200, width: "100%" },
  head: {
    textAlign: "start",
    padding: "8px 12px",
    whiteSpace: "nowrap",
    color: tokens.colorNeutralForeground3,
    fontWeight: tokens.fontWeightSemibold,
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  cell: {
    padding: "6px 12px",
    whiteSpace: "nowrap",
    maxWidth: "36ch",
    overflow: "hidden",
    textOverflow: "ellipsis",
    borderBottom: `1px solid ${tokens.colorNeutralStroke3}`,
    fontVariantNumeric: "tabular-nums",
  },
  quiet: { color: tokens.colorNeutralForeground3 },
});

export function MeasurementTable({
  records,
  offset,
}: {
  readonly records: readonly unknown[];
  readonly offset: number;
}) {
  const styles = useStyles();
  const messages = records.map(messageOf);
  const names = columnNames(messages, columnsMax);
  const hasOthers = messages.some((message) => bodyFields(message) === null);
  return (
    <>
      {/* It scrolls, so the keyboard must reach it. */}
      <div className={styles.scroll} tabIndex={0} role="region" aria-label="Measurements, a row for each message">
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col" className={styles.head}>
                Number
              </th>
              <th scope="col" className={styles.head}>
                Enqueued (UTC)
              </th>
              <th scope="col" className={styles.head}>
                Device
              </th>
              {names.map((name) => (
                <th key={name} scope="col" className={styles.head}>
                  {cellText(name, 40)}
                </th>
              ))}
              {hasOthers && (
                <th scope="col" className={styles.head}>
                  Body
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {messages.map((message, at) => {
              const fields = bodyFields(message);
              return (
                <tr key={offset + at}>
                  <td className={styles.cell}>{offset + at + 1}</td>
                  <td className={styles.cell}>
                    {message.enqueuedTime.replace("T", " ").replace(/(\.\d{3})\d*Z$/, "$1")}
                  </td>
                  <td className={styles.cell} title={message.deviceId}>
                    {message.deviceId}
                  </td>
                  {names.map((name) => (
                    <td key={name} className={styles.cell}>
                      {fields !== null && Object.hasOwn(fields, name) ? cellText(fields[name]) : ""}
                    </td>
                  ))}
                  {hasOthers && (
                    <td className={styles.cell}>
                      {fields !== null ? "" : message.body === null ? "–" : cellText(message.body.value)}
                    </td>
                  )}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <Text size={200} className={styles.quiet}>
        One row is one message, as it was sent. Columns are the values of JSON bodies; under JSON everything is shown.
      </Text>
    </>
  );
}
