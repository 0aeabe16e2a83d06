// A part of a page: a card with a heading, what can be done with it, and its content.
//
//     <Section title="Containers" about="Each export writes into one." actions={<Button>New</Button>}>…</Section>

import { Text, makeStyles, tokens, typographyStyles } from "@fluentui/react-components";
import { type ReactNode, useId } from "react";

const useStyles = makeStyles({
  section: {
    display: "flex",
    flexDirection: "column",
    rowGap: tokens.spacingVerticalM,
    padding: "16px 20px 20px",
    minWidth: 0,
    borderRadius: tokens.borderRadiusLarge,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    backgroundColor: tokens.colorNeutralBackground1,
    "@media (max-width: 700px)": { padding: "12px 12px 14px" },
  },
  top: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: "8px" },
  title: { ...typographyStyles.subtitle2, margin: 0, flexGrow: 1 },
  actions: { display: "flex", flexWrap: "wrap", gap: "8px" },
  about: { color: tokens.colorNeutralForeground3, maxWidth: "90ch" },
});

export interface SectionProps {
  readonly title: string;
  readonly actions?: ReactNode;
  /** A sentence or two under the title. */
  readonly about?: ReactNode;
  readonly children?: ReactNode;
}

export function Section({ title, actions, about, children }: SectionProps) {
  const styles = useStyles();
  const id = useId();
  return (
    <section className={styles.section} aria-labelledby={id}>
      <div className={styles.top}>
        <h2 id={id} className={styles.title}>
          {title}
        </h2>
        {actions !== undefined && <div className={styles.actions}>{actions}</div>}
      </div>
      {about !== undefined && <Text className={styles.about}>{about}</Text>}
      {children}
    </section>
  );
}
