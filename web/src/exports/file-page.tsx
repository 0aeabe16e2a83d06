// One exported file: its records decoded, its schema, the bytes to download, and how to read it elsewhere.

import { Button, MessageBar, MessageBarBody, Tab, TabList, Text, makeStyles } from "@fluentui/react-components";
import { ArrowDownloadRegular } from "@fluentui/react-icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { type Schema, answerOf, api } from "../api/client.ts";
import { formatBytes, formatCount, formatDuration, formatTime } from "../parts/amounts.ts";
import { CodeBlock, CodeTabs } from "../parts/code-tabs.tsx";
import { CopyBox } from "../parts/copy-box.tsx";
import { Pager, usePages } from "../parts/data-table.tsx";
import { Facts, Panel } from "../parts/panel.tsx";
import { PageFrame } from "../parts/page-frame.tsx";
import { Shown } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { exportQuery } from "./export-queries.ts";
import { type FileSearch, folderOf } from "./export-search.ts";
import { typeNames, whatFilesHold } from "./export-words.ts";
import { MeasurementTable } from "./measurement-table.tsx";
import { RecordList } from "./record-list.tsx";

type Preview = Schema<"FilePreview">;
const route = getRouteApi("/shell/admin/exports/$exportId/file");
const pageSize = 50;
const useStyles = makeStyles({ column: { display: "flex", flexDirection: "column", rowGap: "16px", minWidth: 0 } });

/** A file never changes: it is not asked for again when the export goes on. */
function previewQuery(exportId: string, { path, version }: FileSearch, offset: number) {
  return {
    queryKey: ["export-file", exportId, path, version ?? null, offset],
    queryFn: async () =>
      await answerOf(
        api.GET("/api/v1/exports/{exportId}/files/preview", {
          params: {
            path: { exportId },
            query: { path, offset, limit: pageSize, ...(version === undefined ? {} : { version }) },
          },
        }),
      ),
    staleTime: 60_000,
    placeholderData: keepPreviousData,
  };
}

/** What the list of its folder says of it: which minute it holds, and what the run history has. */
function entryQuery(exportId: string, { path, version }: FileSearch) {
  return {
    queryKey: ["export-file", exportId, path, version ?? null, "entry"],
    queryFn: async () => {
      const prefix = folderOf(path);
      const { files } = await answerOf(
        api.GET("/api/v1/exports/{exportId}/files", {
          params: {
            path: { exportId },
            query: { limit: 100, ...(prefix === "" ? {} : { prefix }), ...(version === undefined ? {} : { version }) },
          },
        }),
      );
      return files.find((file) => file.path === path) ?? null;
    },
    staleTime: 60_000,
  };
}

function readingQuery(exportId: string, { path, version }: FileSearch) {
  return {
    queryKey: ["export-file", exportId, path, version ?? null, "reading"],
    queryFn: async () =>
      await answerOf(
        api.GET("/api/v1/exports/{exportId}/reading", {
          params: { path: { exportId }, query: { path, ...(version === undefined ? {} : { version }) } },
        }),
      ),
    staleTime: 60_000,
  };
}

export default function FilePage() {
  const styles = useStyles();
  const { exportId } = route.useParams();
  const search = route.useSearch();
  const { path, version } = search;
  const one = useQuery(exportQuery(exportId));
  const entry = useQuery(entryQuery(exportId, search)).data ?? null;
  const pages = usePages(path);
  const preview = useQuery(previewQuery(exportId, search, Number(pages.after ?? 0)));
  const [tab, setTab] = useState<"records" | "schema" | "reading">("records");
  const exportPath = `/admin/exports/${encodeURIComponent(exportId)}`;
  const query = new URLSearchParams({ path, ...(version === undefined ? {} : { version: String(version) }) });
  return (
    <PageFrame
      title={
        entry === null
          ? path.slice(path.lastIndexOf("/") + 1) || "File"
          : `${typeNames[entry.type]} of ${formatTime(entry.window).slice(0, 16)} UTC`
      }
      place={[
        { label: "Continuous Data Export", to: "/admin/exports" },
        { label: one.data?.name ?? "Export", to: exportPath },
        {
          label: folderOf(path) || "Files",
          to: `${exportPath}?${new URLSearchParams({ tab: "files", prefix: folderOf(path), ...(version === undefined ? {} : { version: String(version) }) }).toString()}`,
        },
      ]}
      actions={
        <Button
          as="a"
          appearance="primary"
          icon={<ArrowDownloadRegular />}
          href={`/api/v1/exports/${encodeURIComponent(exportId)}/files/content?${query.toString()}`}
          download
        >
          Download
        </Button>
      }
    >
      <Shown query={preview}>
        {(content) => (
          <>
            <Panel title="This file">
              <Facts
                items={[
                  { name: "Records", value: recordCount(content, entry?.run?.records) },
                  { name: "Size", value: formatBytes(content.bytes) },
                  { name: "Compression", value: content.codec === "null" ? "None" : content.codec },
                  ...(entry?.run
                    ? [
                        { name: "Written", value: <TimeText time={entry.run.committedAt} show="both" /> },
                        {
                          name: "Took",
                          value: `${formatDuration(entry.run.durationMs)}, ${entry.run.attempts} ${entry.run.attempts === 1 ? "attempt" : "attempts"}`,
                        },
                      ]
                    : []),
                ]}
              />
              <CopyBox text={content.path} label="Path in the container" />
              {content.type === "measurements" && <Text size={200}>{whatFilesHold}</Text>}
              {content.damage !== null && (
                <MessageBar intent="error" layout="multiline">
                  <MessageBarBody>The file is damaged: {content.damage}</MessageBarBody>
                </MessageBar>
              )}
              {content.isCut && (
                <MessageBar intent="info" layout="multiline">
                  <MessageBarBody>
                    The file is longer than what is shown here. Download it to read the rest.
                  </MessageBarBody>
                </MessageBar>
              )}
            </Panel>
            <TabList
              selectedValue={tab}
              onTabSelect={(_event, { value }) => setTab(value as "records" | "schema" | "reading")}
            >
              <Tab value="records" id="tab-records">
                Records
              </Tab>
              <Tab value="schema" id="tab-schema">
                Schema
              </Tab>
              <Tab value="reading" id="tab-reading">
                How to read this
              </Tab>
            </TabList>
            <div role="tabpanel" aria-labelledby={`tab-${tab}`} className={styles.column}>
              {tab === "schema" ? (
                <CodeBlock text={JSON.stringify(content.schema, null, 2)} label="Avro schema" />
              ) : tab === "reading" ? (
                <Reading exportId={exportId} search={search} />
              ) : (
                <>
                  <Records content={content} />
                  <Pager
                    pages={pages}
                    next={content.next === null ? null : String(content.next)}
                    shown={content.records.length}
                  />
                </>
              )}
            </div>
          </>
        )}
      </Shown>
    </PageFrame>
  );
}

function recordCount({ complete, recordsSeen }: Preview, inHistory: number | undefined): string {
  if (complete) return formatCount(recordsSeen);
  return inHistory === undefined ? `at least ${formatCount(recordsSeen)}` : formatCount(inHistory);
}

function Records({ content }: { readonly content: Preview }) {
  const [view, setView] = useState<"table" | "json">("table");
  const isTable = content.type === "measurements" && view === "table";
  return (
    <>
      {content.type === "measurements" && (
        <TabList
          size="small"
          aria-label="Show records as"
          selectedValue={view}
          onTabSelect={(_event, { value }) => setView(value === "json" ? "json" : "table")}
        >
          <Tab value="table">Table</Tab>
          <Tab value="json">JSON</Tab>
        </TabList>
      )}
      {isTable ? (
        <MeasurementTable records={content.records} offset={content.offset} />
      ) : (
        <RecordList records={content.records} offset={content.offset} />
      )}
    </>
  );
}

const readers = [
  ["python", "Python"],
  ["fastavro", "Python (fastavro)"],
  ["csharp", "C#"],
  ["nodejs", "Node.js"],
  ["cli", "Command line"],
] as const;

function Reading({ exportId, search }: { readonly exportId: string; readonly search: FileSearch }) {
  const reading = useQuery(readingQuery(exportId, search));
  return (
    <Shown query={reading}>
      {(content) => (
        <Panel
          title="How to read this"
          about="Avro is binary and cannot be read as it is. This code decodes this very file; its path is filled in."
        >
          <CopyBox text={content.location} label="Where it lies" />
          <CodeTabs
            samples={readers.map(([id, title]) => ({
              id,
              title,
              text: content[id].code,
              ...(content[id].install === null ? {} : { install: content[id].install }),
            }))}
          />
        </Panel>
      )}
    </Shown>
  );
}
