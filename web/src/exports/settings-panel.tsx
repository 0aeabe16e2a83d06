// The settings of an export, and since when it is on.

import { useQuery } from "@tanstack/react-query";
import { formatBytes, formatTime } from "../parts/amounts.ts";
import { Facts, Panel } from "../parts/panel.tsx";
import { PlainLink } from "../parts/plain-link.tsx";
import { type Export, storageAccountsQuery } from "./export-queries.ts";
import { codecWords, revisionWords, typeList, whatFilesHold } from "./export-words.ts";

export function SettingsPanel({ one }: { readonly one: Export }) {
  const accounts = useQuery(storageAccountsQuery);
  const { definition, latestDefinition: settings, backlog, tenures } = one;
  const account = accounts.data?.find(({ id }) => id === settings.storageAccountId);
  const last = tenures.at(-1);
  const isPending = definition !== null && definition.version !== settings.version;
  return (
    <Panel
      title="Settings"
      about={
        isPending
          ? `What was saved last is in force from ${formatTime(settings.windowFirst)} on.`
          : `${whatFilesHold} Times in paths are UTC.`
      }
    >
      <Facts
        items={[
          {
            name: "Storage account",
            value: (
              <PlainLink to={`/admin/storage/${encodeURIComponent(settings.storageAccountId)}`}>
                {account?.name ?? settings.storageAccountId}
              </PlainLink>
            ),
          },
          { name: "Container", value: settings.container },
          { name: "Data", value: typeList(settings.types) },
          { name: one.on ? "On since" : "Was on", value: tenureWords(last) },
          { name: "Next file", value: one.on ? one.nextPath : "–", isWide: true },
          { name: "Path of the files", value: settings.pathTemplate, isWide: true },
          { name: "Compression", value: codecWords[settings.codec] },
          { name: "Format revision", value: revisionWords[settings.formatRevision] },
          { name: "Block size", value: formatBytes(settings.blockBytes) },
          { name: "Largest file", value: formatBytes(settings.fileBytesMax) },
          { name: "While files cannot be written", value: backlogWords(backlog) },
        ]}
      />
    </Panel>
  );
}

function tenureWords(last: Export["tenures"][number] | undefined): string {
  if (last === undefined) return "Never";
  const from = formatTime(last.windowFirst);
  return last.windowLast === null ? from : `${from} to ${formatTime(last.windowLast)}`;
}

function backlogWords({ letGoAfterHours, letGoAfterBytes }: Export["backlog"]): string {
  const limits = [
    ...(letGoAfterHours === null ? [] : [`minutes older than ${letGoAfterHours} h are let go`]),
    ...(letGoAfterBytes === null ? [] : [`the oldest beyond ${formatBytes(letGoAfterBytes)} are let go`]),
  ];
  return limits.length === 0 ? "Everything waits in the journal" : limits.join(", ");
}
