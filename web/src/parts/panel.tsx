// A titled section of a page on a surface of its own, and facts in it: names and values side by side, below each other on
// narrow screens.
//
//     <Panel title="State" actions={<Button>Retry now</Button>}>
//       <Facts items={[{ name: "Last file", value: <TimeText time={at} /> }]} />
//     </Panel>

import { Text, makeStyles, mergeClasses, tokens, typographyStyles } from "@fluentui/react-components";
import { type ReactNode, useId } from "react";

const useStyles = makeStyles({
  panel: {
    display: "flex",
    flexDirection: "column",
    rowGap: "12px",
    minWidth: 0,
    padding: "16px 20px 20px",
    borderRadius: tokens.borderRadiusLarge,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    backgroundColor: tokens.colorNeutralBackground1,
    "@media (max-width: 700px)": { padding: "12px 14px 16px" },
  },
  top: { display: "flex", flexWrap: "wrap", alignItems: "center", columnGap: "12px", rowGap: "6px" },
  title: { ...typographyStyles.subtitle2, margin: 0, overflowWrap: "anywhere", minWidth: 0 },
  actions: { display: "flex", flexWrap: "wrap", gap: "8px", alignItems: "center", marginInlineStart: "auto" },
  about: { color: tokens.colorNeutralForeground3, maxWidth: "80ch" },
  facts: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fill, minmax(min(150px, 100%), 1fr))",
    columnGap: "24px",
    rowGap: "12px",
    margin: 0,
  },
  wide: { gridColumn: "1 / -1" },
  fact: { minWidth: 0 },
  name: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
  value: { margin: 0, overflowWrap: "anywhere" },
});

export interface PanelProps {
  readonly title: ReactNode;
  /** Behind the title: a state badge, a count. */
  readonly badge?: ReactNode;
  readonly actions?: ReactNode;
  /** A sentence or two under the title. */
  readonly about?: ReactNode;
  readonly className?: string | undefined;
  readonly children?: ReactNode;
}

export function Panel({ title, badge, actions, about, className, children }: PanelProps) {
  const styles = useStyles();
  const id = useId();
  return (
    <section aria-labelledby={id} className={mergeClasses(styles.panel, className)}>
      <div className={styles.top}>
        <h2 id={id} className={styles.title}>
          {title}
        </h2>
        {badge}
        {actions !== undefined && <div className={styles.actions}>{actions}</div>}
      </div>
      {about !== undefined && <Text className={styles.about}>{about}</Text>}
      {children}
    </section>
  );
}

export interface Fact {
  readonly name: string;
  readonly value: ReactNode;
  /** Takes a whole line: a path, a sentence. */
  readonly isWide?: boolean;
}

export function Facts({ items }: { readonly items: readonly Fact[] }) {
  const styles = useStyles();
  return (
    <dl className={styles.facts}>
      {items.map(({ name, value, isWide = false }) => (
        <div key={name} className={mergeClasses(styles.fact, isWide && styles.wide)}>
          <dt className={styles.name}>{name}</dt>
          <dd className={styles.value}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
