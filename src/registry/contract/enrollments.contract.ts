import { describe, expect, test } from "vitest";
import { type MakeStand, eventsOf, fridge } from "./stand.ts";

const madeAt = "2026-01-02T03:04:05.678Z";
const key = (letter: string): string => Buffer.alloc(32, letter).toString("base64");

export function enrollmentStories(make: MakeStand): void {
  describe("ID scopes", () => {
    test("one is the installation's own, made once; others are taken besides it", async () => {
      const { registry, reopen } = await make();
      const { idScope, furtherIdScopes } = await registry.idScopes();
      expect(idScope).toMatch(/^0ne[0-9A-F]{8}$/);
      expect(furtherIdScopes).toEqual([]);
      const events = eventsOf(registry);
      await registry.setFurtherIdScopes(["0ne00AB12CD", idScope, "0ne00AB12CD"]);
      expect(events).toEqual([{ kind: "provisioning-changed", id: "id-scopes" }]);
      const again = await reopen();
      expect(await again.idScopes()).toEqual({ idScope, furtherIdScopes: ["0ne00AB12CD"] });
      expect([idScope, "0ne00AB12CD", "0ne00000000", ""].map((one) => again.isIdScope(one))).toEqual([
        true,
        true,
        false,
        false,
      ]);
      await again.setFurtherIdScopes([]);
      expect(again.isIdScope("0ne00AB12CD")).toBe(false);
    });

    test.each([["0ne/1"], [""], ["x".repeat(65)]])("none is called %j", async (idScope) => {
      const { registry } = await make();
      const call = registry.setFurtherIdScopes(["0ne1", idScope]);
      await expect(call).rejects.toMatchObject({ code: "input-invalid", field: "furtherIdScopes[1]" });
      await expect(
        registry.setFurtherIdScopes(Array.from({ length: 21 }, (_, index) => `0ne${index}`)),
      ).rejects.toMatchObject({ field: "furtherIdScopes" });
    });
  });

  describe("enrollment groups", () => {
    test("are made, read, edited with an etag, and deleted", async () => {
      const { registry, reopen } = await make();
      await registry.createTemplate(fridge);
      const made = await registry.createEnrollmentGroup({ name: "line 1", primaryKey: key("a") });
      expect(made).toEqual({
        id: made.id,
        name: "line 1",
        attestation: "symmetric-key",
        caCertificateId: null,
        templateId: null,
        templateVersion: null,
        autoApprove: true,
        enabled: true,
        etag: 1,
        createdAt: madeAt,
      });
      const edited = await registry.updateEnrollmentGroup(
        made.id,
        { name: "line 2", templateId: "fridge", templateVersion: "1.0.0", autoApprove: false, enabled: false },
        1,
      );
      expect(edited).toEqual({
        ...made,
        name: "line 2",
        templateId: "fridge",
        templateVersion: "1.0.0",
        autoApprove: false,
        enabled: false,
        etag: 2,
      });
      await expect(registry.updateEnrollmentGroup(made.id, { enabled: true }, 1)).rejects.toMatchObject({
        code: "etag-stale",
      });
      expect(await registry.updateEnrollmentGroup(made.id, { name: "line 2" })).toEqual(edited);
      const again = await reopen();
      expect(await again.enrollmentGroups()).toEqual([edited]);
      expect(await again.enrollmentGroup(made.id)).toEqual(edited);
      expect(await again.updateEnrollmentGroup(made.id, { templateId: null })).toMatchObject({
        templateId: null,
        templateVersion: null,
      });
      await again.deleteEnrollmentGroup(made.id);
      expect(await again.enrollmentGroups()).toEqual([]);
      const gone = { kind: "not-found", code: "enrollment-not-found" };
      await expect(again.deleteEnrollmentGroup(made.id)).rejects.toMatchObject(gone);
      await expect(again.enrollmentGroup(made.id)).rejects.toMatchObject(gone);
      await expect(again.enrollmentGroupKeys(made.id)).rejects.toMatchObject(gone);
    });

    test("have names of their own, and templates that there are", async () => {
      const { registry } = await make();
      await registry.createTemplate({ ...fridge, id: "draft", publish: false });
      await registry.createEnrollmentGroup({ name: "g" });
      const other = await registry.createEnrollmentGroup({ name: "h" });
      const taken = { kind: "conflict", code: "enrollment-exists", field: "name" };
      await expect(registry.createEnrollmentGroup({ name: "g" })).rejects.toMatchObject(taken);
      await expect(registry.updateEnrollmentGroup(other.id, { name: "g" })).rejects.toMatchObject(taken);
      await expect(registry.createEnrollmentGroup({ name: "x", templateId: "none" })).rejects.toMatchObject({
        code: "reference-unknown",
        field: "templateId",
      });
      await expect(registry.createEnrollmentGroup({ name: "x", templateId: "draft" })).rejects.toMatchObject({
        code: "template-not-published",
      });
      await expect(registry.createEnrollmentGroup({ name: "x", templateVersion: "1.0.0" })).rejects.toMatchObject({
        field: "templateVersion",
      });
      expect(await registry.enrollmentGroups()).toHaveLength(2);
    });

    test("are so many and no more", async () => {
      const { registry } = await make();
      for (let number = 0; number < 100; number++) await registry.createEnrollmentGroup({ name: `g${number}` });
      await expect(registry.createEnrollmentGroup({ name: "g100" })).rejects.toMatchObject({
        kind: "conflict",
        code: "enrollments-too-many",
      });
    });

    test("have two keys, given or random, changed one by one; only the call for it shows them (A2)", async () => {
      const { registry } = await make();
      const { id, ...shown } = await registry.createEnrollmentGroup({ name: "g", primaryKey: key("a") });
      expect(JSON.stringify(shown)).not.toContain(key("a"));
      const { primaryKey, secondaryKey } = await registry.enrollmentGroupKeys(id);
      expect(primaryKey).toBe(key("a"));
      expect(Buffer.from(secondaryKey, "base64")).toHaveLength(32);
      const changed = await registry.setEnrollmentGroupKeys(id, "regenerate-primary");
      expect(changed.primaryKey).not.toBe(primaryKey);
      expect(changed.secondaryKey).toBe(secondaryKey);
      await registry.setEnrollmentGroupKeys(id, { secondaryKey: key("b") });
      expect(await registry.enrollmentGroupKeys(id)).toEqual({ ...changed, secondaryKey: key("b") });
      expect(await registry.enrollmentGroup(id)).toMatchObject({ etag: 3 });
      await expect(registry.createEnrollmentGroup({ name: "h", primaryKey: "short" })).rejects.toMatchObject({
        field: "primaryKey",
      });
    });
  });

  describe("individual enrollments", () => {
    test("are made, read, edited, listed in pages and deleted", async () => {
      const { registry, reopen } = await make();
      const made = await registry.createEnrollment({ registrationId: "r1", deviceId: "pump", primaryKey: key("a") });
      expect(made).toEqual({
        registrationId: "r1",
        deviceId: "pump",
        attestation: "symmetric-key",
        primaryThumbprint: null,
        secondaryThumbprint: null,
        templateId: null,
        templateVersion: null,
        autoApprove: true,
        enabled: true,
        etag: 1,
        createdAt: madeAt,
      });
      for (const registrationId of ["r2", "r3"]) await registry.createEnrollment({ registrationId });
      await expect(registry.createEnrollment({ registrationId: "r1" })).rejects.toMatchObject({
        code: "enrollment-exists",
        field: "registrationId",
      });
      await expect(registry.createEnrollment({ registrationId: "a/b" })).rejects.toMatchObject({
        field: "registrationId",
      });
      const again = await reopen();
      const first = await again.enrollments({ limit: 2 });
      expect(first).toMatchObject({ items: [{ registrationId: "r1" }, { registrationId: "r2" }], next: "r2" });
      const rest = await again.enrollments({ limit: 2, after: "r2" });
      expect(rest).toMatchObject({ items: [{ registrationId: "r3", deviceId: "r3" }], next: null });
      expect((await again.enrollmentKeys("r1")).primaryKey).toBe(key("a"));
      const keys = await again.setEnrollmentKeys("r1", "regenerate-secondary");
      expect(await again.enrollmentKeys("r1")).toEqual(keys);
      expect(await again.updateEnrollment("r1", { enabled: false }, 2)).toMatchObject({ enabled: false, etag: 3 });
      await again.deleteEnrollment("r1");
      await expect(again.enrollment("r1")).rejects.toMatchObject({ code: "enrollment-not-found" });
      await expect(again.deleteEnrollment("r1")).rejects.toMatchObject({ code: "enrollment-not-found" });
    });

    test("by certificate: the next one is let in beside the first, then in its place", async () => {
      const { registry } = await make();
      const [a, b] = ["aa".repeat(20), "bb".repeat(32)] as const;
      await registry.createEnrollment({ registrationId: "r1", attestation: "x509", primaryThumbprint: a });
      const events = eventsOf(registry);
      expect(await registry.updateEnrollment("r1", { secondaryThumbprint: b }, 1)).toMatchObject({
        primaryThumbprint: a.toUpperCase(),
        secondaryThumbprint: b.toUpperCase(),
        etag: 2,
      });
      // What is left out stays, and what is so already is no change.
      expect(await registry.updateEnrollment("r1", { primaryThumbprint: a, enabled: true })).toMatchObject({ etag: 2 });
      const next = await registry.updateEnrollment("r1", { primaryThumbprint: b, secondaryThumbprint: null });
      expect(next).toMatchObject({ primaryThumbprint: b.toUpperCase(), secondaryThumbprint: null, etag: 3 });
      expect(events).toHaveLength(2);
      const refused = async (id: string, patch: object, field: string) => {
        await expect(registry.updateEnrollment(id, patch)).rejects.toMatchObject({ code: "input-invalid", field });
      };
      await refused("r1", { primaryThumbprint: "ab" }, "primaryThumbprint");
      await refused("r1", { primaryThumbprint: null }, "primaryThumbprint");
      await registry.createEnrollment({ registrationId: "r2" });
      await refused("r2", { secondaryThumbprint: b }, "secondaryThumbprint");
    });
  });
}
