// `coldpath registration`: those that came to be provisioned.

import { type Registration, registrationStatuses } from "../registry/registry.ts";
import { segment } from "./client.ts";
import type { Command, CommandFamily } from "./command.ts";
import { UsageError } from "./errors.ts";
import { serverCommand } from "./family.ts";
import { findTemplate } from "./lookup.ts";
import { everyPage } from "./pages.ts";
import { renderTable } from "./table.ts";

const group = "Options";

const listCommand = serverCommand({
  name: "registration list",
  purpose: "list those that came to be provisioned",
  options: {
    status: {
      group,
      type: "enum",
      values: registrationStatuses,
      isFlagOnly: true,
      description: "Only those that wait for an administrator, have a device, or are blocked.",
    },
  },
  examples: [
    ["coldpath registration list --status waiting", "what there is to approve"],
    ["coldpath registration list --json", "for a program"],
  ],
  run: async ({ client, values, terminal }) => {
    const registrations = await everyPage<Registration>(client, "/registrations", { status: values.status });
    if (values.json === true) terminal.print(JSON.stringify(registrations, null, 2));
    else if (registrations.length === 0) terminal.complain("coldpath: There is no such registration.");
    else {
      const rows = registrations.map((one) => [
        one.registrationId,
        one.waitsFor === null ? one.status : `waiting for ${one.waitsFor}`,
        one.deviceId ?? "–",
        one.modelId ?? "–",
        one.templateId ?? "–",
        one.updatedAt,
      ]);
      terminal.print(renderTable(["registration", "status", "device", "model", "template", "since"], rows, terminal));
    }
  },
});

const approveCommand = serverCommand({
  name: "registration approve",
  purpose: "make the devices of registrations that wait",
  details: "The devices hear of it when they ask next; nobody has to touch them.",
  arguments: ["ID…"],
  options: {
    template: {
      group,
      type: "string",
      isFlagOnly: true,
      description: "Device template, id or name; the model's or the enrollment's when left out.",
    },
    "template-version": {
      group,
      type: "string",
      isFlagOnly: true,
      description: "Version of the template; the newest published one when left out.",
    },
  },
  examples: [
    ["coldpath registration approve pump-7 --template Pump", "one"],
    ["coldpath registration approve pump-7 pump-8 --json", "two, the result for a program"],
  ],
  run: async ({ client, values, positionals, terminal }) => {
    const { template, templateVersion } = values;
    const templateId = template === undefined ? undefined : (await findTemplate(client, template, templateVersion)).id;
    const body = {
      ...(templateId === undefined ? {} : { templateId }),
      ...(templateVersion === undefined ? {} : { templateVersion }),
    };
    const approved: Registration[] = [];
    for (const id of registrationIds("registration approve", positionals)) {
      approved.push(await client.post<Registration>(`/registrations/${segment(id)}/approve`, body));
      if (values.json !== true) terminal.print(`${id} has a device.`);
    }
    if (values.json === true) terminal.print(JSON.stringify(approved, null, 2));
  },
});

const blockCommand = accessCommand("block", "let registrations in no more, and disable their devices");
const unblockCommand = accessCommand("unblock", "let blocked registrations in again");

function accessCommand(verb: "block" | "unblock", purpose: string): Command {
  const name = `registration ${verb}`;
  return serverCommand({
    name,
    purpose,
    arguments: ["ID…"],
    options: {},
    examples: [
      [`coldpath registration ${verb} pump-7`, "one"],
      [`coldpath registration ${verb} pump-7 pump-8 --json`, "two, the result for a program"],
    ],
    run: async ({ client, values, positionals, terminal }) => {
      const changed: Registration[] = [];
      for (const id of registrationIds(name, positionals)) {
        const registration = await client.post<Registration>(`/registrations/${segment(id)}/${verb}`);
        changed.push(registration);
        if (values.json !== true) terminal.print(`${id} is ${registration.status}.`);
      }
      if (values.json === true) terminal.print(JSON.stringify(changed, null, 2));
    },
  });
}

const deleteCommand = serverCommand({
  name: "registration delete",
  purpose: "forget registrations that have no device; they may come again",
  arguments: ["ID…"],
  options: {},
  examples: [
    ["coldpath registration delete pump-7", "one that waits, or is blocked"],
    ["coldpath registration delete pump-7 pump-8 --json", "two, the result for a program"],
  ],
  run: async ({ client, values, positionals, terminal }) => {
    const ids = registrationIds("registration delete", positionals);
    for (const id of ids) {
      await client.delete(`/registrations/${segment(id)}`);
      if (values.json !== true) terminal.print(`${id} is forgotten.`);
    }
    if (values.json === true) terminal.print(JSON.stringify({ deleted: ids }));
  },
});

function registrationIds(command: string, positionals: readonly string[]): readonly string[] {
  if (positionals.includes("")) throw new UsageError(command, "An id is empty.");
  return positionals;
}

export const registrationCommands: CommandFamily = {
  kind: "family",
  name: "registration",
  purpose: "those that came to be provisioned",
  commands: [listCommand, approveCommand, blockCommand, unblockCommand, deleteCommand],
  examples: [
    ["coldpath registration list --status waiting", "what there is to approve"],
    ["coldpath registration approve pump-7 --template Pump", "makes its device"],
  ],
};
