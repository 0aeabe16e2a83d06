// A JSON value as a tree that opens and closes. What devices send is shown as text only: nothing of it becomes markup.
//
//     <JsonView value={record} openDepth={2} />

import { Button, makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import { useState } from "react";

/** More items or characters than these are shown when asked for: a body may be 256 KiB. */
const itemsMax = 100;
const charsMax = 2_000;

const useStyles = makeStyles({
  tree: {
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    lineHeight: tokens.lineHeightBase300,
    overflowWrap: "anywhere",
    minWidth: 0,
    // A tree of more than a line reads from its start, wherever it stands.
    textAlign: "start",
  },
  inner: {
    paddingInlineStart: "18px",
    borderInlineStartWidth: "1px",
    borderInlineStartStyle: "solid",
    borderInlineStartColor: tokens.colorNeutralStroke3,
    marginInlineStart: "4px",
  },
  row: { paddingInlineStart: "14px", textIndent: "-14px", whiteSpace: "pre-wrap" },
  summary: {
    cursor: "pointer",
    listStylePosition: "inside",
    "&:focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
  name: { color: tokens.colorPaletteBerryForeground1 },
  string: { color: tokens.colorPaletteGreenForeground1 },
  number: { color: tokens.colorBrandForeground1 },
  word: { color: tokens.colorPaletteDarkOrangeForeground1 },
  quiet: { color: tokens.colorNeutralForeground3 },
});

export interface JsonViewProps {
  readonly value: unknown;
  /** How many levels are open at first. */
  readonly openDepth?: number;
}

export function JsonView({ value, openDepth = 1 }: JsonViewProps) {
  const styles = useStyles();
  return (
    <div className={styles.tree}>
      <Node name={null} value={value} openDepth={openDepth} />
    </div>
  );
}

function Node({
  name,
  value,
  openDepth,
}: {
  readonly name: string | null;
  readonly value: unknown;
  readonly openDepth: number;
}) {
  const styles = useStyles();
  const [isOpen, setOpen] = useState(openDepth > 0);
  const label = name === null ? null : <span className={styles.name}>{name}: </span>;
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) {
    return (
      <div className={styles.row}>
        {label}
        <Leaf value={value} />
      </div>
    );
  }
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  const count = `${entries.length} ${isList ? (entries.length === 1 ? "item" : "items") : entries.length === 1 ? "field" : "fields"}`;
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className={styles.summary}>
        {label}
        <span className={styles.quiet}>{isList ? `[ ${count} ]` : `{ ${count} }`}</span>
      </summary>
      {/* A closed branch costs nothing. */}
      {isOpen && <Entries entries={entries} openDepth={openDepth - 1} />}
    </details>
  );
}

function Entries({
  entries,
  openDepth,
}: {
  readonly entries: readonly (readonly [string, unknown])[];
  readonly openDepth: number;
}) {
  const styles = useStyles();
  const [shown, setShown] = useState(itemsMax);
  const left = entries.length - shown;
  return (
    <div className={styles.inner}>
      {entries.slice(0, shown).map(([key, item]) => (
        <Node key={key} name={key} value={item} openDepth={openDepth} />
      ))}
      {left > 0 && (
        <Button size="small" appearance="subtle" onClick={() => setShown(shown + itemsMax)}>
          Show {Math.min(left, itemsMax)} more of {left}
        </Button>
      )}
    </div>
  );
}

function Leaf({ value }: { readonly value: unknown }) {
  const styles = useStyles();
  const [isWhole, setWhole] = useState(false);
  if (typeof value === "string") {
    const isLong = value.length > charsMax;
    return (
      <span className={styles.string}>
        {JSON.stringify(isLong && !isWhole ? value.slice(0, charsMax) : value)}
        {isLong && !isWhole && (
          <Button size="small" appearance="subtle" onClick={() => setWhole(true)}>
            … show all {value.length.toLocaleString("en")} characters
          </Button>
        )}
      </span>
    );
  }
  const text = value === undefined ? "–" : JSON.stringify(value);
  return <span className={mergeClasses(typeof value === "number" ? styles.number : styles.word)}>{text}</span>;
}
