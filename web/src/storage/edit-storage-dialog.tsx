// The name of a storage account, and its place while no export relies on it. Credentials have a dialog of their own.

import { Input } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schema } from "../api/client.ts";
import { FormDialog } from "../parts/form-dialog.tsx";
import { FormField, useServerErrors } from "../parts/server-errors.tsx";
import { StaleEditDialog, isStaleEdit } from "../parts/stale-edit-dialog.tsx";
import { useToast } from "../parts/toasts.tsx";
import type { StorageAccount } from "./storage-account.ts";
import { storageQuery } from "./storage-queries.ts";
import { draftFields, draftOf, settingsOf } from "./storage-draft.ts";
import { AzureFields, FolderField } from "./storage-fields.tsx";
import { savedAccount, useStorageChange } from "./use-storage-change.ts";

interface EditStorageDialogProps {
  readonly account: StorageAccount;
  readonly isInUse: boolean;
  readonly onClose: () => void;
}

export function EditStorageDialog({ account, isInUse, onClose }: EditStorageDialogProps) {
  const toast = useToast();
  // What the form began with: the page behind it may hear of changes meanwhile.
  const [etag, setEtag] = useState(account.etag);
  const [name, setName] = useState(account.name);
  const [draft, setDraft] = useState(() => draftOf(account));
  const folders = useQuery(storageQuery).data?.folders ?? null;
  const save = useStorageChange(account.id, () => {
    toast("Saved");
    onClose();
  });
  const errors = useServerErrors(isStaleEdit(save.error) ? null : save.error, ["name", ...draftFields]);
  const body: Schema<"StorageAccountChange"> = { name: name.trim(), settings: settingsOf(draft) };
  return (
    <FormDialog
      title="Edit storage account"
      submitLabel="Save"
      busyLabel="Saving …"
      isBusy={save.isPending}
      error={errors.rest}
      onSubmit={() => save.mutate({ ...body, etag })}
      onClose={onClose}
    >
      <FormField errors={errors} field="name" label="Name" required>
        <Input autoComplete="off" value={name} onChange={(_event, { value }) => setName(value)} />
      </FormField>
      {draft.kind === "folder" ? (
        <FolderField draft={draft} onChange={setDraft} errors={errors} folders={folders} />
      ) : (
        <AzureFields
          draft={draft}
          onChange={setDraft}
          errors={errors}
          isEndpointFixed={isInUse}
          hasSecretFields={false}
        />
      )}
      <StaleEditDialog
        error={save.error}
        onTakeTheirs={async () => {
          const theirs = await savedAccount(account.id);
          setEtag(theirs.etag);
          setName(theirs.name);
          setDraft(draftOf(theirs));
        }}
        onOverwrite={async () => await save.mutateAsync(body)}
        onClose={save.reset}
      />
    </FormDialog>
  );
}
