// `coldpath device list | show`.

import type { Device, DeviceTemplate, Page, PropertyValue } from "../registry/registry.ts";
import { serverCommand } from "./family.ts";
import { findDevice, findTemplate, listOf } from "./lookup.ts";
import { renderFields, renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const pageSize = 1000;

/** What the API adds to a device. */
export interface DeviceAnswer extends Device {
  readonly connected?: boolean | undefined;
}

interface DevicePage extends Page<DeviceAnswer> {
  readonly total?: number | undefined;
}

export const listDevicesCommand = serverCommand({
  name: "device list",
  purpose: "list devices",
  options: {
    search: {
      group: "Selection",
      type: "string",
      isFlagOnly: true,
      description: "Only those with this text in their id or name.",
    },
    template: {
      group: "Selection",
      type: "string",
      isFlagOnly: true,
      description: "Only those of this device template: its id or name.",
    },
    simulated: {
      group: "Selection",
      type: "boolean",
      isFlagOnly: true,
      description: "Only simulated ones; with --no-simulated only real ones.",
    },
    enabled: {
      group: "Selection",
      type: "boolean",
      isFlagOnly: true,
      description: "Only those that may connect; with --no-enabled only blocked ones.",
    },
    connected: {
      group: "Selection",
      type: "boolean",
      isFlagOnly: true,
      description: "Only those with a connection open; with --no-connected only those without.",
    },
    "template-version": {
      group: "Selection",
      type: "string",
      isFlagOnly: true,
      description: "Only those on this version of their template.",
    },
    sort: {
      group: "Selection",
      type: "enum",
      values: ["id", "name", "template", "createdAt"],
      default: "id",
      isFlagOnly: true,
      description: "In order of this.",
    },
    descending: { group: "Selection", type: "boolean", isFlagOnly: true, description: "The other way round." },
    limit: {
      group: "Selection",
      type: "integer",
      min: "1",
      max: "10000000",
      default: "100",
      isFlagOnly: true,
      description: "At most so many.",
    },
  },
  examples: [
    ["coldpath device list --sort createdAt --descending", "the newest hundred"],
    ["coldpath device list --no-simulated --json --limit 100000", "every real device, for a program"],
  ],
  run: async ({ client, values, terminal }) => {
    const { search, template, limit, ...chosen } = values;
    const { templateVersion, simulated, enabled, connected, sort, descending } = chosen;
    const filter = { templateVersion, simulated, enabled, connected, sort, descending };
    const templateId = template === undefined ? undefined : (await findTemplate(client, template)).id;
    const devices: DeviceAnswer[] = [];
    let after: string | undefined;
    let total = 0;
    do {
      const query = { search, templateId, ...filter, limit: Math.min(pageSize, limit - devices.length), after };
      const page = await client.get<DevicePage>("/devices", query);
      devices.push(...page.items);
      total = page.total ?? devices.length;
      after = page.next ?? undefined;
    } while (after !== undefined && devices.length < limit);
    if (values.json === true) {
      terminal.print(JSON.stringify(devices, null, 2));
      return;
    }
    const templates = await listOf<DeviceTemplate>(client, "/device-templates");
    const nameOf = new Map(templates.map(({ id, name }) => [id, name]));
    const headings = ["id", "name", "template", "version", "simulated", "enabled", "connected"];
    const rows = devices.map((device) => [
      device.id,
      device.name,
      nameOf.get(device.templateId) ?? device.templateId,
      device.templateVersion,
      yesNo(device.simulated),
      yesNo(device.enabled),
      device.connected === undefined || device.simulated ? "–" : yesNo(device.connected),
    ]);
    if (rows.length > 0) terminal.print(renderTable(headings, rows, terminal));
    else terminal.complain("coldpath: No such device.");
    if (total > devices.length) {
      terminal.complain(`coldpath: ${devices.length} of ${total} devices; --limit shows more.`);
    }
  },
});

export const showDeviceCommand = serverCommand({
  name: "device show",
  purpose: "show a device with its properties and settings",
  arguments: ["ID"],
  options: {},
  examples: [
    ["coldpath device show fridge-7", "everything but its keys"],
    ["coldpath device show 'Refrigerator 2' --json", "by name, for a program"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const device = await findDevice<DeviceAnswer>(client, id);
    terminal.print(values.json === true ? JSON.stringify(device, null, 2) : renderDevice(device, terminal));
  },
});

function renderDevice(device: DeviceAnswer, terminal: Terminal): string {
  return renderFields(
    [
      ["id", device.id],
      ["name", device.name],
      ["template", `${device.templateId} version ${device.templateVersion}`],
      ["simulated", yesNo(device.simulated)],
      ["enabled", yesNo(device.enabled)],
      ...(device.connected === undefined ? [] : [["connected", yesNo(device.connected)] as const]),
      ["generation", device.generationId],
      ["created", device.createdAt],
      ["cloud properties", renderValues(device.properties.cloud)],
      ["device properties", renderValues(device.properties.device)],
      ["settings", renderValues(device.settings.device)],
    ],
    terminal,
  );
}

function renderValues(values: Readonly<Record<string, PropertyValue>>): string {
  const entries = Object.entries(values);
  return entries.length === 0 ? "–" : entries.map(([name, value]) => `${name} = ${JSON.stringify(value)}`).join("\n");
}

function yesNo(value: boolean): string {
  return value ? "yes" : "no";
}
