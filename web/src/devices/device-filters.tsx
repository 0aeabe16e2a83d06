// What narrows the list of devices: a search that waits until one stops typing, and choices. On narrow screens the choices open
// by a button.

import { Button, SearchBox, Select, makeStyles, tokens } from "@fluentui/react-components";
import { FilterRegular } from "@fluentui/react-icons";
import { useEffect, useRef, useState } from "react";
import type { DeviceTemplate } from "./device-queries.ts";
import { type DeviceFilter, filterOf, isFiltered, type DeviceSearch } from "./device-search.ts";

/** Shorter than one notices, longer than between two keys. */
const typingMs = 250;
const narrow = "@media (max-width: 700px)";

const useStyles = makeStyles({
  row: { display: "flex", flexWrap: "wrap", gap: "8px", alignItems: "center" },
  search: { flexGrow: 1, minWidth: "220px", maxWidth: "420px", [narrow]: { maxWidth: "none", minWidth: 0 } },
  toggle: { display: "none", [narrow]: { display: "inline-flex" } },
  choices: { display: "flex", flexWrap: "wrap", gap: "8px", alignItems: "center", [narrow]: { display: "none" } },
  open: { [narrow]: { display: "grid", gridTemplateColumns: "1fr 1fr", width: "100%" } },
  choice: { minWidth: "128px", maxWidth: "240px", [narrow]: { maxWidth: "none", minWidth: 0 } },
  active: { "& select": { fontWeight: tokens.fontWeightSemibold } },
});

export interface DeviceFiltersProps {
  readonly search: DeviceSearch;
  readonly templates: readonly DeviceTemplate[];
  readonly onChange: (filter: DeviceFilter) => void;
}

export function DeviceFilters({ search, templates, onChange }: DeviceFiltersProps) {
  const styles = useStyles();
  const [isOpen, setOpen] = useState(false);
  const filter = filterOf(search);
  const change = (change: { readonly [K in keyof DeviceFilter]: DeviceFilter[K] | undefined }): void => {
    onChange(filterOf({ ...filter, ...change }));
  };
  const chosen = templates.filter(({ id }) => id === search.templateId);
  const newestOf = [...new Map(templates.map((template) => [template.id, template])).values()];
  return (
    <div className={styles.row} role="search" aria-label="Devices">
      <TypedSearch
        value={search.search ?? ""}
        onChange={(text) => change({ search: text === "" ? undefined : text })}
      />
      <Button
        className={styles.toggle}
        icon={<FilterRegular />}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        Filters
      </Button>
      <div className={`${styles.choices} ${isOpen ? styles.open : ""}`}>
        <Select
          className={styles.choice}
          aria-label="Template"
          value={search.templateId ?? ""}
          onChange={(_event, { value }) =>
            change({ templateId: value === "" ? undefined : value, templateVersion: undefined })
          }
        >
          <option value="">All templates</option>
          {search.templateId !== undefined && chosen.length === 0 && (
            <option value={search.templateId}>{search.templateId}</option>
          )}
          {newestOf.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </Select>
        {chosen.length > 1 && (
          <Select
            className={styles.choice}
            aria-label="Template version"
            value={search.templateVersion ?? ""}
            onChange={(_event, { value }) => change({ templateVersion: value === "" ? undefined : value })}
          >
            <option value="">All versions</option>
            {chosen.map(({ version }) => (
              <option key={version} value={version}>
                Version {version}
              </option>
            ))}
          </Select>
        )}
        <Choice
          label="Kind"
          words={["Real and simulated", "Simulated", "Real"]}
          value={search.simulated}
          onChange={(simulated) => change({ simulated })}
        />
        <Choice
          label="Connection"
          words={["Connected or not", "Connected", "Not connected"]}
          value={search.connected}
          onChange={(connected) => change({ connected })}
        />
        <Choice
          label="Access"
          words={["Blocked or not", "Not blocked", "Blocked"]}
          value={search.enabled}
          onChange={(enabled) => change({ enabled })}
        />
        {isFiltered(search) && (
          <Button appearance="subtle" onClick={() => onChange({})}>
            Clear filters
          </Button>
        )}
      </div>
    </div>
  );
}

function Choice({
  label,
  words: [any, yes, no],
  value,
  onChange,
}: {
  readonly label: string;
  readonly words: readonly [any: string, yes: string, no: string];
  readonly value: boolean | undefined;
  readonly onChange: (value: boolean | undefined) => void;
}) {
  const styles = useStyles();
  return (
    <Select
      className={styles.choice}
      aria-label={label}
      value={value === undefined ? "" : String(value)}
      onChange={(_event, { value: next }) => onChange(next === "" ? undefined : next === "true")}
    >
      <option value="">{any}</option>
      <option value="true">{yes}</option>
      <option value="false">{no}</option>
    </Select>
  );
}

function TypedSearch({ value, onChange }: { readonly value: string; readonly onChange: (value: string) => void }) {
  const styles = useStyles();
  const [typed, setTyped] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const sent = useRef(value);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    // Somebody went back, or cleared the filters; not the echo of what was typed here.
    if (value === sent.current) return;
    clearTimeout(timer.current);
    sent.current = value;
    setTyped(value);
  }, [value]);
  const send = (text: string): void => {
    clearTimeout(timer.current);
    sent.current = text.trim();
    onChange(sent.current);
  };
  return (
    <SearchBox
      className={styles.search}
      placeholder="Search by name or id"
      aria-label="Search by name or id"
      value={typed}
      onChange={(_event, { value: text }) => {
        setTyped(text);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => send(text), text === "" ? 0 : typingMs);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter") send(typed);
      }}
    />
  );
}
