// `coldpath device twin`: what is wanted of a device, what it says of itself, and whether its settings are synced.

import type { JsonObject, SettingSync, TwinSection } from "../registry/registry.ts";
import { type Client, segment } from "./client.ts";
import { UsageError } from "./errors.ts";
import { serverCommand } from "./family.ts";
import { findDevice } from "./lookup.ts";
import { renderFields, renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

interface DeviceTwinAnswer {
  readonly deviceId: string;
  readonly desired: TwinSection;
  readonly reported: TwinSection;
  readonly settings: Readonly<Record<string, SettingSync>>;
  readonly unfit: readonly string[];
}

const name = "device twin";

export const deviceTwinCommand = serverCommand({
  name,
  purpose: "show a device's twin: desired and reported properties, and whether settings are synced",
  arguments: ["ID"],
  details:
    "Settings are a part of desired: change them with `coldpath device update ID --setting NAME=VALUE`. With --desired a merge patch changes what else stands there.",
  options: {
    desired: {
      group: "Options",
      type: "string",
      isFlagOnly: true,
      description: "A JSON merge patch of desired, for what is no setting; null removes.",
    },
  },
  examples: [
    ["coldpath device twin fridge-7", "both sides, with the state of each setting"],
    ['coldpath device twin fridge-7 --desired \'{"interval":{"seconds":30}}\'', "change desired, then show it"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const device = await findDevice(client, id);
    const twin = await askFor(client, device.id, values.desired);
    if (values.json === true) terminal.print(JSON.stringify(twin, null, 2));
    else terminal.print(render(twin, terminal));
  },
});

async function askFor(client: Client, deviceId: string, patch: string | undefined): Promise<DeviceTwinAnswer> {
  const path = `/devices/${segment(deviceId)}/twin`;
  if (patch === undefined) return await client.get<DeviceTwinAnswer>(path);
  return await client.patch<DeviceTwinAnswer>(path, { desired: readDesired(name, patch) });
}

/** @param command  for the error: whose help says more. */
export function readDesired(command: string, patch: string): JsonObject {
  try {
    return JSON.parse(patch) as JsonObject;
  } catch {
    throw new UsageError(command, `--desired is not JSON: ${patch}`);
  }
}

function render({ desired, reported, settings, unfit }: DeviceTwinAnswer, terminal: Terminal): string {
  const section = ({ content, version }: TwinSection): string => `${JSON.stringify(content)} (version ${version})`;
  const fields: [string, string][] = [
    ["desired", section(desired)],
    ["reported", section(reported)],
  ];
  if (unfit.length > 0) fields.push(["does not fit the template", unfit.join(", ")]);
  const rows = Object.entries(settings).map(([setting, { state, desiredVersion, reported: value, message, at }]) => [
    setting,
    state,
    String(desiredVersion),
    value === undefined ? "" : JSON.stringify(value),
    at ?? "",
    message ?? "",
  ]);
  const parts = [renderFields(fields, terminal)];
  if (rows.length > 0) {
    parts.push(
      renderTable(["setting", "state", "set at version", "the device has", "answered", "message"], rows, terminal),
    );
  }
  return parts.join("\n\n");
}
