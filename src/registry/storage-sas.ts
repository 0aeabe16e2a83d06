// What a shared access signature says about itself in the open: how long it holds and what it allows. Pure.
//
// Read from the secret whenever the account is asked for; the signature itself never leaves the registry (A2).

import type { SasFacts, StorageAccount, StorageSettings } from "./storage-account.ts";

/** Days before its end from which a SAS is warned of. */
export const sasWarningDays = 7;
const dayMs = 86_400_000;

/** The facts when the account signs in with a SAS, else null. */
export function sasFactsOf(settings: StorageSettings, secret: string | null): SasFacts | null {
  if (settings.kind !== "azure-blob" || secret === null) return null;
  const query =
    settings.auth === "sas" ? secret : settings.auth === "connection-string" ? sasOfConnection(secret) : null;
  if (query === null) return null;
  const text = query.trim();
  const values = new URLSearchParams(text.slice(text.indexOf("?") + 1));
  if (!values.has("sig")) return null;
  return {
    expiresAt: isoOf(values.get("se")),
    startsAt: isoOf(values.get("st")),
    permissions: values.get("sp"),
    resourceTypes: values.get("srt"),
  };
}

/** Sentences about what will stand in the way, or does: with what to do. */
export function storageWarnings({ sas }: Pick<StorageAccount, "sas">, nowMs: number): readonly string[] {
  if (sas === null) return [];
  const { expiresAt, startsAt, permissions, resourceTypes } = sas;
  const warnings: string[] = [];
  const leftMs = expiresAt === null ? Infinity : Date.parse(expiresAt) - nowMs;
  const replace = "Make a new one in Azure and replace the credentials.";
  if (leftMs <= 0) warnings.push(`The SAS expired at ${expiresAt}: exports are refused. ${replace}`);
  else if (leftMs < dayMs) warnings.push(`The SAS expires at ${expiresAt}, within a day. ${replace}`);
  else if (leftMs <= sasWarningDays * dayMs) {
    const days = Math.floor(leftMs / dayMs);
    warnings.push(`The SAS expires at ${expiresAt}, in ${days} day${days === 1 ? "" : "s"}. ${replace}`);
  }
  if (startsAt !== null && Date.parse(startsAt) > nowMs) warnings.push(`The SAS does not hold before ${startsAt}.`);
  const missing = [
    ...(permissions === null || permissions.includes("w") ? [] : ["Write (w)"]),
    ...(permissions === null || permissions.includes("r") ? [] : ["Read (r)"]),
    ...(permissions === null || permissions.includes("l") ? [] : ["List (l)"]),
  ];
  if (missing.length > 0) warnings.push(`The SAS lacks the permission ${missing.join(", ")}. ${replace}`);
  const types = [
    ...(resourceTypes === null || resourceTypes.includes("c") ? [] : ["Container (c)"]),
    ...(resourceTypes === null || resourceTypes.includes("o") ? [] : ["Object (o)"]),
  ];
  if (types.length > 0) warnings.push(`The SAS lacks the resource type ${types.join(", ")}. ${replace}`);
  return warnings;
}

function sasOfConnection(text: string): string | null {
  return /(?:^|;)\s*SharedAccessSignature\s*=([^;]*)/i.exec(text)?.[1] ?? null;
}

/** `2026-01-02` and `2026-01-02T03:04Z` are times too; null when it is none. */
function isoOf(text: string | null): string | null {
  const timeMs = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(timeMs) ? null : new Date(timeMs).toISOString().replace(".000Z", "Z");
}
