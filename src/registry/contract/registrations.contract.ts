import { describe, expect, test } from "vitest";
import { testAuthority, testCertificate } from "../../../test/lib/certificates.ts";
import type {
  CaCertificate,
  EnrollmentProof,
  KeyPair,
  NewEnrollmentGroup,
  Registry,
  RegistrationOutcome,
} from "../registry.ts";
import { type MakeStand, changesSince, eventsOf, fridge } from "./stand.ts";

const madeAt = "2026-01-02T03:04:05.678Z";
const model = "dtmi:com:example:Fridge;1";

export function registrationStories(make: MakeStand): void {
  const makeWithGroup = async (more: Partial<NewEnrollmentGroup> = { templateId: "fridge" }) => {
    const stand = await make();
    await stand.registry.createTemplate(fridge);
    const { id } = await stand.registry.createEnrollmentGroup({ name: "g", ...more });
    return { ...stand, groupId: id };
  };

  describe("registrations", () => {
    test("by a group make a device, with the keys derived from the group's; it is exported (S1)", async () => {
      const { registry, groupId, reopen } = await makeWithGroup();
      const { revision } = changesSince(registry, 0);
      const events = eventsOf(registry);
      const [proof, ...others] = proofsOf(registry, "dev-1");
      expect(others).toEqual([]);
      expect(proof?.enrollmentGroupId).toBe(groupId);
      expect(await register(registry, "dev-1")).toEqual({
        kind: "assigned",
        deviceId: "dev-1",
        isNew: true,
        createdAt: madeAt,
        updatedAt: madeAt,
      });
      expect(events.map(({ kind }) => kind)).toEqual(["device-created", "registration-changed"]);
      const again = await reopen();
      expect(await again.deviceKeys("dev-1")).toEqual(proof?.keys);
      expect(await again.device("dev-1")).toMatchObject({ templateId: "fridge", enabled: true, simulated: false });
      expect(changesSince(again, revision).devices).toMatchObject([{ id: "dev-1" }]);
      expect(await again.registration("dev-1")).toEqual({
        registrationId: "dev-1",
        status: "assigned",
        waitsFor: null,
        enrollmentGroupId: groupId,
        deviceId: "dev-1",
        modelId: null,
        templateId: null,
        createdAt: madeAt,
        updatedAt: madeAt,
      });
    });

    test("of a device that is known are assigned again, and change nothing", async () => {
      const { registry } = await makeWithGroup();
      await register(registry, "dev-1");
      const device = await registry.device("dev-1");
      const events = eventsOf(registry);
      expect(await register(registry, "dev-1")).toMatchObject({ kind: "assigned", deviceId: "dev-1", isNew: false });
      expect(await register(registry, "dev-1", { isPoll: true })).toMatchObject({ kind: "assigned", isNew: false });
      expect(events).toEqual([]);
      expect(await registry.device("dev-1")).toEqual(device);
    });

    test("choose the template by the model that the device names, else the group's", async () => {
      const { registry } = await makeWithGroup();
      const modelled = { ...fridge, id: "modelled", modelId: model };
      await registry.createTemplate(modelled);
      await registry.createTemplateVersion("modelled", { ...modelled, version: "2.0.0" });
      await registry.createTemplateVersion("modelled", { ...modelled, version: "3.0.0", publish: false });
      await register(registry, "a", { modelId: model });
      await register(registry, "b", { modelId: "dtmi:com:example:Other;1" });
      expect(await registry.device("a")).toMatchObject({ templateId: "modelled", templateVersion: "2.0.0" });
      expect(await registry.device("b")).toMatchObject({ templateId: "fridge", templateVersion: "1.0.0" });
    });

    test("without a template wait until an administrator approves them with one; nothing is exported meanwhile", async () => {
      const { registry, groupId } = await makeWithGroup({});
      const { revision } = changesSince(registry, 0);
      expect(await register(registry, "dev-1", { modelId: model })).toMatchObject({
        kind: "waiting",
        waitsFor: "template",
      });
      expect(await registry.countDevices()).toBe(0);
      expect(changesSince(registry, 0).revision).toBe(revision);
      const events = eventsOf(registry);
      expect(await register(registry, "dev-1", { isPoll: true })).toMatchObject({ kind: "waiting" });
      expect(await register(registry, "dev-1", { modelId: model })).toMatchObject({ kind: "waiting" });
      expect(events).toEqual([]); // asked again: no change
      expect((await registry.registrations({ status: "waiting" })).items).toMatchObject([
        { registrationId: "dev-1", waitsFor: "template", modelId: model, enrollmentGroupId: groupId, templateId: null },
      ]);
      await expect(registry.approveRegistration("dev-1")).rejects.toMatchObject({ field: "templateId" });
      await expect(registry.approveRegistration("dev-1", { templateId: "none" })).rejects.toMatchObject({
        code: "reference-unknown",
      });
      expect(await registry.approveRegistration("dev-1", { templateId: "fridge" })).toMatchObject({
        status: "assigned",
        deviceId: "dev-1",
      });
      expect(await register(registry, "dev-1", { isPoll: true })).toMatchObject({ kind: "assigned", isNew: false });
      expect(await registry.deviceKeys("dev-1")).toEqual(proofsOf(registry, "dev-1")[0]?.keys);
      await expect(registry.approveRegistration("dev-1")).rejects.toMatchObject({ code: "registration-not-waiting" });
    });

    test("wait for approval where the group wants it, and get the group's template", async () => {
      const { registry, groupId } = await makeWithGroup({ templateId: "fridge", autoApprove: false });
      expect(await register(registry, "dev-1")).toMatchObject({ kind: "waiting", waitsFor: "approval" });
      expect(await registry.registration("dev-1")).toMatchObject({ templateId: "fridge" });
      await registry.approveRegistration("dev-1");
      expect(await registry.device("dev-1")).toMatchObject({ templateId: "fridge" });
      // Those that wait come in when the group is changed so.
      expect(await register(registry, "dev-2")).toMatchObject({ kind: "waiting", waiting: 0 });
      await registry.updateEnrollmentGroup(groupId, { autoApprove: true });
      expect(await register(registry, "dev-2", { isPoll: true })).toMatchObject({ kind: "assigned", isNew: true });
    });

    test("that never began are unknown to a poll, and so is one whose group is gone", async () => {
      const { registry, groupId } = await makeWithGroup();
      expect(await register(registry, "dev-1", { isPoll: true })).toEqual({ kind: "unknown" });
      await register(registry, "dev-1");
      const { keys } = proofsOf(registry, "dev-1")[0]!;
      await registry.deleteEnrollmentGroup(groupId);
      const claim = { registrationId: "dev-1", enrollmentGroupId: groupId, key: keys.primaryKey };
      expect(await registry.register(claim)).toEqual({ kind: "unknown" });
      // Its devices stay, and its registrations are gone.
      expect(await registry.device("dev-1")).toMatchObject({ enabled: true });
      expect((await registry.registrations()).items).toEqual([]);
    });

    test("D1: give a device the keys of its group after they were changed, and end its connections", async () => {
      const { registry, groupId } = await makeWithGroup();
      await register(registry, "dev-1");
      const former = await registry.deviceKeys("dev-1");
      await registry.setEnrollmentGroupKeys(groupId, "regenerate-primary");
      // Until it registers again it goes on with the keys it has.
      expect(await registry.deviceKeys("dev-1")).toEqual(former);
      const events = eventsOf(registry);
      expect(await register(registry, "dev-1")).toMatchObject({ kind: "assigned", isNew: false });
      const next = await registry.deviceKeys("dev-1");
      expect(next).toEqual(proofsOf(registry, "dev-1")[0]?.keys);
      expect(next.primaryKey).not.toBe(former.primaryKey);
      expect(next.secondaryKey).toBe(former.secondaryKey);
      expect(events).toContainEqual({ kind: "device-changed", deviceId: "dev-1", access: true });
    });

    test("D1: do not hand over a device that was made by hand with other keys, nor undo keys changed by hand", async () => {
      const { registry } = await makeWithGroup();
      await registry.createDevice({ id: "by-hand", templateId: "fridge" });
      const keys = await registry.deviceKeys("by-hand");
      expect(await register(registry, "by-hand")).toEqual({ kind: "taken" });
      expect(await registry.deviceKeys("by-hand")).toEqual(keys);
      await register(registry, "dev-1");
      const changed = await registry.setDeviceKeys("dev-1", "regenerate-primary");
      expect(await register(registry, "dev-1", { by: "primaryKey" })).toEqual({ kind: "taken" });
      expect(await registry.deviceKeys("dev-1")).toEqual(changed);
      // Whoever has a key that opens it is the device.
      expect(await register(registry, "dev-1", { by: "secondaryKey" })).toMatchObject({ kind: "assigned" });
      expect(await registry.deviceKeys("dev-1")).toEqual(changed);
    });

    test("D1: by one group do not get what came by another: neither its device nor its place in the queue", async () => {
      const { registry, groupId } = await makeWithGroup();
      await register(registry, "dev-1");
      const keys = await registry.deviceKeys("dev-1");
      await registry.updateEnrollmentGroup(groupId, { autoApprove: false });
      await register(registry, "dev-2");
      const other = await registry.createEnrollmentGroup({ name: "other", templateId: "fridge" });
      for (const registrationId of ["dev-1", "dev-2"]) {
        const proof = proofsOf(registry, registrationId).find((one) => one.enrollmentGroupId === other.id);
        const claim = { registrationId, enrollmentGroupId: other.id, key: proof?.keys.primaryKey ?? "" };
        expect(await registry.register(claim)).toEqual({ kind: "taken" });
      }
      expect(await registry.deviceKeys("dev-1")).toEqual(keys);
      expect(await registry.registration("dev-2")).toMatchObject({ enrollmentGroupId: groupId, status: "waiting" });
      // An enrollment for the very id is an administrator's word.
      await registry.createEnrollment({ registrationId: "dev-1" });
      expect(await register(registry, "dev-1")).toMatchObject({ kind: "assigned", isNew: false });
      expect(await registry.deviceKeys("dev-1")).toEqual(await registry.enrollmentKeys("dev-1"));
    });

    test("find a device that was made before with the very keys that are derived: a moved fleet", async () => {
      const { registry, groupId } = await makeWithGroup();
      const { keys } = proofsOf(registry, "moved")[0]!;
      const { generationId } = await registry.createDevice({ id: "moved", templateId: "fridge", ...keys });
      expect(await register(registry, "moved")).toMatchObject({ kind: "assigned", isNew: false });
      expect(await registry.registration("moved")).toMatchObject({ status: "assigned", enrollmentGroupId: groupId });
      expect(await registry.device("moved")).toMatchObject({ generationId });
    });

    test("by an individual enrollment stand before all groups, under the enrollment's device id", async () => {
      const { registry, groupId } = await makeWithGroup();
      const before = proofsOf(registry, "r-1");
      await registry.createEnrollment({ registrationId: "r-1", deviceId: "pump-1", templateId: "fridge" });
      const proofs = proofsOf(registry, "r-1");
      expect(proofs.map(({ enrollmentGroupId }) => enrollmentGroupId)).toEqual([null, groupId]);
      expect(proofs[0]?.keys).toEqual(await registry.enrollmentKeys("r-1"));
      expect(await register(registry, "r-1")).toMatchObject({ kind: "assigned", deviceId: "pump-1" });
      expect(await registry.deviceKeys("pump-1")).toEqual(proofs[0]?.keys);
      const byGroup = { registrationId: "r-1", enrollmentGroupId: groupId, key: before[0]!.keys.primaryKey };
      expect(await registry.register(byGroup)).toEqual({ kind: "unknown" });
      await registry.deleteEnrollment("r-1");
      expect((await registry.registrations()).items).toEqual([]);
      expect(await registry.device("pump-1")).toMatchObject({ enabled: true });
    });

    test("are looked for in the group that a device came by before, then in that of the newest one", async () => {
      const { registry } = await makeWithGroup();
      const ids: string[] = [];
      for (const name of ["b", "c"])
        ids.push((await registry.createEnrollmentGroup({ name, templateId: "fridge" })).id);
      const [b = "", c = ""] = ids;
      const keyIn = (enrollmentGroupId: string, registrationId: string) => {
        const proof = proofsOf(registry, registrationId).find((one) => one.enrollmentGroupId === enrollmentGroupId);
        return { registrationId, enrollmentGroupId, key: proof?.keys.primaryKey ?? "" };
      };
      for (const [group, id] of [
        [c, "dev-1"],
        [b, "dev-2"],
      ] as const)
        await registry.register(keyIn(group, id));
      const orderOf = (id: string) => proofsOf(registry, id).map(({ enrollmentGroupId }) => enrollmentGroupId);
      expect(orderOf("dev-1").slice(0, 2)).toEqual([c, b]);
      expect(orderOf("dev-3")[0]).toBe(b);
      // A1: all of them, each once, whether the id is known or not.
      for (const id of ["dev-1", "dev-2", "dev-3"]) expect(new Set(orderOf(id)).size).toBe(3);
      for (const id of ["dev-1", "dev-2", "dev-3"]) expect(orderOf(id)).toHaveLength(3);
    });

    test("D1: are proved by what their group has now: made, deleted, given other keys, another CA certificate", async () => {
      const { registry, groupId } = await makeWithGroup();
      const before = proofsOf(registry, "dev-1")[0]?.keys;
      await registry.setEnrollmentGroupKeys(groupId, "regenerate-primary");
      expect(proofsOf(registry, "dev-1")[0]?.keys.primaryKey).not.toBe(before?.primaryKey);
      const other = await registry.createEnrollmentGroup({ name: "other" });
      expect(proofsOf(registry, "dev-1")).toHaveLength(2);
      await registry.deleteEnrollmentGroup(other.id);
      expect(proofsOf(registry, "dev-1")).toHaveLength(1);

      const [one, two] = [await verifiedAuthority(registry, "one"), await verifiedAuthority(registry, "two")];
      const authorities = () => [...registry.enrollmentProofs("dev-1", "x509")].map(thumbprintOf);
      expect(authorities()).toEqual([]);
      const x509 = { name: "x", attestation: "x509", caCertificateId: one.id } as const;
      const { id } = await registry.createEnrollmentGroup(x509);
      expect(authorities()).toEqual([one.thumbprint]);
      await registry.updateEnrollmentGroup(id, { caCertificateId: two.id });
      expect(authorities()).toEqual([two.thumbprint]);
      await registry.deleteCaCertificate(two.id);
      expect(authorities()).toEqual([]);
      const unknown = registry.updateEnrollmentGroup(id, { caCertificateId: two.id.toUpperCase() });
      await expect(unknown).rejects.toMatchObject({ code: "reference-unknown", field: "caCertificateId" });
      const ofKeys = registry.updateEnrollmentGroup(groupId, { caCertificateId: one.id });
      await expect(ofKeys).rejects.toMatchObject({ code: "input-invalid", field: "caCertificateId" });
    });

    test("D1: by certificate give a device the next one of its enrollment, and end its connections", async () => {
      const { registry } = await makeWithGroup();
      const [a, b, c] = ["aa", "bb", "cc"].map((byte) => byte.repeat(20).toUpperCase()) as [string, string, string];
      const enrollment = { attestation: "x509", primaryThumbprint: a, templateId: "fridge" } as const;
      await registry.createEnrollment({ registrationId: "r-1", ...enrollment });
      const claim = { registrationId: "r-1", enrollmentGroupId: null, key: null };
      await registry.register(claim);
      const thumbprints = async () => (await registry.device("r-1")).authentication;
      await registry.updateEnrollment("r-1", { secondaryThumbprint: b });
      // Until it registers again it has the one it had.
      expect(await thumbprints()).toMatchObject({ primaryThumbprint: a, secondaryThumbprint: null });
      const events = eventsOf(registry);
      expect(await registry.register(claim)).toMatchObject({ kind: "assigned", isNew: false });
      expect(await thumbprints()).toMatchObject({ primaryThumbprint: a, secondaryThumbprint: b });
      expect(events).toContainEqual({ kind: "device-changed", deviceId: "r-1", access: true });
      await registry.updateEnrollment("r-1", { primaryThumbprint: b, secondaryThumbprint: null });
      await registry.register(claim);
      expect(await thumbprints()).toMatchObject({ primaryThumbprint: b, secondaryThumbprint: null });

      // Changed by hand it stays, and whoever has a certificate that opens it is the device.
      await registry.setDeviceThumbprints("r-1", { secondaryThumbprint: c });
      expect(await registry.register(claim)).toMatchObject({ kind: "assigned" });
      expect(await thumbprints()).toMatchObject({ primaryThumbprint: b, secondaryThumbprint: c });
      await registry.setDeviceThumbprints("r-1", { primaryThumbprint: c, secondaryThumbprint: null });
      expect(await registry.register(claim)).toEqual({ kind: "taken" });
    });

    test("are refused while their enrollment is disabled, or their device; what is there goes on", async () => {
      const { registry, groupId } = await makeWithGroup();
      await register(registry, "dev-1");
      await registry.updateEnrollmentGroup(groupId, { enabled: false });
      expect(await register(registry, "dev-1")).toEqual({ kind: "blocked" });
      expect(await register(registry, "dev-2")).toEqual({ kind: "blocked" });
      expect(await registry.device("dev-1")).toMatchObject({ enabled: true });
      await registry.updateEnrollmentGroup(groupId, { enabled: true });
      await registry.updateDevice("dev-1", { enabled: false });
      expect(await register(registry, "dev-1")).toEqual({ kind: "blocked" });
    });

    test("can be blocked, with their device, and let in again", async () => {
      const { registry } = await makeWithGroup();
      await register(registry, "dev-1");
      expect(await registry.blockRegistration("dev-1")).toMatchObject({ status: "blocked", deviceId: "dev-1" });
      expect(await registry.device("dev-1")).toMatchObject({ enabled: false });
      expect(await register(registry, "dev-1")).toEqual({ kind: "blocked" });
      await expect(registry.deleteRegistration("dev-1")).rejects.toMatchObject({ code: "registration-assigned" });
      expect(await registry.unblockRegistration("dev-1")).toMatchObject({ status: "assigned" });
      expect(await registry.device("dev-1")).toMatchObject({ enabled: true });
      expect(await register(registry, "dev-1")).toMatchObject({ kind: "assigned", isNew: false });
    });

    test("of a deleted device may come again, unless they are blocked: then they stay so; either is told", async () => {
      const { registry } = await makeWithGroup();
      await register(registry, "dev-1");
      const { generationId } = await registry.device("dev-1");
      const events = eventsOf(registry);
      await registry.deleteDevice("dev-1");
      const told = [
        { kind: "registration-changed", registrationId: "dev-1" },
        { kind: "device-deleted", deviceId: "dev-1" },
      ];
      expect(events.splice(0)).toEqual(told);
      expect((await registry.registrations()).items).toEqual([]);
      expect(await register(registry, "dev-1")).toMatchObject({ kind: "assigned", isNew: true });
      const { generationId: next } = await registry.device("dev-1");
      expect(BigInt(next)).toBeGreaterThan(BigInt(generationId));
      await registry.blockRegistration("dev-1");
      events.splice(0);
      await registry.deleteDevice("dev-1");
      expect(events.splice(0)).toEqual(told);
      expect(await registry.registration("dev-1")).toMatchObject({ status: "blocked", deviceId: null });
      expect(await register(registry, "dev-1")).toEqual({ kind: "blocked" });
      expect(await registry.unblockRegistration("dev-1")).toMatchObject({ status: "waiting", waitsFor: "approval" });
      expect(await registry.countRegistrations()).toEqual({ waiting: 1, assigned: 0, blocked: 0 });
      await registry.deleteRegistration("dev-1");
      await expect(registry.registration("dev-1")).rejects.toMatchObject({ code: "registration-not-found" });
    });

    test("are listed in pages, by status and by group", async () => {
      const { registry, groupId } = await makeWithGroup({});
      for (const id of ["c", "a", "b"]) await register(registry, id);
      await registry.approveRegistration("b", { templateId: "fridge" });
      const ids = (page: { items: readonly { registrationId: string }[] }) =>
        page.items.map(({ registrationId }) => registrationId);
      const first = await registry.registrations({ limit: 2 });
      expect([ids(first), first.next]).toEqual([["a", "b"], "b"]);
      expect(ids(await registry.registrations({ limit: 2, after: "b" }))).toEqual(["c"]);
      expect(ids(await registry.registrations({ status: "waiting" }))).toEqual(["a", "c"]);
      expect(ids(await registry.registrations({ enrollmentGroupId: groupId, status: "assigned" }))).toEqual(["b"]);
      expect(ids(await registry.registrations({ enrollmentGroupId: "none" }))).toEqual([]);
    });

    test("of many devices at once are each made once", async () => {
      const { registry } = await makeWithGroup();
      const ids = Array.from({ length: 50 }, (_, index) => `dev-${index % 25}`);
      const outcomes = await Promise.all(ids.map(async (id) => await register(registry, id)));
      expect(outcomes.every(({ kind }) => kind === "assigned")).toBe(true);
      expect(outcomes.filter((one) => one.kind === "assigned" && one.isNew)).toHaveLength(25);
      expect(await registry.countDevices()).toBe(25);
    });
  });
}

async function verifiedAuthority(registry: Registry, name: string): Promise<CaCertificate> {
  const times = { notBefore: new Date("2025-01-01T00:00:00Z"), notAfter: new Date("2030-01-01T00:00:00Z") };
  const authority = await testAuthority(name, times);
  const ca = await registry.createCaCertificate({ name, certificate: authority.certPem });
  const proof = { name: ca.verification?.code ?? "none", issuer: authority, ...times };
  return await registry.verifyCaCertificate(ca.id, (await testCertificate(proof)).certPem);
}

function thumbprintOf(proof: EnrollmentProof): string | null {
  return proof.kind === "authority" ? proof.authority.thumbprintSha256 : null;
}

/** Those by keys. */
function proofsOf(registry: Registry, registrationId: string) {
  const proofs = [...registry.enrollmentProofs(registrationId, "symmetric-key")];
  return proofs.flatMap((proof) => (proof.kind === "keys" ? [proof] : []));
}

/** A device that proved itself by the first enrollment that it has a key of. */
async function register(
  registry: Registry,
  registrationId: string,
  more: { readonly modelId?: string; readonly isPoll?: boolean; readonly by?: keyof KeyPair } = {},
): Promise<RegistrationOutcome> {
  const [proof] = proofsOf(registry, registrationId);
  const { by = "primaryKey", ...rest } = more;
  return await registry.register({
    registrationId,
    enrollmentGroupId: proof?.enrollmentGroupId ?? null,
    key: proof?.keys[by] ?? "",
    ...rest,
  });
}
