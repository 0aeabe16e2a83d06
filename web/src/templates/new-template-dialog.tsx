// A new device template: empty, from the sample, or from a file.

import {
  Checkbox,
  Field,
  Input,
  Label,
  Radio,
  RadioGroup,
  Textarea,
  makeStyles,
  tokens,
} from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "../api/api-error.ts";
import { type Schema, api, answerOf } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { FormDialog } from "../parts/form-dialog.tsx";
import { FormField, useServerErrors } from "../parts/server-errors.tsx";
import { sampleTemplate } from "./sample-template.ts";

const useStyles = makeStyles({
  about: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200, display: "block" },
  file: { display: "flex", flexDirection: "column", rowGap: "4px", minWidth: 0 },
  checks: { display: "flex", flexDirection: "column" },
  mono: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200 },
});

const origins = {
  scratch: { name: "From scratch", about: "An empty draft; you define its fields next." },
  sample: {
    name: "From the sample",
    about: "The Refrigerated Vending Machine of the documentation: a field of each kind.",
  },
  json: { name: "From a JSON file", about: "One that was exported here or on another server." },
} as const;
type Origin = keyof typeof origins;
type WhenExists = NonNullable<Schema<"NewDeviceTemplate">["whenExists"]>;

/** More than this the server refuses anyway. */
const fileBytesMax = 1024 ** 2;

export interface NewTemplateDialogProps {
  readonly onMade: (template: Schema<"DeviceTemplate">) => void;
  readonly onClose: () => void;
}

export function NewTemplateDialog({ onMade, onClose }: NewTemplateDialogProps) {
  const styles = useStyles();
  const [origin, setOrigin] = useState<Origin>("scratch");
  const [name, setName] = useState("");
  const [json, setJson] = useState("");
  const [jsonProblem, setJsonProblem] = useState<string | null>(null);
  const [whenExists, setWhenExists] = useState<WhenExists>("refuse");
  const [isPublished, setPublished] = useState(true);
  const [isSimulated, setSimulated] = useState(true);
  const make = useMutation({
    mutationFn: async (body: Schema<"NewDeviceTemplate">) =>
      await answerOf(api.POST("/api/v1/device-templates", { body })),
    onSuccess: async (made) => {
      await invalidate("device-templates", "devices");
      onMade(made);
    },
  });
  const existed = make.error instanceof ApiError && make.error.code === "template-exists";
  const errors = useServerErrors(make.error, ["name"]);
  const choose = (next: Origin): void => {
    setOrigin(next);
    make.reset();
    setJsonProblem(null);
  };
  const submit = (): void => {
    const published = { publish: isPublished, simulatedDevice: isPublished && isSimulated };
    if (origin === "scratch") make.mutate({ name: name.trim() });
    else if (origin === "sample")
      make.mutate({ ...sampleTemplate, name: name.trim() || sampleTemplate.name, ...published });
    else {
      const file = parsed(json);
      if (typeof file === "string") setJsonProblem(file);
      else make.mutate({ ...file, ...(name.trim() === "" ? {} : { name: name.trim() }), ...published, whenExists });
    }
  };
  const read = (file: File | undefined): void => {
    if (file === undefined) return;
    make.reset();
    if (file.size > fileBytesMax) {
      setJsonProblem(`${file.name} is larger than 1 MiB: a device template is much smaller.`);
      return;
    }
    setJsonProblem(null);
    void file.text().then(setJson);
  };
  return (
    <FormDialog
      title="New device template"
      submitLabel="Create"
      busyLabel="Making …"
      isBusy={make.isPending}
      error={errors.rest}
      onSubmit={submit}
      onClose={onClose}
    >
      <RadioGroup
        aria-label="What to begin with"
        value={origin}
        onChange={(_event, { value }) => choose(value as Origin)}
      >
        {Object.entries(origins).map(([value, { name: title, about }]) => (
          <Radio
            key={value}
            value={value}
            label={
              <>
                {title}
                <span className={styles.about}>{about}</span>
              </>
            }
          />
        ))}
      </RadioGroup>
      {origin === "json" && (
        <>
          <div className={styles.file}>
            <Label htmlFor="template-file">File</Label>
            <input
              id="template-file"
              type="file"
              accept=".json,application/json"
              onChange={(event) => read(event.currentTarget.files?.[0])}
            />
          </div>
          <Field
            label="Or paste it"
            {...(jsonProblem === null ? {} : { validationState: "error" as const, validationMessage: jsonProblem })}
          >
            <Textarea
              className={styles.mono}
              rows={6}
              resize="vertical"
              spellCheck={false}
              value={json}
              onChange={(_event, { value }) => {
                setJson(value);
                setJsonProblem(null);
              }}
            />
          </Field>
        </>
      )}
      <FormField
        errors={errors}
        field="name"
        label={origin === "scratch" ? "Name" : "Name (optional)"}
        required={origin === "scratch"}
        hint={origin === "scratch" ? "E.g. Refrigerated Vending Machine" : "Left empty, it keeps its own."}
      >
        <Input autoComplete="off" value={name} onChange={(_event, { value }) => setName(value)} />
      </FormField>
      {origin !== "scratch" && (
        <div className={styles.checks}>
          <Checkbox
            label="Publish it at once, so that devices can use it"
            checked={isPublished}
            onChange={(_event, { checked }) => setPublished(checked === true)}
          />
          <Checkbox
            label="Make a simulated device of it, which sends made-up values"
            disabled={!isPublished}
            checked={isPublished && isSimulated}
            onChange={(_event, { checked }) => setSimulated(checked === true)}
          />
        </div>
      )}
      {(existed || whenExists !== "refuse") && origin === "json" && (
        <Field label="A template with the file's id is here already. What shall become of this one?">
          <RadioGroup value={whenExists} onChange={(_event, { value }) => setWhenExists(value as WhenExists)}>
            <Radio value="new-version" label="A further version of that template" />
            <Radio value="new-id" label="A template of its own, under a new id" />
            <Radio value="refuse" label="Nothing: refuse it" />
          </RadioGroup>
        </Field>
      )}
    </FormDialog>
  );
}

/** The file's content, or what is wrong with it. What it means the server says. */
function parsed(json: string): Schema<"NewDeviceTemplate"> | string {
  if (json.trim() === "") return "Choose a file, or paste its text.";
  try {
    const content: unknown = JSON.parse(json);
    if (typeof content === "object" && content !== null && !Array.isArray(content)) {
      return content as Schema<"NewDeviceTemplate">;
    }
    return "This is JSON, but no device template: it must be one object, as Export JSON writes it.";
  } catch (error) {
    return `This is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}
