// The fields of a storage account: where it is and how one signs in, each explained, with an example.
//
// Secrets go in and never come out: their fields are empty whenever the form opens.

import { Input, Radio, RadioGroup, makeStyles, tokens } from "@fluentui/react-components";
import type { ReactNode } from "react";
import { FormField, type ServerErrors } from "../parts/server-errors.tsx";
import { type SignIn, type StorageDraft, needsSecret } from "./storage-draft.ts";

const useStyles = makeStyles({
  fields: { display: "flex", flexDirection: "column", rowGap: "16px", maxWidth: "640px", minWidth: 0 },
  about: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200, display: "block" },
});

interface FieldsProps {
  readonly draft: StorageDraft;
  readonly onChange: (draft: StorageDraft) => void;
  readonly errors: ServerErrors;
}

export function KindField({ draft, onChange }: Omit<FieldsProps, "errors">) {
  return (
    <RadioGroup
      aria-label="Where the files go"
      value={draft.kind}
      onChange={(_event, { value }) => onChange({ ...draft, kind: value as StorageDraft["kind"] })}
    >
      <Radio
        value="azure-blob"
        label={
          <Choice
            name="Azure Blob Storage"
            about="A storage account in Azure, or a service that speaks its protocol."
          />
        }
      />
      <Radio
        value="folder"
        label={
          <Choice
            name="A folder on this server"
            about="A disk of this machine, or a share that is mounted there. Good to begin with: it needs no account."
          />
        }
      />
    </RadioGroup>
  );
}

const signInChoices: readonly { readonly value: SignIn; readonly name: string; readonly about: string }[] = [
  {
    value: "connection-string",
    name: "Connection string",
    about: "The simplest: one text that holds address, name and key.",
  },
  { value: "account-key", name: "Account key", about: "The account's address and one of its two keys." },
  {
    value: "sas",
    name: "Shared access signature (SAS)",
    about: "Limited in rights and time. It needs Read, Create, Write and List; Delete is not needed.",
  },
  {
    value: "service-principal",
    name: "Entra ID: service principal",
    about: "An app registration with a client secret and the role Storage Blob Data Contributor.",
  },
  {
    value: "machine",
    name: "Entra ID: this machine's identity",
    about: "A managed identity of the machine that Coldpath runs on. No secret at all.",
  },
];

export function SignInField({ draft, onChange }: Omit<FieldsProps, "errors">) {
  return (
    <RadioGroup
      aria-label="How Coldpath signs in"
      value={draft.signIn}
      // A secret is for one way of signing in only.
      onChange={(_event, { value }) => onChange({ ...draft, signIn: value as SignIn, secret: "" })}
    >
      {signInChoices.map(({ value, name, about }) => (
        <Radio key={value} value={value} label={<Choice name={name} about={about} />} />
      ))}
    </RadioGroup>
  );
}

function Choice({ name, about }: { readonly name: string; readonly about: string }) {
  const styles = useStyles();
  return (
    <>
      {name}
      <span className={styles.about}>{about}</span>
    </>
  );
}

interface FolderFieldProps extends FieldsProps {
  /** Where folders may lie; null: anywhere. */
  readonly folders: readonly string[] | null;
}

export function FolderField({ draft, onChange, errors, folders }: FolderFieldProps) {
  const where =
    folders === null
      ? "The full path on the server's machine."
      : `The full path on the server's machine. It must lie below ${folders.join(" or ")} (--storage-folders).`;
  return (
    <FormField
      errors={errors}
      field="settings.path"
      label="Folder"
      required
      hint={`${where} It is made when it is missing; each container is a folder in it. E.g. ${folders?.[0] ?? "/srv"}/lake`}
    >
      <Input
        autoComplete="off"
        spellCheck={false}
        value={draft.path}
        onChange={(_event, { value }) => onChange({ ...draft, path: value })}
      />
    </FormField>
  );
}

/** @param isEndpointFixed  an export uses the account: its place stays. */
export function AzureFields({
  draft,
  onChange,
  errors,
  isEndpointFixed = false,
  hasSecretFields = true,
}: FieldsProps & { readonly isEndpointFixed?: boolean; readonly hasSecretFields?: boolean }) {
  const { signIn } = draft;
  const isEntra = signIn === "service-principal" || signIn === "machine";
  const text = (
    field: "endpoint" | "accountName" | "tenantId" | "clientId",
    label: string,
    hint: string,
    isRequired = false,
    isDisabled = false,
  ): ReactNode => (
    <FormField errors={errors} field={`settings.${field}`} label={label} hint={hint} required={isRequired}>
      <Input
        autoComplete="off"
        spellCheck={false}
        disabled={isDisabled}
        value={draft[field]}
        onChange={(_event, { value }) => onChange({ ...draft, [field]: value })}
      />
    </FormField>
  );
  return (
    <>
      {signIn !== "connection-string" &&
        text(
          "endpoint",
          "Address of the blob service",
          isEndpointFixed
            ? "An export writes there, so it stays."
            : signIn === "sas" && hasSecretFields
              ? "E.g. https://mystorage.blob.core.windows.net. Leave it empty when you paste a whole SAS URL below."
              : "On the account's page Endpoints, e.g. https://mystorage.blob.core.windows.net",
          signIn !== "sas",
          isEndpointFixed,
        )}
      {signIn === "account-key" &&
        text("accountName", "Account name", "Only when the address does not begin with it, e.g. mystorage")}
      {isEntra &&
        text(
          "tenantId",
          "Tenant ID",
          signIn === "machine"
            ? "Only when the machine knows several tenants."
            : "The directory of the app registration, e.g. 72f988bf-86f1-41af-91ab-2d7cd011db47",
          signIn === "service-principal",
        )}
      {isEntra &&
        text(
          "clientId",
          "Client ID",
          signIn === "machine"
            ? "Only for a user-assigned identity: its client ID."
            : "The app registration's Application (client) ID.",
          signIn === "service-principal",
        )}
      {hasSecretFields && needsSecret(draft) && <SecretField draft={draft} onChange={onChange} errors={errors} />}
    </>
  );
}

const secrets: Readonly<Record<Exclude<SignIn, "machine">, { readonly label: string; readonly hint: string }>> = {
  "connection-string": {
    label: "Connection string",
    hint: "On the account's page Access keys. It begins with DefaultEndpointsProtocol=https;AccountName=…",
  },
  "account-key": {
    label: "Account key",
    hint: "On the account's page Access keys: key1 or key2, a long text that ends with ==",
  },
  sas: {
    label: "SAS token or SAS URL",
    hint: "On the container's or account's page Shared access signature, e.g. sv=2024-11-04&sp=rcwl&…&sig=…",
  },
  "service-principal": {
    label: "Client secret",
    hint: "The Value on the app registration's page Certificates & secrets, not its ID.",
  },
};

function SecretField({ draft, onChange, errors }: FieldsProps) {
  if (draft.signIn === "machine") return null;
  const { label, hint } = secrets[draft.signIn];
  return (
    <FormField
      errors={errors}
      field="secret"
      label={label}
      required
      hint={`${hint} It is kept encrypted and never shown again.`}
    >
      <Input
        type="password"
        autoComplete="new-password"
        spellCheck={false}
        value={draft.secret}
        onChange={(_event, { value }) => onChange({ ...draft, secret: value })}
      />
    </FormField>
  );
}
