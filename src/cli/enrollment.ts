// `coldpath enrollment`: single devices that may be provisioned, with keys of their own.

import type { Enrollment, KeyPair } from "../registry/registry.ts";
import { certificateOptions, changedCertificateOptions, thumbprintsGiven } from "./certificate-options.ts";
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
    ...certificateOptions,
  },
  examples: [
    ["coldpath enrollment create pump-7 --template Pump", "with new keys"],
    ["coldpath enrollment create pump-7 --certificate pump-7.pem", "by this certificate, in place of keys"],
  ],
  run: async ({ client, values, positionals: [registrationId = ""], terminal }) => {
    const { deviceId } = values;
    const thumbprints = thumbprintsGiven("enrollment create", values);
    const enrollment = await client.post<Enrollment>("/enrollments", {
      registrationId,
      ...(deviceId === undefined ? {} : { deviceId }),
      ...(thumbprints === null ? {} : { attestation: "x509", ...thumbprints }),
      ...(await termsOf(client, values)),
    });
    if (values.json === true) terminal.print(JSON.stringify(enrollment, null, 2));
    else if (thumbprints !== null) terminal.print(`${registrationId} may come.`);
    else terminal.print(`${registrationId} may come; \`coldpath enrollment keys ${registrationId}\` shows its keys.`);
  },
});

const updateCommand = serverCommand({
  name: "enrollment update",
  purpose: "change an individual enrollment: its terms, whether its device may come, by which certificates",
  arguments: ["REGISTRATION_ID"],
  details:
    "A device that was made is as it was until it registers again; then it gets the certificates of its enrollment.\nA certificate is replaced without a gap: give the next one as the second, put it on the device, then give it as the first, with --no-secondary. What is not given stays.",
  options: { ...termsOptions, ...enabledOption, ...changedCertificateOptions },
  examples: [
    ["coldpath enrollment update pump-7 --secondary-certificate next.pem", "by the next certificate, too"],
    ["coldpath enrollment update pump-7 --no-enabled", "it is not let in any more"],
  ],
  run: async ({ client, values, positionals: [registrationId = ""], terminal }) => {
    const { enabled } = values;
    const enrollment = await client.patch<Enrollment>(`/enrollments/${segment(registrationId)}`, {
      ...(await termsOf(client, values)),
      ...(enabled === undefined ? {} : { enabled }),
      ...thumbprintsGiven("enrollment update", values),
    });
    if (values.json === true) terminal.print(JSON.stringify(enrollment, null, 2));
    else terminal.print(`The enrollment of ${registrationId} is as you said.`);
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
  commands: [listCommand, createCommand, updateCommand, keysCommand, deleteCommand],
  examples: [
    ["coldpath enrollment create pump-7 --template Pump", "one device"],
    ["coldpath enrollment keys pump-7", "what goes onto it"],
  ],
};
