// `coldpath storage add | update | create-container | delete`.

import type { OptionTable, Values } from "../config/option.ts";
import type { StorageAccount } from "../registry/registry.ts";
import { segment } from "./client.ts";
import { UsageError } from "./errors.ts";
import { serverCommand, type ServerCall } from "./family.ts";
import { type StorageAnswer, findStorage } from "./lookup.ts";
import { confirm, yesOption } from "./output.ts";
import { readSecret, readStorageSecret, storageSecretOptions } from "./storage-secret.ts";

const azure = "Signing in to Azure";
const text = { group: azure, type: "string", isFlagOnly: true } as const;

const placeOptions = {
  folder: {
    group: "A folder",
    type: "path",
    isFlagOnly: true,
    description: "A folder on the server's machine; made when it does not exist.",
  },
  ...storageSecretOptions,
  entra: {
    group: azure,
    type: "boolean",
    isFlagOnly: true,
    description: "With Entra ID: the identity of the server's machine, or a service principal.",
  },
  "client-secret-file": {
    ...text,
    form: "a file's name, or - for standard input",
    description: "With --entra: file that holds the service principal's secret. Or COLDPATH_CLIENT_SECRET.",
  },
  "tenant-id": { ...text, description: "With --entra: the service principal's tenant." },
  "client-id": { ...text, description: "With --entra: the service principal's, or a managed identity's, client id." },
  account: {
    ...text,
    description: "Name of the storage account, for https://NAME.blob.core.windows.net. Not with a connection string.",
  },
  endpoint: {
    ...text,
    description: "The blob service's address, where it is another one, e.g. http://127.0.0.1:10000/devstoreaccount1.",
  },
} as const satisfies OptionTable;

type PlaceCall = ServerCall<typeof placeOptions>;

export const addStorageCommand = serverCommand({
  name: "storage add",
  purpose: "add a storage account: a folder, or Azure Blob Storage",
  arguments: ["NAME"],
  usage: "--folder PATH | --connection-string-file FILE | …",
  details:
    "Secrets come from a file, standard input or the environment, never from the command line. They are kept encrypted and never shown again. Nothing is tried: see storage test.",
  options: placeOptions,
  examples: [
    ["coldpath storage add lake --folder /srv/lake", "a folder"],
    ["coldpath storage add azure --connection-string-file azure.txt", "Azure, by connection string"],
    ["az … | coldpath storage add azure --account mystore --sas-file -", "Azure, by a SAS from standard input"],
    ["coldpath storage add azure --account mystore --entra", "Azure, by the identity of the server's machine"],
  ],
  run: async (call) => {
    const {
      client,
      positionals: [name = ""],
      terminal,
      values,
    } = call;
    const body = await readPlace("storage add", call);
    if (body === null) {
      throw new UsageError(
        "storage add",
        "Where? Give --folder, or --connection-string-file, --account-key-file, --sas-file or --entra.",
      );
    }
    const account = await client.post<StorageAnswer>("/storage-accounts", { name, ...body });
    if (values.json === true) terminal.print(JSON.stringify(account, null, 2));
    else {
      terminal.print(`The storage account ${account.name} was added; id ${account.id}.`);
      for (const warning of account.warnings) terminal.complain(`coldpath: ${warning}`);
      terminal.complain(`  → \`coldpath storage test ${account.name}\` tries it.`);
    }
  },
});

export const updateStorageCommand = serverCommand({
  name: "storage update",
  purpose: "change a storage account's name, sign-in or secret; exports use it at once",
  arguments: ["STORAGE"],
  details: "The place (folder, endpoint) is fixed while an export names the account.",
  options: {
    name: { group: "Options", type: "string", isFlagOnly: true, description: "Its new name." },
    ...placeOptions,
  },
  examples: [
    ["coldpath storage update azure --account-key-file key.txt", "another key"],
    ["coldpath storage update azure --name lake", "another name"],
  ],
  run: async (call) => {
    const {
      client,
      positionals: [id = ""],
      terminal,
      values,
    } = call;
    const former = await findStorage(client, id);
    const name = values.name ?? former.name;
    const settings = former.settings;
    const given = await readPlace("storage update", call, settings);
    const body = { name, etag: former.etag, ...(given ?? { settings }) };
    const account = await client.put<StorageAnswer>(`/storage-accounts/${segment(former.id)}`, body);
    if (values.json === true) terminal.print(JSON.stringify(account, null, 2));
    else {
      terminal.print(`The storage account ${account.name} was changed.`);
      for (const warning of account.warnings) terminal.complain(`coldpath: ${warning}`);
    }
  },
});

export const createContainerCommand = serverCommand({
  name: "storage create-container",
  purpose: "make a container in a storage account",
  arguments: ["STORAGE", "CONTAINER"],
  options: {},
  examples: [
    ["coldpath storage create-container azure iot", "a container"],
    ["coldpath storage create-container lake iot", "in a folder: a directory"],
  ],
  run: async ({ client, values, positionals: [id = "", name = ""], terminal }) => {
    const account = await findStorage(client, id);
    const container = await client.post(`/storage-accounts/${segment(account.id)}/containers`, { name });
    if (values.json === true) terminal.print(JSON.stringify(container));
    else terminal.print(`The container ${name} was made in ${account.name}.`);
  },
});

export const deleteStorageCommand = serverCommand({
  name: "storage delete",
  purpose: "forget a storage account that no export names; its files stay",
  arguments: ["STORAGE"],
  options: yesOption,
  examples: [
    ["coldpath storage delete azure", "asks first"],
    ["coldpath storage delete azure --yes", "for scripts"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const account = await findStorage(client, id);
    await confirm("storage delete", `Forget the storage account ${account.name}?`, values, terminal);
    await client.delete(`/storage-accounts/${segment(account.id)}`);
    if (values.json === true) terminal.print(JSON.stringify({ deleted: account.id }));
    else terminal.print(`The storage account ${account.name} is forgotten; its files stay.`);
  },
});

type AzureSettings = Extract<StorageAccount["settings"], { kind: "azure-blob" }>;

interface Place {
  readonly settings:
    | Extract<StorageAccount["settings"], { kind: "folder" }>
    | (Omit<AzureSettings, "endpoint"> & { readonly endpoint?: string | undefined });
  readonly secret?: string | undefined;
}

/** Settings and secret as the options give them; null when they give neither. */
async function readPlace(
  command: string,
  {
    values,
    terminal,
    environment,
  }: Pick<PlaceCall, "terminal" | "environment"> & { readonly values: Values<typeof placeOptions> },
  former?: StorageAccount["settings"],
): Promise<Place | null> {
  const { folder, entra, accountKeyFile, sasFile, connectionStringFile, tenantId, clientId, account } = values;
  const ways = [folder, entra, accountKeyFile, sasFile, connectionStringFile].filter((way) => way !== undefined);
  if (ways.length > 1) throw new UsageError(command, "Give one way to sign in, or --folder, not several.");
  if (folder !== undefined) return { settings: { kind: "folder", path: folder } };
  const endpoint =
    values.endpoint ??
    (account === undefined ? undefined : `https://${account}.blob.core.windows.net`) ??
    (former?.kind === "azure-blob" ? former.endpoint : undefined);
  if (entra === true) {
    const { clientSecretFile } = values;
    const secret =
      clientSecretFile === undefined
        ? environment["COLDPATH_CLIENT_SECRET"]
        : await readSecret(command, clientSecretFile, terminal);
    requireEndpoint(command, endpoint);
    return { settings: { kind: "azure-blob", auth: "entra", endpoint, tenantId, clientId }, secret };
  }
  // On an update, only what is said changes: a variable that happens to be set says nothing.
  const secret = await readStorageSecret(command, values, terminal, former === undefined ? environment : {});
  if (secret === null) return null;
  if (secret.auth === "connection-string") {
    return { settings: { kind: "azure-blob", auth: "connection-string" }, secret: secret.text };
  }
  requireEndpoint(command, endpoint);
  const accountName = secret.auth === "account-key" ? account : undefined;
  return { settings: { kind: "azure-blob", auth: secret.auth, endpoint, accountName }, secret: secret.text };
}

function requireEndpoint(command: string, endpoint: string | undefined): void {
  if (endpoint === undefined)
    throw new UsageError(command, "Which account? Give --account NAME or --endpoint URL.", "account");
}
