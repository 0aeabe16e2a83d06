// The container of a storage account: picked from those there are, made anew, or typed where the account may not list them.
//
//     <ContainerPicker storageAccountId={id} value={container} onChange={setContainer} errors={errors} field="container" />

import { Button, Combobox, Input, Option, Spinner, makeStyles } from "@fluentui/react-components";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useState } from "react";
import { api, answerOf } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { FormField, type ServerErrors, ServerErrorBar, useServerErrors, wordsOf } from "./server-errors.tsx";

const useStyles = makeStyles({
  picker: { display: "flex", flexDirection: "column", rowGap: "8px", minWidth: 0 },
  row: { display: "flex", flexWrap: "wrap", gap: "8px", alignItems: "flex-end" },
  field: { flexGrow: 1, flexBasis: "220px" },
  combobox: { minWidth: 0 },
});

/** More than this nobody looks through: one types. */
const optionsMax = 200;
const createNew = "\0new";

export function containersQuery(storageAccountId: string) {
  return {
    queryKey: ["storage-accounts", storageAccountId, "containers"],
    queryFn: async () => {
      const path = { storageAccountId };
      return (await answerOf(api.GET("/api/v1/storage-accounts/{storageAccountId}/containers", { params: { path } })))
        .items;
    },
    staleTime: 30_000,
    retry: false,
  };
}

export interface ContainerPickerProps {
  readonly storageAccountId: string;
  readonly value: string;
  readonly onChange: (container: string) => void;
  /** Of the form around it. */
  readonly errors: ServerErrors;
  /** What the server calls it in that form. */
  readonly field: string;
  readonly label?: string;
  readonly hint?: string;
  readonly disabled?: boolean;
}

export function ContainerPicker(props: ContainerPickerProps) {
  const { storageAccountId, value, onChange, errors, field, label = "Container", hint, disabled = false } = props;
  const styles = useStyles();
  const containers = useQuery({ ...containersQuery(storageAccountId), enabled: storageAccountId !== "" });
  const [isCreating, setCreating] = useState(false);
  // While one types, what was typed is what options are looked for by; a picked name hides no other.
  const [typed, setTyped] = useState<string | null>(null);
  const names = containers.data?.map(({ name }) => name) ?? [];
  const needle = (typed ?? "").trim().toLowerCase();
  const found = needle === "" ? names : names.filter((name) => name.toLowerCase().includes(needle));
  const note =
    containers.error !== null
      ? `${wordsOf(containers.error)} If you know the container's name, type it.`
      : containers.data?.length === 0
        ? "There is no container yet: make one."
        : hint;
  const choose = (name: string | undefined): void => {
    setTyped(null);
    if (name === createNew) setCreating(true);
    else if (name !== undefined) onChange(name);
  };
  return (
    <div className={styles.picker}>
      <FormField errors={errors} field={field} label={label} hint={note}>
        <Combobox
          freeform
          className={styles.combobox}
          placeholder={containers.isLoading ? "Asking the account …" : "Pick a container"}
          value={typed ?? value}
          selectedOptions={value === "" ? [] : [value]}
          disabled={disabled || storageAccountId === ""}
          {...(containers.isFetching ? { expandIcon: <Spinner size="extra-tiny" /> } : {})}
          onChange={(event) => setTyped(event.target.value)}
          onBlur={() => {
            if (typed !== null) choose(typed.trim());
          }}
          onOptionSelect={(_event, { optionValue }) => choose(optionValue)}
        >
          {found.slice(0, optionsMax).map((name) => (
            <Option key={name} value={name}>
              {name}
            </Option>
          ))}
          <Option key={createNew} value={createNew} text="">
            Create new …
          </Option>
        </Combobox>
      </FormField>
      {isCreating && (
        <NewContainer
          storageAccountId={storageAccountId}
          initial={needle !== "" && !names.includes(needle) ? needle : ""}
          onMade={(name) => {
            setCreating(false);
            onChange(name);
          }}
          onCancel={() => setCreating(false)}
        />
      )}
    </div>
  );
}

interface NewContainerProps {
  readonly storageAccountId: string;
  readonly initial?: string;
  readonly onMade: (name: string) => void;
  readonly onCancel: () => void;
}

/** Not a form of its own: it stands within others'. */
export function NewContainer({ storageAccountId, initial = "", onMade, onCancel }: NewContainerProps) {
  const styles = useStyles();
  const [name, setName] = useState(initial);
  const create = useMutation({
    mutationFn: async () =>
      await answerOf(
        api.POST("/api/v1/storage-accounts/{storageAccountId}/containers", {
          params: { path: { storageAccountId } },
          body: { name: name.trim() },
        }),
      ),
    onSuccess: async () => {
      await invalidate("storage-accounts");
      onMade(name.trim());
    },
  });
  const errors = useServerErrors(create.error, ["name", "container"]);
  const named = errors.of("name") === null ? "container" : "name";
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape") onCancel();
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (!create.isPending) create.mutate();
  };
  return (
    <div className={styles.picker}>
      <div className={styles.row}>
        <FormField
          className={styles.field}
          errors={errors}
          field={named}
          label="Name of the new container"
          hint="3 to 63 small letters, digits and hyphens, e.g. iot-data"
        >
          <Input
            autoFocus
            autoComplete="off"
            spellCheck={false}
            value={name}
            onChange={(_event, { value }) => setName(value)}
            onKeyDown={onKeyDown}
          />
        </FormField>
      </div>
      <div className={styles.row}>
        <Button appearance="primary" disabledFocusable={create.isPending} onClick={() => create.mutate()}>
          {create.isPending ? "Creating …" : "Create container"}
        </Button>
        <Button onClick={onCancel}>Cancel</Button>
      </div>
      <ServerErrorBar error={errors.rest} />
    </div>
  );
}
