// `coldpath token`: API tokens, by which scripts call the REST API.

import { type ApiToken, roles } from "../registry/registry.ts";
import { segment } from "./client.ts";
import type { CommandFamily } from "./command.ts";
import { UsageError } from "./errors.ts";
import { serverCommand } from "./family.ts";
import { findApiToken, listOf } from "./lookup.ts";
import { confirm, yesOption } from "./output.ts";
import { renderTable } from "./table.ts";

const listCommand = serverCommand({
  name: "token list",
  purpose: "list API tokens",
  options: {},
  examples: [
    ["coldpath token list", "a table"],
    ["coldpath token list --json", "for a program"],
  ],
  run: async ({ client, values, terminal }) => {
    const tokens = await listOf<ApiToken>(client, "/tokens");
    if (values.json === true) terminal.print(JSON.stringify(tokens, null, 2));
    else if (tokens.length === 0) terminal.complain("coldpath: There is no API token.");
    else {
      terminal.print(
        renderTable(
          ["name", "role", "expires", "last used", "made by", "id"],
          tokens.map((one) => [one.name, one.role, one.expiresAt, one.lastUsedAt ?? "–", one.createdBy, one.id]),
          terminal,
        ),
      );
    }
  },
});

const createCommand = serverCommand({
  name: "token create",
  purpose: "make an API token; it is shown this once",
  arguments: ["NAME"],
  usage: "--role ROLE",
  options: {
    role: {
      group: "Options",
      type: "enum",
      values: roles,
      isFlagOnly: true,
      description: "What whoever shows it may do.",
    },
    days: {
      group: "Options",
      type: "integer",
      min: "1",
      max: "366",
      default: "90",
      isFlagOnly: true,
      description: "How long it works.",
    },
  },
  examples: [
    ["coldpath token create nightly-report --role operator", "for 90 days"],
    ["coldpath token create deploy --role administrator --days 7 --json", "for a program"],
  ],
  run: async ({ client, values, positionals: [name = ""], terminal }) => {
    if (values.role === undefined) throw new UsageError("token create", `Give a --role: ${roles.join(", ")}.`);
    const { role, days: expiresInDays } = values;
    const made = await client.post<ApiToken & { token: string }>("/tokens", {
      name,
      role,
      expiresInDays,
    });
    if (values.json === true) terminal.print(JSON.stringify(made, null, 2));
    else {
      terminal.print(made.token);
      terminal.complain(`coldpath: Keep it: it is not shown again. ${made.role}, until ${made.expiresAt}.`);
    }
  },
});

const deleteCommand = serverCommand({
  name: "token delete",
  purpose: "delete an API token: what shows it is refused",
  arguments: ["NAME"],
  options: yesOption,
  examples: [
    ["coldpath token delete nightly-report", "asks first"],
    ["coldpath token delete nightly-report --yes", "for scripts"],
  ],
  run: async ({ client, values, positionals: [idOrName = ""], terminal }) => {
    const { id, name } = await findApiToken(client, idOrName);
    await confirm("token delete", `Delete the API token ${name}?`, values, terminal);
    await client.delete(`/tokens/${segment(id)}`);
    if (values.json === true) terminal.print(JSON.stringify({ deleted: id }));
    else terminal.print(`The API token ${name} was deleted.`);
  },
});

export const tokenCommands: CommandFamily = {
  kind: "family",
  name: "token",
  purpose: "API tokens, for scripts",
  commands: [listCommand, createCommand, deleteCommand],
  examples: [
    ["coldpath token list", "all of them"],
    ["coldpath token create nightly-report --role operator", "a new one"],
  ],
};
