// A device's settings and properties: forms by its template. Only touched fields are sent, with the etag of what one saw when one
// began: whoever saved the same field meanwhile is not overwritten unseen, whoever saved another one is not in the way.

import { Button, MessageBar, MessageBarBody, Text, makeStyles, tokens } from "@fluentui/react-components";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { type Schema, answerOf, api } from "../api/client.ts";
import { invalidate, queryClient } from "../api/query-client.ts";
import { Facts, Panel } from "../parts/panel.tsx";
import { PageLink } from "../parts/plain-link.tsx";
import { ServerErrorBar, useServerErrors } from "../parts/server-errors.tsx";
import { StaleEditDialog, isStaleEdit } from "../parts/stale-edit-dialog.tsx";
import { EmptyState, StateBadge } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { type Device, type DeviceTemplate, deviceQuery, twinQuery } from "./device-queries.ts";
import { textOf } from "./measurements.ts";
import {
  type Drafts,
  type FieldDefinition,
  type PropertyValue,
  type Values,
  conflictsOf,
  draftOf,
  patchOf,
} from "./value-drafts.ts";
import { ValueInput } from "./value-input.tsx";

const useStyles = makeStyles({
  fields: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fill, minmax(min(300px, 100%), 1fr))",
    gap: "16px 28px",
    alignItems: "start",
  },
  field: { display: "flex", flexDirection: "column", rowGap: "4px", minWidth: 0 },
  buttons: { display: "flex", flexWrap: "wrap", gap: "8px", alignItems: "center" },
  quiet: { color: tokens.colorNeutralForeground3 },
  list: { margin: 0, paddingInlineStart: "18px", overflowWrap: "anywhere" },
  form: { display: "flex", flexDirection: "column", rowGap: "16px" },
});

type Definitions = Readonly<Record<string, FieldDefinition>>;

export default function ValuesTab({
  device,
  template,
}: {
  readonly device: Device;
  readonly template: DeviceTemplate;
}) {
  const { settings, properties } = template;
  const twin = useQuery(twinQuery(device.id));
  const isEmpty = [settings.device, properties.cloud, properties.device].every(
    (definitions) => Object.keys(definitions).length === 0,
  );
  if (isEmpty) {
    return (
      <EmptyState
        title="The template defines none"
        action={
          <PageLink to="/templates/$templateId" params={{ templateId: template.id }}>
            Open the template
          </PageLink>
        }
      >
        Settings and properties are defined by the device template. Version {template.version} of {template.name} has
        none.
      </EmptyState>
    );
  }
  return (
    <>
      <ValueForm
        title="Settings"
        about={
          device.simulated
            ? "What the device should be set to. The server answers for this simulated device that it has them; the values are exported with it."
            : "What the device should be set to. It is told at once when it is connected, and otherwise when it asks for its twin; the values are exported with the device."
        }
        section="settings.device"
        definitions={settings.device}
        device={device}
        valuesOf={(given) => given.settings.device}
        patchOf={(device_) => ({ settings: { device: device_ } })}
        stateOf={(field) => <SettingState sync={twin.data?.settings[field]} />}
      />
      <ValueForm
        title="Cloud properties"
        about="What people know of the device. They never reach it, and are exported with it."
        section="properties.cloud"
        definitions={properties.cloud}
        device={device}
        valuesOf={(given) => given.properties.cloud}
        patchOf={(cloud) => ({ properties: { cloud } })}
      />
      <ReportedProperties
        definitions={properties.device}
        values={device.properties.device}
        unfit={twin.data?.unfit ?? []}
      />
    </>
  );
}

type Patch = Record<string, PropertyValue>;
interface ValueFormProps {
  readonly title: string;
  readonly about: string;
  /** As in the server's errors. */
  readonly section: "settings.device" | "properties.cloud";
  readonly definitions: Definitions;
  readonly device: Device;
  readonly valuesOf: (device: Device) => Values;
  readonly patchOf: (patch: Patch) => { readonly settings?: { device: Patch }; readonly properties?: { cloud: Patch } };
  /** Stands below a field. */
  readonly stateOf?: ((field: string) => ReactNode) | undefined;
}

function ValueForm(props: ValueFormProps) {
  const { title, about, section, definitions, device, valuesOf, patchOf: bodyOf, stateOf } = props;
  const styles = useStyles();
  const toast = useToast();
  const [drafts, setDrafts] = useState<Drafts>({});
  // The device as it was at the first touch.
  const [base, setBase] = useState<Device | null>(null);
  const [theirs, setTheirs] = useState<{ readonly device: Device; readonly fields: readonly string[] } | null>(null);
  const fields = Object.entries(definitions);
  const touched = Object.keys(drafts).length;

  const begin = (): void => {
    setDrafts({});
    setBase(null);
    setTheirs(null);
  };
  const write = async (etag?: number): Promise<void> => {
    const saved = await answerOf(
      api.PATCH("/api/v1/devices/{deviceId}", {
        params: { path: { deviceId: device.id } },
        body: { ...bodyOf(patchOf(definitions, drafts)), ...(etag === undefined ? {} : { etag }) },
      }),
    );
    queryClient.setQueryData(deviceQuery(device.id).queryKey, saved);
    void invalidate("devices");
    begin();
    toast(`${title} saved`);
  };
  const save = useMutation({
    mutationFn: async () => {
      const from = base ?? device;
      try {
        await write(from.etag);
      } catch (error) {
        if (!isStaleEdit(error)) throw error;
        const now = await queryClient.fetchQuery({ ...deviceQuery(device.id), staleTime: 0 });
        const fields = conflictsOf(drafts, valuesOf(from), valuesOf(now));
        if (fields.length > 0) {
          setTheirs({ device: now, fields });
          throw error;
        }
        // Something else of the device changed, as when it reports a property: that stays as it is.
        await write(now.etag);
      }
    },
  });
  const errors = useServerErrors(
    isStaleEdit(save.error) ? null : save.error,
    fields.map(([field]) => `${section}.${field}`),
  );
  if (fields.length === 0) return null;
  return (
    <Panel title={title} about={about}>
      <form
        className={styles.form}
        aria-label={title}
        onSubmit={(event) => {
          event.preventDefault();
          if (touched > 0) save.mutate();
        }}
      >
        <div className={styles.fields}>
          {fields.map(([field, definition]) => {
            const isTouched = Object.hasOwn(drafts, field);
            return (
              <div key={field} className={styles.field}>
                <ValueInput
                  field={field}
                  path={`${section}.${field}`}
                  definition={definition}
                  draft={isTouched ? (drafts[field] ?? null) : draftOf(definition, valuesOf(device)[field])}
                  isTouched={isTouched}
                  errors={errors}
                  onChange={(draft) => {
                    setBase((before) => before ?? device);
                    setDrafts((before) => ({ ...before, [field]: draft }));
                  }}
                />
                {!isTouched && stateOf?.(field)}
              </div>
            );
          })}
        </div>
        <ServerErrorBar error={errors.rest} />
        <div className={styles.buttons}>
          <Button type="submit" appearance="primary" disabledFocusable={touched === 0 || save.isPending}>
            {save.isPending ? "Saving …" : `Save ${title.toLowerCase()}`}
          </Button>
          {touched > 0 && (
            <Button
              onClick={() => {
                begin();
                save.reset();
              }}
            >
              Undo changes
            </Button>
          )}
          <Text size={200} className={styles.quiet} role="status">
            {touched === 0 ? "" : touched === 1 ? "1 field changed, not saved" : `${touched} fields changed, not saved`}
          </Text>
        </div>
      </form>
      <StaleEditDialog
        error={save.error}
        onTakeTheirs={async () => {
          await invalidate("devices");
          begin();
        }}
        onOverwrite={async () => await write()}
        onClose={save.reset}
      >
        {theirs !== null && (
          <ul className={styles.list}>
            {theirs.fields.map((field) => (
              <li key={field}>
                {definitions[field]?.name ?? field} is now{" "}
                {valueText(definitions[field], valuesOf(theirs.device)[field])}
              </li>
            ))}
          </ul>
        )}
      </StaleEditDialog>
    </Panel>
  );
}

const settingWords = {
  synced: { tone: "good", words: "Synced" },
  pending: { tone: "busy", words: "Pending" },
  error: { tone: "bad", words: "Error" },
} as const;

/** Whether the device has taken the setting. Nothing for one that has no value. */
function SettingState({ sync }: { readonly sync: Schema<"SettingSync"> | undefined }) {
  const styles = useStyles();
  if (sync === undefined) return null;
  const { tone, words } = settingWords[sync.state];
  const said = [
    sync.state === "pending" && sync.at === undefined ? "The device has not answered yet." : sync.message,
    sync.state === "synced" || sync.reported === undefined ? undefined : `It has ${textOf(sync.reported, 200)}.`,
  ].filter((one) => one !== undefined);
  return (
    <Text size={200} className={styles.quiet}>
      <StateBadge tone={tone}>{words}</StateBadge> {said.join(" ")}{" "}
      {sync.at !== undefined && <TimeText time={sync.at} />}
    </Text>
  );
}

function ReportedProperties({
  definitions,
  values,
  unfit,
}: {
  readonly definitions: Definitions;
  readonly values: Values;
  readonly unfit: readonly string[];
}) {
  const fields = Object.entries(definitions);
  if (fields.length === 0) return null;
  const isReported = fields.some(([field]) => values[field] !== undefined);
  return (
    <Panel title="Device properties" about="What the device reports of itself. Only the device changes them.">
      <Facts
        items={fields.map(([field, definition]) => ({
          name: definition.name,
          value: valueText(definition, values[field]),
        }))}
      />
      {unfit.length > 0 && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            {unfit.map((field) => definitions[field]?.name ?? field).join(", ")}: what the device reported does not fit
            the device template. It is kept and exported as it is.
          </MessageBarBody>
        </MessageBar>
      )}
      {!isReported && (
        <MessageBar intent="info" layout="multiline">
          <MessageBarBody>The device has reported none of these yet.</MessageBarBody>
        </MessageBar>
      )}
    </Panel>
  );
}

function valueText(definition: FieldDefinition | undefined, value: PropertyValue | undefined): string {
  if (value === undefined || value === null) return "not set";
  if (typeof value === "boolean") return value ? "on" : "off";
  const known = definition?.values?.find((one) => one.value === value);
  return known?.name ?? `${textOf(value, 1000)} ${definition?.unit ?? ""}`.trim();
}
