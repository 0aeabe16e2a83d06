// Names in a server certificate: DNS names and IP addresses, in one spelling, so that they can be compared.

import type { X509Certificate } from "node:crypto";
import { isIP, isIPv6 } from "node:net";

const alwaysNames = ["localhost", "127.0.0.1", "::1"] as const;

/** The names that a server certificate carries: what was asked for, in that order, then this machine's own. */
export function serverNames(publicHosts: readonly string[]): readonly string[] {
  return [...new Set([...publicHosts, ...alwaysNames].map(canonicalName))];
}

/** Lower case; IPv6 in its shortest form. */
function canonicalName(name: string): string {
  const bare = name.replace(/^\[(.*)\]$/, "$1");
  // The URL parser shortens an IPv6 address as RFC 5952 says.
  return isIPv6(bare) ? new URL(`http://[${bare}]`).hostname.slice(1, -1) : bare.toLowerCase();
}

/** The DNS names and IP addresses that a certificate carries, in its order. */
export function certificateNames(cert: X509Certificate): readonly string[] {
  const names: string[] = [];
  for (const entry of (cert.subjectAltName ?? "").split(", ")) {
    const [, kind, name] = /^(DNS|IP Address):(.+)$/.exec(entry) ?? [];
    if (name === undefined) continue;
    if (kind === "DNS" || isIP(name) !== 0) names.push(canonicalName(name));
  }
  return names;
}
