// Columns: devices that are provisioned, and then send to the hub that they were told of.

import { createHmac } from "node:crypto";
import { expect } from "vitest";
import { testAuthority, testCertificate } from "../lib/certificates.ts";
import type { ClientCertificate } from "./driver-protocol.ts";
import type { Feature } from "./features.ts";
import { shown } from "./identity-features.ts";
import { type Cell, templateId, until } from "./stand.ts";
import { numbered } from "./telemetry-features.ts";

interface Proof {
  readonly key?: string;
  readonly certificate?: ClientCertificate;
}

/** As Azure's documentation says, independent of the product's code. */
function derivedKey(groupKey: string, registrationId: string): string {
  return createHmac("sha256", Buffer.from(groupKey, "base64")).update(registrationId).digest("base64");
}

/** Is assigned, and sends with what it proved itself by. */
async function expectAssigned(cell: Cell, proof: Proof): Promise<void> {
  const { assignedHub, deviceId } = await cell.register(proof);
  expect(deviceId).toBe(cell.id);
  const client = await cell.open({ host: assignedHub, ...proof });
  await client.send(numbered(1));
  cell.mustBeExported(numbered(1));
}

async function groupKey(cell: Cell): Promise<void> {
  const { primaryKey } = await newGroup(cell, { templateId });
  await expect(cell.register({ key: derivedKey(primaryKey, "another") })).rejects.toThrow();
  await expectAssigned(cell, { key: derivedKey(primaryKey, cell.id) });
}

async function individualKey(cell: Cell): Promise<void> {
  const { hub } = cell.stand.bench;
  await hub.api("POST", "/enrollments", { registrationId: cell.id, templateId });
  const { primaryKey } = await hub.api<{ primaryKey: string }>("GET", `/enrollments/${cell.id}/keys`);
  await expectAssigned(cell, { key: primaryKey });
}

async function groupX509(cell: Cell): Promise<void> {
  const root = await testAuthority("Provisioning");
  const caCertificateId = await cell.stand.addAuthority("provisioning", root);
  await cell.stand.bench.hub.api("POST", "/enrollment-groups", {
    name: cell.id,
    attestation: "x509",
    caCertificateId,
    templateId,
  });
  cell.signsInBy = "x509";
  await expectAssigned(cell, { certificate: shown(await testCertificate({ name: cell.id, issuer: root })) });
}

/** The device asks again and again until somebody has approved it. */
async function approval(cell: Cell): Promise<void> {
  const { hub } = cell.stand.bench;
  const { primaryKey } = await newGroup(cell, { autoApprove: false });
  const assigned = expectAssigned(cell, { key: derivedKey(primaryKey, cell.id) });
  assigned.catch(() => {}); // looked at below
  await until("it waits for approval", async () => {
    const { items } = await hub.api<{ items: readonly { registrationId: string }[] }>(
      "GET",
      "/registrations?status=waiting",
    );
    return items.some(({ registrationId }) => registrationId === cell.id);
  });
  await hub.api("POST", `/registrations/${cell.id}/approve`, { templateId });
  await assigned;
}

async function newGroup(cell: Cell, terms: object): Promise<{ readonly primaryKey: string }> {
  const { hub } = cell.stand.bench;
  const { id } = await hub.api<{ id: string }>("POST", "/enrollment-groups", { name: cell.id, ...terms });
  return await hub.api("GET", `/enrollment-groups/${id}/keys`);
}

const kinds = ["provisioning"] as const;

export const provisioningFeatures: readonly Feature[] = [
  { id: "group-key", title: "enrollment group by symmetric key", kinds, run: groupKey },
  { id: "individual-key", title: "individual enrollment by symmetric key", kinds, run: individualKey },
  { id: "group-x509", title: "enrollment group by X.509", kinds, run: groupX509 },
  { id: "approval", title: "waiting until an administrator approves", kinds, run: approval },
];
