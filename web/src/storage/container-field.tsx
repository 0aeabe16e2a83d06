// The drop-down "Container" of a storage account, with "Create new container" in its place. For an export, and to try an account.

import { Button, Dropdown, Field, Input, Option, Spinner, makeStyles } from "@fluentui/react-components";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { FormField, type ServerErrors, ServerErrorBar, useServerErrors } from "../parts/server-errors.tsx";
import { containersQuery } from "./storage-queries.ts";

const createNew = "\u0000new";
const typeName = "\u0000type";

const useStyles = makeStyles({
  dropdown: { minWidth: 0, width: "100%" },
  row: { display: "flex", flexWrap: "wrap", gap: "8px", alignItems: "flex-end" },
  grow: { flexGrow: 1, minWidth: "160px" },
  column: { display: "flex", flexDirection: "column", rowGap: "8px", minWidth: 0 },
});

const nameRules = {
  folder: "It becomes a directory: letters, digits, dots and hyphens.",
  "azure-blob": "3 to 63 lower-case letters, digits and hyphens.",
} as const;
type Kind = keyof typeof nameRules;

/** Picked, made anew, or typed where the account may not list them. */
export function ContainerField({
  storageAccountId,
  kind,
  container,
  errors,
  onChange,
  isRequired = true,
}: {
  readonly storageAccountId: string;
  readonly kind: Kind;
  readonly container: string;
  readonly errors: ServerErrors;
  readonly onChange: (container: string) => void;
  readonly isRequired?: boolean;
}) {
  const styles = useStyles();
  const [mode, setMode] = useState<"choose" | "create" | "type">("choose");
  const containers = useQuery(containersQuery(storageAccountId));
  const names = containers.data ?? [];
  // One that was typed, or that is gone, stays shown.
  const shown = container === "" || names.includes(container) ? names : [container, ...names];

  if (mode === "type") {
    return (
      <div className={styles.column}>
        <FormField label="Container" required={isRequired} errors={errors} field="container" hint="Its exact name.">
          <Input value={container} spellCheck={false} onChange={(_event, { value }) => onChange(value)} />
        </FormField>
        <div>
          <Button size="small" onClick={() => setMode("choose")}>
            Choose from the list
          </Button>
        </div>
      </div>
    );
  }
  return (
    <div className={styles.column}>
      <FormField
        label="Container"
        required={isRequired}
        errors={errors}
        field="container"
        hint={storageAccountId === "" ? "Choose the storage account first." : "A container holds the files' folders."}
      >
        <Dropdown
          className={styles.dropdown}
          placeholder={containers.isLoading ? "Asking the storage account …" : "Choose a container"}
          disabled={storageAccountId === ""}
          expandIcon={
            containers.isFetching && names.length === 0 ? (
              <Spinner size="extra-tiny" aria-label="Asking the storage account" />
            ) : undefined
          }
          value={mode === "create" ? "Create new container …" : container}
          selectedOptions={mode === "create" ? [createNew] : container === "" ? [] : [container]}
          onOpenChange={(_event, { open }) => {
            if (open) void containers.refetch();
          }}
          onOptionSelect={(_event, { optionValue }) => {
            if (optionValue === createNew) setMode("create");
            else if (optionValue === typeName) setMode("type");
            else if (optionValue !== undefined) {
              setMode("choose");
              onChange(optionValue);
            }
          }}
        >
          {shown.map((name) => (
            <Option key={name} value={name}>
              {name}
            </Option>
          ))}
          <Option value={createNew} text="Create new container …">
            Create new container …
          </Option>
          <Option value={typeName} text="Type its name …">
            Type its name …
          </Option>
        </Dropdown>
      </FormField>
      {mode === "choose" && containers.error !== null && (
        <ServerErrorBar
          title="The containers cannot be listed. You can type the name instead."
          error={containers.error}
        />
      )}
      {mode === "create" && (
        <NewContainer
          storageAccountId={storageAccountId}
          kind={kind}
          onMade={(name) => {
            setMode("choose");
            onChange(name);
          }}
          onCancel={() => setMode("choose")}
        />
      )}
    </div>
  );
}

function NewContainer({
  storageAccountId,
  kind,
  onMade,
  onCancel,
}: {
  readonly storageAccountId: string;
  readonly kind: Kind;
  readonly onMade: (name: string) => void;
  readonly onCancel: () => void;
}) {
  const styles = useStyles();
  const input = useRef<HTMLInputElement>(null);
  const [name, setName] = useState("");
  useEffect(() => input.current?.focus(), []);
  const create = useMutation({
    mutationFn: async () => {
      const path = { storageAccountId };
      await answerOf(
        api.POST("/api/v1/storage-accounts/{storageAccountId}/containers", {
          params: { path },
          body: { name: name.trim() },
        }),
      );
      await invalidate("storage-accounts");
    },
    onSuccess: () => onMade(name.trim()),
  });
  // The store names what an export calls `container`.
  const errors = useServerErrors(create.error, ["name", "container"]);
  const refusal = errors.of("name") ?? errors.of("container");
  return (
    <>
      <div className={styles.row}>
        <Field
          className={styles.grow}
          label="Name of the new container"
          hint={nameRules[kind]}
          {...(refusal === null
            ? {}
            : { validationState: "error" as const, validationMessage: `${refusal.message} ${refusal.hint ?? ""}` })}
        >
          <Input
            ref={input}
            value={name}
            autoComplete="off"
            spellCheck={false}
            onChange={(_event, { value }) => setName(value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              // Not the form around it.
              event.preventDefault();
              create.mutate();
            }}
          />
        </Field>
      </div>
      <div className={styles.row}>
        <Button onClick={() => create.mutate()} disabledFocusable={create.isPending || name.trim() === ""}>
          {create.isPending ? "Creating …" : "Create container"}
        </Button>
        <Button appearance="subtle" onClick={onCancel}>
          Cancel
        </Button>
      </div>
      <ServerErrorBar error={errors.rest} />
    </>
  );
}
