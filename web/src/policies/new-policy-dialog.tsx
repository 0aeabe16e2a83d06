// Makes a hub policy, with new keys or with those that devices have already.

import { Checkbox, Input } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { FormDialog } from "../parts/form-dialog.tsx";
import { FormField, useServerErrors } from "../parts/server-errors.tsx";
import { useToast } from "../parts/toasts.tsx";

export function NewPolicyDialog({ onClose }: { readonly onClose: () => void }) {
  const toast = useToast();
  const [name, setName] = useState("");
  const [hasKeys, setHasKeys] = useState(false);
  const [primaryKey, setPrimaryKey] = useState("");
  const [secondaryKey, setSecondaryKey] = useState("");
  const make = useMutation({
    mutationFn: async () => {
      const keys = {
        ...(hasKeys && primaryKey !== "" ? { primaryKey } : {}),
        ...(hasKeys && secondaryKey !== "" ? { secondaryKey } : {}),
      };
      await answerOf(api.POST("/api/v1/policies", { body: { name, ...keys } }));
      await invalidate("policies");
    },
    onSuccess: () => {
      toast(`The hub policy ${name} is made`);
      onClose();
    },
  });
  const errors = useServerErrors(make.error, ["name", "primaryKey", "secondaryKey"]);
  return (
    <FormDialog
      title="New hub policy"
      submitLabel="Make policy"
      isBusy={make.isPending}
      error={errors.rest}
      onSubmit={make.mutate}
      onClose={onClose}
    >
      <FormField
        label="Name"
        required
        errors={errors}
        field="name"
        hint="1 to 64 letters, digits, _ and -. It stands in connection strings as SharedAccessKeyName."
      >
        <Input
          name="policy-name"
          autoComplete="off"
          autoFocus
          spellCheck={false}
          value={name}
          onChange={(_event, { value }) => setName(value)}
        />
      </FormField>
      <Checkbox
        label="Use keys of my own"
        checked={hasKeys}
        onChange={(_event, { checked }) => setHasKeys(checked === true)}
      />
      {hasKeys && (
        <>
          <FormField
            label="Primary key"
            errors={errors}
            field="primaryKey"
            hint="As it is in another hub, so that devices need not be changed. Base64; left empty, a new one is made."
          >
            <Input
              name="primary-key"
              type="password"
              autoComplete="off"
              value={primaryKey}
              onChange={(_event, { value }) => setPrimaryKey(value.trim())}
            />
          </FormField>
          <FormField label="Secondary key" errors={errors} field="secondaryKey">
            <Input
              name="secondary-key"
              type="password"
              autoComplete="off"
              value={secondaryKey}
              onChange={(_event, { value }) => setSecondaryKey(value.trim())}
            />
          </FormField>
        </>
      )}
    </FormDialog>
  );
}
