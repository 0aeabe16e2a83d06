// Of which model the devices of a template say they are: devices that are provisioned find their template by it.

import { Input, makeStyles } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { FormField, type ServerErrors } from "../parts/server-errors.tsx";
import { type DeviceTemplate, type TemplateDraft, modelIdProblem } from "./template-draft.ts";
import { templatesQuery } from "./template-queries.ts";

const useStyles = makeStyles({ field: { maxWidth: "520px" } });

export function ModelIdField({
  template: { id },
  draft,
  isProblemShown,
  errors,
  onChange,
}: {
  readonly template: DeviceTemplate;
  readonly draft: TemplateDraft;
  readonly isProblemShown: boolean;
  readonly errors: ServerErrors;
  readonly onChange: (modelId: string) => void;
}) {
  const styles = useStyles();
  const templates = useQuery({ ...templatesQuery, staleTime: 30_000 });
  const modelId = draft.modelId.trim();
  const problem = isProblemShown ? modelIdProblem(draft) : null;
  const rival = templates.data?.find(
    (one) => one.id !== id && one.published && modelId !== "" && one.modelId === modelId,
  );
  return (
    <FormField
      errors={errors}
      field="modelId"
      label="Model id"
      hint="What devices name as their model when they are provisioned: those get the newest published version that has it. Left empty, devices get this template by their enrollment, or by hand."
      {...(problem !== null
        ? { validationState: "error" as const, validationMessage: problem }
        : rival !== undefined && errors.of("modelId") === null
          ? {
              validationState: "warning" as const,
              validationMessage: `${rival.name} has this model id, too: new devices get the one with the higher version.`,
            }
          : {})}
    >
      <Input
        className={styles.field}
        autoComplete="off"
        spellCheck={false}
        placeholder="dtmi:com:example:Thermostat;1"
        value={draft.modelId}
        onChange={(_event, { value }) => onChange(value)}
      />
    </FormField>
  );
}
