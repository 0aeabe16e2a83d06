// The input of one property or setting, by its type.

import { Button, Field, Input, Select, Switch, Textarea, Tooltip, makeStyles } from "@fluentui/react-components";
import { DismissRegular } from "@fluentui/react-icons";
import { FormField, type ServerErrors } from "../parts/server-errors.tsx";
import { formatNumber } from "./measurements.ts";
import type { Draft, FieldDefinition, PlaceDraft } from "./value-drafts.ts";

/** Longer texts get lines. */
const lineChars = 60;

const useStyles = makeStyles({
  row: { display: "flex", alignItems: "flex-start", columnGap: "4px", minWidth: 0 },
  grow: { flexGrow: 1, minWidth: 0 },
  place: { display: "grid", gridTemplateColumns: "repeat(3, minmax(0, 1fr))", gap: "8px", flexGrow: 1, minWidth: 0 },
});

export interface ValueInputProps {
  readonly field: string;
  /** As in the server's errors: `settings.device.fanSpeed`. */
  readonly path: string;
  readonly definition: FieldDefinition;
  readonly draft: Draft;
  readonly isTouched: boolean;
  readonly errors: ServerErrors;
  readonly onChange: (draft: Draft) => void;
}

export function ValueInput({ field, path, definition, draft, isTouched, errors, onChange }: ValueInputProps) {
  const styles = useStyles();
  const { name, dataType, values = [] } = definition;
  const input = (): React.ReactElement => {
    if (dataType === "location") {
      return <PlaceInput name={name} draft={draft as PlaceDraft} onChange={onChange} />;
    }
    if (dataType === "boolean") {
      return (
        <Switch
          aria-label={name}
          label={draft === null ? "Not set" : draft === true ? "On" : "Off"}
          checked={draft === true}
          onChange={(_event, { checked }) => onChange(checked)}
        />
      );
    }
    const text = typeof draft === "string" ? draft : "";
    if (dataType === "enum") {
      return (
        <Select
          className={styles.grow}
          value={text}
          onChange={(_event, { value }) => onChange(value === "" ? null : value)}
        >
          <option value="">Not set</option>
          {text !== "" && !values.some(({ value }) => value === text) && <option value={text}>{text}</option>}
          {values.map(({ value, name: word }) => (
            <option key={value} value={value}>
              {word}
            </option>
          ))}
        </Select>
      );
    }
    if (dataType === "string" && text.length > lineChars) {
      return (
        <Textarea
          className={styles.grow}
          value={text}
          resize="vertical"
          onChange={(_event, { value }) => onChange(value)}
        />
      );
    }
    return (
      <Input
        className={styles.grow}
        // A number is text here, so that what is wrong with it is the server's to say.
        type={dataType === "dateTime" ? "datetime-local" : "text"}
        inputMode={dataType === "double" ? "decimal" : undefined}
        step={dataType === "dateTime" ? (text.includes(".") ? "0.001" : "1") : undefined}
        placeholder={dataType === "dateTime" ? undefined : "Not set"}
        value={text}
        contentAfter={definition.unit === undefined ? undefined : <span>{definition.unit}</span>}
        autoComplete="off"
        onChange={(_event, { value }) => onChange(value)}
      />
    );
  };
  const isSet =
    typeof draft === "object" && draft !== null
      ? Object.values(draft).some((text) => text !== "")
      : draft !== null && draft !== "";
  const clear = (): void => onChange(dataType === "location" ? { lat: "", lon: "", alt: "" } : null);
  const hint = isTouched ? `changed, not saved; ${hintOf(field, definition)}` : hintOf(field, definition);
  return (
    <FormField label={name} hint={hint} errors={errors} field={path}>
      {/* Fluent's inputs find their label through the Field around them, however deep. */}
      <div className={styles.row}>
        {input()}
        {isSet && dataType !== "enum" && (
          <Tooltip content={`Clear ${name}`} relationship="label">
            <Button appearance="subtle" icon={<DismissRegular />} onClick={clear} />
          </Tooltip>
        )}
      </div>
    </FormField>
  );
}

const parts = [
  { key: "lat", label: "Latitude" },
  { key: "lon", label: "Longitude" },
  { key: "alt", label: "Altitude, m" },
] as const;

function PlaceInput({
  name,
  draft,
  onChange,
}: {
  readonly name: string;
  readonly draft: PlaceDraft;
  readonly onChange: (draft: PlaceDraft) => void;
}) {
  const styles = useStyles();
  return (
    <div role="group" aria-label={name} className={styles.place}>
      {parts.map(({ key, label }) => (
        // A Field of its own: of the one around it there may be one input only.
        <Field key={key} label={label} size="small">
          <Input
            input={{ size: 4 }}
            inputMode="decimal"
            value={draft[key]}
            autoComplete="off"
            onChange={(_event, { value }) => onChange({ ...draft, [key]: value })}
          />
        </Field>
      ))}
    </div>
  );
}

function hintOf(field: string, { dataType, minValue, maxValue, unit = "" }: FieldDefinition): string {
  const words: string[] = [];
  if (dataType === "double") {
    if (minValue !== undefined && maxValue !== undefined) {
      words.push(`${formatNumber(minValue)} to ${formatNumber(maxValue)} ${unit}`.trim());
    } else if (minValue !== undefined) words.push(`at least ${formatNumber(minValue)} ${unit}`.trim());
    else if (maxValue !== undefined) words.push(`at most ${formatNumber(maxValue)} ${unit}`.trim());
    else words.push("a number");
  }
  if (dataType === "dateTime") words.push("date and time in UTC");
  words.push(`field ${field}`);
  return words.join("; ");
}
