// What devices cause must not cost more the more devices there are: no statement of theirs may read a large table through.

import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test, vi } from "vitest";
import { fridge } from "../contract/stand.ts";
import type { Registry } from "../registry.ts";
import { makeDirectory, openIn } from "./sqlite-stand.contract.ts";

/** Tables and aliases with few rows, whatever the size of the fleet. */
const small = ["g", "ca_certificates", "id_scopes", "hub_policies", "users", "counters", "cloud_message_totals"];
/** Long after all that a story does. */
const later = Date.parse("2030-01-01T00:00:00Z");

/** What of its plan reads through something that may be large. */
function scansOf(database: DatabaseSync, statement: string): readonly string[] {
  const plan = database.prepare(`explain query plan ${statement}`).all();
  return plan
    .map(({ detail }) => String(detail))
    .filter((detail) => {
      const [, table = ""] = /^SCAN (\w+)/.exec(detail) ?? [];
      return table !== "" && !small.includes(table);
    });
}

test("a statement that reads through a large table is seen as such", async () => {
  const directory = makeDirectory();
  await (await openIn(directory)).close();
  const database = new DatabaseSync(path.join(directory, "registry.db"), { readOnly: true });
  onTestFinished(() => database.close());
  expect(scansOf(database, "select * from devices where name = ?")).toEqual(["SCAN devices"]);
  expect(scansOf(database, "select count(*) from cloud_messages where ended_ms is null")).toHaveLength(1);
  expect(scansOf(database, "select told from mqtt_sessions where used_ms + 1 < ?")).toEqual(["SCAN mqtt_sessions"]);
  expect(scansOf(database, "select * from devices where id = ?")).toEqual([]);
});

test("M1: whatever a device causes is looked up: sign-in, sessions, twin, messages for it, provisioning, and the sweeps", async () => {
  const directory = makeDirectory();
  const prepare = vi.spyOn(DatabaseSync.prototype, "prepare");
  onTestFinished(() => prepare.mockRestore());
  const registry = await openIn(directory);
  // Of what opens it: what it keeps prepared. Kysely's, with their quotes, are of its migrations.
  const atOpening = prepare.mock.calls
    .map(([sql]) => sql)
    .filter((sql) => /^\s*select\b/.test(sql) && !sql.includes('"'));
  await registry.createTemplate(fridge);
  await registry.createEnrollmentGroup({ name: "line", templateId: "fridge" });
  await registry.createDevice({ id: "d", templateId: "fridge" });
  await registry.createModule("d", { id: "m" });
  prepare.mockClear();
  await liveOf(registry);
  const statements = new Set([...atOpening, ...prepare.mock.calls.map(([sql]) => sql)]);
  await registry.close();

  expect(statements.size).toBeGreaterThan(40);
  const database = new DatabaseSync(path.join(directory, "registry.db"), { readOnly: true });
  onTestFinished(() => database.close());
  const asked = [...statements].filter((sql) => /^\s*(?:select|insert|update|delete)\b/i.test(sql));
  const scans = asked.flatMap((sql) => scansOf(database, sql).map((scan) => `${scan}: ${sql}`));
  expect(scans).toEqual([]);
});

/** All that the rooms of devices ask of a registry. */
async function liveOf(registry: Registry): Promise<void> {
  const { generationId } = await registry.device("d");
  const module = await registry.module("d", "m");
  const owner = { deviceId: "d", generationId };
  const owners = [owner, { deviceId: "d", moduleId: "m", generationId: module.generationId }];
  await registry.deviceCredentials("d");
  await registry.moduleCredentials("d", "m");
  await registry.policyKeys("device");
  await registry.trustedCaCertificates();
  for (const one of owners) {
    await registry.mqttSession(one);
    const subscriptions = new Map([["devices/d/messages/devicebound/#", 1 as const]]);
    await registry.keepMqttSession(one, { subscriptions, followsDesired: true, nowMs: 1 });
    await registry.keepMqttSession(one, { subscriptions, followsDesired: true, nowMs: 2 });
    await registry.followDesired(one, true, 1);
  }
  await registry.deviceTwin("d");
  await registry.reportTwin("d", generationId, { lastReboot: "2026-01-01T00:00:00Z", other: 1 });
  await registry.moduleTwin("d", "m");
  await registry.reportModuleTwin("d", "m", module.generationId, { other: 1 });
  await registry.patchDesired("d", { extra: 1 });
  await registry.patchModuleDesired("d", "m", { extra: 1 });
  await registry.updateDevice("d", { settings: { device: { fanSpeed: 3 } } });
  for (const one of owners) {
    const untold = await registry.untoldDesired(one);
    await registry.desiredSent(one, untold?.version ?? 0);
    await registry.desiredTold(one, untold?.version ?? 0);
  }
  await registry.useMqttSessions(owners, 3);

  for (let count = 0; count < 3; count++) {
    await registry.sendCloudMessage("d", { body: Buffer.from("a"), ttlMs: 1000 }, 1e6);
  }
  for (const outcome of ["abandoned", "completed", "rejected"] as const) {
    const { deliveries } = await registry.takeCloudMessages(owner, 1);
    await registry.settleCloudMessage(owner, deliveries[0]?.lockToken ?? "", outcome);
  }
  await registry.takeCloudMessages(owner, 1);
  await registry.releaseCloudMessages(owner);
  await registry.cloudMessages("d");
  await registry.cloudMessageTotals();
  await registry.sweepCloudMessages();
  await registry.purgeCloudMessages("d");

  registry.isIdScope("0ne00000000");
  expect([...registry.enrollmentProofs("new", "x509")]).toEqual([]);
  const [proof] = registry.enrollmentProofs("new", "symmetric-key");
  const claim = {
    registrationId: "new",
    enrollmentGroupId: proof?.enrollmentGroupId ?? null,
    key: proof?.kind === "keys" ? proof.keys.primaryKey : null,
  };
  await registry.register(claim);
  await registry.register({ ...claim, isPoll: true });
  await registry.setEnrollmentGroupKeys(claim.enrollmentGroupId ?? "", "regenerate-secondary");
  await registry.register(claim);
  await registry.updateEnrollmentGroup(claim.enrollmentGroupId ?? "", { autoApprove: false });
  await registry.register({ ...claim, registrationId: "waits" });
  await registry.register({ ...claim, registrationId: "waits", isPoll: true });
  await registry.expireMqttSessions(later);
  await registry.endMqttSession(owner);
  await registry.deleteDevice("d");
}
