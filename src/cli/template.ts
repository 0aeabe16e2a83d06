// `coldpath template`: device templates and their versions.

import type { CommandFamily } from "./command.ts";
import {
  createTemplateCommand,
  deleteTemplateCommand,
  newTemplateVersionCommand,
  updateTemplateCommand,
  publishTemplateCommand,
} from "./template-changes.ts";
import { exportTemplateCommand, listTemplatesCommand, showTemplateCommand } from "./template-views.ts";

export const templateCommands: CommandFamily = {
  kind: "family",
  name: "template",
  purpose: "list, create and publish device templates",
  details:
    "A device template says what devices measure, which settings and properties they have. TEMPLATE is its id, or its name where only one has it. Devices use published versions only, so of these only edits that break nothing are made in place.",
  commands: [
    listTemplatesCommand,
    showTemplateCommand,
    createTemplateCommand,
    updateTemplateCommand,
    newTemplateVersionCommand,
    publishTemplateCommand,
    deleteTemplateCommand,
    exportTemplateCommand,
  ],
  examples: [
    ["coldpath template list", "all versions of all templates"],
    ["coldpath template export 'Refrigerated Vending Machine' > fridge.json", "a file to start from"],
  ],
};
