import { describe, expect, test } from "vitest";
import { type MakeStand, type Stand, eventsOf, fridge } from "./stand.ts";

const key = (fill: number): string => Buffer.alloc(32, fill).toString("base64");

async function withDevice(make: MakeStand): Promise<Stand> {
  const stand = await make();
  await stand.registry.createTemplate(fridge);
  await stand.registry.createDevice({ id: "a", templateId: "fridge" });
  return stand;
}

export function moduleStories(make: MakeStand): void {
  describe("modules", () => {
    test("are made within a device, with keys and a generation of their own, and survive a restart", async () => {
      const stand = await withDevice(make);
      const { registry } = stand;
      const device = await registry.device("a");
      const events = eventsOf(registry);
      const made = await registry.createModule("a", { id: "vision", primaryKey: key(1), secondaryKey: key(2) });
      expect(made).toMatchObject({ deviceId: "a", id: "vision" });
      expect(made.generationId > device.generationId).toBe(true);
      expect(events).toEqual([{ kind: "module-changed", deviceId: "a", moduleId: "vision", access: false }]);
      await registry.createModule("a", { id: "audio" });
      const again = await stand.reopen();
      expect((await again.modules("a")).map(({ id }) => id)).toEqual(["audio", "vision"]);
      expect(await again.module("a", "vision")).toEqual(made);
      expect(await again.moduleKeys("a", "vision")).toEqual({ primaryKey: key(1), secondaryKey: key(2) });
      expect(await again.moduleKeys("a", "audio")).not.toEqual(await again.deviceKeys("a"));
    });

    test("credentials are what a connection needs, and null for nobody", async () => {
      const { registry } = await withDevice(make);
      const { generationId } = await registry.createModule("a", { id: "m", primaryKey: key(1) });
      const device = await registry.device("a");
      expect(await registry.moduleCredentials("a", "m")).toEqual({
        enabled: true,
        generationId,
        deviceGenerationId: device.generationId,
        ...(await registry.moduleKeys("a", "m")),
      });
      await registry.updateDevice("a", { enabled: false });
      expect(await registry.moduleCredentials("a", "m")).toMatchObject({ enabled: false });
      expect(await registry.moduleCredentials("a", "n")).toBeNull();
      expect(await registry.moduleCredentials("b", "m")).toBeNull();
    });

    test("D1: keys change as a device's, and are told of as access", async () => {
      const { registry } = await withDevice(make);
      await registry.createModule("a", { id: "m", primaryKey: key(1), secondaryKey: key(2) });
      const events = eventsOf(registry);
      const next = await registry.setModuleKeys("a", "m", "regenerate-primary");
      expect(next.secondaryKey).toBe(key(2));
      expect(next.primaryKey).not.toBe(key(1));
      expect(await registry.setModuleKeys("a", "m", { primaryKey: next.primaryKey })).toEqual(next);
      expect(await registry.moduleCredentials("a", "m")).toMatchObject(next);
      expect(events).toEqual([{ kind: "module-changed", deviceId: "a", moduleId: "m", access: true }]);
    });

    test("D1: one that is deleted is gone with its twin, and made again it is another; a device takes its own along", async () => {
      const { registry } = await withDevice(make);
      const first = await registry.createModule("a", { id: "m" });
      await registry.patchModuleDesired("a", "m", { interval: 5 });
      const events = eventsOf(registry);
      await registry.deleteModule("a", "m");
      expect(events).toEqual([{ kind: "module-changed", deviceId: "a", moduleId: "m", access: true }]);
      expect(await registry.moduleCredentials("a", "m")).toBeNull();
      await expect(registry.deleteModule("a", "m")).rejects.toMatchObject({ code: "module-not-found" });
      const second = await registry.createModule("a", { id: "m" });
      expect(second.generationId > first.generationId).toBe(true);
      expect((await registry.moduleTwin("a", "m")).desired).toMatchObject({ content: {}, version: 1 });
      await registry.deleteDevice("a");
      expect(await registry.moduleCredentials("a", "m")).toBeNull();
      await registry.createDevice({ id: "a", templateId: "fridge" });
      expect(await registry.modules("a")).toEqual([]);
    });

    test("what is no id, there already or nowhere is refused; M1: a device has at most 50", async () => {
      const { registry } = await withDevice(make);
      await registry.createModule("a", { id: "m" });
      await expect(registry.createModule("a", { id: "m" })).rejects.toMatchObject({ code: "module-exists" });
      await expect(registry.createModule("a", { id: "a/b" })).rejects.toMatchObject({ field: "id" });
      await expect(registry.createModule("a", { id: "k", primaryKey: "x" })).rejects.toMatchObject({
        field: "primaryKey",
      });
      await expect(registry.createModule("b", { id: "m" })).rejects.toMatchObject({ code: "device-not-found" });
      await expect(registry.modules("b")).rejects.toMatchObject({ code: "device-not-found" });
      await expect(registry.moduleKeys("a", "n")).rejects.toMatchObject({ code: "module-not-found" });
      for (let made = 1; made < 50; made++) await registry.createModule("a", { id: `m${made}` });
      await expect(registry.createModule("a", { id: "more" })).rejects.toMatchObject({ code: "modules-too-many" });
    });
  });

  describe("twins of modules", () => {
    test("D2: desired is patched and told with its patch, reported by the module of that generation only", async () => {
      const stand = await withDevice(make);
      const { registry } = stand;
      const { generationId } = await registry.createModule("a", { id: "m" });
      const events = eventsOf(registry);
      const whole = { deviceId: "a", moduleId: "m", generationId };
      expect(await registry.moduleTwin("a", "m")).toMatchObject({ ...whole, desired: { content: {}, version: 1 } });
      const twin = await registry.patchModuleDesired("a", "m", { interval: 5, off: null });
      expect(twin.desired).toMatchObject({ content: { interval: 5 }, version: 2 });
      expect(await registry.patchModuleDesired("a", "m", { interval: 5 })).toEqual(twin);
      expect(events).toEqual([{ kind: "desired-changed", ...whole, patch: { interval: 5 }, version: 2 }]);
      expect(await registry.reportModuleTwin("a", "m", generationId, { frames: 7 })).toBe(2);
      await expect(registry.reportModuleTwin("a", "m", "1".repeat(18), {})).rejects.toMatchObject({
        code: "module-not-found",
      });
      await expect(registry.reportModuleTwin("a", "m", generationId, { "a.b": 1 })).rejects.toMatchObject({
        code: "twin-invalid",
      });
      const again = await stand.reopen();
      expect(await again.moduleTwin("a", "m")).toMatchObject({
        desired: { content: { interval: 5 }, version: 2 },
        reported: { content: { frames: 7 }, version: 2 },
      });
      // Nothing of it is the device's.
      expect((await again.deviceTwin("a")).reported).toMatchObject({ content: {}, version: 1 });
    });

    test("desired of a setting's name is no setting: modules have no template", async () => {
      const { registry } = await withDevice(make);
      await registry.createModule("a", { id: "m" });
      const twin = await registry.patchModuleDesired("a", "m", { fanSpeed: "as it likes" });
      expect(twin.desired.content).toEqual({ fanSpeed: "as it likes" });
      expect((await registry.device("a")).settings.device).toEqual({ fanSpeed: 0 });
    });
  });
}
