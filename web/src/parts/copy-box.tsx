// A text to copy: a key, a connection string, a path. `SecretReveal` shows it only when asked to, and fetches it only then.

import { Button, Text, Tooltip, makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import { CheckmarkRegular, CopyRegular, EyeOffRegular, EyeRegular } from "@fluentui/react-icons";
import { useEffect, useRef, useState } from "react";
import { ServerErrorBar } from "./server-errors.tsx";

const useStyles = makeStyles({
  box: {
    display: "flex",
    alignItems: "flex-start",
    columnGap: "4px",
    padding: "2px 2px 2px 10px",
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground3,
    minWidth: 0,
  },
  text: {
    flexGrow: 1,
    minWidth: 0,
    padding: "6px 0",
    overflowWrap: "anywhere",
    userSelect: "all",
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    lineHeight: tokens.lineHeightBase200,
  },
  hidden: { userSelect: "none", letterSpacing: "2px" },
  labelled: { display: "flex", flexDirection: "column", rowGap: "4px", minWidth: 0 },
});

export function CopyButton({ text, label = "Copy" }: { readonly text: string; readonly label?: string }) {
  const [isCopied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = (): void => {
    void writeClipboard(text).then(() => {
      setCopied(true);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => setCopied(false), 2_000);
    });
  };
  return (
    <Tooltip content={isCopied ? "Copied" : label} relationship="label">
      <Button appearance="subtle" icon={isCopied ? <CheckmarkRegular /> : <CopyRegular />} onClick={copy} />
    </Tooltip>
  );
}

/** The clipboard is there only over TLS and on this machine; elsewhere the old way. */
async function writeClipboard(text: string): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function CopyBox({ text, label }: { readonly text: string; readonly label?: string }) {
  const styles = useStyles();
  const box = (
    <div className={styles.box}>
      <code className={styles.text}>{text}</code>
      <CopyButton text={text} label={label === undefined ? "Copy" : `Copy ${label}`} />
    </div>
  );
  if (label === undefined) return box;
  return (
    <div className={styles.labelled}>
      <Text size={200} weight="semibold">
        {label}
      </Text>
      {box}
    </div>
  );
}

export interface SecretRevealProps {
  readonly label: string;
  /** Asked when somebody wants to see it. */
  readonly reveal: () => Promise<string>;
}

export function SecretReveal({ label, reveal }: SecretRevealProps) {
  const styles = useStyles();
  const [text, setText] = useState<string | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const show = (): void => {
    setError(null);
    reveal().then(setText, (thrown: unknown) => setError(thrown instanceof Error ? thrown : new Error(String(thrown))));
  };
  const isShown = text !== null;
  return (
    <div className={styles.labelled}>
      <Text size={200} weight="semibold">
        {label}
      </Text>
      <div className={styles.box}>
        <code className={mergeClasses(styles.text, !isShown && styles.hidden)}>{text ?? "••••••••••••"}</code>
        <Tooltip content={isShown ? `Hide ${label}` : `Show ${label}`} relationship="label">
          <Button
            appearance="subtle"
            icon={isShown ? <EyeOffRegular /> : <EyeRegular />}
            onClick={() => (isShown ? setText(null) : show())}
          />
        </Tooltip>
        {isShown && <CopyButton text={text} label={`Copy ${label}`} />}
      </div>
      <ServerErrorBar error={error} />
    </div>
  );
}
