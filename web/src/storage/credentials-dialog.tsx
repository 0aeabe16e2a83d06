// New credentials for an account: tried first, then used by its exports at once.

import { Button, Spinner, Text, makeStyles } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, answerOf, type Schema } from "../api/client.ts";
import { FormDialog } from "../parts/form-dialog.tsx";
import { useServerErrors } from "../parts/server-errors.tsx";
import { StaleEditDialog, isStaleEdit } from "../parts/stale-edit-dialog.tsx";
import { TestSteps } from "./test-steps.tsx";
import { useToast } from "../parts/toasts.tsx";
import type { StorageAccount } from "./storage-account.ts";
import { type StorageDraft, draftFields, draftOf, newAccountOf, secretOf, settingsOf } from "./storage-draft.ts";
import { AzureFields, SignInField } from "./storage-fields.tsx";
import { savedAccount, useStorageChange } from "./use-storage-change.ts";

const useStyles = makeStyles({
  row: { display: "flex", flexWrap: "wrap", gap: "8px", alignItems: "center" },
});

interface CredentialsDialogProps {
  readonly account: StorageAccount;
  /** Where to try them; empty: the account alone is tried. */
  readonly container: string;
  readonly isInUse: boolean;
  readonly onClose: () => void;
}

export function CredentialsDialog({ account, container, isInUse, onClose }: CredentialsDialogProps) {
  const styles = useStyles();
  const toast = useToast();
  const [etag, setEtag] = useState(account.etag);
  const [draft, setDraft] = useState<StorageDraft>(() => draftOf(account));
  const tried = container === "" ? null : container;
  const test = useMutation({
    mutationFn: async () =>
      await answerOf(
        api.POST("/api/v1/storage-accounts/test", {
          body: { ...newAccountOf(draft), ...(tried === null ? {} : { container: tried }) },
        }),
      ),
  });
  const save = useStorageChange(account.id, () => {
    toast("The new credentials are in use");
    onClose();
  });
  const refused = save.error ?? test.error;
  const errors = useServerErrors(isStaleEdit(refused) ? null : refused, draftFields);
  const change = (next: StorageDraft): void => {
    setDraft(next);
    test.reset();
    save.reset();
  };
  const body: Schema<"StorageAccountChange"> = {
    name: account.name,
    settings: settingsOf(draft),
    // Left out it would be the old one's; an empty one is refused, at its field.
    secret: secretOf(draft) === undefined ? "" : secretOf(draft),
  };
  return (
    <FormDialog
      title="Replace credentials"
      submitLabel="Replace credentials"
      busyLabel="Saving …"
      isBusy={save.isPending}
      error={errors.rest}
      onSubmit={() => {
        test.reset();
        save.mutate({ ...body, etag });
      }}
      onClose={onClose}
    >
      <Text>
        There is no gap: exports use the new credentials from their next request on, and what the old ones could not
        write is tried again with the new ones. Revoke the old ones in Azure afterwards.
      </Text>
      <SignInField draft={draft} onChange={change} />
      <AzureFields draft={draft} onChange={change} errors={errors} isEndpointFixed={isInUse} />
      <div className={styles.row}>
        <Button
          disabledFocusable={test.isPending}
          onClick={() => {
            save.reset();
            test.mutate();
          }}
        >
          Test these
        </Button>
        {test.isPending && <Spinner size="tiny" label="Testing; it can take 20 seconds …" />}
      </div>
      {test.data !== undefined && <TestSteps outcome={test.data} inContainer={tried} />}
      <StaleEditDialog
        error={save.error}
        onTakeTheirs={async () => {
          const theirs = await savedAccount(account.id);
          setEtag(theirs.etag);
          setDraft(draftOf(theirs));
        }}
        onOverwrite={async () => await save.mutateAsync(body)}
        onClose={save.reset}
      />
    </FormDialog>
  );
}
