// One storage account: what it is, whether it works, its containers, who uses it; new credentials, changes, its end.

import {
  Button,
  MessageBar,
  MessageBarActions,
  MessageBarBody,
  MessageBarTitle,
  Text,
  makeStyles,
} from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, answerOf } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { exportsQuery } from "../exports/export-queries.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { CopyBox } from "../parts/copy-box.tsx";
import { withSearch } from "../parts/own-path.ts";
import { PageFrame } from "../parts/page-frame.tsx";
import { LinkButton, PageLink } from "../parts/plain-link.tsx";
import { Facts, Panel } from "../parts/panel.tsx";
import { Shown } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { CredentialsDialog } from "./credentials-dialog.tsx";
import { EditStorageDialog } from "./edit-storage-dialog.tsx";
import { type StorageAccount, exportsOf, kindName, placeOf, signInName } from "./storage-account.ts";
import { storageAccountQuery } from "./storage-queries.ts";
import { StorageContainers } from "./storage-containers.tsx";

const route = getRouteApi("/shell/admin/storage/$storageAccountId");
const useStyles = makeStyles({
  stack: { display: "flex", flexDirection: "column", rowGap: "8px" },
});
type Dialog = "edit" | "credentials" | "delete";

export default function StoragePage() {
  const { storageAccountId } = route.useParams();
  const account = useQuery(storageAccountQuery(storageAccountId));
  const place = [{ label: "Storage accounts", to: "/admin/storage" }];
  if (account.data === undefined) {
    return (
      <PageFrame title="Storage account" place={place}>
        <Shown query={account}>{() => null}</Shown>
      </PageFrame>
    );
  }
  return <AccountPage key={storageAccountId} account={account.data} />;
}

function AccountPage({ account }: { readonly account: StorageAccount }) {
  const styles = useStyles();
  const navigate = useNavigate();
  const toast = useToast();
  const { from } = route.useSearch();
  const [open, setOpen] = useState<Dialog | null>(null);
  const [container, setContainer] = useState("");
  const exports = useQuery(exportsQuery);
  const using = exportsOf(account.id, exports.data ?? []);
  const { settings } = account;
  const close = (): void => setOpen(null);
  const next = withSearch(from ?? "/admin/exports/new", {
    storageAccountId: account.id,
    container: container === "" ? undefined : container,
  });
  const nextLabel = from === undefined ? "Set up Continuous Data Export" : "Back to the export";
  return (
    <PageFrame
      title={account.name}
      place={[{ label: "Storage accounts", to: "/admin/storage" }]}
      actions={
        <>
          <Button onClick={() => setOpen("edit")}>Edit</Button>
          {settings.kind === "azure-blob" && (
            <Button onClick={() => setOpen("credentials")}>Replace credentials</Button>
          )}
          <Button onClick={() => setOpen("delete")}>Delete</Button>
        </>
      }
    >
      {account.warnings.length > 0 && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            {account.warnings.map((warning) => (
              <div key={warning}>{warning}</div>
            ))}
          </MessageBarBody>
          <MessageBarActions>
            <Button size="small" onClick={() => setOpen("credentials")}>
              Replace credentials
            </Button>
          </MessageBarActions>
        </MessageBar>
      )}
      {(from !== undefined || (exports.data !== undefined && using.length === 0)) && (
        <MessageBar intent="info" layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>
              Next: {from === undefined ? "set up Continuous Data Export." : "finish the export."}
            </MessageBarTitle>
            {container === ""
              ? "Pick or create a container below and test it, or do that in the export's form."
              : `Its files will go into the container ${container}.`}
          </MessageBarBody>
          <MessageBarActions>
            <LinkButton to={next} appearance="primary" size="small">
              {nextLabel}
            </LinkButton>
          </MessageBarActions>
        </MessageBar>
      )}
      <Panel title="The account">
        <Facts
          items={[
            {
              name: settings.kind === "folder" ? "Folder" : "Address",
              value: <CopyBox text={placeOf(settings)} />,
              isWide: true,
            },
            { name: "Kind", value: kindName(settings) },
            { name: "Signs in with", value: signInName(account) },
            ...(settings.kind === "azure-blob"
              ? [
                  { name: "Account name", value: settings.accountName },
                  { name: "Tenant ID", value: settings.tenantId },
                  { name: "Client ID", value: settings.clientId },
                ].filter(({ value }) => value !== undefined)
              : []),
            ...(account.sasExpiresAt === null
              ? []
              : [{ name: "SAS ends", value: <TimeText time={account.sasExpiresAt} show="both" /> }]),
            { name: "Added", value: <TimeText time={account.createdAt} show="both" /> },
            {
              name: "Used by",
              value:
                using.length === 0 ? (
                  "No export yet"
                ) : (
                  <div className={styles.stack}>
                    {using.map(({ id, name, latestDefinition }) => (
                      <Text key={id}>
                        <PageLink to="/admin/exports/$exportId" params={{ exportId: id }}>
                          {name}
                        </PageLink>
                        {`, container ${latestDefinition.container}`}
                      </Text>
                    ))}
                  </div>
                ),
            },
          ]}
        />
      </Panel>
      <StorageContainers account={account} container={container} onContainer={setContainer} />
      {open === "edit" && <EditStorageDialog account={account} isInUse={using.length > 0} onClose={close} />}
      {open === "credentials" && (
        <CredentialsDialog account={account} container={container} isInUse={using.length > 0} onClose={close} />
      )}
      <ConfirmDialog
        isOpen={open === "delete"}
        title={`Delete ${account.name}?`}
        confirmLabel="Delete storage account"
        onConfirm={async () => {
          await answerOf(
            api.DELETE("/api/v1/storage-accounts/{storageAccountId}", {
              params: { path: { storageAccountId: account.id } },
            }),
          );
          // Not asked again: it is gone.
          await navigate({ to: "/admin/storage" });
          await invalidate("storage-accounts");
          toast(`${account.name} was deleted`);
        }}
        onClose={close}
      >
        Coldpath forgets this account and its credentials. Files that exports wrote there stay where they are. While an
        export uses it, it cannot be deleted.
      </ConfirmDialog>
    </PageFrame>
  );
}
