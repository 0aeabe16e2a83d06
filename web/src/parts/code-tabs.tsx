// Code in several languages, one at a time, with a button to copy it.

import { Tab, TabList, makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import { type ReactNode, useState } from "react";
import { CopyButton } from "./copy-box.tsx";

const useStyles = makeStyles({
  tabs: { display: "flex", flexDirection: "column", rowGap: "6px", minWidth: 0 },
  list: { flexWrap: "wrap" },
  // The button beside the code, never over it: a long line scrolls under nothing.
  box: {
    display: "flex",
    alignItems: "flex-start",
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground3,
    minWidth: 0,
  },
  code: {
    flexGrow: 1,
    minWidth: 0,
    margin: 0,
    padding: "12px 14px",
    overflowX: "auto",
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    lineHeight: tokens.lineHeightBase300,
    tabSize: 2,
  },
  // A command is one line however long, and is read to its end.
  command: { whiteSpace: "pre-wrap", overflowWrap: "anywhere" },
  copy: { flexShrink: 0, padding: "4px" },
});

export interface CodeBlockProps {
  readonly text: string;
  readonly label?: string;
  /** For a shell: long lines are broken where they are shown, not where they are copied. */
  readonly isCommand?: boolean;
}

export function CodeBlock({ text, label, isCommand = false }: CodeBlockProps) {
  const styles = useStyles();
  return (
    <div className={styles.box}>
      {/* It scrolls, so the keyboard must reach it. */}
      <pre
        className={mergeClasses(styles.code, isCommand && styles.command)}
        tabIndex={0}
        role="region"
        aria-label={label ?? "Code"}
      >
        {text}
      </pre>
      <div className={styles.copy}>
        <CopyButton text={text} label={label === undefined ? "Copy" : `Copy ${label}`} />
      </div>
    </div>
  );
}

export interface CodeSample {
  readonly id: string;
  /** "Python". */
  readonly title: string;
  readonly text: string;
  /** What to run once before, shown above. */
  readonly install?: string;
  /** Between that and the code: what else must be known. */
  readonly before?: ReactNode;
  /** Below the code: how it is run. */
  readonly after?: ReactNode;
}

export function CodeTabs({ samples }: { readonly samples: readonly CodeSample[] }) {
  const styles = useStyles();
  const [chosen, setChosen] = useState(samples[0]?.id ?? "");
  const shown = samples.find(({ id }) => id === chosen) ?? samples[0];
  return (
    <div className={styles.tabs}>
      <TabList
        className={styles.list}
        size="small"
        selectedValue={shown?.id}
        onTabSelect={(_event, { value }) => setChosen(String(value))}
      >
        {samples.map(({ id, title }) => (
          <Tab key={id} value={id}>
            {title}
          </Tab>
        ))}
      </TabList>
      {shown !== undefined && (
        <div role="tabpanel" aria-label={shown.title} className={styles.tabs}>
          {shown.install !== undefined && (
            <CodeBlock text={shown.install} label={`${shown.title} installation`} isCommand />
          )}
          {shown.before}
          <CodeBlock text={shown.text} label={`${shown.title} code`} />
          {shown.after}
        </div>
      )}
    </div>
  );
}
