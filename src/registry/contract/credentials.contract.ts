import { describe, expect, test } from "vitest";
import { type MakeStand, eventsOf, fridge } from "./stand.ts";

const key = (fill: number): string => Buffer.alloc(32, fill).toString("base64");

export function credentialStories(make: MakeStand): void {
  describe("keys and hub policies", () => {
    test("a device has random keys, or those given", async () => {
      const { registry } = await make();
      await registry.createTemplate(fridge);
      await registry.createDevice({ id: "a", templateId: "fridge" });
      await registry.createDevice({ id: "b", templateId: "fridge", primaryKey: key(1), secondaryKey: key(2) });
      const random = await registry.deviceKeys("a");
      expect(Buffer.from(random.primaryKey, "base64")).toHaveLength(32);
      expect(random.primaryKey).not.toBe(random.secondaryKey);
      expect(await registry.deviceKeys("b")).toEqual({ primaryKey: key(1), secondaryKey: key(2) });
      await expect(registry.deviceKeys("c")).rejects.toMatchObject({ kind: "not-found" });
    });

    test("credentials are what a connection needs, and null for nobody", async () => {
      const { registry } = await make();
      await registry.createTemplate(fridge);
      const device = await registry.createDevice({ id: "a", templateId: "fridge", primaryKey: key(1) });
      expect(await registry.deviceCredentials("a")).toEqual({
        deviceId: "a",
        enabled: true,
        generationId: device.generationId,
        authentication: { type: "sas" },
        ...(await registry.deviceKeys("a")),
      });
      await registry.updateDevice("a", { enabled: false });
      expect(await registry.deviceCredentials("a")).toMatchObject({ enabled: false });
      await registry.deleteDevice("a");
      expect(await registry.deviceCredentials("a")).toBeNull();
    });

    test("D1: keys change one at a time or as given, and the door knows at once", async () => {
      const { registry } = await make();
      await registry.createTemplate(fridge);
      await registry.createDevice({ id: "a", templateId: "fridge", primaryKey: key(1), secondaryKey: key(2) });
      const primary = await registry.setDeviceKeys("a", "regenerate-primary");
      expect(primary.secondaryKey).toBe(key(2));
      expect(primary.primaryKey).not.toBe(key(1));
      const secondary = await registry.setDeviceKeys("a", "regenerate-secondary");
      expect(secondary.primaryKey).toBe(primary.primaryKey);
      expect(await registry.setDeviceKeys("a", { primaryKey: key(3) })).toMatchObject({ primaryKey: key(3) });
      expect(await registry.deviceCredentials("a")).toMatchObject({
        primaryKey: key(3),
        secondaryKey: secondary.secondaryKey,
      });
      const events = eventsOf(registry);
      await registry.setDeviceKeys("a", { primaryKey: key(3) });
      expect(events).toEqual([]);
      await expect(registry.setDeviceKeys("a", { primaryKey: "x" })).rejects.toMatchObject({ field: "primaryKey" });
    });

    test("one hub policy, device, exists from the first start; deleted, it stays so", async () => {
      const stand = await make();
      expect((await stand.registry.policies()).map(({ name }) => name)).toEqual(["device"]);
      const keys = await stand.registry.policyKeys("device");
      expect(Buffer.from(keys!.primaryKey, "base64")).toHaveLength(32);
      await stand.reopen();
      expect(await stand.registry.policyKeys("device")).toEqual(keys);
      await stand.registry.deletePolicy("device");
      await stand.reopen();
      expect(await stand.registry.policies()).toEqual([]);
      expect(await stand.registry.policyKeys("device")).toBeNull();
    });

    test("policies are made, told of and deleted", async () => {
      const { registry } = await make();
      const events = eventsOf(registry);
      await registry.createPolicy("gateway", { primaryKey: key(4) });
      expect(await registry.policyKeys("gateway")).toMatchObject({ primaryKey: key(4) });
      await expect(registry.createPolicy("gateway")).rejects.toMatchObject({ code: "policy-exists" });
      await expect(registry.createPolicy("a b")).rejects.toMatchObject({ field: "name" });
      await registry.deletePolicy("gateway");
      await expect(registry.deletePolicy("gateway")).rejects.toMatchObject({ kind: "not-found" });
      expect(events).toEqual([
        { kind: "policy-changed", name: "gateway" },
        { kind: "policy-changed", name: "gateway" },
      ]);
    });

    test("D1: a policy's key is changed for another, one at a time, and it is told of; the same one is no change", async () => {
      const stand = await make();
      const { registry } = stand;
      const before = (await registry.policyKeys("device"))!;
      const events = eventsOf(registry);
      const { primaryKey, secondaryKey } = await registry.setPolicyKeys("device", "regenerate-secondary");
      expect(primaryKey).toBe(before.primaryKey);
      expect(secondaryKey).not.toBe(before.secondaryKey);
      expect(Buffer.from(secondaryKey, "base64")).toHaveLength(32);
      expect(await registry.setPolicyKeys("device", { primaryKey: key(5) })).toEqual({
        primaryKey: key(5),
        secondaryKey,
      });
      await registry.setPolicyKeys("device", { primaryKey: key(5) });
      expect(events).toEqual([
        { kind: "policy-changed", name: "device" },
        { kind: "policy-changed", name: "device" },
      ]);
      await expect(registry.setPolicyKeys("none", "regenerate-primary")).rejects.toMatchObject({ kind: "not-found" });
      await expect(registry.setPolicyKeys("device", { primaryKey: "short" })).rejects.toMatchObject({
        field: "primaryKey",
      });
      expect(await (await stand.reopen()).policyKeys("device")).toEqual({ primaryKey: key(5), secondaryKey });
    });

    test("the installation keeps its id, hub name and secret", async () => {
      const stand = await make();
      const { installation } = stand.registry;
      expect(installation.hubName).toBe("coldpath");
      expect(installation.secret).toHaveLength(32);
      expect((await stand.reopen()).installation).toEqual(installation);
    });
  });
}
