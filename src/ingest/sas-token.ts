// Shared access signature tokens: what devices prove themselves with. Pure.
//
//     SharedAccessSignature sr={resource}&sig={signature}&se={expiry}[&skn={policy}]      fields in any order
//
// The text signed is `sr` exactly as it stands in the token (some SDKs URL-encode it, some do not), a line feed, and
// `se`. https://learn.microsoft.com/azure/iot-hub/iot-hub-dev-guide-sas

import { timingSafeEqual } from "node:crypto";
import { hmacSha256 } from "../lib/hmac.ts";

export interface SasToken {
  /** As it stands in the token: signed. */
  readonly resource: string;
  /** Decoded: what it opens, `{host}[:port]/devices/{id}`. */
  readonly resourceDecoded: string;
  readonly signature: Buffer;
  /** `se` as it stands in the token: signed. */
  readonly expiry: string;
  readonly expiresMs: number;
  readonly policy: string | null;
}

const prefix = "SharedAccessSignature ";

/** The token's parts, or null when it is none. */
export function parseSasToken(text: string): SasToken | null {
  if (!text.startsWith(prefix) || text.length > 4096) return null;
  const fields = new Map<string, string>();
  for (const field of text.slice(prefix.length).split("&")) {
    const equals = field.indexOf("=");
    if (equals < 0) return null;
    fields.set(field.slice(0, equals), field.slice(equals + 1));
  }
  const resource = fields.get("sr");
  const signatureText = fields.get("sig");
  const expiry = fields.get("se");
  if (resource === undefined || signatureText === undefined || expiry === undefined) return null;
  if (!/^\d{1,12}$/.test(expiry)) return null;
  const resourceDecoded = decode(resource);
  const signatureDecoded = decode(signatureText);
  const policy = decode(fields.get("skn") ?? "");
  if (resourceDecoded === null || signatureDecoded === null || policy === null) return null;
  return {
    resource,
    resourceDecoded,
    signature: Buffer.from(signatureDecoded, "base64"),
    expiry,
    expiresMs: Number(expiry) * 1000,
    policy: policy === "" ? null : policy,
  };
}

/** Whether the token was signed with one of the keys (base64). Takes the same time whichever it is. */
export function isSignedWith(token: SasToken, keys: readonly string[]): boolean {
  let found = false;
  for (const key of keys) {
    const expected = sign(key, token.resource, token.expiry);
    if (expected.length === token.signature.length && timingSafeEqual(expected, token.signature)) found = true;
  }
  return found;
}

/**
 * Whether the token opens `deviceId`, or that module of it: its resource is `{host}/devices/{deviceId}[/modules/{moduleId}]` or a
 * path-segment prefix of it, such as `{host}`, and the host is one of ours, with or without a port.
 */
export function opensDevice(
  token: SasToken,
  deviceId: string,
  moduleId: string | undefined,
  isOurHost: (host: string) => boolean,
): boolean {
  const segments = token.resourceDecoded.split("/");
  const host = segments[0] ?? "";
  if (!isOurHost(host)) return false;
  const expected = [host, "devices", deviceId, ...(moduleId === undefined ? [] : ["modules", moduleId])];
  return segments.length <= expected.length && segments.every((segment, index) => segment === expected[index]);
}

/** A token, for the CLI, samples and tests. */
export function makeSasToken(resource: string, key: string, expiresMs: number, policy?: string): string {
  const encoded = encodeURIComponent(resource);
  const expiry = String(Math.floor(expiresMs / 1000));
  const signature = encodeURIComponent(sign(key, encoded, expiry).toString("base64"));
  return `${prefix}sr=${encoded}&sig=${signature}&se=${expiry}${policy === undefined ? "" : `&skn=${policy}`}`;
}

function sign(key: string, resource: string, expiry: string): Buffer {
  return hmacSha256(Buffer.from(key, "base64"), `${resource}\n${expiry}`);
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null; // URIError: the only thing it throws
  }
}
