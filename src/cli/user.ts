// `coldpath user`: who may sign in to the web page, and the link with which the first administrator is made.

import { type User, roles } from "../registry/registry.ts";
import { segment } from "./client.ts";
import type { CommandFamily } from "./command.ts";
import { UsageError } from "./errors.ts";
import { serverCommand } from "./family.ts";
import { findUser, listOf } from "./lookup.ts";
import { confirm, yesOption } from "./output.ts";
import { passwordOption, readPassword } from "./secret-input.ts";
import { renderTable } from "./table.ts";

const roleOption = {
  role: {
    group: "Options",
    type: "enum",
    values: roles,
    isFlagOnly: true,
    description:
      "What the user may do: an operator looks after devices, a builder makes device templates too, an administrator everything.",
  },
} as const;

const listCommand = serverCommand({
  name: "user list",
  purpose: "list users",
  options: {},
  examples: [
    ["coldpath user list", "a table"],
    ["coldpath user list --json", "for a program"],
  ],
  run: async ({ client, values, terminal }) => {
    const users = await listOf<User>(client, "/users");
    if (values.json === true) terminal.print(JSON.stringify(users, null, 2));
    else if (users.length === 0) {
      terminal.complain(
        "coldpath: There is no user yet; `coldpath user setup-link` shows where the first one is made.",
      );
    } else {
      terminal.print(
        renderTable(
          ["name", "role", "signs in", "last sign-in", "created"],
          users.map((one) => [one.name, one.role, one.disabled ? "no" : "yes", one.lastSignInAt ?? "–", one.createdAt]),
          terminal,
        ),
      );
    }
  },
});

const createCommand = serverCommand({
  name: "user create",
  purpose: "make a user",
  arguments: ["NAME"],
  usage: "--role ROLE",
  options: { ...roleOption, ...passwordOption },
  examples: [
    ["coldpath user create ada --role administrator", "asks for the password"],
    ["coldpath user create bob --role operator --password-file -", "reads it from standard input"],
  ],
  run: async ({ client, values, positionals: [name = ""], terminal }) => {
    if (values.role === undefined) throw new UsageError("user create", `Give a --role: ${roles.join(", ")}.`);
    const password = await readPassword("user create", values.passwordFile, terminal);
    const user = await client.post<User>("/users", { name, role: values.role, password });
    if (values.json === true) terminal.print(JSON.stringify(user, null, 2));
    else terminal.print(`The user ${user.name} was made, as ${user.role}.`);
  },
});

const updateCommand = serverCommand({
  name: "user update",
  purpose: "change a user's name, role, password or access",
  details: "A change of role, password or access signs the user out everywhere.",
  arguments: ["NAME"],
  options: {
    ...roleOption,
    ...passwordOption,
    "new-password": {
      group: "Options",
      type: "boolean",
      isFlagOnly: true,
      description: "Set a new password: asked for, or from --password-file.",
    },
    rename: { group: "Options", type: "string", isFlagOnly: true, description: "The new name." },
    disabled: {
      group: "Options",
      type: "boolean",
      isFlagOnly: true,
      description: "Whether signing in is refused; --no-disabled lets the user in again.",
    },
  },
  examples: [
    ["coldpath user update ada --new-password", "for a lost password; asks for the new one"],
    ["coldpath user update bob --disabled", "bob is signed out and cannot sign in"],
  ],
  run: async ({ client, values, positionals: [idOrName = ""], terminal }) => {
    const { role, rename: name, disabled, newPassword, passwordFile } = values;
    const isPassword = newPassword === true || passwordFile !== undefined;
    if (role === undefined && name === undefined && disabled === undefined && !isPassword) {
      throw new UsageError("user update", "Say what to change: --role, --rename, --disabled or --new-password.");
    }
    const { id } = await findUser(client, idOrName);
    const password = isPassword ? await readPassword("user update", passwordFile, terminal) : undefined;
    const user = await client.patch<User>(`/users/${segment(id)}`, { role, name, disabled, password });
    if (values.json === true) terminal.print(JSON.stringify(user, null, 2));
    else terminal.print(`The user ${user.name} was changed: ${user.role}${user.disabled ? ", cannot sign in" : ""}.`);
  },
});

const deleteCommand = serverCommand({
  name: "user delete",
  purpose: "delete a user, who is signed out everywhere",
  arguments: ["NAME"],
  options: yesOption,
  examples: [
    ["coldpath user delete bob", "asks first"],
    ["coldpath user delete bob --yes", "for scripts"],
  ],
  run: async ({ client, values, positionals: [idOrName = ""], terminal }) => {
    const { id, name } = await findUser(client, idOrName);
    await confirm("user delete", `Delete the user ${name}?`, values, terminal);
    await client.delete(`/users/${segment(id)}`);
    if (values.json === true) terminal.print(JSON.stringify({ deleted: id }));
    else
      terminal.print(
        `The user ${name} was deleted. API tokens that ${name} made work on: see \`coldpath token list\`.`,
      );
  },
});

const setupLinkCommand = serverCommand({
  name: "user setup-link",
  purpose: "show the link with which the first administrator is made",
  options: {},
  examples: [
    ["coldpath user setup-link", "to be opened in a browser"],
    ["coldpath user setup-link --json", "for a program"],
  ],
  run: async ({ client, values, terminal }) => {
    const { link } = await client.get<{ link: string }>("/setup-link");
    terminal.print(values.json === true ? JSON.stringify({ link }) : link);
  },
});

export const userCommands: CommandFamily = {
  kind: "family",
  name: "user",
  purpose: "who may sign in to the web page",
  commands: [listCommand, createCommand, updateCommand, deleteCommand, setupLinkCommand],
  examples: [
    ["coldpath user setup-link", "where the first administrator is made"],
    ["coldpath user list", "all of them"],
  ],
};
