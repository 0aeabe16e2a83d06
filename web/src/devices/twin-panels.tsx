// A twin as it is, of a device or of a module: what is wanted of it and what it says of itself, each part with its last
// change. What in desired is no setting of a device template can be changed here.

import { Button, Tab, TabList, Text, makeStyles, tokens } from "@fluentui/react-components";
import { EditRegular } from "@fluentui/react-icons";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Schema } from "../api/client.ts";
import { CodeBlock } from "../parts/code-tabs.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { FormDialog } from "../parts/form-dialog.tsx";
import { JsonField } from "../parts/json-field.tsx";
import { readJson, writtenJson } from "../parts/json-text.ts";
import { JsonView } from "../parts/json-view.tsx";
import { Panel } from "../parts/panel.tsx";
import { useServerErrors } from "../parts/server-errors.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { freePart, isTree, mergePatch } from "./twin-patch.ts";

type TwinSection = Schema<"TwinSection">;
type Tree = Readonly<Record<string, unknown>>;

const useStyles = makeStyles({ quiet: { color: tokens.colorNeutralForeground3 } });

export interface TwinPanelsProps {
  /** Whose it is, in sentences. */
  readonly one: "device" | "module";
  readonly desired: TwinSection;
  readonly reported: TwinSection;
  /** Settings of the device template, by name: they are changed elsewhere. A module has none. */
  readonly settings?: Tree;
  /** @param patch  a merge patch of desired. */
  readonly save: (patch: Tree) => Promise<void>;
}

const noSettings: Tree = {};

export function TwinPanels({ one, desired, reported, settings, save }: TwinPanelsProps) {
  const [isChanging, setChanging] = useState(false);
  const hasSettings = settings !== undefined;
  return (
    <>
      <Section
        title="Desired properties"
        about={`What is wanted of the ${one}.${hasSettings ? " The settings of its template stand here, too; they are changed under Properties and settings." : ""}`}
        none={`Nothing is wanted of this ${one}${hasSettings ? ": its template has no settings with a value" : ""}.`}
        section={desired}
        hasVersions
        actions={
          <Button size="small" icon={<EditRegular />} onClick={() => setChanging(true)}>
            Change
          </Button>
        }
      />
      <Section
        title="Reported properties"
        about={`What the ${one} says of itself. Only the ${one} changes them.`}
        none={`The ${one} has reported nothing yet.`}
        section={reported}
      />
      {isChanging && (
        <ChangeDesired
          label={hasSettings ? "Desired properties that are no settings" : "Desired properties"}
          hint={`A JSON object. What you take out is removed from the twin. A connected ${one} is told what changed at once, another one when it comes.`}
          given={freePart(desired.content, settings ?? noSettings)}
          save={save}
          onClose={() => setChanging(false)}
        />
      )}
    </>
  );
}

interface Part {
  readonly name: string;
  readonly value: unknown;
  readonly changedAt: string | undefined;
  readonly version: number | undefined;
}

function partsOf({ content, metadata }: TwinSection): readonly Part[] {
  return Object.entries(content).map(([name, value]) => {
    const marks = Object.hasOwn(metadata, name) ? metadata[name] : undefined;
    const { $lastUpdated, $lastUpdatedVersion } = (isTree(marks) ? marks : {}) as {
      readonly $lastUpdated?: string;
      readonly $lastUpdatedVersion?: number;
    };
    return { name, value, changedAt: $lastUpdated, version: $lastUpdatedVersion };
  });
}

function Section({
  title,
  about,
  none,
  section,
  hasVersions = false,
  actions,
}: {
  readonly title: string;
  readonly about: string;
  readonly none: string;
  readonly section: TwinSection;
  /** Whether its parts say in which version they were set. */
  readonly hasVersions?: boolean;
  readonly actions?: ReactNode;
}) {
  const styles = useStyles();
  const [form, setForm] = useState<"parts" | "json">("parts");
  const parts = partsOf(section);
  const columns: readonly Column<Part>[] = [
    { id: "name", title: "Property", isHeading: true, cell: ({ name }) => name, width: "24%" },
    { id: "value", title: "Value", cell: ({ value }) => <JsonView value={value} openDepth={1} /> },
    { id: "changedAt", title: "Changed", width: "130px", cell: ({ changedAt }) => <TimeText time={changedAt} /> },
    ...(hasVersions
      ? [
          {
            id: "version",
            title: "In version",
            isNumber: true,
            width: "90px",
            cell: ({ version }: Part) => version ?? "–",
          },
        ]
      : []),
  ];
  return (
    <Panel
      title={title}
      badge={
        <Text size={200} className={styles.quiet}>
          version {section.version}
        </Text>
      }
      about={about}
      {...(actions === undefined ? {} : { actions })}
    >
      {parts.length === 0 ? (
        <Text className={styles.quiet}>{none}</Text>
      ) : (
        <>
          <TabList
            size="small"
            aria-label={`${title} as`}
            selectedValue={form}
            onTabSelect={(_event, { value }) => setForm(value === "json" ? "json" : "parts")}
          >
            <Tab value="parts">Table</Tab>
            <Tab value="json">JSON</Tab>
          </TabList>
          {form === "parts" ? (
            <DataTable label={title} columns={columns} rows={parts} keyOf={({ name }) => name} />
          ) : (
            <CodeBlock
              label={title}
              text={writtenJson({ ...section.content, $metadata: section.metadata, $version: section.version })}
            />
          )}
        </>
      )}
    </Panel>
  );
}

function ChangeDesired({
  label,
  hint,
  given,
  save,
  onClose,
}: {
  readonly label: string;
  readonly hint: string;
  readonly given: Tree;
  readonly save: (patch: Tree) => Promise<void>;
  readonly onClose: () => void;
}) {
  const toast = useToast();
  // As it was when one began: what others change meanwhile is not in the patch, and stays.
  const [base] = useState(given);
  const [text, setText] = useState(() => writtenJson(base));
  const read = readJson(text);
  const wanted = read.isJson && isTree(read.value) ? read.value : null;
  const saving = useMutation({
    mutationFn: async () => {
      const patch = wanted === null ? null : mergePatch(base, wanted);
      if (patch === null) return;
      await save(patch);
      toast("Desired properties saved");
    },
    onSuccess: onClose,
  });
  const errors = useServerErrors(saving.error, ["desired"]);
  return (
    <FormDialog
      title="Change desired properties"
      submitLabel="Save"
      busyLabel="Saving …"
      isBusy={saving.isPending}
      isIncomplete={wanted === null}
      error={errors.rest}
      onSubmit={saving.mutate}
      onClose={onClose}
    >
      <JsonField label={label} hint={hint} field="desired" text={text} rows={12} errors={errors} onChange={setText} />
    </FormDialog>
  );
}
