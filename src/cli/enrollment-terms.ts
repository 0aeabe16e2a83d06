// What enrollment groups and individual enrollments have in common at the terminal: on which terms devices come, and keys.

import type { DeviceTemplate, EnrollmentTerms, KeyPair } from "../registry/registry.ts";
import type { Client } from "./client.ts";
import { findTemplate, listOf } from "./lookup.ts";
import { renderFields } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const group = "Options";

export const termsOptions = {
  template: {
    group,
    type: "string",
    isFlagOnly: true,
    description: "Device template, id or name, of devices that name no model that a template has.",
  },
  "template-version": {
    group,
    type: "string",
    isFlagOnly: true,
    description: "Version of the template; the newest published one when left out.",
  },
  "auto-approve": {
    group,
    type: "boolean",
    isFlagOnly: true,
    description: "Devices are let in by themselves; with --no-auto-approve each waits for `registration approve`.",
  },
} as const;

export const enabledOption = {
  enabled: {
    group,
    type: "boolean",
    isFlagOnly: true,
    description: "With --no-enabled none is let in any more.",
  },
} as const;

export const regenerateOption = {
  regenerate: {
    group,
    type: "enum",
    values: ["primary", "secondary"],
    isFlagOnly: true,
    description: "Make this key anew; the other stays.",
  },
} as const;

interface GivenTerms {
  readonly template: string | undefined;
  readonly templateVersion: string | undefined;
  readonly autoApprove: boolean | undefined;
}

/** Only what was given. */
export async function termsOf(client: Client, given: GivenTerms): Promise<Partial<EnrollmentTerms>> {
  const { template, templateVersion, autoApprove } = given;
  const found = template === undefined ? null : await findTemplate(client, template, templateVersion);
  return {
    ...(found === null ? {} : { templateId: found.id }),
    ...(templateVersion === undefined ? {} : { templateVersion }),
    ...(autoApprove === undefined ? {} : { autoApprove }),
  };
}

/** What says for terms which template devices get: by its name, as people know it. */
export async function templateCells(client: Client): Promise<(terms: EnrollmentTerms) => string> {
  const templates = await listOf<DeviceTemplate>(client, "/device-templates");
  const names = new Map(templates.map(({ id, name }) => [id, name]));
  return ({ templateId, templateVersion }) => {
    if (templateId === null) return "–";
    const name = names.get(templateId) ?? templateId;
    return templateVersion === null ? name : `${name} ${templateVersion}`;
  };
}

export function printKeys({ primaryKey, secondaryKey }: KeyPair, isJson: boolean, terminal: Terminal): void {
  if (isJson) return terminal.print(JSON.stringify({ primaryKey, secondaryKey }, null, 2));
  terminal.print(
    renderFields(
      [
        ["primary key", primaryKey],
        ["secondary key", secondaryKey],
      ],
      terminal,
    ),
  );
}
