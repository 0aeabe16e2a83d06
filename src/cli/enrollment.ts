// `coldpath enrollment`: single devices that may be provisioned, with keys of their own.

import type { Enrollment, KeyPair } from "../registry/registry.ts";
import { segment } from "./client.ts";
import type { CommandFamily } from "./command.ts";
import { printKeys, regenerateOption, templateCells, termsOf, termsOptions } from "./enrollment-terms.ts";
import { serverCommand } from "./family.ts";
import { confirm, yesOption } from "./output.ts";
import { everyPage } from "./pages.ts";
import { renderTable } from "./table.ts";

const listCommand = serverCommand({
  name: "enrollment list",
  purpose: "list individual enrollments",
  options: {},
  examples: [
    ["coldpath enrollment list", "a table"],
    ["coldpath enrollment list --json", "for a program"],
  ],
  run: async ({ client, values, terminal }) => {
    const enrollments = await everyPage<Enrollment>(client, "/enrollments", {});
    if (values.json === true) terminal.print(JSON.stringify(enrollments, null, 2));
    else if (enrollments.length === 0) terminal.complain("coldpath: There is no individual enrollment.");
    else {
      const templateOf = await templateCells(client);
      const rows = enrollments.map((one) => [
        one.registrationId,
        one.deviceId,
        one.attestation,
        templateOf(one),
        one.enabled ? "yes" : "no",
      ]);
      terminal.print(renderTable(["registration", "device", "proof", "template", "enabled"], rows, terminal));
    }
  },
});

const createCommand = serverCommand({
  name: "enrollment create",
  purpose: "let one device be provisioned, with keys of its own",
  arguments: ["REGISTRATION_ID"],
  options: {
    ...termsOptions,
    "device-id": {
      group: "Options",
      type: "string",
      isFlagOnly: true,
      description: "Id of its device; the registration id when left out.",
    },
    thumbprint: {
      group: "Options",
      type: "string",
      isFlagOnly: true,
      description: "SHA-1 or SHA-256 thumbprint of the device's certificate, in place of keys.",
    },
    "secondary-thumbprint": {
      group: "Options",
      type: "string",
      isFlagOnly: true,
      description: "Of the certificate that comes next.",
    },
  },
  examples: [
    ["coldpath enrollment create pump-7 --template Pump", "with new keys"],
    ["coldpath enrollment create pump-7 --json", "the result for a program"],
  ],
  run: async ({ client, values, positionals: [registrationId = ""], terminal }) => {
    const { deviceId, thumbprint: primaryThumbprint, secondaryThumbprint } = values;
    const isByCertificate = primaryThumbprint !== undefined;
    const enrollment = await client.post<Enrollment>("/enrollments", {
      registrationId,
      ...(deviceId === undefined ? {} : { deviceId }),
      ...(isByCertificate ? { attestation: "x509", primaryThumbprint } : {}),
      ...(secondaryThumbprint === undefined ? {} : { secondaryThumbprint }),
      ...(await termsOf(client, values)),
    });
    if (values.json === true) terminal.print(JSON.stringify(enrollment, null, 2));
    else if (isByCertificate) terminal.print(`${registrationId} may come.`);
    else terminal.print(`${registrationId} may come; \`coldpath enrollment keys ${registrationId}\` shows its keys.`);
  },
});

const keysCommand = serverCommand({
  name: "enrollment keys",
  purpose: "show an individual enrollment's keys, or make a key anew",
  arguments: ["REGISTRATION_ID"],
  options: regenerateOption,
  examples: [
    ["coldpath enrollment keys pump-7", "both; either is good"],
    ["coldpath enrollment keys pump-7 --regenerate secondary", "its device gets it when it registers again"],
  ],
  run: async ({ client, values, positionals: [registrationId = ""], terminal }) => {
    const path = `/enrollments/${segment(registrationId)}/keys`;
    const { regenerate } = values;
    const keys =
      regenerate === undefined ? await client.get<KeyPair>(path) : await client.put<KeyPair>(path, { regenerate });
    printKeys(keys, values.json === true, terminal);
  },
});

const deleteCommand = serverCommand({
  name: "enrollment delete",
  purpose: "delete an individual enrollment; a device that was made stays",
  arguments: ["REGISTRATION_ID"],
  options: yesOption,
  examples: [
    ["coldpath enrollment delete pump-7", "asks first"],
    ["coldpath enrollment delete pump-7 --yes", "for scripts"],
  ],
  run: async ({ client, values, positionals: [registrationId = ""], terminal }) => {
    await confirm("enrollment delete", `Delete the enrollment of ${registrationId}?`, values, terminal);
    await client.delete(`/enrollments/${segment(registrationId)}`);
    if (values.json === true) terminal.print(JSON.stringify({ deleted: registrationId }));
    else terminal.print(`The enrollment of ${registrationId} was deleted.`);
  },
});

export const enrollmentCommands: CommandFamily = {
  kind: "family",
  name: "enrollment",
  purpose: "single devices that may be provisioned",
  commands: [listCommand, createCommand, keysCommand, deleteCommand],
  examples: [
    ["coldpath enrollment create pump-7 --template Pump", "one device"],
    ["coldpath enrollment keys pump-7", "what goes onto it"],
  ],
};
