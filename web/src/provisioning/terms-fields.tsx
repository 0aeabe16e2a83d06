// What becomes of devices that come by an enrollment: their template, whether somebody must approve them, whether any come in.

import { Select, Switch, makeStyles } from "@fluentui/react-components";
import { FormField, type ServerErrors } from "../parts/server-errors.tsx";
import type { DeviceTemplate, Terms } from "./provisioning-queries.ts";

export const newTerms: Terms = { templateId: null, templateVersion: null, autoApprove: true, enabled: true };
export const termsFields = ["templateId", "templateVersion", "autoApprove", "enabled"] as const;

const useStyles = makeStyles({
  // Fluent's are as wide as their longest option.
  select: { minWidth: 0, "& select": { minWidth: 0, textOverflow: "ellipsis" } },
});

export function TermsFields({
  terms,
  templates,
  errors,
  onChange,
}: {
  readonly terms: Terms;
  /** Published ones, oldest version first. */
  readonly templates: readonly DeviceTemplate[];
  readonly errors: ServerErrors;
  readonly onChange: (terms: Terms) => void;
}) {
  const styles = useStyles();
  const { templateId, templateVersion, autoApprove, enabled } = terms;
  const newest = [...new Map(templates.map((template) => [template.id, template])).values()];
  const versions = templates.filter(({ id }) => id === templateId).toReversed();
  return (
    <>
      <FormField
        label="Device template"
        hint="Of devices that name no model which a device template has. Without one, they wait under Registrations until somebody chooses."
        errors={errors}
        field="templateId"
      >
        <Select
          className={styles.select}
          value={templateId ?? ""}
          onChange={(_event, { value }) =>
            onChange({ ...terms, templateId: value === "" ? null : value, templateVersion: null })
          }
        >
          <option value="">None: each waits until somebody chooses</option>
          {newest.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
          {/* One that is not published any more stays what it is. */}
          {templateId !== null && newest.every(({ id }) => id !== templateId) && (
            <option value={templateId}>{templateId}</option>
          )}
        </Select>
      </FormField>
      {templateId !== null && (
        <FormField label="Version" errors={errors} field="templateVersion">
          <Select
            className={styles.select}
            value={templateVersion ?? ""}
            onChange={(_event, { value }) => onChange({ ...terms, templateVersion: value === "" ? null : value })}
          >
            <option value="">The newest published one</option>
            {versions.map(({ version }) => (
              <option key={version} value={version}>
                {version}
              </option>
            ))}
          </Select>
        </FormField>
      )}
      <FormField
        hint={
          autoApprove
            ? "Off, each waits under Registrations until somebody approves it."
            : "Each waits under Registrations until somebody approves it."
        }
        errors={errors}
        field="autoApprove"
      >
        <Switch
          label="Approve devices at once"
          checked={autoApprove}
          onChange={(_event, { checked }) => onChange({ ...terms, autoApprove: checked })}
        />
      </FormField>
      <FormField
        hint={enabled ? "Off, none is let in any more; devices that were made go on." : "None is let in."}
        errors={errors}
        field="enabled"
      >
        <Switch
          label="Let devices in"
          checked={enabled}
          onChange={(_event, { checked }) => onChange({ ...terms, enabled: checked })}
        />
      </FormField>
    </>
  );
}

/** The terms in words, for lists. */
export function templateWords({ templateId, templateVersion }: Terms, templates: readonly DeviceTemplate[]): string {
  if (templateId === null) return "None: waits for one";
  const name = templates.findLast(({ id }) => id === templateId)?.name ?? templateId;
  return templateVersion === null ? `${name}, the newest version` : `${name} ${templateVersion}`;
}

export function approvalWords({ autoApprove }: Terms): string {
  return autoApprove ? "at once" : "by a person";
}
