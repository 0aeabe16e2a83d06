// Storage settings: what a storage account needs for its kind and way of signing in, checked before it is stored.
//
// Messages say which part is missing and never repeat a secret (A2). Whether the store answers, `probe` of the
// destination tells.

import path from "node:path";
import { registryError } from "./errors.ts";
import { nameOf, objectOf, oneOf } from "./input.ts";
import { type StorageSettings, azureAuths } from "./registry.ts";

type AzureSettings = Extract<StorageSettings, { kind: "azure-blob" }>;

const secretCharsMax = 8192;
const developmentStorage = { accountName: "devstoreaccount1", endpoint: "http://127.0.0.1:10000/devstoreaccount1" };

/**
 * The settings, clean, with what a connection string says filled in.
 *
 * @param secret  what will be stored with them; null for none.
 */
export function storageSettingsOf(input: unknown, secret: string | null): StorageSettings {
  const kind = oneOf(["folder", "azure-blob"], objectOf(input, "settings")["kind"], "settings.kind");
  if (secret !== null && (typeof secret !== "string" || secret.length === 0 || secret.length > secretCharsMax)) {
    throw secretInvalid(`secret must be text of 1 to ${secretCharsMax} characters`);
  }
  return kind === "folder" ? folderOf(input, secret) : azureOf(input, secret);
}

/** Where the files are: exports' definitions rely on it, so it may not change under them. */
export function storagePlace(settings: StorageSettings): string {
  return settings.kind === "folder" ? `folder ${settings.path}` : `azure-blob ${settings.endpoint}`;
}

function folderOf(input: unknown, secret: string | null): StorageSettings {
  const given = objectOf(input, "settings", ["kind", "path"]);
  const folder = nameOf(given["path"], "settings.path", 4096);
  if (!path.isAbsolute(folder)) {
    throw registryError("input-invalid", `settings.path must be an absolute path, not ${JSON.stringify(folder)}.`, {
      field: "settings.path",
      hint: `Write it from the root on, e.g. ${path.resolve("/srv", folder)}`,
    });
  }
  if (secret !== null) throw secretInvalid("a folder has no secret", "Leave the secret out.");
  return { kind: "folder", path: path.normalize(folder).replace(/(?<=.)[/]+$/, "") };
}

function azureOf(input: unknown, secret: string | null): AzureSettings {
  const keys = ["kind", "auth", "endpoint", "accountName", "tenantId", "clientId"];
  const given = objectOf(input, "settings", keys);
  const auth = oneOf(azureAuths, given["auth"], "settings.auth");
  const base = { kind: "azure-blob", auth } as const;
  switch (auth) {
    case "connection-string":
      return { ...base, ...connectionStringParts(required(secret, "the connection string")) };
    case "account-key":
      if (!isBase64(required(secret, "the account key")))
        throw secretInvalid("the account key is not base64", copyKeyHint);
      return { ...base, endpoint: endpointOf(given["endpoint"]), ...accountNameOf(given["accountName"]) };
    case "sas":
      checkSas(required(secret, "the shared access signature"));
      return { ...base, endpoint: endpointOf(given["endpoint"]) };
    case "entra":
      return { ...base, endpoint: secureEndpointOf(given["endpoint"]), ...principalOf(given, secret) };
  }
}

/** With a client secret a service principal, whole; without one these narrow this machine's default credential. */
function principalOf(given: Record<string, unknown>, secret: string | null): Partial<AzureSettings> {
  const principal: { tenantId?: string; clientId?: string } = {};
  for (const key of ["tenantId", "clientId"] as const) {
    const field = `settings.${key}`;
    if (given[key] !== undefined) principal[key] = nameOf(given[key], field, 200);
    else if (secret !== null) {
      throw registryError("input-invalid", `${field} is missing: a client secret belongs to a tenant and a client.`, {
        field,
        hint: "Give it, or leave the secret out to use the default credential of this machine.",
      });
    }
  }
  return principal;
}

/** https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string */
function connectionStringParts(text: string): { endpoint: string; accountName?: string } {
  const parts = new Map<string, string>();
  for (const part of text.split(";")) {
    if (part.trim() === "") continue;
    const at = part.indexOf("=");
    if (at < 1) throw secretInvalid("the connection string has a part that is not Name=value", copyStringHint);
    parts.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
  }
  if (parts.get("usedevelopmentstorage")?.toLowerCase() === "true") return developmentStorage;
  const accountName = parts.get("accountname") ?? "";
  const accountKey = parts.get("accountkey") ?? "";
  const signature = parts.get("sharedaccesssignature") ?? "";
  const blobEndpoint = parts.get("blobendpoint") ?? "";
  if (signature !== "" && accountKey === "") {
    if (blobEndpoint === "") throw missingPart("BlobEndpoint", "it has a SharedAccessSignature");
    checkSas(signature);
    return { endpoint: endpointOf(blobEndpoint, "secret"), ...(accountName === "" ? {} : { accountName }) };
  }
  if (accountName === "") throw missingPart("AccountName", "it needs AccountName and AccountKey");
  if (accountKey === "") throw missingPart("AccountKey", "it needs AccountName and AccountKey");
  if (!isBase64(accountKey)) throw secretInvalid("the connection string's AccountKey is not base64", copyStringHint);
  const protocol = parts.get("defaultendpointsprotocol") ?? "https";
  const suffix = parts.get("endpointsuffix") ?? "core.windows.net";
  const endpoint = blobEndpoint === "" ? `${protocol}://${accountName}.blob.${suffix}` : blobEndpoint;
  return { endpoint: endpointOf(endpoint, "secret"), accountName };
}

const copyStringHint = "Copy the connection string whole, from the storage account's page Access keys.";
const copyKeyHint = "Copy the key from the storage account's page Access keys.";

function checkSas(text: string): void {
  // As a token, or as the end of a whole SAS URL.
  const parameters = new URLSearchParams(text.slice(text.indexOf("?") + 1));
  if ((parameters.get("sig") ?? "") !== "") return;
  throw secretInvalid("the shared access signature has no sig=", "Copy the SAS token or SAS URL whole, with its sig=.");
}

/** @param field  `secret` when it came out of one: then the message does not repeat it. */
function endpointOf(input: unknown, field = "settings.endpoint"): string {
  const isSecret = field === "secret";
  let url: URL;
  try {
    url = new URL(String(input));
  } catch {
    throw endpointInvalid(field, "is no URL");
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") throw endpointInvalid(field, "must start with https://");
  if (url.search !== "" || url.hash !== "" || url.username !== "" || url.password !== "") {
    throw endpointInvalid(field, "must not hold a signature, user or password: they belong into the secret");
  }
  if (!isSecret && typeof input !== "string") throw endpointInvalid(field, "must be text");
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

/** A token must not travel in the open. */
function secureEndpointOf(input: unknown): string {
  const endpoint = endpointOf(input);
  if (!endpoint.startsWith("https:")) throw endpointInvalid("settings.endpoint", "must be https for Entra ID");
  return endpoint;
}

function endpointInvalid(field: string, what: string): Error {
  const subject = field === "secret" ? "the connection string's blob endpoint" : field;
  return registryError("input-invalid", `${subject} ${what}.`, {
    field,
    hint: "Give the blob service's address, e.g. https://mystorage.blob.core.windows.net",
  });
}

function accountNameOf(input: unknown): { accountName?: string } {
  if (input === undefined) return {};
  if (typeof input === "string" && /^[a-z0-9-]{3,63}$/i.test(input)) return { accountName: input };
  throw registryError("input-invalid", "settings.accountName must be the 3 to 63 letters and digits of an account.", {
    field: "settings.accountName",
    hint: "Give the account's name, or leave it out when the endpoint starts with it.",
  });
}

function required(secret: string | null, what: string): string {
  if (secret !== null) return secret;
  throw secretInvalid(`${what} is missing`, `Give ${what} as the secret.`);
}

function missingPart(part: string, why: string): Error {
  return secretInvalid(`the connection string has no ${part}: ${why}`, copyStringHint);
}

function secretInvalid(what: string, hint?: string): Error {
  const message = `secret: ${what}.`;
  return registryError("input-invalid", message, { field: "secret", hint });
}

function isBase64(text: string): boolean {
  const trimmed = text.trim();
  return trimmed !== "" && Buffer.from(trimmed, "base64").toString("base64") === trimmed;
}
