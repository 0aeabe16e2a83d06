// What most people leave as it is: paths with a live example, format, compression, sizes, what becomes of a backlog.

import { Dropdown, Input, Option, Text, makeStyles, tokens } from "@fluentui/react-components";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { ApiError } from "../api/api-error.ts";
import { FormField, type ServerErrors } from "../parts/server-errors.tsx";
import type { ExportValues } from "./form-values.ts";
import { codecWords, exportTypes, revisionWords, typeNames } from "./export-words.ts";

/** As the server names what the form calls by another unit. */
export const advancedFields = [
  "pathTemplate",
  "codec",
  "formatRevision",
  "blockBytes",
  "fileBytesMax",
  "letGoAfterHours",
  "letGoAfterBytes",
  "backlog.letGoAfterHours",
  "backlog.letGoAfterBytes",
] as const;

const typingMs = 350;
const useStyles = makeStyles({
  fields: { display: "flex", flexDirection: "column", rowGap: "18px", paddingTop: "8px" },
  short: { maxWidth: "220px" },
  dropdown: { maxWidth: "440px", minWidth: 0, width: "100%" },
  code: {
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    overflowWrap: "anywhere",
    display: "block",
  },
  example: { display: "flex", flexDirection: "column", rowGap: "2px", marginTop: "-12px" },
  quiet: { color: tokens.colorNeutralForeground3 },
});

export interface AdvancedFieldsProps {
  readonly values: ExportValues;
  readonly errors: ServerErrors;
  readonly onChange: (change: Partial<ExportValues>) => void;
}

export function AdvancedFields({ values, errors, onChange }: AdvancedFieldsProps) {
  const styles = useStyles();
  const preview = usePathPreview(values);
  const refused = preview.error instanceof ApiError && preview.error.field === "pathTemplate" ? preview.error : null;
  return (
    <div className={styles.fields}>
      <FormField
        label="Path of the files in the container"
        errors={errors}
        field="pathTemplate"
        hint="{type} is the kind of data, {hub} this hub's name, {YYYY} {MM} {dd} {hh} {mm} the minute in UTC, {NN} the partition. All but {hub} must appear, so that no two files get one name."
        {...(refused === null || errors.of("pathTemplate") !== null
          ? {}
          : { validationState: "error" as const, validationMessage: `${refused.message} ${refused.hint ?? ""}` })}
      >
        <Input
          input={{ className: styles.code }}
          value={values.pathTemplate}
          spellCheck={false}
          onChange={(_event, { value }) => onChange({ pathTemplate: value })}
        />
      </FormField>
      {refused === null && preview.data !== undefined && (
        <div className={styles.example} aria-live="polite">
          <Text size={200} className={styles.quiet}>
            The minute that runs now would go to:
          </Text>
          {exportTypes.map((type) => {
            const path = preview.data.examples[type];
            return path === undefined ? null : (
              <code key={type} className={styles.code} title={typeNames[type]}>
                {values.container === "" ? "" : `${values.container}/`}
                {path}
              </code>
            );
          })}
        </div>
      )}
      <FormField
        label="Format revision"
        errors={errors}
        field="formatRevision"
        hint="The form of the records of devices and device templates. Keep the first unless a reader of yours asks for the other."
      >
        <Dropdown
          className={styles.dropdown}
          value={revisionWords[values.formatRevision]}
          selectedOptions={[values.formatRevision]}
          onOptionSelect={(_event, { optionValue }) =>
            onChange({ formatRevision: optionValue as ExportValues["formatRevision"] })
          }
        >
          {Object.entries(revisionWords).map(([value, words]) => (
            <Option key={value} value={value} text={words}>
              {words}
            </Option>
          ))}
        </Dropdown>
      </FormField>
      <FormField
        label="Compression (codec)"
        errors={errors}
        field="codec"
        hint="Of the blocks in a file. Deflate saves space and costs some time of the processor; the records are the same."
      >
        <Dropdown
          className={styles.dropdown}
          value={codecWords[values.codec]}
          selectedOptions={[values.codec]}
          onOptionSelect={(_event, { optionValue }) => onChange({ codec: optionValue as ExportValues["codec"] })}
        >
          {Object.entries(codecWords).map(([value, words]) => (
            <Option key={value} value={value} text={words}>
              {words}
            </Option>
          ))}
        </Dropdown>
      </FormField>
      <NumberField
        label="Block size (KiB)"
        hint="Records are packed in blocks of about this size before compression: readers can skip or split at them. From 1 to 16,384."
        field="blockBytes"
        errors={errors}
        value={values.blockKib}
        onChange={(blockKib) => onChange({ blockKib })}
      />
      <NumberField
        label="Largest file (MiB)"
        hint="A minute with more goes on in a further file (00_001.avro)."
        field="fileBytesMax"
        errors={errors}
        value={values.fileMib}
        onChange={(fileMib) => onChange({ fileMib })}
      />
      <NumberField
        label="While files cannot be written, let go of minutes older than (hours)"
        hint="Empty: everything waits in the journal until it can be written, and devices are refused when the journal is full. With a number, older minutes are given up for good, and the gap is recorded."
        field="backlog.letGoAfterHours"
        errors={errors}
        value={values.letGoAfterHours}
        placeholder="Hold everything"
        onChange={(letGoAfterHours) => onChange({ letGoAfterHours })}
      />
      <NumberField
        label="Let go of the oldest minutes beyond (GiB)"
        hint="Empty: no limit but the journal's. The gap is recorded as well."
        field="backlog.letGoAfterBytes"
        errors={errors}
        value={values.letGoAfterGib}
        placeholder="Hold everything"
        onChange={(letGoAfterGib) => onChange({ letGoAfterGib })}
      />
    </div>
  );
}

function NumberField({
  label,
  hint,
  field,
  errors,
  value,
  placeholder,
  onChange,
}: {
  readonly label: string;
  readonly hint: string;
  readonly field: (typeof advancedFields)[number];
  readonly errors: ServerErrors;
  readonly value: string;
  readonly placeholder?: string;
  readonly onChange: (value: string) => void;
}) {
  const styles = useStyles();
  // The registry names a backlog's fields without what is around them.
  const named = errors.of(field) === null && field.startsWith("backlog.") ? field.slice("backlog.".length) : field;
  return (
    <FormField label={label} hint={hint} errors={errors} field={named}>
      <Input
        className={styles.short}
        inputMode="decimal"
        value={value}
        {...(placeholder === undefined ? {} : { placeholder })}
        onChange={(_event, { value: typed }) => onChange(typed)}
      />
    </FormField>
  );
}

/** What the server makes of the template, once nobody types any more. */
function usePathPreview({ pathTemplate, types }: ExportValues) {
  const key = JSON.stringify([pathTemplate, types]);
  const [settled, setSettled] = useState(key);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(key), typingMs);
    return () => clearTimeout(timer);
  }, [key]);
  const [template, chosen] = JSON.parse(settled) as [string, ExportValues["types"]];
  return useQuery({
    queryKey: ["path-preview", settled],
    queryFn: async () =>
      await answerOf(
        api.POST("/api/v1/exports/path-preview", { body: { pathTemplate: template, types: [...chosen] } }),
      ),
    enabled: chosen.length > 0,
    placeholderData: keepPreviousData,
    retry: false,
  });
}
