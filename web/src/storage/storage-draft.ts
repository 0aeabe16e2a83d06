// What stands in the form of a storage account, and what is sent of it. Pure.

import type { Schema } from "../api/client.ts";

export const signIns = ["connection-string", "account-key", "sas", "service-principal", "machine"] as const;
/** Entra ID is one way of signing in to the server, and two to who fills the form. */
export type SignIn = (typeof signIns)[number];

export interface StorageDraft {
  readonly kind: "azure-blob" | "folder";
  readonly signIn: SignIn;
  readonly path: string;
  readonly endpoint: string;
  readonly accountName: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly secret: string;
}

export const emptyDraft: StorageDraft = {
  kind: "azure-blob",
  signIn: "connection-string",
  path: "",
  endpoint: "",
  accountName: "",
  tenantId: "",
  clientId: "",
  secret: "",
};

/** Fields of the form, by the server's names. */
export const draftFields = [
  "settings.path",
  "settings.endpoint",
  "settings.accountName",
  "settings.tenantId",
  "settings.clientId",
  "secret",
] as const;

export function draftOf({
  settings,
  hasSecret,
}: Pick<Schema<"StorageAccount">, "settings" | "hasSecret">): StorageDraft {
  if (settings.kind === "folder") return { ...emptyDraft, kind: "folder", path: settings.path };
  const { auth, endpoint, accountName = "", tenantId = "", clientId = "" } = settings;
  const signIn = auth === "entra" ? (hasSecret ? "service-principal" : "machine") : auth;
  return { ...emptyDraft, kind: "azure-blob", signIn, endpoint, accountName, tenantId, clientId };
}

export function settingsOf(draft: StorageDraft): Schema<"NewStorageSettings"> {
  if (draft.kind === "folder") return { kind: "folder", path: draft.path.trim() };
  const endpoint = draft.endpoint.trim();
  const given = (name: "accountName" | "tenantId" | "clientId") => {
    const text = draft[name].trim();
    return text === "" ? {} : { [name]: text };
  };
  switch (draft.signIn) {
    case "connection-string":
      return { kind: "azure-blob", auth: "connection-string" };
    case "account-key":
      return { kind: "azure-blob", auth: "account-key", endpoint, ...given("accountName") };
    case "sas":
      return { kind: "azure-blob", auth: "sas", ...sasParts(draft) };
    case "service-principal":
    case "machine":
      return { kind: "azure-blob", auth: "entra", endpoint, ...given("tenantId"), ...given("clientId") };
  }
}

/** Null: none is asked for. Undefined: none was given, though one belongs there. */
export function secretOf(draft: StorageDraft): string | null | undefined {
  if (!needsSecret(draft)) return null;
  const secret = draft.secret.trim();
  return secret === "" ? undefined : secret;
}

export function needsSecret({ kind, signIn }: StorageDraft): boolean {
  return kind === "azure-blob" && signIn !== "machine";
}

/** As for a new account, where there is nothing to keep or to take away. */
export function newAccountOf(draft: StorageDraft): {
  readonly settings: Schema<"NewStorageSettings">;
  readonly secret?: string;
} {
  const secret = secretOf(draft);
  return { settings: settingsOf(draft), ...(typeof secret === "string" ? { secret } : {}) };
}

/** A whole SAS URL names the account: its address need not be typed again. */
function sasParts({ endpoint, secret }: StorageDraft): { readonly endpoint: string } {
  if (endpoint.trim() !== "" || !/^https?:\/\//i.test(secret.trim())) return { endpoint: endpoint.trim() };
  try {
    return { endpoint: new URL(secret.trim()).origin };
  } catch {
    return { endpoint: "" };
  }
}
