// A device's twin as it is: what is wanted of the device and what it says of itself, each part with its last change. What in
// desired is no setting of the template can be changed here.

import { Button, Tab, TabList, Text, makeStyles, tokens } from "@fluentui/react-components";
import { EditRegular } from "@fluentui/react-icons";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Schema, answerOf, api } from "../api/client.ts";
import { invalidate, queryClient } from "../api/query-client.ts";
import { CodeBlock } from "../parts/code-tabs.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { FormDialog } from "../parts/form-dialog.tsx";
import { JsonField } from "../parts/json-field.tsx";
import { readJson, writtenJson } from "../parts/json-text.ts";
import { JsonView } from "../parts/json-view.tsx";
import { Panel } from "../parts/panel.tsx";
import { useServerErrors } from "../parts/server-errors.tsx";
import { Shown } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { type Device, twinQuery } from "./device-queries.ts";
import { freePart, isTree, mergePatch } from "./twin-patch.ts";

type DeviceTwin = Schema<"DeviceTwin">;
type TwinSection = Schema<"TwinSection">;

const useStyles = makeStyles({ quiet: { color: tokens.colorNeutralForeground3 } });

export default function TwinTab({ device: { id } }: { readonly device: Device }) {
  const twin = useQuery(twinQuery(id));
  const [isChanging, setChanging] = useState(false);
  return (
    <Shown query={twin}>
      {(content) => (
        <>
          <Section
            title="Desired properties"
            about="What is wanted of the device. The settings of its template stand here, too; they are changed under Properties and settings."
            none="Nothing is wanted of this device: its template has no settings with a value."
            section={content.desired}
            hasVersions
            actions={
              <Button size="small" icon={<EditRegular />} onClick={() => setChanging(true)}>
                Change
              </Button>
            }
          />
          <Section
            title="Reported properties"
            about="What the device says of itself. Only the device changes them."
            none="The device has reported nothing yet."
            section={content.reported}
          />
          {isChanging && <ChangeDesired twin={content} onClose={() => setChanging(false)} />}
        </>
      )}
    </Shown>
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
  readonly actions?: React.ReactNode;
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

function ChangeDesired({ twin, onClose }: { readonly twin: DeviceTwin; readonly onClose: () => void }) {
  const toast = useToast();
  // As it was when one began: what others change meanwhile is not in the patch, and stays.
  const [base] = useState(() => freePart(twin.desired.content, twin.settings));
  const [text, setText] = useState(() => writtenJson(base));
  const read = readJson(text);
  const wanted = read.isJson && isTree(read.value) ? read.value : null;
  const save = useMutation({
    mutationFn: async () => {
      const patch = wanted === null ? null : mergePatch(base, wanted);
      if (patch === null) return;
      const saved = await answerOf(
        api.PATCH("/api/v1/devices/{deviceId}/twin", {
          params: { path: { deviceId: twin.deviceId } },
          body: { desired: patch },
        }),
      );
      queryClient.setQueryData(twinQuery(twin.deviceId).queryKey, saved);
      await invalidate("devices");
      toast("Desired properties saved");
    },
    onSuccess: onClose,
  });
  const errors = useServerErrors(save.error, ["desired"]);
  return (
    <FormDialog
      title="Change desired properties"
      submitLabel="Save"
      busyLabel="Saving …"
      isBusy={save.isPending}
      isIncomplete={wanted === null}
      error={errors.rest}
      onSubmit={save.mutate}
      onClose={onClose}
    >
      <JsonField
        label="Desired properties that are no settings"
        hint="A JSON object. What you take out is removed from the twin. A connected device is told what changed at once, another one when it comes."
        field="desired"
        text={text}
        rows={12}
        errors={errors}
        onChange={setText}
      />
    </FormDialog>
  );
}
