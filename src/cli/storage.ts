// `coldpath storage`: where exports write to.

import type { CommandFamily } from "./command.ts";
import {
  addStorageCommand,
  createContainerCommand,
  deleteStorageCommand,
  updateStorageCommand,
} from "./storage-changes.ts";
import { listContainersCommand, listStorageCommand, showStorageCommand, testStorageCommand } from "./storage-views.ts";

export const storageCommands: CommandFamily = {
  kind: "family",
  name: "storage",
  purpose: "storage accounts and their containers, which exports write to",
  details:
    "STORAGE is a storage account's id, or its name where only one has it. A folder on the server's machine is a storage account too; its containers are its directories.",
  commands: [
    listStorageCommand,
    showStorageCommand,
    addStorageCommand,
    updateStorageCommand,
    testStorageCommand,
    listContainersCommand,
    createContainerCommand,
    deleteStorageCommand,
  ],
  examples: [
    ["coldpath storage add lake --folder /srv/lake", "a folder"],
    ["coldpath storage add azure --connection-string-file azure.txt", "Azure Blob Storage"],
  ],
};
