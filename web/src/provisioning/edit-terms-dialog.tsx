// An enrollment group or an individual enrollment is changed.

import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { invalidate } from "../api/query-client.ts";
import { FormDialog } from "../parts/form-dialog.tsx";
import { useServerErrors } from "../parts/server-errors.tsx";
import { StaleEditDialog, isStaleEdit } from "../parts/stale-edit-dialog.tsx";
import { TextField } from "../parts/text-field.tsx";
import { useToast } from "../parts/toasts.tsx";
import type { DeviceTemplate, Terms } from "./provisioning-queries.ts";
import { TermsFields, termsFields } from "./terms-fields.tsx";

interface Editable extends Terms {
  /** Null: it has none that could be changed. */
  readonly name: string | null;
  readonly etag: number;
}

export function EditTermsDialog({
  title,
  given,
  templates,
  save,
  reload,
  onClose,
}: {
  readonly title: string;
  readonly given: Editable;
  readonly templates: readonly DeviceTemplate[];
  readonly save: (change: Terms & { readonly name?: string; readonly etag?: number }) => Promise<unknown>;
  /** As it is saved now. */
  readonly reload: () => Promise<Editable>;
  readonly onClose: () => void;
}) {
  const toast = useToast();
  const [base, setBase] = useState(given);
  const [name, setName] = useState(given.name);
  const [terms, setTerms] = useState<Terms>(() => termsOf(given));
  const write = async (etag?: number): Promise<void> => {
    await save({ ...terms, ...(name === null ? {} : { name }), ...(etag === undefined ? {} : { etag }) });
    await invalidate("provisioning");
    toast("Saved");
    onClose();
  };
  const saving = useMutation({ mutationFn: async () => await write(base.etag) });
  const errors = useServerErrors(isStaleEdit(saving.error) ? null : saving.error, ["name", ...termsFields]);
  return (
    <>
      <FormDialog
        title={title}
        submitLabel="Save"
        busyLabel="Saving …"
        isBusy={saving.isPending}
        error={errors.rest}
        onSubmit={saving.mutate}
        onClose={onClose}
      >
        {name !== null && (
          <TextField label="Name" required errors={errors} field="name" text={name} onChange={setName} />
        )}
        <TermsFields terms={terms} templates={templates} errors={errors} onChange={setTerms} />
      </FormDialog>
      <StaleEditDialog
        error={saving.error}
        onTakeTheirs={async () => {
          const now = await reload();
          setBase(now);
          setName(now.name);
          setTerms(termsOf(now));
        }}
        onOverwrite={async () => await write()}
        onClose={saving.reset}
      />
    </>
  );
}

function termsOf({ templateId, templateVersion, autoApprove, enabled }: Terms): Terms {
  return { templateId, templateVersion, autoApprove, enabled };
}
