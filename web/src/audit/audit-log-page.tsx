// Administration, Audit log: who changed what, and who was refused.

import { Button, Field, Input, Select, Text, makeStyles, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { type Operation, operationsQuery } from "../api/operations.ts";
import { type Column, DataTable, Pager, usePages } from "../parts/data-table.tsx";
import { PageFrame } from "../parts/page-frame.tsx";
import { PlainLink } from "../parts/plain-link.tsx";
import { EmptyState, Shown, StateBadge } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { roleNames } from "../session/session.ts";
import { EntryDetail } from "./entry-detail.tsx";
import { auditLogQuery, useNames } from "./audit-queries.ts";
import { type AuditSearch, auditSearch, isFiltered } from "./audit-search.ts";
import { type Entry, actionWords, actorWords, outcomeOf, subjectPath } from "./audit-words.ts";

const route = getRouteApi("/shell/admin/audit");
const none: ReadonlyMap<string, Operation> = new Map();

const useStyles = makeStyles({
  quiet: { color: tokens.colorNeutralForeground3 },
  table: { display: "flex", flexDirection: "column", rowGap: "12px", minWidth: 0 },
});

export default function AuditLogPage() {
  const styles = useStyles();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const pages = usePages(JSON.stringify(search));
  const log = useQuery(auditLogQuery(search, pages.after === undefined ? undefined : Number(pages.after)));
  const operations = useQuery(operationsQuery).data ?? none;
  const names = useNames();
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const toggle = (number: number): void => {
    const next = new Set(open);
    if (!next.delete(number)) next.add(number);
    setOpen(next);
  };
  const filter = (next: AuditSearch): void => void navigate({ search: next });

  const columns: readonly Column<Entry>[] = [
    {
      id: "what",
      title: "What",
      isHeading: true,
      cell: ({ action }) => <Text weight="semibold">{actionWords(action, operations)}</Text>,
    },
    {
      id: "subject",
      title: "To what",
      cell: (entry) => <Subject entry={entry} names={names} operations={operations} />,
    },
    {
      id: "who",
      title: "Who",
      cell: ({ actor, role }) => (
        <>
          {actorWords(actor)}
          {role !== null && actor.kind !== "root" && (
            <Text size={200} className={styles.quiet}>
              {" "}
              {roleNames[role]}
            </Text>
          )}
        </>
      ),
    },
    {
      id: "outcome",
      title: "Outcome",
      cell: ({ outcome }) => {
        const { tone, words } = outcomeOf(outcome);
        return <StateBadge tone={tone}>{words}</StateBadge>;
      },
    },
    { id: "when", title: "When", cell: ({ at }) => <TimeText time={at} /> },
    { id: "from", title: "From", width: "130px", cell: ({ address }) => address },
    {
      id: "more",
      title: "Detail",
      isPlain: true,
      width: "90px",
      cell: ({ number, action }) => (
        <Button
          size="small"
          appearance="subtle"
          aria-expanded={open.has(number)}
          aria-label={`${open.has(number) ? "Less" : "More"} of ${actionWords(action, operations)}, entry ${number}`}
          onClick={() => toggle(number)}
        >
          {open.has(number) ? "Less" : "More"}
        </Button>
      ),
    },
  ];
  return (
    <PageFrame
      title="Audit log"
      about="What was changed in the hub, and what was refused, by whom; newest first. Looking is not in it, except at keys; secrets never are."
    >
      <Filter key={JSON.stringify(search)} search={search} operations={operations} onFilter={filter} />
      <Shown query={log}>
        {({ items, next }) =>
          items.length === 0 ? (
            <EmptyState
              title={isFiltered(search) ? "Nothing fits this filter" : "Nothing was changed yet"}
              {...(isFiltered(search) ? { action: <Button onClick={() => filter({})}>Show all</Button> } : {})}
            >
              {isFiltered(search)
                ? "Names and ids must fit exactly."
                : "As soon as somebody changes something here, by the page, the command line or the API, it stands in this list."}
            </EmptyState>
          ) : (
            <div className={styles.table}>
              <DataTable
                label="Audit log"
                columns={columns}
                rows={items}
                keyOf={({ number }) => String(number)}
                isStale={log.isPlaceholderData}
                below={(entry) =>
                  open.has(entry.number) ? <EntryDetail entry={entry} search={search} onFilter={filter} /> : null
                }
              />
              <Pager pages={pages} next={next === undefined ? null : String(next)} shown={items.length} />
            </div>
          )
        }
      </Shown>
    </PageFrame>
  );
}

function Subject({
  entry,
  names,
  operations,
}: {
  readonly entry: Entry;
  readonly names: ReadonlyMap<string, string>;
  readonly operations: ReadonlyMap<string, Operation>;
}) {
  const { subject, action } = entry;
  if (subject === null) return <>–</>;
  const name = names.get(subject) ?? subject;
  const path = subjectPath(entry, operations.get(action)?.tag ?? "");
  return path === null ? <>{name}</> : <PlainLink to={path}>{name}</PlainLink>;
}

const useFilterStyles = makeStyles({
  form: { display: "flex", flexWrap: "wrap", gap: "8px 12px", alignItems: "flex-end" },
  // Else it is as wide as its longest choice.
  select: { "& select": { width: "100%", textOverflow: "ellipsis" } },
  field: { flexGrow: 1, maxWidth: "280px", minWidth: "160px" },
});

/** What is looked for stands in the address: it can be kept and sent. */
function Filter({
  search,
  operations,
  onFilter,
}: {
  readonly search: AuditSearch;
  readonly operations: ReadonlyMap<string, Operation>;
  readonly onFilter: (search: AuditSearch) => void;
}) {
  const styles = useFilterStyles();
  const [actor, setActor] = useState(search.actor ?? "");
  const [subject, setSubject] = useState(search.subject ?? "");
  const { action = "" } = search;
  const known = [...operations.keys()].filter((id) => !/^(?:get|list|preview|download|check|test)/.test(id));
  return (
    <form
      className={styles.form}
      role="search"
      aria-label="Filter the audit log"
      onSubmit={(event) => {
        event.preventDefault();
        onFilter(auditSearch({ actor, subject, action }));
      }}
    >
      <Field className={styles.field} label="Who (name or id)">
        <Input name="actor" value={actor} onChange={(_event, { value }) => setActor(value)} />
      </Field>
      <Field className={styles.field} label="To what (id)">
        <Input name="subject" value={subject} onChange={(_event, { value }) => setSubject(value)} />
      </Field>
      <Field className={styles.field} label="What">
        <Select
          className={styles.select}
          value={action}
          onChange={(_event, { value }) => onFilter(auditSearch({ actor, subject, action: value }))}
        >
          <option value="">Everything</option>
          {action !== "" && !known.includes(action) && <option value={action}>{action}</option>}
          {known
            .map((id) => [id, actionWords(id, operations)] as const)
            .toSorted(([, a], [, b]) => a.localeCompare(b))
            .map(([id, words]) => (
              <option key={id} value={id}>
                {words}
              </option>
            ))}
        </Select>
      </Field>
      <Button type="submit">Filter</Button>
      {isFiltered(search) && (
        <Button appearance="subtle" onClick={() => onFilter({})}>
          Show all
        </Button>
      )}
    </form>
  );
}
