// The two drop-downs of the seed: Storage account, and Container.

import { Dropdown, Option, makeStyles } from "@fluentui/react-components";
import { PlainLink } from "../parts/plain-link.tsx";
import { FormField, type ServerErrors } from "../parts/server-errors.tsx";
import { ContainerField } from "../storage/container-field.tsx";
import type { StorageAccount } from "./export-queries.ts";

const useStyles = makeStyles({
  fields: { display: "grid", gridTemplateColumns: "repeat(auto-fit, minmax(min(260px, 100%), 1fr))", gap: "16px" },
  dropdown: { minWidth: 0, width: "100%" },
});

export interface StorageFieldsProps {
  readonly accounts: readonly StorageAccount[];
  readonly storageAccountId: string;
  readonly container: string;
  readonly errors: ServerErrors;
  readonly onChange: (change: { readonly storageAccountId?: string; readonly container?: string }) => void;
}

const kindWords = { folder: "folder", "azure-blob": "Azure Blob Storage" } as const;

export function StorageFields({ accounts, storageAccountId, container, errors, onChange }: StorageFieldsProps) {
  const styles = useStyles();
  const chosen = accounts.find(({ id }) => id === storageAccountId);
  return (
    <div className={styles.fields}>
      <FormField
        label="Storage account"
        required
        errors={errors}
        field="storageAccountId"
        hint={
          <>
            Where the files go. Another one?{" "}
            <PlainLink to={`/admin/storage/new?from=${encodeURIComponent(location.pathname)}`}>
              Add storage account
            </PlainLink>
          </>
        }
      >
        <Dropdown
          className={styles.dropdown}
          placeholder="Choose a storage account"
          value={chosen?.name ?? ""}
          selectedOptions={chosen === undefined ? [] : [chosen.id]}
          onOptionSelect={(_event, { optionValue }) => {
            if (optionValue !== undefined && optionValue !== storageAccountId)
              onChange({ storageAccountId: optionValue, container: "" });
          }}
        >
          {accounts.map(({ id, name, settings }) => (
            <Option key={id} value={id} text={name}>
              {name} ({kindWords[settings.kind]})
            </Option>
          ))}
        </Dropdown>
      </FormField>
      <ContainerField
        key={storageAccountId}
        storageAccountId={storageAccountId}
        kind={chosen?.settings.kind ?? "folder"}
        container={container}
        errors={errors}
        onChange={(name) => onChange({ container: name })}
      />
    </div>
  );
}
