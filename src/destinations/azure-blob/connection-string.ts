// Connection strings and shared access signatures of Azure Storage, read with errors that name the part.
//
// The SDK has a parser too; it takes any text without an AccountKey for a SAS and says only "Invalid …".
// Format: https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string

import { ColdpathError } from "../../lib/errors.ts";

export type AzureSecret =
  | { readonly kind: "account-key"; readonly accountName: string; readonly accountKey: string }
  /** The query string of a shared access signature, without the question mark. */
  | { readonly kind: "sas"; readonly query: string };

export interface AzureConnection {
  /** Canonical, see `canonicalEndpoint`. */
  readonly endpoint: string;
  readonly secret: AzureSecret;
}

/** The published account of Azurite and the old emulator; no secret. */
const developmentAccount =
  "AccountName=devstoreaccount1;" +
  "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;" +
  "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1";

/** Throws ColdpathError `invalid` with field `secret`, and never with a part of the string that may be secret. */
export function parseConnectionString(text: string): AzureConnection {
  const parts = partsOf(text);
  if (parts.get("usedevelopmentstorage")?.toLowerCase() === "true") return parseConnectionString(developmentAccount);
  const accountName = parts.get("accountname");
  const accountKey = parts.get("accountkey");
  const sas = parts.get("sharedaccesssignature");
  const endpoint = canonicalEndpoint(parts.get("blobendpoint") ?? defaultEndpoint(parts), "secret");
  if (accountKey !== undefined) {
    if (accountName === undefined) throw invalidSecret("the connection string has no AccountName");
    return { endpoint, secret: { kind: "account-key", accountName, accountKey: checkedAccountKey(accountKey) } };
  }
  if (sas === undefined) {
    throw invalidSecret("the connection string has neither AccountKey nor SharedAccessSignature");
  }
  return { endpoint, secret: { kind: "sas", query: sasQuery(sas) } };
}

/** The account key, when it is one; the field of the error is `secret`. */
export function checkedAccountKey(key: string): string {
  const trimmed = key.trim();
  if (!/^[A-Za-z0-9+/]{20,}={0,2}$/.test(trimmed) || trimmed.length % 4 !== 0) {
    throw invalidSecret(
      "the account key is not base64 text",
      "Copy key1 or key2 from the account's access keys, whole.",
    );
  }
  return trimmed;
}

/** The query string of a SAS given as `sv=…`, `?sv=…` or as a whole SAS URL. */
export function sasQuery(text: string): string {
  const trimmed = text.trim();
  const query = trimmed.slice(trimmed.indexOf("?") + 1);
  const parameters = new URLSearchParams(query);
  if (!parameters.has("sig")) {
    throw invalidSecret(
      "the shared access signature has no sig parameter",
      "Copy the SAS token (sv=…&sig=…) or the SAS URL whole from the portal or from az storage … generate-sas.",
    );
  }
  return query;
}

/** When the SAS ends, as it is written in it; null when it does not say (a stored access policy does). */
export function sasExpiry(query: string): string | null {
  return new URLSearchParams(query).get("se");
}

/**
 * The endpoint in one spelling: lower-case host, no default port, no slash at the end.
 *
 * @throws ColdpathError `invalid`, with `field`, for what is not an http(s) URL or carries a query or a password.
 */
export function canonicalEndpoint(text: string, field: string): string {
  const hint = "Give the blob service endpoint, e.g. https://ACCOUNT.blob.core.windows.net.";
  const url = URL.parse(text.trim());
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw new ColdpathError("invalid", "invalid-endpoint", "the storage endpoint is not an http or https URL", {
      field,
      hint,
    });
  }
  if (url.search !== "" || url.hash !== "" || url.username !== "" || url.password !== "") {
    const problem = "the storage endpoint carries more than a host and a path";
    throw new ColdpathError("invalid", "invalid-endpoint", problem, {
      field,
      hint: `${hint} A shared access signature belongs into the secret.`,
    });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

function defaultEndpoint(parts: ReadonlyMap<string, string>): string {
  const accountName = parts.get("accountname");
  if (accountName === undefined) {
    throw invalidSecret("the connection string has neither BlobEndpoint nor AccountName");
  }
  if (!/^[a-z0-9-]{3,63}$/i.test(accountName)) {
    throw invalidSecret("the connection string's AccountName is not the name of a storage account");
  }
  const protocol = parts.get("defaultendpointsprotocol") ?? "https";
  return `${protocol}://${accountName}.blob.${parts.get("endpointsuffix") ?? "core.windows.net"}`;
}

function partsOf(text: string): ReadonlyMap<string, string> {
  const parts = new Map<string, string>();
  for (const part of text.trim().split(";")) {
    if (part.trim() === "") continue;
    const equals = part.indexOf("=");
    if (equals < 1) throw invalidSecret("the connection string is not a list of Name=value; parts");
    parts.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
  }
  return parts;
}

function invalidSecret(message: string, hint?: string): ColdpathError {
  return new ColdpathError("invalid", "invalid-connection-string", message, {
    field: "secret",
    hint: hint ?? "Copy the connection string whole from the storage account's access keys or SAS page.",
  });
}
