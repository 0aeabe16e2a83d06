// The keys of an enrollment: shown after one has said yes to that, and made anew one at a time.

import { Button, makeStyles } from "@fluentui/react-components";
import { EyeOffRegular, EyeRegular } from "@fluentui/react-icons";
import { useState } from "react";
import type { Schema } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { CopyBox } from "../parts/copy-box.tsx";
import { useToast } from "../parts/toasts.tsx";

type Keys = Schema<"EnrollmentKeys">;
type Which = "primary" | "secondary";

const useStyles = makeStyles({
  stack: { display: "flex", flexDirection: "column", rowGap: "12px", minWidth: 0 },
  keys: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(400px, 100%), 1fr))",
    gap: "12px 24px",
  },
  buttons: { display: "flex", flexWrap: "wrap", gap: "8px" },
});

export function KeyPair({
  name,
  danger,
  read,
  renew,
}: {
  /** Whose they are: "Fridges". */
  readonly name: string;
  /** What whoever has a key can do, in a sentence. */
  readonly danger: string;
  readonly read: () => Promise<Keys>;
  readonly renew: (which: Which) => Promise<Keys>;
}) {
  const styles = useStyles();
  const toast = useToast();
  const [keys, setKeys] = useState<Keys | null>(null);
  const [asked, setAsked] = useState<Which | "show" | null>(null);
  const close = (): void => setAsked(null);
  return (
    <div className={styles.stack}>
      {keys !== null && (
        <div className={styles.keys}>
          <CopyBox label="Primary key" text={keys.primaryKey} />
          <CopyBox label="Secondary key" text={keys.secondaryKey} />
        </div>
      )}
      <div className={styles.buttons}>
        {keys === null ? (
          <Button
            size="small"
            icon={<EyeRegular />}
            aria-label={`Show keys of ${name}`}
            onClick={() => setAsked("show")}
          >
            Show keys
          </Button>
        ) : (
          <Button
            size="small"
            icon={<EyeOffRegular />}
            aria-label={`Hide keys of ${name}`}
            onClick={() => setKeys(null)}
          >
            Hide keys
          </Button>
        )}
        <Button size="small" aria-label={`New primary key for ${name}`} onClick={() => setAsked("primary")}>
          New primary key
        </Button>
        <Button size="small" aria-label={`New secondary key for ${name}`} onClick={() => setAsked("secondary")}>
          New secondary key
        </Button>
      </div>
      <ConfirmDialog
        isOpen={asked === "show"}
        title={`Show the keys of ${name}?`}
        confirmLabel="Show keys"
        onConfirm={async () => setKeys(await read())}
        onClose={close}
      >
        {danger} That you looked at them is noted in the audit log.
      </ConfirmDialog>
      {(["primary", "secondary"] as const).map((which) => (
        <ConfirmDialog
          key={which}
          isOpen={asked === which}
          title={`Make a new ${which} key for ${name}?`}
          confirmLabel={`Make new ${which} key`}
          onConfirm={async () => {
            const renewed = await renew(which);
            // Those that are shown must not be old ones; none is shown that was not.
            if (keys !== null) setKeys(renewed);
            // Its etag is another one now: who edits it next must not be told of somebody else.
            await invalidate("provisioning");
            toast(`${name} has a new ${which} key`);
          }}
          onClose={close}
        >
          Nobody registers with the present {which} key any more. Devices that were made go on with the keys they have,
          and get new ones when they register again.
        </ConfirmDialog>
      ))}
    </div>
  );
}
