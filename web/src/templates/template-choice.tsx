// The choice of a template and one of its published versions, for new devices.

import { Select, makeStyles } from "@fluentui/react-components";
import type { Schema } from "../api/client.ts";
import { FormField, type ServerErrors } from "../parts/server-errors.tsx";

type DeviceTemplate = Schema<"DeviceTemplate">;

const useStyles = makeStyles({
  row: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr) minmax(0, 130px)",
    columnGap: "12px",
    alignItems: "start",
    // Fluent's are as wide as their longest option.
    "& .fui-Select": { minWidth: 0 },
    "& select": { minWidth: 0, textOverflow: "ellipsis" },
  },
});

export interface TemplateChoiceValue {
  readonly templateId: string;
  readonly templateVersion: string;
}

/** The newest version of the first template, or of the one that is named. */
export function firstChoice(templates: readonly DeviceTemplate[], templateId = templates[0]?.id): TemplateChoiceValue {
  const newest = templates.findLast(({ id }) => id === templateId);
  return { templateId: newest?.id ?? "", templateVersion: newest?.version ?? "" };
}

export function TemplateChoice({
  templates,
  value,
  errors,
  onChange,
}: {
  /** Published ones, oldest version first. */
  readonly templates: readonly DeviceTemplate[];
  readonly value: TemplateChoiceValue;
  readonly errors: ServerErrors;
  readonly onChange: (value: TemplateChoiceValue) => void;
}) {
  const styles = useStyles();
  const newest = [...new Map(templates.map((template) => [template.id, template])).values()];
  const versions = templates.filter(({ id }) => id === value.templateId).toReversed();
  return (
    <div className={styles.row}>
      <FormField label="Template" errors={errors} field="templateId">
        <Select
          value={value.templateId}
          onChange={(_event, { value: templateId }) => onChange(firstChoice(templates, templateId))}
        >
          {newest.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </Select>
      </FormField>
      <FormField label="Version" errors={errors} field="templateVersion">
        <Select
          value={value.templateVersion}
          onChange={(_event, { value: templateVersion }) => onChange({ ...value, templateVersion })}
        >
          {versions.map(({ version }, index) => (
            <option key={version} value={version}>
              {version}
              {index === 0 && versions.length > 1 ? " (newest)" : ""}
            </option>
          ))}
        </Select>
      </FormField>
    </div>
  );
}
