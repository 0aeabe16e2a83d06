// Where devices come to be provisioned, which ID scopes are taken, and what a device must be told.

import { Button, MessageBar, MessageBarBody, Text, Textarea, makeStyles } from "@fluentui/react-components";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { statusQuery } from "../api/queries.ts";
import { queryClient } from "../api/query-client.ts";
import { formatCount } from "../parts/amounts.ts";
import { CodeBlock, type CodeSample, CodeTabs } from "../parts/code-tabs.tsx";
import { CopyBox } from "../parts/copy-box.tsx";
import { FormDialog } from "../parts/form-dialog.tsx";
import { Facts, Panel } from "../parts/panel.tsx";
import { PageLink } from "../parts/plain-link.tsx";
import { FormField, useServerErrors } from "../parts/server-errors.tsx";
import { Shown } from "../parts/states.tsx";
import { useToast } from "../parts/toasts.tsx";
import { MigrationNote } from "./migration-note.tsx";
import { type Provisioning, provisioningQuery } from "./provisioning-queries.ts";
import { type ReadyProgram, readyCode } from "./ready-code.ts";

const useStyles = makeStyles({
  scopes: { display: "flex", flexDirection: "column", rowGap: "6px", minWidth: 0 },
  boxes: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(320px, 100%), 1fr))",
    gap: "12px 24px",
    alignItems: "start",
  },
});

export function Overview() {
  const styles = useStyles();
  const provisioning = useQuery(provisioningQuery);
  const status = useQuery(statusQuery);
  const [isEditing, setEditing] = useState(false);
  return (
    <Shown query={provisioning}>
      {(content) => (
        <>
          <Panel
            title="What a device is told"
            about="Its own registration id and key besides. A device that speaks to Azure's Device Provisioning Service speaks to this one: the host takes the place of global.azure-devices-provisioning.net."
          >
            <div className={styles.boxes}>
              <CopyBox label="Provisioning host" text={content.host} />
              <CopyBox label="ID scope" text={content.idScope} />
            </div>
            <Facts items={registrationFacts(content)} />
          </Panel>
          <Panel
            title="Further ID scopes"
            about={
              <>
                Taken besides this hub&apos;s own, so that devices which know one of them need another host name and
                nothing else. <MigrationNote />
              </>
            }
            actions={
              <Button size="small" onClick={() => setEditing(true)}>
                Change
              </Button>
            }
          >
            {content.furtherIdScopes.length === 0 ? (
              "None."
            ) : (
              <div className={styles.scopes}>
                {content.furtherIdScopes.map((scope) => (
                  <CopyBox key={scope} text={scope} />
                ))}
              </div>
            )}
          </Panel>
          <Panel
            title="Ready code"
            about="Registers a device, connects as what it became, and sends one message. An enrollment group shows the key of each of its devices."
          >
            <Shown query={status}>
              {({ endpoints: { caPath } }) => (
                <CodeTabs samples={readyCode({ host: content.host, idScope: content.idScope, caPath }).map(sampleOf)} />
              )}
            </Shown>
          </Panel>
          {isEditing && <ScopesDialog given={content.furtherIdScopes} onClose={() => setEditing(false)} />}
        </>
      )}
    </Shown>
  );
}

function sampleOf({ file, run, note, ...program }: ReadyProgram): CodeSample {
  return {
    ...program,
    before: (
      <>
        {note !== null && (
          <MessageBar intent="warning" layout="multiline">
            <MessageBarBody>{note}</MessageBarBody>
          </MessageBar>
        )}
        <Text>Save this as {file}, with its registration id and key:</Text>
      </>
    ),
    after: (
      <>
        <Text>And run it:</Text>
        <CodeBlock text={run} label={`${program.title} command`} isCommand />
      </>
    ),
  };
}

function registrationFacts({ registrations, assignedHub }: Provisioning) {
  const link = (status: "waiting" | "assigned" | "blocked") => (
    <PageLink to="/registrations" search={status === "waiting" ? {} : { status }}>
      {formatCount(registrations[status])}
    </PageLink>
  );
  return [
    { name: "Devices that wait", value: link("waiting") },
    { name: "Devices that were let in", value: link("assigned") },
    { name: "Blocked", value: link("blocked") },
    { name: "Hub that they are told", value: assignedHub },
  ];
}

function ScopesDialog({ given, onClose }: { readonly given: readonly string[]; readonly onClose: () => void }) {
  const toast = useToast();
  const [text, setText] = useState(given.join("\n"));
  const save = useMutation({
    mutationFn: async () => {
      const furtherIdScopes = text.split(/[\s,]+/).filter((scope) => scope !== "");
      const saved = await answerOf(api.PATCH("/api/v1/provisioning", { body: { furtherIdScopes } }));
      queryClient.setQueryData(provisioningQuery.queryKey, saved);
      toast("ID scopes saved");
    },
    onSuccess: onClose,
  });
  const errors = useServerErrors(save.error, ["furtherIdScopes"]);
  return (
    <FormDialog
      title="Further ID scopes"
      submitLabel="Save"
      isBusy={save.isPending}
      error={errors.rest}
      onSubmit={save.mutate}
      onClose={onClose}
    >
      <FormField
        label="ID scopes"
        hint="One a line, e.g. 0ne00A1B2C3. Devices that name one that you take out are refused from then on."
        errors={errors}
        field="furtherIdScopes"
      >
        <Textarea rows={4} spellCheck={false} value={text} onChange={(_event, { value }) => setText(value)} />
      </FormField>
    </FormDialog>
  );
}
