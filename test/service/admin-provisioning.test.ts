// Provisioning over REST: ID scopes, enrollment groups, enrollments, registrations.

import { afterEach, expect, test } from "vitest";
import { derivedKey } from "../../src/registry/derived-key.ts";
import { AdminBench } from "../lib/admin-bench.ts";
import { emptyTemplate } from "../lib/plain-devices.ts";

let bench: AdminBench;
afterEach(async () => await bench.close());

const key = Buffer.alloc(32, 7).toString("base64");

test("the ID scope is shown with the host, and others are taken besides it", async () => {
  bench = await AdminBench.open();
  const shown = await bench.expect(200, "GET", "/provisioning");
  expect(shown).toEqual({
    idScope: expect.stringMatching(/^0ne[0-9A-F]{8}$/),
    furtherIdScopes: [],
    host: "hub.test",
    assignedHub: "hub.test",
    registrations: { waiting: 0, assigned: 0, blocked: 0 },
  });
  const changed = await bench.expect(200, "PATCH", "/provisioning", { furtherIdScopes: ["0ne00AB12CD"] });
  expect(changed).toEqual({ ...shown, furtherIdScopes: ["0ne00AB12CD"] });
  expect(await bench.expect(200, "PATCH", "/provisioning", {})).toEqual(changed);
  expect(await bench.refused(400, "PATCH", "/provisioning", { furtherIdScopes: ["a b"] })).toMatchObject({
    code: "input-invalid",
    field: "furtherIdScopes[0]",
  });
});

test("A2: an enrollment group's keys are shown by the calls for it alone, and the audit log says who saw them", async () => {
  bench = await AdminBench.open();
  const group = await bench.expect(201, "POST", "/enrollment-groups", { name: "line 1", primaryKey: key });
  expect(group).toMatchObject({ name: "line 1", attestation: "symmetric-key", autoApprove: true, enabled: true });
  const path = `/enrollment-groups/${group.id}`;
  expect(await bench.expect(200, "PATCH", path, { autoApprove: false, etag: 1 })).toMatchObject({ etag: 2 });
  await bench.refused(409, "PATCH", path, { autoApprove: true, etag: 1 });
  expect(await bench.expect(200, "GET", "/enrollment-groups")).toMatchObject({ items: [{ id: group.id, etag: 2 }] });
  expect(bench.answers.join("\n")).not.toContain(key);
  expect(await bench.expect(200, "GET", `${path}/keys`)).toMatchObject({ primaryKey: key });
  expect(await bench.expect(200, "GET", `${path}/device-keys/dev-1`)).toMatchObject({
    primaryKey: derivedKey(key, "dev-1"),
  });
  const regenerated = await bench.expect(200, "PUT", `${path}/keys`, { regenerate: "primary" });
  expect(regenerated.primaryKey).not.toBe(key);
  await bench.refused(400, "PUT", `${path}/keys`, {});
  const { items } = await bench.expect(200, "GET", "/audit-log?limit=100");
  expect(items.map((one: { action: string }) => one.action)).toEqual([
    "setEnrollmentGroupKeys",
    "getEnrollmentGroupDeviceKeys",
    "getEnrollmentGroupKeys",
    "updateEnrollmentGroup",
    "createEnrollmentGroup",
  ]);
  expect(JSON.stringify(items)).not.toContain(key);
  await bench.expect(204, "DELETE", path);
  await bench.refused(404, "GET", path);
});

test("individual enrollments are made, changed, listed in pages and deleted", async () => {
  bench = await AdminBench.open();
  const made = await bench.expect(201, "POST", "/enrollments", { registrationId: "r-1", deviceId: "pump" });
  expect(made).toMatchObject({ registrationId: "r-1", deviceId: "pump", templateId: null });
  await bench.expect(201, "POST", "/enrollments", { registrationId: "r-2" });
  await bench.refused(409, "POST", "/enrollments", { registrationId: "r-2" });
  expect(await bench.expect(200, "GET", "/enrollments?limit=1")).toMatchObject({ items: [made], next: "r-1" });
  expect(await bench.expect(200, "GET", "/enrollments?after=r-1")).toMatchObject({ next: null });
  expect(await bench.expect(200, "PATCH", "/enrollments/r-1", { enabled: false })).toMatchObject({ enabled: false });
  const keys = await bench.expect(200, "GET", "/enrollments/r-1/keys");
  const changed = await bench.expect(200, "PUT", "/enrollments/r-1/keys", { regenerate: "secondary" });
  expect(changed).toEqual({ ...keys, secondaryKey: changed.secondaryKey });
  await bench.expect(204, "DELETE", "/enrollments/r-1");
  await bench.refused(404, "GET", "/enrollments/r-1");
});

test("certificates are replaced in place, of enrollments and of devices, and the audit log says by whom", async () => {
  bench = await AdminBench.open();
  const [a, b] = ["AA".repeat(20), "BB".repeat(32)];
  const made = { registrationId: "r-1", attestation: "x509", primaryThumbprint: a };
  await bench.expect(201, "POST", "/enrollments", made);
  const both = { primaryThumbprint: a, secondaryThumbprint: b };
  expect(await bench.expect(200, "PATCH", "/enrollments/r-1", { secondaryThumbprint: b })).toMatchObject(both);
  const next = { primaryThumbprint: b, secondaryThumbprint: null };
  expect(await bench.expect(200, "PATCH", "/enrollments/r-1", next)).toMatchObject(next);

  await bench.rooms.registry.createTemplate(emptyTemplate);
  const authentication = { type: "x509-thumbprint", primaryThumbprint: a };
  await bench.expect(201, "POST", "/devices", { id: "d-1", templateId: emptyTemplate.id, authentication });
  const path = "/devices/d-1/authentication";
  expect(await bench.expect(200, "PATCH", path, { secondaryThumbprint: b })).toMatchObject({ authentication: both });
  expect(await bench.expect(200, "PATCH", path, next)).toMatchObject({ authentication: next });
  const none = await bench.refused(400, "PATCH", path, { primaryThumbprint: null });
  expect(none).toMatchObject({ field: "primaryThumbprint" });
  await bench.refused(404, "PATCH", "/devices/none/authentication", next);
  const { items } = await bench.expect(200, "GET", "/audit-log?limit=2");
  expect(items).toMatchObject([
    { action: "setDeviceThumbprints", subject: "d-1", detail: next },
    { action: "setDeviceThumbprints", subject: "d-1", detail: { secondaryThumbprint: b } },
  ]);
});

test("registrations that wait are listed, approved with a template, blocked, let in and forgotten", async () => {
  bench = await AdminBench.open();
  const { registry } = bench.rooms;
  await registry.createTemplate(emptyTemplate);
  const { id: enrollmentGroupId } = await registry.createEnrollmentGroup({ name: "g", primaryKey: key });
  for (const registrationId of ["a", "b"]) {
    await registry.register({ registrationId, enrollmentGroupId, key: derivedKey(key, registrationId) });
  }
  const { items } = await bench.expect(
    200,
    "GET",
    `/registrations?status=waiting&enrollmentGroupId=${enrollmentGroupId}`,
  );
  expect(items).toMatchObject([{ registrationId: "a", waitsFor: "template" }, { registrationId: "b" }]);
  expect(await bench.refused(400, "POST", "/registrations/a/approve", {})).toMatchObject({ field: "templateId" });
  expect(await bench.expect(200, "POST", "/registrations/a/approve", { templateId: emptyTemplate.id })).toMatchObject({
    status: "assigned",
    deviceId: "a",
  });
  expect(await bench.expect(200, "GET", "/devices/a")).toMatchObject({ enabled: true, templateId: emptyTemplate.id });
  expect(await bench.expect(200, "POST", "/registrations/a/block")).toMatchObject({ status: "blocked" });
  expect(await bench.expect(200, "GET", "/devices/a")).toMatchObject({ enabled: false });
  expect(await bench.expect(200, "POST", "/registrations/a/unblock")).toMatchObject({ status: "assigned" });
  expect(await bench.refused(409, "DELETE", "/registrations/a")).toMatchObject({ code: "registration-assigned" });
  await bench.expect(204, "DELETE", "/registrations/b");
  await bench.refused(404, "GET", "/registrations/b");
  expect((await bench.expect(200, "GET", "/provisioning")).registrations).toEqual({
    waiting: 0,
    assigned: 1,
    blocked: 0,
  });
});

test("a device template says of which model it is, and keeps it through export and edit", async () => {
  bench = await AdminBench.open();
  const modelId = "dtmi:com:example:Pump;1";
  const made = await bench.expect(201, "POST", "/device-templates", { name: "Pump", modelId, publish: true });
  const path = `/device-templates/${made.id}/versions/1.0.0`;
  expect(await bench.expect(200, "GET", `${path}/export`)).toMatchObject({ modelId });
  expect(await bench.expect(200, "PUT", path, { name: "Pumps", modelId })).toMatchObject({ name: "Pumps", modelId });
  expect(await bench.expect(200, "PUT", path, { name: "Pumps" })).not.toHaveProperty("modelId");
  expect(await bench.refused(400, "PUT", path, { name: "Pumps", modelId: "\n" })).toMatchObject({ field: "modelId" });
});
