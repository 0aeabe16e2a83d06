// `coldpath template create | new-version | publish | delete`.

import { readFileSync } from "node:fs";
import { ColdpathError, messageOf } from "../lib/errors.ts";
import type { DeviceTemplate } from "../registry/registry.ts";
import { segment } from "./client.ts";
import { serverCommand } from "./family.ts";
import { findTemplate, templateVersions } from "./lookup.ts";
import { confirm, yesOption } from "./output.ts";
import type { Terminal } from "./terminal.ts";

const publish = {
  publish: {
    group: "Options",
    type: "boolean",
    isFlagOnly: true,
    description:
      "Publish it at once: devices can use it, and only edits that break nothing are made in place any more.",
  },
} as const;

export const createTemplateCommand = serverCommand({
  name: "template create",
  purpose: "make a device template from a JSON file",
  arguments: ["FILE.json"],
  details:
    "The file has the form that template export prints: name, measurements, settings, properties; id and version may be left out. - reads standard input.",
  options: {
    ...publish,
    "when-exists": {
      group: "Options",
      type: "enum",
      values: ["refuse", "new-id", "new-version"],
      default: "refuse",
      isFlagOnly: true,
      description: "When the file's id is in use: refuse, make it under a new id, or as a further version.",
    },
  },
  examples: [
    ["coldpath template create fridge.json --publish", "ready for devices"],
    [
      "coldpath template export Pump | jq 'del(.id) | .name = \"Pump B\"' | coldpath template create -",
      "a copy, as a draft",
    ],
  ],
  run: async ({ client, values, positionals: [file = ""], terminal }) => {
    const content = await readTemplate(file, terminal);
    const template = await client.post<DeviceTemplate>("/device-templates", {
      publish: values.publish,
      whenExists: values.whenExists,
      ...content,
    });
    printMade(template, values.json === true, terminal);
  },
});

export const updateTemplateCommand = serverCommand({
  name: "template update",
  purpose: "change a version of a device template, from a JSON file",
  arguments: ["FILE.json"],
  details:
    "The file has the form that template export prints; its id and version say which one. Of a published version only what breaks nothing is changed in place: names, units, wider bounds, further values and measurements. What breaks something is refused and named: make a new version of it.",
  options: {},
  examples: [
    ["coldpath template update fridge.json", "devices stay with it, and the next snapshot has it"],
    ["coldpath template export Pump | jq '.name = \"Pumps\"' | coldpath template update -", "another name"],
  ],
  run: async ({ client, values, positionals: [file = ""], terminal }) => {
    const { id, version, ...content } = await readTemplate(file, terminal);
    const named = typeof id === "string" ? id : undefined;
    const former = await findTemplate(client, named, typeof version === "string" ? version : undefined);
    const path = `/device-templates/${segment(former.id)}/versions/${segment(former.version)}`;
    const template = await client.put<DeviceTemplate>(path, content);
    if (values.json === true) terminal.print(JSON.stringify(template, null, 2));
    else
      terminal.print(
        `${template.name} ${template.version} ${template.etag === former.etag ? "was so already" : "was changed"}.`,
      );
  },
});

export const newTemplateVersionCommand = serverCommand({
  name: "template new-version",
  purpose: "make a further version of a device template from a JSON file",
  arguments: ["FILE.json"],
  details:
    "The file's id says of which template, its version which one: raise it. Devices stay with their version until they are migrated. A draft of that version is replaced.",
  options: {
    template: {
      group: "Options",
      type: "string",
      isFlagOnly: true,
      description: "Id or name of the template, when the file has no id.",
    },
    ...publish,
  },
  examples: [
    ["coldpath template new-version fridge.json", "a draft"],
    ["coldpath template new-version fridge.json --publish", "ready for devices"],
  ],
  run: async ({ client, values, positionals: [file = ""], terminal }) => {
    const { id, ...content } = await readTemplate(file, terminal);
    const named = values.template ?? (typeof id === "string" ? id : undefined);
    const versions = await templateVersions(client, named);
    const templateId = versions[0]?.id ?? "";
    const path = `/device-templates/${segment(templateId)}/versions`;
    const draft = versions.find((one) => one.version === content["version"] && !one.published);
    const body = { publish: values.publish, ...content };
    let template =
      draft === undefined
        ? await client.post<DeviceTemplate>(path, body)
        : await client.put<DeviceTemplate>(`${path}/${segment(draft.version)}`, { ...content, etag: draft.etag });
    if (draft !== undefined && values.publish === true) {
      template = await client.post<DeviceTemplate>(`${path}/${segment(draft.version)}/publish`);
    }
    printMade(template, values.json === true, terminal, draft === undefined ? "made as" : "replaced, as");
  },
});

export const publishTemplateCommand = serverCommand({
  name: "template publish",
  purpose: "publish a draft: devices can use it from now on",
  arguments: ["TEMPLATE", "VERSION"],
  options: {},
  examples: [
    ["coldpath template publish 'Refrigerated Vending Machine' 1.1.0", "by name"],
    ["coldpath template publish c318d580-39fc-4aca-b995-843719821049 1.1.0 --json", "by id, the result for a program"],
  ],
  run: async ({ client, values, positionals: [id = "", version = ""], terminal }) => {
    const found = await findTemplate(client, id, version);
    const path = `/device-templates/${segment(found.id)}/versions/${segment(found.version)}/publish`;
    const template = await client.post<DeviceTemplate>(path);
    if (values.json === true) terminal.print(JSON.stringify(template, null, 2));
    else terminal.print(`${template.name} ${template.version} is published.`);
  },
});

export const deleteTemplateCommand = serverCommand({
  name: "template delete",
  purpose: "delete a device template, or one version of it, that no device uses",
  arguments: ["TEMPLATE", "[VERSION]"],
  options: yesOption,
  examples: [
    ["coldpath template delete Pump 1.1.0", "one version; asks first"],
    ["coldpath template delete Pump --yes", "all versions, for scripts"],
  ],
  run: async ({ client, values, positionals: [id = "", version], terminal }) => {
    const template = await findTemplate(client, id, version);
    const what = version === undefined ? `${template.name} with all its versions` : `${template.name} ${version}`;
    await confirm("template delete", `Delete the device template ${what}?`, values, terminal);
    const path = `/device-templates/${segment(template.id)}`;
    await client.delete(version === undefined ? path : `${path}/versions/${segment(version)}`);
    if (values.json === true) terminal.print(JSON.stringify({ deleted: template.id, version }));
    else terminal.print(`The device template ${what} was deleted.`);
  },
});

function printMade(template: DeviceTemplate, json: boolean, terminal: Terminal, verb = "made as"): void {
  const { id, name, version, published } = template;
  if (json) terminal.print(JSON.stringify(template, null, 2));
  else terminal.print(`${name} ${version} was ${verb} a ${published ? "published version" : "draft"}; id ${id}.`);
}

async function readTemplate(file: string, terminal: Terminal): Promise<Readonly<Record<string, unknown>>> {
  const refuse = (why: string, cause?: unknown): ColdpathError =>
    new ColdpathError("invalid", "file-unreadable", `Cannot read ${file}: ${why}.`, {
      hint: "Name a JSON file; `coldpath template export` prints one to start from.",
      cause,
    });
  let content: unknown;
  try {
    content = JSON.parse(file === "-" ? await terminal.readInput() : readFileSync(file, "utf8"));
  } catch (error) {
    throw refuse(messageOf(error), error);
  }
  if (typeof content !== "object" || content === null || Array.isArray(content))
    throw refuse("it is not a JSON object");
  return content as Readonly<Record<string, unknown>>;
}
