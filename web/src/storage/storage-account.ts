// Storage accounts in words: their kinds, their ways of signing in, who uses them. Pure.

import type { Schema } from "../api/client.ts";

export type StorageAccount = Schema<"StorageAccount">;
type Settings = Schema<"StorageSettings">;

/** The exports that write into an account now, or will from the next minute on. */
export function exportsOf(accountId: string, exports: readonly Schema<"Export">[]): readonly Schema<"Export">[] {
  return exports.filter(({ definition, latestDefinition }) =>
    [definition, latestDefinition].some((one) => one?.storageAccountId === accountId),
  );
}

export function kindName(settings: Settings): string {
  return settings.kind === "folder" ? "Folder" : "Azure Blob Storage";
}

/** Where it is: a folder's path, or the blob service's address. */
export function placeOf(settings: Settings): string {
  return settings.kind === "folder" ? settings.path : settings.endpoint;
}

export function signInName({ settings, hasSecret }: Pick<StorageAccount, "settings" | "hasSecret">): string {
  if (settings.kind === "folder") return "As the server's own user";
  switch (settings.auth) {
    case "connection-string":
      return "Connection string";
    case "account-key":
      return "Account key";
    case "sas":
      return "Shared access signature (SAS)";
    case "entra":
      return hasSecret ? "Entra ID: service principal" : "Entra ID: this machine's identity";
  }
}
