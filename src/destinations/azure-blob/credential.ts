// How the account is signed in to, and what of it must never be seen.
//
// Settings are understood here at once, so that a mistake in them is reported where they are saved. Azure's libraries are
// loaded at the first request only: they take a third of a second and 50 MB, and a folder needs none of them.

import type { TokenCredential } from "@azure/identity";
import { ColdpathError } from "../../lib/errors.ts";
import {
  canonicalEndpoint,
  checkedAccountKey,
  parseConnectionString,
  sasQuery,
  type AzureSecret,
} from "./connection-string.ts";

/** How to reach an account in Azure Blob storage; the same shape as the registry's. */
export interface AzureBlobSettings {
  readonly kind: "azure-blob";
  readonly auth: "connection-string" | "account-key" | "sas" | "entra";
  readonly endpoint: string;
  readonly accountName?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly clientId?: string | undefined;
}

export interface AzureSignIn {
  /** Canonical, without secrets. */
  readonly endpoint: string;
  readonly credential: AzureSecret | { readonly kind: "token"; readonly source: TokenCredential };
  /** Texts that no message, hint or cause may contain. */
  readonly secrets: readonly string[];
}

/**
 * Understands settings and secret. Asks nobody: a wrong key shows at the first request.
 *
 * @throws ColdpathError `invalid` that names the field.
 */
export function signInOf(settings: AzureBlobSettings, secret: string | undefined): AzureSignIn {
  if (settings.auth === "connection-string") {
    const connection = parseConnectionString(required(secret, "secret", "the connection string"));
    return withSecret(connection.endpoint, connection.secret);
  }
  const endpoint = canonicalEndpoint(settings.endpoint, "settings.endpoint");
  switch (settings.auth) {
    case "account-key": {
      const accountKey = checkedAccountKey(required(secret, "secret", "the account key"));
      return withSecret(endpoint, { kind: "account-key", accountName: accountNameOf(settings, endpoint), accountKey });
    }
    case "sas":
      return withSecret(endpoint, { kind: "sas", query: sasQuery(required(secret, "secret", "the SAS")) });
    case "entra":
      return withEntra(endpoint, settings, secret);
  }
}

function withSecret(endpoint: string, secret: AzureSecret): AzureSignIn {
  if (secret.kind === "account-key") return { endpoint, credential: secret, secrets: [secret.accountKey] };
  const signature = new URLSearchParams(secret.query).get("sig") ?? "";
  return { endpoint, credential: secret, secrets: [secret.query, signature, encodeURIComponent(signature)] };
}

function withEntra(endpoint: string, settings: AzureBlobSettings, secret: string | undefined): AzureSignIn {
  if (!endpoint.startsWith("https:")) {
    throw new ColdpathError("invalid", "invalid-endpoint", "Entra ID needs an https endpoint", {
      field: "settings.endpoint",
      hint: "Give the https form of the endpoint: a token must not travel in the open.",
    });
  }
  let credential: Promise<TokenCredential> | undefined;
  const lazy: TokenCredential = {
    getToken: async (scopes, options) => {
      credential ??= entraCredential(settings, secret);
      return await (await credential).getToken(scopes, options);
    },
  };
  const secrets = secret === undefined || secret === "" ? [] : [secret];
  return { endpoint, credential: { kind: "token", source: lazy }, secrets };
}

async function entraCredential(settings: AzureBlobSettings, secret: string | undefined): Promise<TokenCredential> {
  const { ClientSecretCredential, DefaultAzureCredential } = await import("@azure/identity");
  const { tenantId, clientId } = settings;
  if (secret !== undefined && secret !== "") {
    return new ClientSecretCredential(
      required(tenantId, "settings.tenantId", "the tenant id that belongs to the client secret"),
      required(clientId, "settings.clientId", "the client id that belongs to the client secret"),
      secret,
    );
  }
  return new DefaultAzureCredential({
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(clientId === undefined ? {} : { managedIdentityClientId: clientId, workloadIdentityClientId: clientId }),
  });
}

/** `acct` of `https://acct.blob.core.windows.net` or of `http://127.0.0.1:10000/acct`. */
function accountNameOf(settings: AzureBlobSettings, endpoint: string): string {
  if (settings.accountName !== undefined && settings.accountName !== "") return settings.accountName;
  const url = new URL(endpoint);
  const fromPath = url.pathname.split("/")[1];
  if (fromPath !== undefined && fromPath !== "") return fromPath;
  const fromHost = /^([a-z0-9]{3,24})(?:-secondary)?\.blob\./.exec(url.hostname)?.[1];
  return required(fromHost, "settings.accountName", "the account name, which this endpoint does not tell");
}

function required(value: string | undefined, field: string, what: string): string {
  if (value !== undefined && value.trim() !== "") return value;
  throw new ColdpathError("invalid", "missing-credential", `${what} is missing`, { field, hint: `Give ${what}.` });
}
