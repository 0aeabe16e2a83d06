// Where exports can write to.

import { MessageBar, MessageBarBody, Text, makeStyles, tokens } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { exportsQuery } from "../exports/export-queries.ts";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { PageFrame } from "../parts/page-frame.tsx";
import { LinkButton, PageLink } from "../parts/plain-link.tsx";
import { EmptyState, Shown, StateBadge } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { type StorageAccount, exportsOf, kindName, placeOf, signInName } from "./storage-account.ts";
import { storageQuery } from "./storage-queries.ts";

const useStyles = makeStyles({
  list: {
    padding: "4px 8px",
    borderRadius: tokens.borderRadiusLarge,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    backgroundColor: tokens.colorNeutralBackground1,
    "@media (max-width: 640px)": {
      padding: "0",
      borderTopStyle: "none",
      borderRightStyle: "none",
      borderBottomStyle: "none",
      borderLeftStyle: "none",
      backgroundColor: "transparent",
    },
  },
  stack: { display: "flex", flexDirection: "column", rowGap: "2px" },
  muted: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
  place: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200 },
  bars: { display: "flex", flexDirection: "column", rowGap: "8px" },
});

export default function StorageListPage() {
  const styles = useStyles();
  const accounts = useQuery(storageQuery);
  const exports = useQuery(exportsQuery);
  const columns: readonly Column<StorageAccount>[] = [
    {
      id: "name",
      title: "Name",
      width: "30%",
      cell: ({ id, name, settings }) => (
        <div className={styles.stack}>
          <PageLink to="/admin/storage/$storageAccountId" params={{ storageAccountId: id }}>
            {name}
          </PageLink>
          <span className={styles.muted}>{kindName(settings)}</span>
        </div>
      ),
    },
    { id: "place", title: "Place", cell: ({ settings }) => <span className={styles.place}>{placeOf(settings)}</span> },
    {
      id: "signIn",
      title: "Signs in with",
      cell: (account) => (
        <div className={styles.stack}>
          {signInName(account)}
          {account.warnings.length > 0 && (
            <div>
              <StateBadge tone="warn">
                {account.warnings.length === 1 ? "1 warning" : `${account.warnings.length} warnings`}
              </StateBadge>
            </div>
          )}
          {account.sasExpiresAt !== null && (
            <span className={styles.muted}>
              SAS ends <TimeText time={account.sasExpiresAt} />
            </span>
          )}
        </div>
      ),
    },
    {
      id: "exports",
      title: "Used by",
      cell: ({ id }) => {
        const using = exportsOf(id, exports.data ?? []);
        if (using.length === 0) return <Text className={styles.muted}>No export yet</Text>;
        return (
          <div className={styles.stack}>
            {using.map((one) => (
              <PageLink key={one.id} to="/admin/exports/$exportId" params={{ exportId: one.id }}>
                {one.name}
              </PageLink>
            ))}
          </div>
        );
      },
    },
  ];
  return (
    <PageFrame
      title="Storage accounts"
      about="Where exports write their files: Azure Blob Storage, or a folder on the server."
      actions={
        <LinkButton to="/admin/storage/new" appearance="primary" icon={<AddRegular />}>
          New storage account
        </LinkButton>
      }
    >
      <Shown query={accounts}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState
              title="No storage account yet"
              action={
                <LinkButton to="/admin/storage/new" appearance="primary">
                  Add the first one
                </LinkButton>
              }
            >
              An export needs one: an account in Azure Blob Storage, or simply a folder on this server.
            </EmptyState>
          ) : (
            <>
              <div className={styles.bars}>
                {items.flatMap(({ id, name, warnings }) =>
                  warnings.map((warning) => (
                    <MessageBar key={`${id} ${warning}`} intent="warning" layout="multiline">
                      <MessageBarBody>
                        <b>{name}:</b> {warning}
                      </MessageBarBody>
                    </MessageBar>
                  )),
                )}
              </div>
              <div className={styles.list}>
                <DataTable label="Storage accounts" columns={columns} rows={items} keyOf={({ id }) => id} />
              </div>
            </>
          )
        }
      </Shown>
    </PageFrame>
  );
}
