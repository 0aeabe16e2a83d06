// A storage account is added: where it is, how one signs in, a try before it is saved.

import { Button, Field, Input, Spinner, Text, makeStyles } from "@fluentui/react-components";
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, answerOf } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { PageFrame } from "../parts/page-frame.tsx";
import { LinkButton } from "../parts/plain-link.tsx";
import { Panel } from "../parts/panel.tsx";
import { FormField, ServerErrorBar, useServerErrors } from "../parts/server-errors.tsx";
import { TestSteps } from "./test-steps.tsx";
import { useToast } from "../parts/toasts.tsx";
import { storageQuery } from "./storage-queries.ts";
import { type StorageDraft, draftFields, emptyDraft, newAccountOf } from "./storage-draft.ts";
import { AzureFields, FolderField, KindField, SignInField } from "./storage-fields.tsx";

const route = getRouteApi("/shell/admin/storage/new");
const useStyles = makeStyles({
  form: { display: "flex", flexDirection: "column", rowGap: "16px", maxWidth: "820px" },
  fields: { display: "flex", flexDirection: "column", rowGap: "16px", maxWidth: "640px", minWidth: 0 },
  row: { display: "flex", flexWrap: "wrap", gap: "8px", alignItems: "center" },
});

export default function NewStoragePage() {
  const styles = useStyles();
  const navigate = useNavigate();
  const toast = useToast();
  const { from } = route.useSearch();
  const folders = useQuery(storageQuery).data?.folders ?? null;
  const [name, setName] = useState("");
  const [draft, setDraft] = useState<StorageDraft>(emptyDraft);
  const [container, setContainer] = useState("");
  const test = useMutation({
    mutationFn: async () => {
      const tried = container.trim() === "" ? null : container.trim();
      const outcome = await answerOf(
        api.POST("/api/v1/storage-accounts/test", {
          body: { ...newAccountOf(draft), ...(tried === null ? {} : { container: tried }) },
        }),
      );
      return { outcome, tried };
    },
  });
  const save = useMutation({
    mutationFn: async () =>
      await answerOf(api.POST("/api/v1/storage-accounts", { body: { name: name.trim(), ...newAccountOf(draft) } })),
    onSuccess: async (made) => {
      await invalidate("storage-accounts");
      toast(`${made.name} was added`);
      await navigate({
        to: "/admin/storage/$storageAccountId",
        params: { storageAccountId: made.id },
        search: from === undefined ? {} : { from },
        replace: true,
      });
    },
  });
  // Whichever was refused last says so at the fields.
  const refused = save.error ?? test.error;
  const errors = useServerErrors(refused, ["name", "container", ...draftFields]);
  const change = (next: StorageDraft): void => {
    setDraft(next);
    // What was tried was something else.
    test.reset();
    save.reset();
  };
  return (
    <PageFrame
      title="New storage account"
      place={[{ label: "Storage accounts", to: "/admin/storage" }]}
      about="A storage account is where exports write their files. Add it once; any number of exports can use it."
    >
      <form
        noValidate
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          test.reset();
          save.mutate();
        }}
      >
        <Panel title="Where the files go">
          <KindField draft={draft} onChange={change} />
        </Panel>
        {draft.kind === "azure-blob" && (
          <Panel title="How Coldpath signs in">
            <SignInField draft={draft} onChange={change} />
          </Panel>
        )}
        <Panel title="The account">
          <div className={styles.fields}>
            <FormField
              errors={errors}
              field="name"
              label="Name"
              required
              hint="What people see in the list and in the drop-down of an export, e.g. Production lake"
            >
              <Input autoComplete="off" value={name} onChange={(_event, { value }) => setName(value)} />
            </FormField>
            {draft.kind === "folder" ? (
              <FolderField draft={draft} onChange={change} errors={errors} folders={folders} />
            ) : (
              <AzureFields draft={draft} onChange={change} errors={errors} />
            )}
          </div>
        </Panel>
        <Panel
          title="Test connection"
          about="Tries what an export needs: it connects, signs in, writes something unfinished, lists and reads. It leaves nothing behind and needs no permission to delete."
        >
          <div className={styles.fields}>
            <Field
              label="Container to try (optional)"
              hint="Left empty, only the account itself is tried. Containers can be made after saving."
              {...(errors.of("container") === null
                ? {}
                : { validationState: "error" as const, validationMessage: errors.of("container")?.message })}
            >
              <Input
                autoComplete="off"
                spellCheck={false}
                value={container}
                onChange={(_event, { value }) => setContainer(value)}
              />
            </Field>
            <div className={styles.row}>
              <Button
                disabledFocusable={test.isPending}
                onClick={() => {
                  save.reset();
                  test.mutate();
                }}
              >
                Test connection
              </Button>
              {test.isPending && <Spinner size="tiny" label="Testing; it can take 20 seconds …" />}
            </div>
          </div>
          {test.data !== undefined && <TestSteps outcome={test.data.outcome} inContainer={test.data.tried} />}
        </Panel>
        <ServerErrorBar error={errors.rest} />
        <div className={styles.row}>
          <Button type="submit" appearance="primary" disabledFocusable={save.isPending}>
            {save.isPending ? "Saving …" : "Save"}
          </Button>
          <LinkButton to={from ?? "/admin/storage"}>Cancel</LinkButton>
          {test.data?.outcome.ok === false && <Text size={200}>You can save it all the same and mend it later.</Text>}
        </div>
      </form>
    </PageFrame>
  );
}
