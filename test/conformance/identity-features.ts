// Columns: devices that prove themselves by a certificate instead of a key.

import { createHash } from "node:crypto";
import { expect } from "vitest";
import { type TestCertificate, testAuthority, testCertificate } from "../lib/certificates.ts";
import type { ClientCertificate } from "./driver-protocol.ts";
import type { Feature } from "./features.ts";
import type { Cell } from "./stand.ts";
import { numbered } from "./telemetry-features.ts";

/** A chain as a device shows it, from the leaf up. */
export function shown(leaf: TestCertificate, ...above: readonly TestCertificate[]): ClientCertificate {
  return { cert: [leaf, ...above].map(({ certPem }) => certPem).join(""), key: leaf.keyPem };
}

/** The certificate opens; another one of the same name does not. */
async function expectOpens(cell: Cell, certificate: ClientCertificate): Promise<void> {
  const stranger = await testCertificate({ name: cell.id });
  const byStranger = cell.open({ certificate: shown(stranger) });
  await expect(byStranger.then(async (client) => await client.send(numbered(2)))).rejects.toThrow();
  const client = await cell.open({ certificate });
  await client.send(numbered(1));
  cell.signsInBy = "x509";
  cell.mustBeExported(numbered(1));
}

async function thumbprint(cell: Cell): Promise<void> {
  const certificate = await testCertificate({ name: cell.id });
  const primaryThumbprint = createHash("sha256").update(certificate.der).digest("hex");
  await cell.api("PUT", "/authentication", { type: "x509-thumbprint", primaryThumbprint });
  await expectOpens(cell, shown(certificate));
}

async function authority(cell: Cell): Promise<void> {
  const root = await testAuthority("Factory");
  const intermediate = await testAuthority("Line 1", { issuer: root });
  await cell.stand.addAuthority("factory", root);
  await cell.api("PUT", "/authentication", { type: "x509-ca" });
  await expectOpens(cell, shown(await testCertificate({ name: cell.id, issuer: intermediate }), intermediate));
}

export const identityFeatures: readonly Feature[] = [
  { id: "x509-thumbprint", title: "X.509 by thumbprint", kinds: ["device"], run: thumbprint },
  { id: "x509-ca", title: "X.509 signed by a CA", kinds: ["device"], run: authority },
];
