// The export's files as they lie in the destination: folders by day, hour and minute, with a breadcrumb. A level that holds
// one folder and nothing else is passed over.

import { Dropdown, Field, Option, Text, makeStyles, tokens } from "@fluentui/react-components";
import { DocumentRegular, FolderRegular } from "@fluentui/react-icons";
import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { type Schema, answerOf, api } from "../api/client.ts";
import { queryClient } from "../api/query-client.ts";
import { formatBytes, formatCount, formatTime } from "../parts/amounts.ts";
import { type Column, DataTable, Pager, usePages } from "../parts/data-table.tsx";
import { Panel } from "../parts/panel.tsx";
import { PageLink } from "../parts/plain-link.tsx";
import { EmptyState, Shown } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { type Export, storageAccountsQuery } from "./export-queries.ts";
import { folderOf } from "./export-search.ts";
import { typeNames } from "./export-words.ts";
import { FileLink } from "./file-link.tsx";

type Level = Schema<"FileLevel">;
const route = getRouteApi("/shell/admin/exports/$exportId");
/** A path template has fewer levels. */
const levelsMax = 12;
const pageSize = 100;

const useStyles = makeStyles({
  place: {
    display: "flex",
    flexWrap: "wrap",
    listStyleType: "none",
    margin: 0,
    padding: 0,
    overflowWrap: "anywhere",
    "& li + li::before": { content: "'/'", margin: "0 6px", color: tokens.colorNeutralForeground3 },
  },
  name: {
    display: "inline-flex",
    alignItems: "center",
    columnGap: "8px",
    "& svg": { fontSize: "18px", flexShrink: 0 },
  },
  narrow: { maxWidth: "440px" },
});

interface Looked {
  readonly exportId: string;
  readonly prefix: string;
  readonly version: number | undefined;
  readonly after: string | undefined;
}

function filesQuery({ exportId, prefix, version, after }: Looked) {
  const ask = async (at: string, cursor: string | undefined): Promise<Level> =>
    await answerOf(
      api.GET("/api/v1/exports/{exportId}/files", {
        params: {
          path: { exportId },
          query: {
            limit: pageSize,
            ...(at === "" ? {} : { prefix: at }),
            ...(version === undefined ? {} : { version }),
            ...(cursor === undefined ? {} : { after: cursor }),
          },
        },
      }),
    );
  return queryOptions({
    queryKey: ["exports", exportId, "files", prefix, version ?? null, after ?? null],
    queryFn: async () => {
      let level = await ask(prefix, after);
      for (let depth = 0; depth < levelsMax; depth++) {
        const [only, ...others] = level.folders;
        if (after !== undefined || only === undefined || others.length > 0) break;
        if (level.files.length > 0 || level.next !== null) break;
        level = await ask(`${level.prefix}${only}/`, undefined);
      }
      return level;
    },
    placeholderData: keepPreviousData,
  });
}

export function FileBrowser({ one }: { readonly one: Export }) {
  const { prefix = "", version } = route.useSearch();
  const pages = usePages(JSON.stringify([prefix, version]));
  const level = useQuery(filesQuery({ exportId: one.id, prefix, version, after: pages.after }));
  const newest = one.status.lastFile?.path;
  const found = level.isPlaceholderData ? undefined : level.data;
  const navigate = useNavigate();
  useEffect(() => {
    if (found === undefined || found.prefix === prefix || pages.after !== undefined) return;
    // The address says what is shown: else a second folder that comes would lead back up.
    const looked = { exportId: one.id, prefix: found.prefix, version, after: undefined };
    queryClient.setQueryData(filesQuery(looked).queryKey, found);
    const search = { tab: "files" as const, prefix: found.prefix, ...(version === undefined ? {} : { version }) };
    void navigate({ to: "/admin/exports/$exportId", params: { exportId: one.id }, search, replace: true });
  }, [found, prefix, version, pages.after, one.id, navigate]);
  return (
    <Panel
      title="Files in the destination"
      about="What lies in the container now, as this export names it. Times are UTC."
      {...(newest === undefined
        ? {}
        : {
            actions: (
              <PageLink
                to="/admin/exports/$exportId"
                params={{ exportId: one.id }}
                search={{ tab: "files", prefix: folderOf(newest) }}
              >
                Go to the newest
              </PageLink>
            ),
          })}
    >
      <Shown query={level}>
        {(content) => (
          <>
            <Containers one={one} level={content} />
            <Breadcrumb one={one} level={content} />
            {content.folders.length === 0 && content.files.length === 0 ? (
              <EmptyState title={content.next === null ? "No file lies here" : "Nothing on this page"}>
                {content.next !== null
                  ? "The next page goes on."
                  : prefix === ""
                    ? "The first file comes when a minute is over in which a device sent something."
                    : "It may have been moved or removed, or was never written."}
              </EmptyState>
            ) : (
              <Entries one={one} level={content} isStale={level.isPlaceholderData} />
            )}
            <Pager pages={pages} next={content.next} shown={content.folders.length + content.files.length} />
          </>
        )}
      </Shown>
    </Panel>
  );
}

/** Only for an export that was moved: its former containers hold older files. */
function Containers({ one, level }: { readonly one: Export; readonly level: Level }) {
  const styles = useStyles();
  const navigate = useNavigate();
  const accounts = useQuery(storageAccountsQuery);
  const nameOf = ({ storageAccountId, container }: Level["place"]): string =>
    `${accounts.data?.find(({ id }) => id === storageAccountId)?.name ?? storageAccountId} / ${container}`;
  if (level.places.length < 2) return null;
  return (
    <Field
      label="Container"
      className={styles.narrow}
      hint="This export wrote to others before; their files are still there."
    >
      <Dropdown
        value={nameOf(level.place)}
        selectedOptions={[String(level.place.version)]}
        onOptionSelect={(_event, { optionValue }) =>
          void navigate({
            to: "/admin/exports/$exportId",
            params: { exportId: one.id },
            search: { tab: "files", version: Number(optionValue) },
          })
        }
      >
        {level.places.map((place) => (
          <Option key={place.version} value={String(place.version)} text={nameOf(place)}>
            {nameOf(place)}
          </Option>
        ))}
      </Dropdown>
    </Field>
  );
}

function FolderLink({
  one,
  prefix,
  children,
}: {
  readonly one: Export;
  readonly prefix: string;
  readonly children: ReactNode;
}) {
  const { version } = route.useSearch();
  return (
    <PageLink
      to="/admin/exports/$exportId"
      params={{ exportId: one.id }}
      search={{
        tab: "files",
        ...(prefix === "" ? {} : { prefix }),
        ...(version === undefined ? {} : { version }),
      }}
    >
      {children}
    </PageLink>
  );
}

function Breadcrumb({ one, level }: { readonly one: Export; readonly level: Level }) {
  const styles = useStyles();
  const names = level.prefix.split("/").slice(0, -1);
  return (
    <nav aria-label="Folder">
      <ol className={styles.place}>
        <li>
          {names.length === 0 ? (
            level.place.container
          ) : (
            <FolderLink one={one} prefix="">
              {level.place.container}
            </FolderLink>
          )}
        </li>
        {names.map((name, at) => (
          <li key={names.slice(0, at + 1).join("/")}>
            {at === names.length - 1 ? (
              <Text weight="semibold">{name}</Text>
            ) : (
              <FolderLink one={one} prefix={`${names.slice(0, at + 1).join("/")}/`}>
                {name}
              </FolderLink>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}

/** What the folders of a level are, where the path template says so. */
const levelNames: Readonly<Record<string, string>> = {
  "{type}": "Data",
  "{hub}": "Hub",
  "{YYYY}": "Year",
  "{MM}": "Month",
  "{dd}": "Day",
  "{hh}": "Hour",
  "{mm}": "Minute",
};

function Entries({ one, level, isStale }: { readonly one: Export; readonly level: Level; readonly isStale: boolean }) {
  const styles = useStyles();
  const depth = level.prefix.split("/").length - 1;
  const template = one.latestDefinition.pathTemplate.split("/")[depth] ?? "";
  const columns: readonly Column<{ readonly folder: string } | Level["files"][number]>[] = [
    {
      id: "name",
      title: level.folders.length > 0 ? (levelNames[template] ?? "Name") : "File",
      isHeading: true,
      cell: (entry) => (
        <span className={styles.name}>
          {"folder" in entry ? (
            <>
              <FolderRegular aria-hidden />
              <FolderLink one={one} prefix={`${level.prefix}${entry.folder}/`}>
                {entry.folder}
              </FolderLink>
            </>
          ) : (
            <>
              <DocumentRegular aria-hidden />
              <FileLink exportId={one.id} path={entry.path} version={level.place.version} name={entry.name} />
            </>
          )}
        </span>
      ),
    },
    ...(level.files.length === 0 ? [] : fileColumns),
  ];
  return (
    <DataTable
      label="Folders and files"
      columns={columns}
      rows={[...level.folders.map((folder) => ({ folder })), ...level.files]}
      keyOf={(entry) => ("folder" in entry ? `${entry.folder}/` : entry.name)}
      isStale={isStale}
    />
  );
}

const fileColumns: readonly Column<{ readonly folder: string } | Level["files"][number]>[] = [
  {
    id: "window",
    title: "Minute (UTC)",
    cell: (entry) => ("folder" in entry ? "" : formatTime(entry.window).slice(0, 16)),
  },
  { id: "type", title: "Data", cell: (entry) => ("folder" in entry ? "" : typeNames[entry.type]) },
  {
    id: "records",
    title: "Records",
    isNumber: true,
    cell: (entry) => ("folder" in entry ? "" : entry.run === null ? "–" : formatCount(entry.run.records)),
  },
  {
    id: "bytes",
    title: "Size",
    isNumber: true,
    cell: (entry) => ("folder" in entry ? "" : formatBytes(entry.bytes)),
  },
  {
    id: "written",
    title: "Written",
    cell: (entry) => ("folder" in entry ? "" : <TimeText time={entry.run?.committedAt} />),
  },
];
