// One hub policy: its keys, shown when asked for; a new key; its end.

import { Button, Text, makeStyles, tokens } from "@fluentui/react-components";
import { useState } from "react";
import { type Schema, answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { SecretReveal } from "../parts/copy-box.tsx";
import { Panel } from "../parts/panel.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";

type Which = "primary" | "secondary";
type Keys = Schema<"PolicyKeys">;

const shown: readonly (readonly [label: string, keyof Keys, which: Which])[] = [
  ["Primary key", "primaryKey", "primary"],
  ["Secondary key", "secondaryKey", "secondary"],
  ["Primary connection string", "primaryConnectionString", "primary"],
  ["Secondary connection string", "secondaryConnectionString", "secondary"],
];

const useStyles = makeStyles({
  keys: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(440px, 100%), 1fr))",
    gap: "14px 24px",
    alignItems: "start",
  },
  made: { color: tokens.colorNeutralForeground3 },
});

export function PolicyPanel({ policy }: { readonly policy: Schema<"Policy"> }) {
  const styles = useStyles();
  const toast = useToast();
  const { name } = policy;
  const [asked, setAsked] = useState<Which | "delete" | null>(null);
  /** Grows with each new key: what was shown of the former one is hidden. */
  const [changes, setChanges] = useState<Readonly<Record<Which, number>>>({ primary: 0, secondary: 0 });
  const path = { params: { path: { name } } };
  const close = (): void => setAsked(null);
  return (
    <Panel
      title={name}
      badge={
        <Text size={200} className={styles.made}>
          made <TimeText time={policy.createdAt} />
        </Text>
      }
      actions={
        <>
          <Button size="small" onClick={() => setAsked("primary")}>
            New primary key
          </Button>
          <Button size="small" onClick={() => setAsked("secondary")}>
            New secondary key
          </Button>
          <Button size="small" aria-label={`Delete ${name}`} onClick={() => setAsked("delete")}>
            Delete
          </Button>
        </>
      }
    >
      <div className={styles.keys}>
        {shown.map(([label, field, which]) => (
          <SecretReveal
            key={`${field}${changes[which]}`}
            label={label}
            reveal={async () => (await answerOf(api.GET("/api/v1/policies/{name}/keys", path)))[field]}
          />
        ))}
      </div>
      {(["primary", "secondary"] as const).map((which) => (
        <ConfirmDialog
          key={which}
          isOpen={asked === which}
          title={`Make a new ${which} key for ${name}?`}
          confirmLabel={`Make new ${which} key`}
          onConfirm={async () => {
            await answerOf(api.PUT("/api/v1/policies/{name}/keys", { ...path, body: { regenerate: which } }));
            setChanges({ ...changes, [which]: changes[which] + 1 });
            await invalidate("policies");
            toast(`${name} has a new ${which} key`);
          }}
          onClose={close}
        >
          The present {which} key stops at once, and all connections that came in by {name} are closed. Those with the
          other key come back by themselves; those with this one need the new key first.
        </ConfirmDialog>
      ))}
      <ConfirmDialog
        isOpen={asked === "delete"}
        title={`Delete ${name}?`}
        confirmLabel="Delete policy"
        typeToConfirm={name}
        onConfirm={async () => {
          await answerOf(api.DELETE("/api/v1/policies/{name}", path));
          await invalidate("policies");
          toast(`The hub policy ${name} is deleted`);
        }}
        onClose={close}
      >
        Both keys stop at once, and all connections that came in by {name} are closed. What signs in with it needs
        another policy, or each device its own key.
      </ConfirmDialog>
    </Panel>
  );
}
