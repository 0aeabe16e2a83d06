// Opening a storage account: from its settings and its secret to the adapter.

import { openAzureBlob, type AzureBlobOptions } from "./azure-blob/azure-blob-account.ts";
import { parseConnectionString } from "./azure-blob/connection-string.ts";
import type { AzureBlobSettings } from "./azure-blob/credential.ts";
import type { StorageAccess } from "./destination.ts";
import { openFolder, type FolderOptions } from "./folder/folder-account.ts";

/** The registry's StorageSettings have this shape; destinations do not import the registry. */
export type StorageSettings = { readonly kind: "folder"; readonly path: string } | AzureBlobSettings;

export interface StorageOptions extends FolderOptions, AzureBlobOptions {}

/**
 * Opens the account. Nothing is looked for, sent or created yet: `probe` and the other calls find out.
 *
 * @param secret  connection string, account key, SAS or client secret, as `settings.auth` says; none for a folder.
 * @throws ColdpathError `invalid` that names the field (`settings.path`, `settings.endpoint`, `secret`, …); its message
 *         never contains a secret.
 */
export function openStorage(
  settings: StorageSettings,
  secret: string | undefined,
  options: StorageOptions = {},
): StorageAccess {
  switch (settings.kind) {
    case "folder":
      return openFolder(settings.path, options);
    case "azure-blob":
      return openAzureBlob(settings, secret, options);
  }
}

/**
 * What of a connection string may be shown and stored in the open.
 *
 * @throws ColdpathError `invalid`, field `secret`.
 */
export function readConnectionString(text: string): { readonly endpoint: string; readonly accountName?: string } {
  const { endpoint, secret } = parseConnectionString(text);
  return secret.kind === "account-key" ? { endpoint, accountName: secret.accountName } : { endpoint };
}
