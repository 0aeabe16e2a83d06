// The two keys of a device or of a module: shown when asked for, each made anew by itself.

import { Button, makeStyles } from "@fluentui/react-components";
import { ArrowSyncRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { SecretReveal } from "../parts/copy-box.tsx";
import { Panel } from "../parts/panel.tsx";
import { useToast } from "../parts/toasts.tsx";

export type WhichKey = "primary" | "secondary";
const whichKeys: readonly WhichKey[] = ["primary", "secondary"];

const useStyles = makeStyles({
  keys: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fill, minmax(min(360px, 100%), 1fr))",
    gap: "18px 28px",
    alignItems: "start",
  },
  key: { display: "flex", flexDirection: "column", rowGap: "10px", minWidth: 0, alignItems: "stretch" },
});

export interface KeysPanelProps {
  /** Whose they are, in sentences. */
  readonly one: "device" | "module";
  readonly read: () => Promise<Readonly<Record<`${WhichKey}Key` | `${WhichKey}ConnectionString`, string>>>;
  readonly renew: (which: WhichKey) => Promise<void>;
}

export function KeysPanel({ one, read, renew }: KeysPanelProps) {
  const styles = useStyles();
  const toast = useToast();
  const [renewing, setRenewing] = useState<WhichKey | null>(null);
  /** Grows with each new key: what was shown of the former one is hidden. */
  const [renewals, setRenewals] = useState(0);
  return (
    <Panel
      title="Keys"
      about={`Either key lets the ${one} in. Whoever has one can send as this ${one}. With two, one can be changed while the ${one} uses the other.`}
    >
      <div className={styles.keys}>
        {whichKeys.map((which) => {
          const title = which === "primary" ? "Primary" : "Secondary";
          return (
            <div key={`${which} ${renewals}`} className={styles.key}>
              <SecretReveal label={`${title} key`} reveal={async () => (await read())[`${which}Key`]} />
              <SecretReveal
                label={`${title} connection string`}
                reveal={async () => (await read())[`${which}ConnectionString`]}
              />
              <div>
                <Button icon={<ArrowSyncRegular />} onClick={() => setRenewing(which)}>
                  Regenerate {which} key
                </Button>
              </div>
            </div>
          );
        })}
      </div>
      <ConfirmDialog
        isOpen={renewing !== null}
        title={`Regenerate the ${renewing} key?`}
        confirmLabel={`Regenerate ${renewing} key`}
        onClose={() => setRenewing(null)}
        onConfirm={async () => {
          if (renewing === null) return;
          await renew(renewing);
          setRenewals(renewals + 1);
          toast(`The ${renewing} key is a new one`);
        }}
      >
        The old {renewing} key stops working at once: the {one}&apos;s connection is closed, and what uses that key, a
        connection string or a token made with it is refused until it is given the new one. What uses the{" "}
        {renewing === "primary" ? "secondary" : "primary"} key connects again by itself.
      </ConfirmDialog>
    </Panel>
  );
}
