// `coldpath device create | update | delete | migrate`.

import type { OptionTable } from "../config/option.ts";
import type { Device, GivenAuthentication } from "../registry/registry.ts";
import { certificateOptions, thumbprintsGiven } from "./certificate-options.ts";
import { segment } from "./client.ts";
import { repeatedOf } from "./command.ts";
import { readAssignments } from "./device-values.ts";
import { UsageError } from "./errors.ts";
import { serverCommand } from "./family.ts";
import { findDevice, findTemplate } from "./lookup.ts";
import { confirm, yesOption } from "./output.ts";

const group = "The device";

const valueOptions = {
  property: {
    group,
    type: "string",
    isFlagOnly: true,
    form: "NAME=VALUE, or NAME to clear it",
    description: "A cloud property, as NAME=VALUE; NAME alone clears it. May be given several times.",
  },
  setting: {
    group,
    type: "string",
    isFlagOnly: true,
    form: "NAME=VALUE, or NAME to clear it",
    description: "A setting, as NAME=VALUE; NAME alone clears it. May be given several times.",
  },
} as const satisfies OptionTable;

interface Credentials {
  readonly primaryConnectionString: string;
  /** Null: it signs in by a key. */
  readonly x509ConnectionString: string | null;
}

export const createDeviceCommand = serverCommand({
  name: "device create",
  purpose: "create a device and print its connection string",
  arguments: ["[ID]"],
  usage: "[--template T]",
  details:
    "The connection string is all that is printed on standard output: give it to the device's software. Without ID, the device gets a GUID.",
  options: {
    template: {
      group,
      type: "string",
      isFlagOnly: true,
      description: "Its device template: id or name. Not needed while there is only one.",
    },
    "template-version": {
      group,
      type: "string",
      isFlagOnly: true,
      description: "Version of the template; the newest published one when left out.",
    },
    name: { group, type: "string", isFlagOnly: true, description: "Its name; the id when left out." },
    simulated: { group, type: "boolean", isFlagOnly: true, description: "The server sends in its place." },
    disabled: { group, type: "boolean", isFlagOnly: true, description: "It may not connect until it is enabled." },
    ...certificateOptions,
    "x509-ca": {
      group: "X.509",
      type: "boolean",
      isFlagOnly: true,
      description: "It signs in by any certificate for its id that leads to a verified CA certificate.",
    },
    ...valueOptions,
  },
  repeatable: ["property", "setting"],
  examples: [
    [
      "coldpath device create fridge-7 --template 'Refrigerated Vending Machine' --property location=Oslo",
      "one device",
    ],
    ["coldpath device create --template c318d580-39fc-4aca-b995-843719821049 --simulated", "a simulated one"],
    ["coldpath device create fridge-8 --certificate fridge-8.pem", "one that signs in by this certificate"],
  ],
  run: async ({ client, values, positionals: [id], terminal }) => {
    const { templateVersion, name } = values;
    const template = await findTemplate(client, values.template, templateVersion);
    const change = readAssignments("device create", template, {
      properties: repeatedOf(values.property),
      settings: repeatedOf(values.setting),
    });
    const device = await client.post<Device>("/devices", {
      id,
      name,
      templateId: template.id,
      templateVersion,
      simulated: values.simulated,
      enabled: values.disabled === true ? false : undefined,
      authentication: authenticationGiven(values),
      ...change,
    });
    const credentials = await client.get<Credentials>(`/devices/${segment(device.id)}/credentials`);
    if (values.json === true) {
      terminal.print(JSON.stringify({ device, ...credentials }, null, 2));
      return;
    }
    terminal.complain(`Device ${device.id} was created. Its connection string:`);
    terminal.print(credentials.x509ConnectionString ?? credentials.primaryConnectionString);
  },
});

export const updateDeviceCommand = serverCommand({
  name: "device update",
  purpose: "change a device's name, properties or settings",
  arguments: ["ID"],
  options: { name: { group, type: "string", isFlagOnly: true, description: "Its new name." }, ...valueOptions },
  repeatable: ["property", "setting"],
  examples: [
    ["coldpath device update fridge-7 --setting fanSpeed=3", "the next snapshot has it"],
    ["coldpath device update fridge-7 --name 'Canteen, left' --property location", "a new name; no location any more"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const former = await findDevice(client, id);
    const template = await findTemplate(client, former.templateId, former.templateVersion);
    const change = readAssignments("device update", template, {
      properties: repeatedOf(values.property),
      settings: repeatedOf(values.setting),
    });
    const device = await client.patch<Device>(`/devices/${segment(former.id)}`, { name: values.name, ...change });
    if (values.json === true) terminal.print(JSON.stringify(device, null, 2));
    else terminal.print(`Device ${device.id} ${device.etag === former.etag ? "was so already" : "was changed"}.`);
  },
});

export const deleteDeviceCommand = serverCommand({
  name: "device delete",
  purpose: "delete a device; what it sent stays, and is still exported",
  arguments: ["ID"],
  options: yesOption,
  examples: [
    ["coldpath device delete fridge-7", "asks first"],
    ["coldpath device delete fridge-7 --yes", "for scripts"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const device = await findDevice(client, id);
    const named = device.name === device.id ? device.id : `${device.id} (${device.name})`;
    await confirm("device delete", `Delete the device ${named}?`, values, terminal);
    await client.delete(`/devices/${segment(device.id)}`);
    if (values.json === true) terminal.print(JSON.stringify({ deleted: device.id }));
    else terminal.print(`Device ${named} was deleted.`);
  },
});

export const migrateDeviceCommand = serverCommand({
  name: "device migrate",
  purpose: "move a device to another version of its template",
  arguments: ["ID"],
  details:
    "Values whose field exists with the same data type stay, new fields get their initial value, the rest is dropped.",
  options: {
    "template-version": {
      group,
      type: "string",
      isFlagOnly: true,
      description: "The version; the newest published one when left out.",
    },
  },
  examples: [
    ["coldpath device migrate fridge-7 --template-version 2.0.0", "to that version"],
    ["coldpath device migrate fridge-7", "to the newest published one"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const { id: deviceId, templateId } = await findDevice(client, id);
    const templateVersion = values.templateVersion ?? (await findTemplate(client, templateId)).version;
    const device = await client.post<Device>(`/devices/${segment(deviceId)}/migrate`, { templateVersion });
    if (values.json === true) terminal.print(JSON.stringify(device, null, 2));
    else terminal.print(`Device ${device.id} has template version ${device.templateVersion}.`);
  },
});

/** Undefined: by its keys. */
function authenticationGiven(
  values: Parameters<typeof thumbprintsGiven>[1] & { readonly x509Ca: boolean | undefined },
): GivenAuthentication | undefined {
  const thumbprints = thumbprintsGiven("device create", values);
  if (values.x509Ca !== true) return thumbprints === null ? undefined : { type: "x509-thumbprint", ...thumbprints };
  if (thumbprints === null) return { type: "x509-ca" };
  throw new UsageError("device create", "Give a certificate of the device, or --x509-ca, not both.");
}
