// A version of a template to be read, for who may not change it.

import { Text, makeStyles, tokens } from "@fluentui/react-components";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Facts, Panel } from "../parts/panel.tsx";
import { type DeviceTemplate, type FieldRow, dataTypeNames, draftOf, sections } from "./template-draft.ts";

const useStyles = makeStyles({
  sections: { display: "flex", flexDirection: "column", rowGap: "16px" },
  none: { color: tokens.colorNeutralForeground3 },
});

export function TemplateView({ template }: { readonly template: DeviceTemplate }) {
  const styles = useStyles();
  const { rows, modelId } = draftOf(template);
  return (
    <div className={styles.sections}>
      {modelId !== "" && (
        <Panel title="Model">
          <Facts
            items={[{ name: "Model id that devices name when they are provisioned", value: modelId, isWide: true }]}
          />
        </Panel>
      )}
      {sections.map(({ id, title, about, parts }) => {
        const columns: readonly Column<FieldRow>[] = [
          { id: "name", title: "Display name", cell: ({ name }) => name, width: "26%" },
          { id: "field", title: "Field name", cell: ({ field }) => <code>{field}</code> },
          ...(parts.includes("dataType")
            ? [{ id: "type", title: "Type", cell: ({ dataType }: FieldRow) => dataTypeNames[dataType] }]
            : []),
          ...(parts.includes("unit") ? [{ id: "unit", title: "Unit", cell: ({ unit }: FieldRow) => unit || "–" }] : []),
          ...(parts.includes("bounds") ? [{ id: "bounds", title: "Range", cell: rangeOf }] : []),
          ...(parts.includes("category")
            ? [{ id: "category", title: "Category", cell: ({ category }: FieldRow) => category }]
            : []),
          ...(parts.includes("values")
            ? [
                {
                  id: "values",
                  title: "Values",
                  cell: ({ values }: FieldRow) =>
                    values.map(({ value, name }) => (value === name ? value : `${name} (${value})`)).join(", ") || "–",
                },
              ]
            : []),
          ...(parts.includes("initialValue")
            ? [{ id: "initial", title: "Initial value", cell: ({ initialValue }: FieldRow) => initialValue || "–" }]
            : []),
        ];
        return (
          <Panel key={id} title={title} about={about}>
            {rows[id].length === 0 ? (
              <Text className={styles.none}>None.</Text>
            ) : (
              <DataTable label={title} columns={columns} rows={rows[id]} keyOf={({ key }) => String(key)} />
            )}
          </Panel>
        );
      })}
    </div>
  );
}

function rangeOf({ minValue, maxValue }: FieldRow): string {
  if (minValue === "" && maxValue === "") return "–";
  if (maxValue === "") return `from ${minValue}`;
  return minValue === "" ? `to ${maxValue}` : `${minValue} to ${maxValue}`;
}
