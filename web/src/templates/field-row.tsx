// One field of a template in the editor: a line of inputs where there is room, a card where there is not.
//
// By keyboard: Enter adds a row behind it, Alt with the arrows moves it, Alt with Delete removes it.

import {
  Button,
  Field,
  Input,
  Select,
  Text,
  Tooltip,
  makeStyles,
  mergeClasses,
  tokens,
} from "@fluentui/react-components";
import { AddRegular, ArrowDownRegular, ArrowUpRegular, DeleteRegular, DismissRegular } from "@fluentui/react-icons";
import { type Dispatch, type KeyboardEvent, type ReactElement, cloneElement, memo, useId } from "react";
import type { DraftChange } from "./draft-changes.ts";
import {
  type Category,
  type DataType,
  type FieldRow as Row,
  type Part,
  type SectionKind,
  type ValueRow,
  categories,
  dataTypeNames,
  dataTypes,
  emptyValue,
  fieldNameFor,
} from "./template-draft.ts";

export const wide = "@media (min-width: 1240px)";

const useStyles = makeStyles({
  row: {
    display: "flex",
    flexDirection: "column",
    rowGap: "8px",
    padding: "10px",
    borderRadius: tokens.borderRadiusMedium,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    [wide]: {
      padding: "4px 0",
      borderTopStyle: "none",
      borderLeftStyle: "none",
      borderRightStyle: "none",
      borderRadius: "0",
      borderBottomColor: tokens.colorNeutralStroke3,
    },
  },
  cells: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fill, minmax(min(130px, 100%), 1fr))",
    columnGap: "8px",
    rowGap: "8px",
    alignItems: "start",
    // What takes the focus is not hidden by the bar below.
    "& input, & select": { scrollMarginBottom: "160px" },
  },
  // The columns' titles stand above the first row there.
  label: {
    [wide]: { position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)" },
  },
  double: {
    gridColumn: "span 2",
    "@media (max-width: 480px)": { gridColumn: "1 / -1" },
    [wide]: { gridColumn: "auto" },
  },
  input: { minWidth: 0, width: "100%" },
  select: { minWidth: 0 },
  error: { color: tokens.colorPaletteRedForeground1, overflowWrap: "anywhere", [wide]: { paddingBottom: "6px" } },
  gap: { display: "none", [wide]: { display: "block" } },
  actions: { display: "flex", justifyContent: "flex-end" },
  values: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fill, minmax(min(280px, 100%), 1fr))",
    gap: "8px 16px",
    paddingInlineStart: "12px",
    borderInlineStartWidth: "2px",
    borderInlineStartStyle: "solid",
    borderInlineStartColor: tokens.colorNeutralStroke2,
    [wide]: { marginBottom: "6px" },
  },
  value: { display: "grid", gridTemplateColumns: "1fr 1fr 32px", columnGap: "6px", alignItems: "start" },
  add: { justifySelf: "start", alignSelf: "start" },
});

/** Of the grid on wide screens, and of the titles above it. */
export function columnsOf({ parts }: SectionKind): string {
  const has = (part: Part): boolean => parts.includes(part);
  const shares = [
    2,
    1.6,
    ...(has("dataType") ? [1.1] : []),
    ...(has("unit") ? [0.7] : []),
    ...(has("bounds") ? [0.7, 0.7] : []),
    ...(has("initialValue") ? [1] : []),
    ...(has("category") ? [1] : []),
  ];
  return [...shares.map((share) => `minmax(0, ${share}fr)`), "104px"].join(" ");
}

export function titlesOf({ parts }: SectionKind): readonly string[] {
  const has = (part: Part): boolean => parts.includes(part);
  return [
    "Display name",
    "Field name",
    ...(has("dataType") ? ["Type"] : []),
    ...(has("unit") ? ["Unit"] : []),
    ...(has("bounds") ? ["Minimum", "Maximum"] : []),
    ...(has("initialValue") ? ["Initial value"] : []),
    ...(has("category") ? ["Category"] : []),
  ];
}

/** Any input. */
interface Described {
  readonly "aria-describedby"?: string;
}

export interface FieldRowProps {
  readonly kind: SectionKind;
  readonly row: Row;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** What is wrong with it and where: `minValue`, `values[1].name`; empty for the field name. */
  readonly errorPart: string | null;
  readonly errorText: string;
  readonly dispatch: Dispatch<DraftChange>;
}

export const FieldRow = memo(function FieldRow(props: FieldRowProps) {
  const { kind, row, isFirst, isLast, errorPart, errorText, dispatch } = props;
  const styles = useStyles();
  const section = kind.id;
  const has = (part: Part): boolean => kind.parts.includes(part);
  const set = (change: Partial<Row>): void => dispatch({ kind: "row", section, key: row.key, set: change });
  const hasValues = section === "states" || (has("values") && row.dataType === "enum");
  const called = row.name.trim() || row.field.trim() || `this ${kind.one}`;
  // What is wrong with a part that is not shown is said at the field name.
  const shown = new Set([
    "name",
    ...(has("dataType") ? ["dataType"] : []),
    ...(has("unit") ? ["unit"] : []),
    ...(has("bounds") && row.dataType === "double" ? ["minValue", "maxValue"] : []),
    ...(has("initialValue") ? ["initialValue"] : []),
    ...(has("category") ? ["category"] : []),
  ]);
  const isOfValues = hasValues && errorPart?.startsWith("values") === true;
  const errorAt = errorPart === null || shown.has(errorPart) || isOfValues ? errorPart : "";
  // Below the row, where there is room for a sentence.
  const errorId = useId();
  const cell = (part: string, label: string, input: ReactElement<Described>, isDouble = false): ReactElement => (
    <Field
      label={{ children: label, className: styles.label }}
      className={isDouble ? styles.double : undefined}
      {...(errorAt === part ? { validationState: "error" as const } : {})}
    >
      {errorAt === part ? cloneElement(input, { "aria-describedby": errorId }) : input}
    </Field>
  );
  const text = (
    part: "unit" | "minValue" | "maxValue" | "initialValue",
    label: string,
    placeholder = "",
    inputMode?: "decimal",
  ): ReactElement =>
    cell(
      part,
      label,
      <Input
        className={styles.input}
        input={{ size: 4 }}
        autoComplete="off"
        placeholder={placeholder}
        value={row[part]}
        {...(inputMode === undefined ? {} : { inputMode })}
        onChange={(_event, { value }) => set({ [part]: value })}
      />,
    );
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    const { target } = event;
    if (event.key === "Enter" && target instanceof HTMLInputElement && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      dispatch({ kind: "add", section, after: row.key });
    } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      dispatch({ kind: "move", section, key: row.key, by: event.key === "ArrowUp" ? -1 : 1 });
      // A node that is put elsewhere in the document loses the focus.
      if (target instanceof HTMLElement) requestAnimationFrame(() => target.focus());
    } else if (event.altKey && event.key === "Delete") {
      event.preventDefault();
      remove(event.currentTarget);
    }
  };
  const remove = (element: HTMLElement | null): void => {
    const next = element?.nextElementSibling ?? element?.previousElementSibling;
    dispatch({ kind: "remove", section, key: row.key });
    next?.querySelector("input")?.focus();
  };
  return (
    <div className={styles.row} role="group" aria-label={called} onKeyDown={onKeyDown} data-row={row.key}>
      <div className={mergeClasses(styles.cells)} data-cells={section}>
        {cell(
          "name",
          "Display name",
          <Input
            className={styles.input}
            autoComplete="off"
            autoFocus={row.isNew}
            value={row.name}
            onChange={(_event, { value }) => {
              // Of a new row the field name follows, until it is given by hand.
              const follows = row.isNew && row.field === fieldNameFor(row.name);
              set({ name: value, ...(follows ? { field: fieldNameFor(value) } : {}) });
            }}
          />,
          true,
        )}
        {cell(
          "",
          "Field name",
          <Input
            className={styles.input}
            autoComplete="off"
            spellCheck={false}
            value={row.field}
            onChange={(_event, { value }) => set({ field: value })}
          />,
          true,
        )}
        {has("dataType") &&
          cell(
            "dataType",
            "Type",
            <Select
              className={styles.select}
              value={row.dataType}
              onChange={(_event, { value }) =>
                set({
                  dataType: value as DataType,
                  initialValue: "",
                  ...(value === "enum" && row.values.length === 0 ? { values: [emptyValue()] } : {}),
                })
              }
            >
              {dataTypes
                .filter((one) => section !== "telemetry" || one !== "enum")
                .map((one) => (
                  <option key={one} value={one}>
                    {dataTypeNames[one]}
                  </option>
                ))}
            </Select>,
          )}
        {has("unit") && text("unit", "Unit", "")}
        {has("bounds") &&
          (row.dataType === "double" ? (
            <>
              {text("minValue", "Minimum", "none", "decimal")}
              {text("maxValue", "Maximum", "none", "decimal")}
            </>
          ) : (
            <>
              <span className={styles.gap} />
              <span className={styles.gap} />
            </>
          ))}
        {has("initialValue") && <InitialValue row={row} set={set} cell={cell} text={text} />}
        {has("category") &&
          cell(
            "category",
            "Category",
            <Select
              className={styles.select}
              value={row.category}
              onChange={(_event, { value }) => set({ category: value as Category })}
            >
              {categories.map((one) => (
                <option key={one} value={one}>
                  {one[0]?.toUpperCase() + one.slice(1)}
                </option>
              ))}
            </Select>,
          )}
        <div className={styles.actions}>
          <Tooltip content={`Move ${called} up (Alt ↑)`} relationship="label">
            <Button
              appearance="subtle"
              icon={<ArrowUpRegular />}
              disabledFocusable={isFirst}
              onClick={() => dispatch({ kind: "move", section, key: row.key, by: -1 })}
            />
          </Tooltip>
          <Tooltip content={`Move ${called} down (Alt ↓)`} relationship="label">
            <Button
              appearance="subtle"
              icon={<ArrowDownRegular />}
              disabledFocusable={isLast}
              onClick={() => dispatch({ kind: "move", section, key: row.key, by: 1 })}
            />
          </Tooltip>
          <Tooltip content={`Remove ${called} (Alt Delete)`} relationship="label">
            <Button
              appearance="subtle"
              icon={<DeleteRegular />}
              onClick={(event) => remove(event.currentTarget.closest("[data-row]"))}
            />
          </Tooltip>
        </div>
      </div>
      {errorAt !== null && !isOfValues && (
        <Text id={errorId} size={200} className={styles.error}>
          {errorText}
        </Text>
      )}
      {hasValues && (
        <Values
          called={called}
          values={row.values}
          errorPart={isOfValues ? errorPart : null}
          errorText={errorText}
          onChange={(values) => set({ values })}
        />
      )}
    </div>
  );
});

function InitialValue({
  row,
  set,
  cell,
  text,
}: {
  readonly row: Row;
  readonly set: (change: Partial<Row>) => void;
  readonly cell: (part: string, label: string, input: ReactElement<Described>) => ReactElement;
  readonly text: (part: "initialValue", label: string, placeholder: string, inputMode?: "decimal") => ReactElement;
}): ReactElement {
  const styles = useStyles();
  const choices: readonly (readonly [value: string, name: string])[] | null =
    row.dataType === "boolean"
      ? [
          ["true", "Yes"],
          ["false", "No"],
        ]
      : row.dataType === "enum"
        ? row.values.filter(({ value }) => value !== "").map(({ value, name }) => [value, name === "" ? value : name])
        : null;
  if (choices !== null) {
    return cell(
      "initialValue",
      "Initial value",
      <Select
        className={styles.select}
        value={row.initialValue}
        onChange={(_event, { value }) => set({ initialValue: value })}
      >
        <option value="">None</option>
        {choices.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </Select>,
    );
  }
  const placeholders: Partial<Record<DataType, string>> = {
    location: "lon, lat",
    dateTime: "2026-01-31T12:00:00Z",
  };
  return text(
    "initialValue",
    "Initial value",
    placeholders[row.dataType] ?? "none",
    row.dataType === "double" ? "decimal" : undefined,
  );
}

function Values({
  called,
  values,
  errorPart,
  errorText,
  onChange,
}: {
  readonly called: string;
  readonly values: readonly ValueRow[];
  readonly errorPart: string | null;
  readonly errorText: string;
  readonly onChange: (values: readonly ValueRow[]) => void;
}): ReactElement {
  const styles = useStyles();
  const set = (key: number, change: Partial<ValueRow>): void =>
    onChange(values.map((value) => (value.key === key ? { ...value, ...change } : value)));
  const add = (): void => onChange([...values, emptyValue()]);
  // `values`, as a whole, is said at the first one.
  const wrong = (at: number, part: "value" | "name"): object =>
    errorPart === `values[${at}].${part}` ||
    (at === 0 && part === "value" && errorPart !== null && !/^values\[\d+\]\.(?:value|name)$/.test(errorPart))
      ? { validationState: "error" as const, validationMessage: errorText }
      : {};
  return (
    <div className={styles.values} role="group" aria-label={`Values of ${called}`}>
      {values.map(({ key, value, name }, at) => (
        <div key={key} className={styles.value}>
          <Field label={`Value ${at + 1}`} size="small" {...wrong(at, "value")}>
            <Input
              className={styles.input}
              autoComplete="off"
              spellCheck={false}
              placeholder="as the device sends it"
              value={value}
              onChange={(_event, changed) =>
                set(key, {
                  value: changed.value,
                  // The name follows, until it is given by hand.
                  ...(name === nameFor(value) ? { name: nameFor(changed.value) } : {}),
                })
              }
              onKeyDown={(event) => {
                if (event.key === "Enter") event.preventDefault();
              }}
            />
          </Field>
          <Field label={`Name of value ${at + 1}`} size="small" {...wrong(at, "name")}>
            <Input
              className={styles.input}
              autoComplete="off"
              placeholder="as people see it"
              value={name}
              onChange={(_event, changed) => set(key, { name: changed.value })}
            />
          </Field>
          <Tooltip content={`Remove value ${at + 1} of ${called}`} relationship="label">
            <Button
              appearance="subtle"
              style={{ marginTop: "20px" }}
              icon={<DismissRegular />}
              disabledFocusable={values.length === 1}
              onClick={() => onChange(values.filter((one) => one.key !== key))}
            />
          </Tooltip>
        </div>
      ))}
      <Button className={styles.add} size="small" icon={<AddRegular />} onClick={add}>
        Add value
      </Button>
    </div>
  );
}

function nameFor(value: string): string {
  return value.slice(0, 1).toUpperCase() + value.slice(1).replaceAll(/[_-]+/g, " ");
}
