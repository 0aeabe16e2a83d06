// The frame of every page: its place (breadcrumb), its title, what can be done with it, its content.
//
//     <PageFrame title="Devices" actions={<Button>New</Button>} place={[{ label: "Device explorer", to: "/devices" }]}>…</PageFrame>

import { Text, makeStyles, tokens, typographyStyles } from "@fluentui/react-components";
import { type ReactNode, useEffect, useRef } from "react";
import { PlainLink } from "./plain-link.tsx";

const useStyles = makeStyles({
  frame: {
    display: "flex",
    flexDirection: "column",
    rowGap: tokens.spacingVerticalL,
    padding: "20px 32px 48px",
    maxWidth: "1400px",
    width: "100%",
    boxSizing: "border-box",
    "@media (max-width: 700px)": { padding: "14px 14px 40px" },
  },
  top: { display: "flex", flexWrap: "wrap", alignItems: "center", columnGap: "16px", rowGap: "8px" },
  names: { display: "flex", flexDirection: "column", rowGap: "2px", flexGrow: 1, minWidth: 0 },
  title: {
    ...typographyStyles.title2,
    outlineStyle: "none",
    margin: 0,
    overflowWrap: "anywhere",
    "@media (max-width: 700px)": { fontSize: tokens.fontSizeBase500, lineHeight: tokens.lineHeightBase500 },
  },
  place: {
    display: "flex",
    flexWrap: "wrap",
    listStyleType: "none",
    margin: 0,
    padding: 0,
    fontSize: tokens.fontSizeBase200,
    color: tokens.colorNeutralForeground3,
    "& li + li::before": { content: "'/'", margin: "0 6px" },
  },
  actions: { display: "flex", flexWrap: "wrap", gap: "8px", alignItems: "center" },
  about: { color: tokens.colorNeutralForeground3, maxWidth: "80ch" },
});

export interface Place {
  readonly label: string;
  /** A path of the page; left out for a name that leads nowhere. */
  readonly to?: string;
}

export interface PageFrameProps {
  readonly title: string;
  /** Behind the title: a state badge. */
  readonly badge?: ReactNode;
  /** The pages above this one, the outermost first. */
  readonly place?: readonly Place[];
  /** Buttons; the primary one first. */
  readonly actions?: ReactNode;
  /** A sentence or two under the title. */
  readonly about?: ReactNode;
  readonly children?: ReactNode;
}

export function PageFrame({ title, badge, place = [], actions, about, children }: PageFrameProps) {
  const styles = useStyles();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Coldpath`;
  }, [title]);
  useEffect(() => {
    // A new page: whoever hears it begins at its title. Not where something of the page has taken the focus already.
    const isTaken = document.activeElement !== null && document.activeElement !== document.body;
    if (!isTaken || document.activeElement?.closest("nav") !== null) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div className={styles.frame}>
      <div className={styles.top}>
        <div className={styles.names}>
          {place.length > 0 && (
            <nav aria-label="Breadcrumb">
              <ol className={styles.place}>
                {place.map(({ label, to }) => (
                  <li key={label}>{to === undefined ? label : <PlainLink to={to}>{label}</PlainLink>}</li>
                ))}
              </ol>
            </nav>
          )}
          <div className={styles.actions}>
            <h1 ref={heading} tabIndex={-1} className={styles.title}>
              {title}
            </h1>
            {badge}
          </div>
        </div>
        {actions !== undefined && <div className={styles.actions}>{actions}</div>}
      </div>
      {about !== undefined && <Text className={styles.about}>{about}</Text>}
      {children}
    </div>
  );
}
