// `coldpath module`: identities of their own within a device.

import type { Device, KeyPair, Module, ModuleTwin } from "../registry/registry.ts";
import { type Client, segment } from "./client.ts";
import type { CommandFamily } from "./command.ts";
import { readDesired } from "./device-twin.ts";
import { serverCommand } from "./family.ts";
import { findDevice, listOf } from "./lookup.ts";
import { confirm, yesOption } from "./output.ts";
import { renderFields, renderTable } from "./table.ts";

interface Credentials extends KeyPair {
  readonly primaryConnectionString: string;
  readonly secondaryConnectionString: string;
}
type ShownModule = Module & { readonly connected: boolean };

const which = {
  group: "Options",
  type: "enum",
  values: ["primary", "secondary"],
  isFlagOnly: true,
} as const;

const listCommand = serverCommand({
  name: "module list",
  purpose: "list the modules of a device",
  arguments: ["DEVICE"],
  options: {},
  examples: [
    ["coldpath module list gateway-1", "a table"],
    ["coldpath module list gateway-1 --json", "for a program"],
  ],
  run: async ({ client, values, positionals: [device = ""], terminal }) => {
    const { id } = await findDevice<Device>(client, device);
    const modules = await listOf<ShownModule>(client, `/devices/${segment(id)}/modules`);
    if (values.json === true) terminal.print(JSON.stringify(modules, null, 2));
    else if (modules.length === 0) terminal.complain(`coldpath: The device ${id} has no module.`);
    else {
      const rows = modules.map((one) => [one.id, one.connected ? "yes" : "no", one.createdAt]);
      terminal.print(renderTable(["id", "connected", "created"], rows, terminal));
    }
  },
});

const createCommand = serverCommand({
  name: "module create",
  purpose: "make a module of a device and print its connection string",
  arguments: ["DEVICE", "MODULE"],
  options: {},
  examples: [
    ["coldpath module create gateway-1 vision", "prints the connection string"],
    ["coldpath module create gateway-1 vision --json", "for a program"],
  ],
  run: async ({ client, values, positionals: [device = "", moduleId = ""], terminal }) => {
    const { id } = await findDevice<Device>(client, device);
    const module = await client.post<Module>(`/devices/${segment(id)}/modules`, { id: moduleId });
    const credentials = await client.get<Credentials>(`${pathTo(id, moduleId)}/credentials`);
    if (values.json === true) return terminal.print(JSON.stringify({ module, ...credentials }, null, 2));
    terminal.complain(`Module ${id}/${moduleId} was created. Its connection string:`);
    terminal.print(credentials.primaryConnectionString);
  },
});

const keysCommand = serverCommand({
  name: "module keys",
  purpose: "show a module's keys and connection strings, or make a key anew",
  arguments: ["DEVICE", "MODULE"],
  options: { regenerate: { ...which, description: "Make this key anew; the other stays." } },
  examples: [
    ["coldpath module keys gateway-1 vision", "both keys and connection strings"],
    ["coldpath module keys gateway-1 vision --regenerate secondary", "a new secondary key"],
  ],
  run: async ({ client, values, positionals, terminal }) => {
    const path = await pathOf(client, positionals);
    if (values.regenerate !== undefined) await client.put(`${path}/keys`, { regenerate: values.regenerate });
    const credentials = await client.get<Credentials>(`${path}/credentials`);
    if (values.json === true) return terminal.print(JSON.stringify(credentials, null, 2));
    terminal.print(
      renderFields(
        [
          ["primary key", credentials.primaryKey],
          ["secondary key", credentials.secondaryKey],
          ["primary connection string", credentials.primaryConnectionString],
          ["secondary connection string", credentials.secondaryConnectionString],
        ],
        terminal,
      ),
    );
  },
});

const twinCommand = serverCommand({
  name: "module twin",
  purpose: "show a module's twin, or change what is wanted of it",
  arguments: ["DEVICE", "MODULE"],
  options: {
    desired: {
      group: "Options",
      type: "string",
      isFlagOnly: true,
      description: "A JSON merge patch of desired; null removes.",
    },
  },
  examples: [
    ["coldpath module twin gateway-1 vision", "both sides"],
    ["coldpath module twin gateway-1 vision --desired '{\"interval\":30}'", "change desired, then show it"],
  ],
  run: async ({ client, values, positionals, terminal }) => {
    const path = `${await pathOf(client, positionals)}/twin`;
    const twin =
      values.desired === undefined
        ? await client.get<ModuleTwin>(path)
        : await client.patch<ModuleTwin>(path, { desired: readDesired("module twin", values.desired) });
    if (values.json === true) return terminal.print(JSON.stringify(twin, null, 2));
    const { desired, reported } = twin;
    terminal.print(
      renderFields(
        [
          ["desired", `${JSON.stringify(desired.content)} (version ${desired.version})`],
          ["reported", `${JSON.stringify(reported.content)} (version ${reported.version})`],
        ],
        terminal,
      ),
    );
  },
});

const deleteCommand = serverCommand({
  name: "module delete",
  purpose: "delete a module with its twin; what it sent stays",
  arguments: ["DEVICE", "MODULE"],
  options: yesOption,
  examples: [
    ["coldpath module delete gateway-1 vision", "asks first"],
    ["coldpath module delete gateway-1 vision --yes", "for scripts"],
  ],
  run: async ({ client, values, positionals, terminal }) => {
    const path = await pathOf(client, positionals);
    const named = positionals.join("/");
    await confirm("module delete", `Delete the module ${named}?`, values, terminal);
    await client.delete(path);
    if (values.json === true) terminal.print(JSON.stringify({ deleted: named }));
    else terminal.print(`Module ${named} was deleted.`);
  },
});

export const moduleCommands: CommandFamily = {
  kind: "family",
  name: "module",
  purpose: "modules of devices: identities of their own, with keys and a twin",
  details: "DEVICE is a device's id, or its name where only one device has it.",
  commands: [listCommand, createCommand, keysCommand, twinCommand, deleteCommand],
  examples: [
    ["coldpath module create gateway-1 vision", "prints its connection string"],
    ["coldpath module list gateway-1", "all of a device"],
  ],
};

async function pathOf(client: Client, [device = "", moduleId = ""]: readonly string[]): Promise<string> {
  return pathTo((await findDevice<Device>(client, device)).id, moduleId);
}

function pathTo(deviceId: string, moduleId: string): string {
  return `/devices/${segment(deviceId)}/modules/${segment(moduleId)}`;
}
