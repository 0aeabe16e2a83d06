// `coldpath ca-certificate`: the authorities whose certificates let devices in.

import { readFileSync } from "node:fs";
import { messageOf } from "../lib/errors.ts";
import type { CaCertificate } from "../registry/registry.ts";
import { type Client, segment } from "./client.ts";
import type { CommandFamily } from "./command.ts";
import { UsageError } from "./errors.ts";
import { serverCommand } from "./family.ts";
import { findCaCertificate, listOf } from "./lookup.ts";
import { confirm, yesOption } from "./output.ts";
import { renderFields, renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const path = "/ca-certificates";

const listCommand = serverCommand({
  name: "ca-certificate list",
  purpose: "list CA certificates",
  options: {},
  examples: [
    ["coldpath ca-certificate list", "a table"],
    ["coldpath ca-certificate list --json", "for a program"],
  ],
  run: async ({ client, values, terminal }) => {
    const all = await listOf<CaCertificate>(client, path);
    if (values.json === true) terminal.print(JSON.stringify(all, null, 2));
    else if (all.length === 0) terminal.complain("coldpath: There is no CA certificate.");
    else {
      const rows = all.map((one) => [one.name, one.commonName, one.verifiedAt ?? "not verified", one.validUntil]);
      terminal.print(renderTable(["name", "common name", "verified", "valid until"], rows, terminal));
    }
  },
});

const addCommand = serverCommand({
  name: "ca-certificate add",
  purpose: "add a CA certificate; prints the code that its owner must sign",
  arguments: ["NAME", "FILE"],
  details:
    "Devices get in by it after `coldpath ca-certificate verify`: its owner signs a certificate that has the code as common name, and so shows to have the key.",
  options: {},
  examples: [
    ["coldpath ca-certificate add factory factory-ca.pem", "prints the code"],
    ["coldpath ca-certificate add factory factory-ca.pem --json", "for a program"],
  ],
  run: async ({ client, values, positionals: [name = "", file = ""], terminal }) => {
    const certificate = readPem("ca-certificate add", file);
    const made = await client.post<CaCertificate>(path, { name, certificate });
    printCode(made, values.json === true, terminal);
  },
});

const showCommand = serverCommand({
  name: "ca-certificate show",
  purpose: "show one CA certificate",
  arguments: ["NAME"],
  options: {},
  examples: [
    ["coldpath ca-certificate show factory", "its state, and the code while there is one"],
    ["coldpath ca-certificate show factory --json", "with the certificate itself"],
  ],
  run: async ({ client, values, positionals: [name = ""], terminal }) => {
    const one = await findCaCertificate(client, name);
    if (values.json === true) return terminal.print(JSON.stringify(one, null, 2));
    terminal.print(
      renderFields(
        [
          ["name", one.name],
          ["id", one.id],
          ["common name", one.commonName],
          ["SHA-256 thumbprint", one.thumbprint],
          ["valid from", one.validFrom],
          ["valid until", one.validUntil],
          ["verified", one.verifiedAt ?? "not yet"],
          ["code", one.verification === null ? "–" : `${one.verification.code}, until ${one.verification.expiresAt}`],
        ],
        terminal,
      ),
    );
  },
});

const codeCommand = serverCommand({
  name: "ca-certificate code",
  purpose: "make a new code to be signed, in place of the former one",
  arguments: ["NAME"],
  options: {},
  examples: [
    ["coldpath ca-certificate code factory", "prints the code"],
    ["coldpath ca-certificate code factory --json", "for a program"],
  ],
  run: async ({ client, values, positionals: [name = ""], terminal }) => {
    const one = await client.post<CaCertificate>(`${await pathOf(client, name)}/verification-code`);
    printCode(one, values.json === true, terminal);
  },
});

const verifyCommand = serverCommand({
  name: "ca-certificate verify",
  purpose: "hand in the signed code; from then on devices get in by the CA certificate",
  arguments: ["NAME", "FILE"],
  options: {},
  examples: [
    ["coldpath ca-certificate verify factory code.pem", "a certificate with the code as common name"],
    ["coldpath ca-certificate verify factory code.pem --json", "the result for a program"],
  ],
  run: async ({ client, values, positionals: [name = "", file = ""], terminal }) => {
    const certificate = readPem("ca-certificate verify", file);
    const one = await client.post<CaCertificate>(`${await pathOf(client, name)}/verify`, { certificate });
    if (values.json === true) terminal.print(JSON.stringify(one, null, 2));
    else terminal.print(`The CA certificate ${one.name} is verified: it lets devices of type x509-ca in.`);
  },
});

const deleteCommand = serverCommand({
  name: "ca-certificate delete",
  purpose: "delete a CA certificate; connections that came in by it are closed",
  arguments: ["NAME"],
  options: yesOption,
  examples: [
    ["coldpath ca-certificate delete factory", "asks first"],
    ["coldpath ca-certificate delete factory --yes", "for scripts"],
  ],
  run: async ({ client, values, positionals: [name = ""], terminal }) => {
    const one = await findCaCertificate(client, name);
    await confirm("ca-certificate delete", `Delete the CA certificate ${one.name}?`, values, terminal);
    await client.delete(`${path}/${segment(one.id)}`);
    if (values.json === true) terminal.print(JSON.stringify({ deleted: one.id }));
    else terminal.print(`The CA certificate ${one.name} was deleted.`);
  },
});

export const caCertificateCommands: CommandFamily = {
  kind: "family",
  name: "ca-certificate",
  purpose: "authorities whose certificates let devices in",
  details: "NAME is a CA certificate's name or id.",
  commands: [listCommand, addCommand, showCommand, codeCommand, verifyCommand, deleteCommand],
  examples: [
    ["coldpath ca-certificate add factory factory-ca.pem", "prints the code to be signed"],
    ["coldpath ca-certificate verify factory code.pem", "devices get in from then on"],
  ],
};

async function pathOf(client: Client, name: string): Promise<string> {
  return `${path}/${segment((await findCaCertificate(client, name)).id)}`;
}

function printCode(one: CaCertificate, isJson: boolean, terminal: Terminal): void {
  if (isJson) return terminal.print(JSON.stringify(one, null, 2));
  const { code = "", expiresAt = "" } = one.verification ?? {};
  terminal.complain(`Sign a certificate with this as its common name with the key of ${one.name}, by ${expiresAt}:`);
  terminal.print(code);
}

/** @param command  for the error: whose help says more. */
export function readPem(command: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(command, `Cannot read ${file}: ${messageOf(error)}.`);
  }
}
