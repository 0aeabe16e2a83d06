// What stands where there is nothing to show: loading, empty, failed; and the badge of a thing's state.

import { Badge, Button, Spinner, Subtitle2, Text, makeStyles, tokens } from "@fluentui/react-components";
import { type ReactNode, useEffect, useState } from "react";
import { wordsOf } from "./server-errors.tsx";

const useStyles = makeStyles({
  place: {
    display: "flex",
    flexDirection: "column",
    alignItems: "center",
    rowGap: "10px",
    padding: "48px 16px",
    textAlign: "center",
  },
  text: { color: tokens.colorNeutralForeground3, maxWidth: "60ch" },
});

/** Nothing there yet: says so, and what to do. */
export function EmptyState({
  title,
  children,
  action,
}: {
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}) {
  const styles = useStyles();
  return (
    <div className={styles.place}>
      <Subtitle2 as="h2">{title}</Subtitle2>
      {children !== undefined && (
        <Text align="center" className={styles.text}>
          {children}
        </Text>
      )}
      {action}
    </div>
  );
}

/** It could not be shown: says why, and offers to try again. */
export function ErrorState({
  error,
  onRetry,
  title = "This cannot be shown now",
}: {
  readonly error: Error;
  readonly onRetry?: () => void;
  readonly title?: string;
}) {
  const styles = useStyles();
  return (
    <div className={styles.place} role="alert">
      <Subtitle2 as="h2">{title}</Subtitle2>
      <Text align="center" className={styles.text}>
        {wordsOf(error)}
      </Text>
      {onRetry !== undefined && <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}

export function Loading({ label = "Loading …" }: { readonly label?: string }) {
  const styles = useStyles();
  // Not at once: most answers come sooner. Fluent's own delay leaves a progress bar without a name meanwhile.
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 300);
    return () => clearTimeout(timer);
  }, []);
  return <div className={styles.place}>{isShown && <Spinner label={label} labelPosition="below" />}</div>;
}

/** The content once its query has it; until then that it loads, or why it does not. Old content stays while it is asked again. */
export function Shown<Content>({
  query,
  children,
}: {
  readonly query: { readonly data: Content | undefined; readonly error: Error | null; readonly refetch: () => unknown };
  readonly children: (content: Content) => ReactNode;
}) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error !== null) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  return <Loading />;
}

export type Tone = "good" | "busy" | "warn" | "bad" | "off";
const colors = { good: "success", busy: "informative", warn: "warning", bad: "danger", off: "informative" } as const;

/** A state in a word; its colour never says more than the word. */
export function StateBadge({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  return (
    <Badge appearance={tone === "off" ? "outline" : "tint"} color={colors[tone]} shape="rounded">
      {children}
    </Badge>
  );
}
