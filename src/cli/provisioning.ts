// `coldpath provisioning`: where devices are provisioned, and which ID scopes are taken.

import type { RegistrationStatus } from "../registry/registry.ts";
import type { CommandFamily } from "./command.ts";
import { UsageError } from "./errors.ts";
import { serverCommand } from "./family.ts";
import { renderFields } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export interface ProvisioningAnswer {
  readonly idScope: string;
  readonly furtherIdScopes: readonly string[];
  readonly host: string;
  readonly assignedHub: string;
  readonly registrations: Readonly<Record<RegistrationStatus, number>>;
}

const showCommand = serverCommand({
  name: "provisioning show",
  purpose: "show the ID scope and the host that devices are given",
  options: {},
  examples: [
    ["coldpath provisioning show", "what to put on devices"],
    ["coldpath provisioning show --json", "for a program"],
  ],
  run: async ({ client, values, terminal }) => {
    print(await client.get<ProvisioningAnswer>("/provisioning"), values.json === true, terminal);
  },
});

const acceptCommand = scopeCommand(
  "accept",
  "take a further ID scope, so that devices of another service need only another host",
);
const refuseCommand = scopeCommand("refuse", "take a further ID scope no more");

function scopeCommand(verb: "accept" | "refuse", purpose: string) {
  const name = `provisioning ${verb}`;
  return serverCommand({
    name,
    purpose,
    arguments: ["ID_SCOPE"],
    options: {},
    examples: [
      [`coldpath provisioning ${verb} 0ne00AB12CD`, "that of an IoT Central application"],
      [`coldpath provisioning ${verb} 0ne00AB12CD --json`, "the result for a program"],
    ],
    run: async ({ client, values, positionals: [idScope = ""], terminal }) => {
      if (idScope === "") throw new UsageError(name, "The ID scope is empty.");
      const { furtherIdScopes } = await client.get<ProvisioningAnswer>("/provisioning");
      const others = furtherIdScopes.filter((one) => one !== idScope);
      const next = verb === "accept" ? [...others, idScope] : others;
      const answer = await client.patch<ProvisioningAnswer>("/provisioning", { furtherIdScopes: next });
      print(answer, values.json === true, terminal);
    },
  });
}

function print(answer: ProvisioningAnswer, isJson: boolean, terminal: Terminal): void {
  if (isJson) return terminal.print(JSON.stringify(answer, null, 2));
  const { idScope, furtherIdScopes, host, registrations } = answer;
  const { waiting, assigned, blocked } = registrations;
  terminal.print(
    renderFields(
      [
        ["ID scope", idScope],
        ["also taken", furtherIdScopes.length === 0 ? "none" : furtherIdScopes.join(", ")],
        ["host", host],
        ["registrations", `${assigned} assigned, ${waiting} waiting, ${blocked} blocked`],
      ],
      terminal,
    ),
  );
}

export const provisioningCommands: CommandFamily = {
  kind: "family",
  name: "provisioning",
  purpose: "where devices that know no hub are told theirs",
  commands: [showCommand, acceptCommand, refuseCommand],
  examples: [
    ["coldpath provisioning show", "the ID scope and the host"],
    ["coldpath provisioning accept 0ne00AB12CD", "devices of another service come as they are"],
  ],
};
