// `coldpath policy`: hub policies, whose keys let any device in.

import type { HubPolicy, KeyPair } from "../registry/registry.ts";
import { segment } from "./client.ts";
import type { CommandFamily } from "./command.ts";
import { serverCommand } from "./family.ts";
import { listOf } from "./lookup.ts";
import { confirm, yesOption } from "./output.ts";
import { renderFields, renderTable } from "./table.ts";

interface PolicyKeys extends KeyPair {
  readonly primaryConnectionString: string;
  readonly secondaryConnectionString: string;
}

const listCommand = serverCommand({
  name: "policy list",
  purpose: "list hub policies",
  options: {},
  examples: [
    ["coldpath policy list", "a table"],
    ["coldpath policy list --json", "for a program"],
  ],
  run: async ({ client, values, terminal }) => {
    const policies = await listOf<HubPolicy>(client, "/policies");
    if (values.json === true) terminal.print(JSON.stringify(policies, null, 2));
    else if (policies.length === 0) terminal.complain("coldpath: There is no hub policy.");
    else
      terminal.print(
        renderTable(
          ["name", "created"],
          policies.map((one) => [one.name, one.createdAt]),
          terminal,
        ),
      );
  },
});

const createCommand = serverCommand({
  name: "policy create",
  purpose: "make a hub policy with new keys",
  arguments: ["NAME"],
  options: {},
  examples: [
    ["coldpath policy create gateway", "for a gateway that signs for many devices"],
    ["coldpath policy create gateway --json", "the result for a program"],
  ],
  run: async ({ client, values, positionals: [name = ""], terminal }) => {
    const policy = await client.post<HubPolicy>("/policies", { name });
    if (values.json === true) terminal.print(JSON.stringify(policy, null, 2));
    else
      terminal.print(`The hub policy ${policy.name} was made; \`coldpath policy keys ${policy.name}\` shows its keys.`);
  },
});

const keysCommand = serverCommand({
  name: "policy keys",
  purpose: "show a hub policy's keys and connection strings, or make a key anew",
  arguments: ["NAME"],
  details:
    "A policy has two keys so that they can be changed without a gap: make a new secondary, give it to whoever signs with the policy, then make a new primary. All connections that came in by the policy are closed; those with the other key come back by themselves.",
  options: {
    regenerate: {
      group: "Options",
      type: "enum",
      values: ["primary", "secondary"],
      isFlagOnly: true,
      description: "Make this key anew; the other stays.",
    },
  },
  examples: [
    ["coldpath policy keys device", "of the policy that the first start made"],
    ["coldpath policy keys device --regenerate secondary", "a new secondary key"],
    ["coldpath policy keys device --json", "for a program"],
  ],
  run: async ({ client, values, positionals: [name = ""], terminal }) => {
    const path = `/policies/${segment(name)}/keys`;
    if (values.regenerate !== undefined) await client.put(path, { regenerate: values.regenerate });
    const keys = await client.get<PolicyKeys>(path);
    if (values.json === true) terminal.print(JSON.stringify(keys, null, 2));
    else {
      terminal.print(
        renderFields(
          [
            ["primary key", keys.primaryKey],
            ["secondary key", keys.secondaryKey],
            ["primary connection string", keys.primaryConnectionString],
            ["secondary connection string", keys.secondaryConnectionString],
          ],
          terminal,
        ),
      );
    }
  },
});

const deleteCommand = serverCommand({
  name: "policy delete",
  purpose: "delete a hub policy; connections that came in by it are closed",
  arguments: ["NAME"],
  options: yesOption,
  examples: [
    ["coldpath policy delete gateway", "asks first"],
    ["coldpath policy delete gateway --yes", "for scripts"],
  ],
  run: async ({ client, values, positionals: [name = ""], terminal }) => {
    await confirm("policy delete", `Delete the hub policy ${name}?`, values, terminal);
    await client.delete(`/policies/${segment(name)}`);
    if (values.json === true) terminal.print(JSON.stringify({ deleted: name }));
    else terminal.print(`The hub policy ${name} was deleted.`);
  },
});

export const policyCommands: CommandFamily = {
  kind: "family",
  name: "policy",
  purpose: "hub policies: keys that let any device in",
  commands: [listCommand, createCommand, keysCommand, deleteCommand],
  examples: [
    ["coldpath policy list", "all of them"],
    ["coldpath policy keys device", "the keys of one"],
  ],
};
