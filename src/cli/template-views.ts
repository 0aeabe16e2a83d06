// `coldpath template list | show | export`.

import type { DeviceTemplate } from "../registry/registry.ts";
import { serverCommand } from "./family.ts";
import { findTemplate, listOf } from "./lookup.ts";
import { renderFields, renderTable } from "./table.ts";

const templateVersion = {
  "template-version": {
    group: "Options",
    type: "string",
    isFlagOnly: true,
    description: "The version; the newest published one when left out.",
  },
} as const;

export const listTemplatesCommand = serverCommand({
  name: "template list",
  purpose: "list device templates with their versions",
  options: {},
  examples: [
    ["coldpath template list", "a table"],
    ["coldpath template list --json", "with their whole content"],
  ],
  run: async ({ client, values, terminal }) => {
    const templates = await listOf<DeviceTemplate>(client, "/device-templates");
    if (values.json === true) {
      terminal.print(JSON.stringify(templates, null, 2));
      return;
    }
    if (templates.length === 0) {
      terminal.complain("coldpath: There is no device template yet; `coldpath template create FILE.json` makes one.");
      return;
    }
    const rows = templates.map((one) => [
      one.id,
      one.name,
      one.version,
      one.published ? "published" : "draft",
      String(count(one.measurements.telemetry)),
      String(count(one.measurements.states)),
      String(count(one.measurements.events)),
      String(count(one.settings.device)),
      String(count(one.properties.cloud) + count(one.properties.device)),
    ]);
    const headings = ["id", "name", "version", "state", "telemetry", "states", "events", "settings", "properties"];
    terminal.print(renderTable(headings, rows, terminal));
  },
});

export const showTemplateCommand = serverCommand({
  name: "template show",
  purpose: "show what a device template defines",
  arguments: ["TEMPLATE"],
  options: templateVersion,
  examples: [
    ["coldpath template show 'Refrigerated Vending Machine'", "its newest published version"],
    ["coldpath template show c318d580-39fc-4aca-b995-843719821049 --template-version 2.0.0", "another version, by id"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const template = await findTemplate(client, id, values.templateVersion);
    if (values.json === true) {
      terminal.print(JSON.stringify(template, null, 2));
      return;
    }
    terminal.print(
      renderFields(
        [
          ["id", template.id],
          ["name", template.name],
          ["version", `${template.version} (${template.published ? "published" : "draft"})`],
          ["created", template.createdAt],
        ],
        terminal,
      ),
    );
    const rows = definitionsOf(template);
    if (rows.length > 0) {
      terminal.print("");
      terminal.print(renderTable(["kind", "field", "name", "type", "limits", "initial"], rows, terminal));
    }
  },
});

export const exportTemplateCommand = serverCommand({
  name: "template export",
  purpose: "print a device template as a file that create and new-version take",
  arguments: ["TEMPLATE"],
  options: templateVersion,
  examples: [
    ["coldpath template export 'Refrigerated Vending Machine' > fridge.json", "edit it, then new-version fridge.json"],
    ["coldpath template export Pump --template-version 1.0.0 > pump.json", "that version"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const {
      published: _,
      etag: _etag,
      createdAt: _at,
      ...file
    } = await findTemplate(client, id, values.templateVersion);
    terminal.print(JSON.stringify(file, null, 2));
  },
});

function definitionsOf({ measurements, settings, properties }: DeviceTemplate): readonly (readonly string[])[] {
  const { telemetry, states, events } = measurements;
  const rows: (readonly string[])[] = [];
  for (const [field, one] of Object.entries(telemetry)) {
    rows.push(["telemetry", field, one.name, typeText(one), limitsText(one), ""]);
  }
  for (const [field, one] of Object.entries(states)) {
    rows.push(["state", field, one.name, "enum", one.values.map(({ value }) => value).join(", "), ""]);
  }
  for (const [field, one] of Object.entries(events)) rows.push(["event", field, one.name, one.category, "", ""]);
  for (const [kind, fields] of [
    ["setting", settings.device],
    ["cloud property", properties.cloud],
  ] as const) {
    for (const [field, one] of Object.entries(fields)) {
      const initial = one.initialValue === undefined ? "" : JSON.stringify(one.initialValue);
      rows.push([kind, field, one.name, typeText(one), limitsText(one), initial]);
    }
  }
  for (const [field, one] of Object.entries(properties.device)) {
    rows.push(["device property", field, one.name, one.dataType, limitsText(one), ""]);
  }
  return rows;
}

interface Limits {
  readonly minValue?: number | undefined;
  readonly maxValue?: number | undefined;
  readonly values?: readonly { readonly value: string }[] | undefined;
}

function typeText({ dataType, unit }: { readonly dataType: string; readonly unit?: string | undefined }): string {
  return unit === undefined ? dataType : `${dataType} in ${unit}`;
}

function limitsText({ minValue, maxValue, values }: Limits): string {
  if (values !== undefined) return values.map(({ value }) => value).join(", ");
  if (minValue === undefined && maxValue === undefined) return "";
  return `${minValue ?? ""}..${maxValue ?? ""}`;
}

function count(fields: object): number {
  return Object.keys(fields).length;
}
