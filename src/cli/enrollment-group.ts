// `coldpath enrollment-group`: devices that prove themselves by keys derived from one.

import type { EnrollmentGroup, KeyPair } from "../registry/registry.ts";
import { segment } from "./client.ts";
import type { CommandFamily } from "./command.ts";
import {
  enabledOption,
  printKeys,
  regenerateOption,
  templateCells,
  termsOf,
  termsOptions,
} from "./enrollment-terms.ts";
import { serverCommand } from "./family.ts";
import { findCaCertificate, findEnrollmentGroup, listOf } from "./lookup.ts";
import { confirm, yesOption } from "./output.ts";
import { renderTable } from "./table.ts";

const authorityOption = {
  "ca-certificate": {
    group: "Options",
    type: "string",
    isFlagOnly: true,
    description: "CA certificate, id or name, that the certificates of its devices lead to, in place of keys.",
  },
} as const;

const listCommand = serverCommand({
  name: "enrollment-group list",
  purpose: "list enrollment groups",
  options: {},
  examples: [
    ["coldpath enrollment-group list", "a table"],
    ["coldpath enrollment-group list --json", "for a program"],
  ],
  run: async ({ client, values, terminal }) => {
    const groups = await listOf<EnrollmentGroup>(client, "/enrollment-groups");
    if (values.json === true) terminal.print(JSON.stringify(groups, null, 2));
    else if (groups.length === 0) {
      terminal.complain("coldpath: There is no enrollment group; `coldpath enrollment-group create NAME` makes one.");
    } else {
      const templateOf = await templateCells(client);
      const rows = groups.map((one) => [
        one.name,
        one.attestation,
        templateOf(one),
        one.autoApprove ? "by itself" : "each",
        one.enabled ? "yes" : "no",
      ]);
      terminal.print(renderTable(["name", "proof", "template", "approved", "enabled"], rows, terminal));
    }
  },
});

const createCommand = serverCommand({
  name: "enrollment-group create",
  purpose: "make an enrollment group with new keys",
  arguments: ["NAME"],
  options: {
    ...termsOptions,
    ...authorityOption,
  },
  examples: [
    ["coldpath enrollment-group create line-1 --template Pump", "its devices become pumps"],
    ["coldpath enrollment-group create line-3 --ca-certificate factory", "devices with certificates"],
    ["coldpath enrollment-group create line-2 --no-auto-approve", "each waits to be approved"],
  ],
  run: async ({ client, values, positionals: [name = ""], terminal }) => {
    const { caCertificate } = values;
    const authority = caCertificate === undefined ? null : await findCaCertificate(client, caCertificate);
    const group = await client.post<EnrollmentGroup>("/enrollment-groups", {
      name,
      ...(authority === null ? {} : { attestation: "x509", caCertificateId: authority.id }),
      ...(await termsOf(client, values)),
    });
    if (values.json === true) terminal.print(JSON.stringify(group, null, 2));
    else if (authority !== null) terminal.print(`The enrollment group ${group.name} was made.`);
    else {
      terminal.print(
        `The enrollment group ${group.name} was made; \`coldpath enrollment-group device-keys ${group.name} ID\` derives a device's keys.`,
      );
    }
  },
});

const updateCommand = serverCommand({
  name: "enrollment-group update",
  purpose: "change on which terms devices come, or whether they may",
  details: "Devices that were made are as they were.",
  arguments: ["NAME"],
  options: {
    ...termsOptions,
    ...enabledOption,
    ...authorityOption,
    rename: { group: "Options", type: "string", isFlagOnly: true, description: "Another name." },
  },
  examples: [
    ["coldpath enrollment-group update line-1 --template Pump", "those that wait come in, too"],
    ["coldpath enrollment-group update line-1 --no-enabled", "nobody comes in any more"],
  ],
  run: async ({ client, values, positionals: [idOrName = ""], terminal }) => {
    const { id } = await findEnrollmentGroup(client, idOrName);
    const { enabled, rename, caCertificate } = values;
    const authority = caCertificate === undefined ? null : await findCaCertificate(client, caCertificate);
    const group = await client.patch<EnrollmentGroup>(`/enrollment-groups/${segment(id)}`, {
      ...(await termsOf(client, values)),
      ...(enabled === undefined ? {} : { enabled }),
      ...(rename === undefined ? {} : { name: rename }),
      ...(authority === null ? {} : { caCertificateId: authority.id }),
    });
    terminal.print(
      values.json === true ? JSON.stringify(group, null, 2) : `The enrollment group ${group.name} is as you said.`,
    );
  },
});

const keysCommand = serverCommand({
  name: "enrollment-group keys",
  purpose: "show an enrollment group's keys, or make a key anew",
  details:
    "Whoever has one can register any id that is not taken. Devices that were provisioned keep the keys they have, and get the new ones when they register again.",
  arguments: ["NAME"],
  options: regenerateOption,
  examples: [
    ["coldpath enrollment-group keys line-1", "both"],
    ["coldpath enrollment-group keys line-1 --regenerate secondary", "a new secondary key"],
  ],
  run: async ({ client, values, positionals: [idOrName = ""], terminal }) => {
    const { id } = await findEnrollmentGroup(client, idOrName);
    const path = `/enrollment-groups/${segment(id)}/keys`;
    const { regenerate } = values;
    const keys =
      regenerate === undefined ? await client.get<KeyPair>(path) : await client.put<KeyPair>(path, { regenerate });
    printKeys(keys, values.json === true, terminal);
  },
});

const deviceKeysCommand = serverCommand({
  name: "enrollment-group device-keys",
  purpose: "derive the keys of one device from its group's: what is put on the device",
  arguments: ["NAME", "REGISTRATION_ID"],
  options: {},
  examples: [
    ["coldpath enrollment-group device-keys line-1 pump-7", "either is good"],
    ["coldpath enrollment-group device-keys line-1 pump-7 --json", "for a program"],
  ],
  run: async ({ client, values, positionals: [idOrName = "", registrationId = ""], terminal }) => {
    const { id } = await findEnrollmentGroup(client, idOrName);
    const path = `/enrollment-groups/${segment(id)}/device-keys/${segment(registrationId)}`;
    printKeys(await client.get<KeyPair>(path), values.json === true, terminal);
  },
});

const deleteCommand = serverCommand({
  name: "enrollment-group delete",
  purpose: "delete an enrollment group; devices that were made stay",
  arguments: ["NAME"],
  options: yesOption,
  examples: [
    ["coldpath enrollment-group delete line-1", "asks first"],
    ["coldpath enrollment-group delete line-1 --yes", "for scripts"],
  ],
  run: async ({ client, values, positionals: [idOrName = ""], terminal }) => {
    const { id, name } = await findEnrollmentGroup(client, idOrName);
    await confirm("enrollment-group delete", `Delete the enrollment group ${name}?`, values, terminal);
    await client.delete(`/enrollment-groups/${segment(id)}`);
    if (values.json === true) terminal.print(JSON.stringify({ deleted: id }));
    else terminal.print(`The enrollment group ${name} was deleted.`);
  },
});

export const enrollmentGroupCommands: CommandFamily = {
  kind: "family",
  name: "enrollment-group",
  purpose: "devices that are provisioned by keys derived from one",
  commands: [listCommand, createCommand, updateCommand, keysCommand, deviceKeysCommand, deleteCommand],
  examples: [
    ["coldpath enrollment-group create line-1 --template Pump", "a group"],
    ["coldpath enrollment-group device-keys line-1 pump-7", "what goes onto one of its devices"],
  ],
};
