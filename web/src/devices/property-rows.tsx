// Names and values that go with a message, a row each. An empty row is not sent.

import { Button, Field, Input, Tooltip, makeStyles } from "@fluentui/react-components";
import { AddRegular, DismissRegular } from "@fluentui/react-icons";

export interface PropertyRow {
  readonly name: string;
  readonly value: string;
}

/** What is sent of the rows. */
export function propertiesOf(rows: readonly PropertyRow[]): Record<string, string> {
  return Object.fromEntries(
    rows.filter(({ name }) => name.trim() !== "").map(({ name, value }) => [name.trim(), value]),
  );
}

const useStyles = makeStyles({
  rows: { display: "flex", flexDirection: "column", rowGap: "8px", minWidth: 0 },
  row: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr) minmax(0, 1fr) 32px",
    columnGap: "8px",
    alignItems: "end",
    "& .fui-Input": { minWidth: 0 },
  },
});

export function PropertyRows({
  rows,
  onChange,
}: {
  readonly rows: readonly PropertyRow[];
  readonly onChange: (rows: readonly PropertyRow[]) => void;
}) {
  const styles = useStyles();
  const set = (index: number, change: Partial<PropertyRow>): void =>
    onChange(rows.map((row, at) => (at === index ? { ...row, ...change } : row)));
  return (
    <div className={styles.rows}>
      {rows.map(({ name, value }, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- a row is its place
        <div key={index} className={styles.row}>
          <Field label={`Name ${index + 1}`}>
            <Input
              value={name}
              autoComplete="off"
              spellCheck={false}
              onChange={(_event, { value: typed }) => set(index, { name: typed })}
            />
          </Field>
          <Field label={`Value ${index + 1}`}>
            <Input
              value={value}
              autoComplete="off"
              spellCheck={false}
              onChange={(_event, { value: typed }) => set(index, { value: typed })}
            />
          </Field>
          <Tooltip content={`Remove property ${index + 1}`} relationship="label">
            <Button
              appearance="subtle"
              icon={<DismissRegular />}
              onClick={() => onChange(rows.filter((_row, at) => at !== index))}
            />
          </Tooltip>
        </div>
      ))}
      <div>
        <Button size="small" icon={<AddRegular />} onClick={() => onChange([...rows, { name: "", value: "" }])}>
          Add property
        </Button>
      </div>
    </div>
  );
}
