// Administration, Continuous Data Export: all exports, how each is, and what to do.

import { makeStyles } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { Facts, Panel } from "../parts/panel.tsx";
import { PageFrame } from "../parts/page-frame.tsx";
import { LinkButton, PageLink } from "../parts/plain-link.tsx";
import { EmptyState, Shown } from "../parts/states.tsx";
import { type Export, type StorageAccount, exportsQuery, storageAccountsQuery } from "./export-queries.ts";
import { AuditAlarm, ExportAdvice, ExportStateBadge, useProgressFacts } from "./export-state.tsx";
import { ExportSwitch } from "./export-switch.tsx";
import { typeList, whatFilesHold, whenDataBegins } from "./export-words.ts";

const useStyles = makeStyles({
  list: { display: "flex", flexDirection: "column", rowGap: "16px" },
});

export default function ExportListPage() {
  const styles = useStyles();
  const exports = useQuery(exportsQuery);
  const accounts = useQuery(storageAccountsQuery);
  const hasAccounts = (accounts.data?.length ?? 0) > 0;
  return (
    <PageFrame
      title="Continuous Data Export"
      about={whatFilesHold}
      {...(hasAccounts && (exports.data?.length ?? 0) > 0
        ? {
            actions: (
              <LinkButton to="/admin/exports/new" appearance="primary" icon={<AddRegular />}>
                New export
              </LinkButton>
            ),
          }
        : {})}
    >
      <Shown query={exports}>
        {(items) =>
          items.length > 0 ? (
            <div className={styles.list}>
              {items.map((one) => (
                <ExportPanel key={one.id} one={one} accounts={accounts.data ?? []} />
              ))}
            </div>
          ) : (
            <Shown query={accounts}>{({ length }) => (length === 0 ? <NoAccount /> : <NoExport />)}</Shown>
          )
        }
      </Shown>
    </PageFrame>
  );
}

function NoAccount() {
  return (
    <EmptyState
      title="First add a storage account"
      action={
        <LinkButton
          to={`/admin/storage/new?from=${encodeURIComponent("/admin/exports/new")}`}
          appearance="primary"
          icon={<AddRegular />}
        >
          Add storage account
        </LinkButton>
      }
    >
      An export writes its files into Azure Blob Storage or into a folder of this machine. Add where to, then come back
      and turn the export on. {whenDataBegins}
    </EmptyState>
  );
}

function NoExport() {
  return (
    <EmptyState
      title="Nothing is exported yet"
      action={
        <LinkButton to="/admin/exports/new" appearance="primary" icon={<AddRegular />}>
          New export
        </LinkButton>
      }
    >
      Pick a storage account and a container, choose what to export, and turn it on: the first file comes about a minute
      later. {whenDataBegins}
    </EmptyState>
  );
}

function ExportPanel({ one, accounts }: { readonly one: Export; readonly accounts: readonly StorageAccount[] }) {
  const facts = useProgressFacts(one);
  const { storageAccountId, container, types } = one.latestDefinition;
  const account = accounts.find(({ id }) => id === storageAccountId)?.name ?? storageAccountId;
  return (
    <Panel
      title={
        <PageLink to="/admin/exports/$exportId" params={{ exportId: one.id }}>
          {one.name}
        </PageLink>
      }
      badge={<ExportStateBadge state={one.status.state} />}
      actions={<ExportSwitch one={one} />}
    >
      <AuditAlarm one={one} />
      <ExportAdvice one={one} />
      <Facts
        items={[
          { name: "Goes to", value: `${account} / ${container}` },
          { name: "Data", value: typeList(types) },
          ...facts,
        ]}
      />
    </Panel>
  );
}
