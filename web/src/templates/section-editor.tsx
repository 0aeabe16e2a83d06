// One section of a template in the editor: its fields, and a button for the next.

import { Button, Text, makeStyles, tokens } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { type Dispatch, type ReactNode, memo } from "react";
import { Panel } from "../parts/panel.tsx";
import type { DraftChange } from "./draft-changes.ts";
import { FieldRow, columnsOf, titlesOf, wide } from "./field-row.tsx";
import type { ErrorPlace, FieldRow as Row, SectionKind } from "./template-draft.ts";

const useStyles = makeStyles({
  rows: {
    display: "flex",
    flexDirection: "column",
    rowGap: "10px",
    [wide]: { rowGap: "2px", "& [data-cells]": { gridTemplateColumns: "var(--columns)" } },
  },
  titles: {
    display: "none",
    [wide]: {
      display: "grid",
      gridTemplateColumns: "var(--columns)",
      columnGap: "8px",
      color: tokens.colorNeutralForeground3,
      fontSize: tokens.fontSizeBase200,
      fontWeight: tokens.fontWeightSemibold,
    },
  },
  none: { color: tokens.colorNeutralForeground3 },
});

export interface SectionEditorProps {
  readonly kind: SectionKind;
  readonly rows: readonly Row[];
  /** By the rows' keys. */
  readonly problems: ReadonlyMap<number, string>;
  readonly errorPlace: ErrorPlace | null;
  readonly errorText: string;
  readonly dispatch: Dispatch<DraftChange>;
  /** Behind its fields. */
  readonly children?: ReactNode;
}

export const SectionEditor = memo(function SectionEditor(props: SectionEditorProps) {
  const { kind, rows, problems, errorPlace, errorText, dispatch, children } = props;
  const styles = useStyles();
  return (
    <Panel
      title={kind.title}
      about={kind.about}
      actions={
        <Button icon={<AddRegular />} onClick={() => dispatch({ kind: "add", section: kind.id })}>
          Add {kind.one}
        </Button>
      }
    >
      {rows.length === 0 ? (
        <Text className={styles.none}>None yet.</Text>
      ) : (
        <div className={styles.rows} style={{ "--columns": columnsOf(kind) } as object}>
          <div className={styles.titles} aria-hidden>
            {titlesOf(kind).map((title) => (
              <span key={title}>{title}</span>
            ))}
          </div>
          {rows.map((row, at) => {
            const problem = problems.get(row.key);
            const isPlace = problem === undefined && errorPlace?.key === row.key;
            return (
              <FieldRow
                key={row.key}
                kind={kind}
                row={row}
                isFirst={at === 0}
                isLast={at === rows.length - 1}
                errorPart={problem !== undefined ? "" : isPlace ? errorPlace.part : null}
                errorText={problem ?? (isPlace ? errorText : "")}
                dispatch={dispatch}
              />
            );
          })}
        </div>
      )}
      {children}
    </Panel>
  );
});
