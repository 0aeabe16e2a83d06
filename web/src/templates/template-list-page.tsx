// All device templates: what devices are, in versions.

import { Button, SearchBox, Text, makeStyles, tokens } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { formatCount } from "../parts/amounts.ts";
import { type Column, DataTable, Pager, usePages } from "../parts/data-table.tsx";
import { PageFrame } from "../parts/page-frame.tsx";
import { PageLink } from "../parts/plain-link.tsx";
import { EmptyState, Shown, StateBadge } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { mayUse, useRole } from "../session/session.ts";
import { NewTemplateDialog } from "./new-template-dialog.tsx";
import type { DeviceTemplate } from "./template-draft.ts";
import { deviceCountQuery, templatesQuery, usualVersion } from "./template-queries.ts";

const useStyles = makeStyles({
  list: {
    display: "flex",
    flexDirection: "column",
    rowGap: "8px",
    padding: "8px",
    borderRadius: tokens.borderRadiusLarge,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    backgroundColor: tokens.colorNeutralBackground1,
  },
  search: { width: "320px", maxWidth: "100%" },
  stack: { display: "flex", flexDirection: "column", rowGap: "2px" },
  badges: { display: "flex", flexWrap: "wrap", gap: "4px" },
  muted: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
});

interface Row {
  readonly id: string;
  /** The one that new devices get. */
  readonly usual: DeviceTemplate;
  /** Newest first. */
  readonly versions: readonly DeviceTemplate[];
}
const pageRows = 25;
const versionsShown = 4;

export default function TemplateListPage() {
  const styles = useStyles();
  const navigate = useNavigate();
  const mayChange = mayUse(useRole(), "builder");
  const [isNew, setNew] = useState(false);
  const [search, setSearch] = useState("");
  const templates = useQuery(templatesQuery);
  const pages = usePages(search);
  const columns: readonly Column<Row>[] = [
    {
      id: "name",
      title: "Name",
      width: "40%",
      cell: ({ id, usual }) => (
        <div className={styles.stack}>
          <PageLink to="/templates/$templateId" params={{ templateId: id }}>
            {usual.name}
          </PageLink>
          <span className={styles.muted}>{id}</span>
        </div>
      ),
    },
    {
      id: "versions",
      title: "Versions",
      cell: ({ versions }) => (
        <div className={styles.badges}>
          {versions.slice(0, versionsShown).map(({ version, published }) => (
            <StateBadge key={version} tone={published ? "good" : "off"}>
              {version} {published ? "published" : "draft"}
            </StateBadge>
          ))}
          {versions.length > versionsShown && (
            <Text className={styles.muted}>and {versions.length - versionsShown} more</Text>
          )}
        </div>
      ),
    },
    { id: "devices", title: "Devices", isNumber: true, cell: ({ id }) => <DeviceCount templateId={id} /> },
    { id: "createdAt", title: "Newest version", cell: ({ versions }) => <TimeText time={versions[0]?.createdAt} /> },
  ];
  return (
    <PageFrame
      title="Device templates"
      about="A device template says what a kind of device measures, which settings it takes and which properties it has. Each device uses one version of one."
      actions={
        mayChange && (
          <Button appearance="primary" icon={<AddRegular />} onClick={() => setNew(true)}>
            New device template
          </Button>
        )
      }
    >
      <Shown query={templates}>
        {(items) => {
          const all = rowsOf(items);
          const needle = search.trim().toLowerCase();
          const found = all.filter(
            ({ id, usual }) => usual.name.toLowerCase().includes(needle) || id.toLowerCase().includes(needle),
          );
          const at = Number(pages.after ?? 0);
          const rows = found.slice(at, at + pageRows);
          if (all.length === 0) {
            return (
              <EmptyState
                title="No device template yet"
                action={
                  mayChange && (
                    <Button appearance="primary" onClick={() => setNew(true)}>
                      Make the first one
                    </Button>
                  )
                }
              >
                Devices need one. Begin with the sample, a JSON file, or from scratch.
              </EmptyState>
            );
          }
          return (
            <div className={styles.list}>
              <SearchBox
                className={styles.search}
                aria-label="Search by name or id"
                placeholder="Search by name or id"
                value={search}
                onChange={(_event, { value }) => setSearch(value)}
              />
              {rows.length === 0 ? (
                <EmptyState
                  title="None has this in its name or id"
                  action={<Button onClick={() => setSearch("")}>Show all</Button>}
                />
              ) : (
                <DataTable label="Device templates" columns={columns} rows={rows} keyOf={({ id }) => id} />
              )}
              <Pager
                pages={pages}
                next={at + pageRows < found.length ? String(at + pageRows) : null}
                shown={rows.length}
                total={found.length}
              />
            </div>
          );
        }}
      </Shown>
      {isNew && (
        <NewTemplateDialog
          onClose={() => setNew(false)}
          onMade={({ id, version }) =>
            void navigate({ to: "/templates/$templateId", params: { templateId: id }, search: { version } })
          }
        />
      )}
    </PageFrame>
  );
}

/** By name; the server lists versions by id. */
function rowsOf(items: readonly DeviceTemplate[]): readonly Row[] {
  const byId = Map.groupBy(items, ({ id }) => id);
  const rows = [...byId].flatMap(([id, versions]): readonly Row[] => {
    const usual = usualVersion(versions);
    return usual === undefined ? [] : [{ id, usual, versions: versions.toReversed() }];
  });
  return rows.toSorted((a, b) => a.usual.name.localeCompare(b.usual.name, "en") || (a.id < b.id ? -1 : 1));
}

function DeviceCount({ templateId }: { readonly templateId: string }) {
  const count = useQuery(deviceCountQuery(templateId));
  return <>{count.data === undefined ? "…" : formatCount(count.data)}</>;
}
