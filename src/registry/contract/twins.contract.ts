import { describe, expect, test } from "vitest";
import type { NewTemplate, Registry } from "../registry.ts";
import { type MakeStand, changesSince, eventsOf, fridge } from "./stand.ts";

const madeAt = "2026-01-02T03:04:05.678Z";

export function twinStories(make: MakeStand): void {
  const makeWithDevice = async (template: NewTemplate = fridge) => {
    const stand = await make();
    await stand.registry.createTemplate(template);
    const { generationId } = await stand.registry.createDevice({ id: "a", templateId: "fridge" });
    return { ...stand, generationId, report: reporter(stand.registry, "a", generationId) };
  };

  describe("twins", () => {
    test("of a device that is new hold its settings, and nothing reported", async () => {
      const { registry, generationId } = await makeWithDevice();
      const mark = { $lastUpdated: madeAt, $lastUpdatedVersion: 1 };
      expect(await registry.deviceTwin("a")).toEqual({
        deviceId: "a",
        generationId,
        desired: {
          content: { fanSpeed: { value: 0 } },
          metadata: { ...mark, fanSpeed: { ...mark, value: mark } },
          version: 1,
        },
        reported: { content: {}, metadata: {}, version: 1 },
      });
      await expect(registry.deviceTwin("none")).rejects.toMatchObject({ code: "device-not-found" });
    });

    test("follow the settings, each change a version, told with its patch (D2)", async () => {
      const { registry, generationId, reopen } = await makeWithDevice();
      const events = eventsOf(registry);
      await registry.updateDevice("a", { settings: { device: { fanSpeed: 3 } } });
      const told = { kind: "desired-changed", deviceId: "a", generationId };
      expect(events).toContainEqual({ ...told, patch: { fanSpeed: { value: 3 } }, version: 2 });
      // Nothing that the device would have to know.
      events.length = 0;
      await registry.updateDevice("a", { name: "A", properties: { cloud: { location: "Basel" } } });
      await registry.updateDevice("a", { settings: { device: { fanSpeed: 3 } } });
      expect(events.map(({ kind }) => kind)).toEqual(["device-changed"]);
      await registry.updateDevice("a", { settings: { device: { fanSpeed: null } } });
      expect(events).toContainEqual({ ...told, patch: { fanSpeed: null }, version: 3 });
      const again = await reopen();
      expect(await again.deviceTwin("a")).toMatchObject({ desired: { content: {}, version: 3 } });
    });

    test("hold settings bare where the template says so, and in its version's form after a move", async () => {
      const { registry } = await makeWithDevice();
      const { fanSpeed } = fridge.settings.device;
      await registry.createTemplateVersion("fridge", {
        ...fridge,
        version: "2.0.0",
        settings: {
          form: "bare",
          device: { fanSpeed: fanSpeed!, lamp: { name: "Lamp", dataType: "boolean", initialValue: true } },
        },
      });
      await registry.updateDevice("a", { settings: { device: { fanSpeed: 3 } } });
      await registry.migrateDevice("a", "2.0.0");
      expect((await registry.deviceTwin("a")).desired).toMatchObject({
        content: { fanSpeed: 3, lamp: true },
        version: 3,
      });
      await registry.migrateDevice("a", "1.0.0");
      expect((await registry.deviceTwin("a")).desired).toMatchObject({
        content: { fanSpeed: { value: 3 } },
        version: 4,
      });
    });

    test("take reports: values for the template's properties, a revision for the next snapshot (S1), the rest as it came", async () => {
      const { registry, report } = await makeWithDevice();
      const { revision } = changesSince(registry, 0);
      expect(await report({ lastReboot: "2026-01-02T00:00:00Z", firmware: { major: 7 } })).toBe(2);
      const lastReboot = "2026-01-02T00:00:00.000Z";
      expect((await registry.device("a")).properties.device).toEqual({ lastReboot });
      expect(changesSince(registry, revision).devices).toMatchObject([
        { id: "a", properties: { device: { lastReboot } } },
      ]);
      const { reported } = await registry.deviceTwin("a");
      expect(reported).toMatchObject({
        content: { lastReboot: "2026-01-02T00:00:00Z", firmware: { major: 7 } },
        version: 2,
      });
      // What is no property of the template is not exported.
      const after = changesSince(registry, 0).revision;
      expect(await report({ firmware: { minor: 1 } })).toBe(3);
      expect(changesSince(registry, 0).revision).toBe(after);
      // Nor what the device had said already; its version counts all the same.
      expect(await report({ lastReboot: "2026-01-02T00:00:00Z" })).toBe(4);
      expect(changesSince(registry, 0).revision).toBe(after);
      expect(await report({ lastReboot: null })).toBe(5);
      expect((await registry.device("a")).properties.device).toEqual({});
    });

    test("keep what does not fit as it was said; other values stay", async () => {
      const { registry, report } = await makeWithDevice();
      await report({ lastReboot: "yesterday" });
      expect((await registry.device("a")).properties.device).toEqual({ lastReboot: "yesterday" });
      await registry.updateDevice("a", { properties: { cloud: { location: "Basel" } } });
      expect((await registry.device("a")).properties).toMatchObject({
        cloud: { location: "Basel" },
        device: { lastReboot: "yesterday" },
      });
    });

    test("give a new version of the template what the device has said already", async () => {
      const { registry, report } = await makeWithDevice();
      await report({ firmware: "7.1", lastReboot: "2026-01-02T00:00:00Z" });
      const device = { ...fridge.properties.device, firmware: { name: "Firmware", dataType: "string" as const } };
      await registry.createTemplateVersion("fridge", {
        ...fridge,
        version: "2.0.0",
        properties: { ...fridge.properties, device },
      });
      const moved = await registry.migrateDevice("a", "2.0.0");
      expect(moved.properties.device).toEqual({ firmware: "7.1", lastReboot: "2026-01-02T00:00:00.000Z" });
    });

    test("D1: a device that was made anew has another twin, and the former one's report is refused", async () => {
      const { registry, report } = await makeWithDevice();
      await report({ firmware: 1 });
      await registry.updateDevice("a", { settings: { device: { fanSpeed: 3 } } });
      await registry.deleteDevice("a");
      await expect(report({ firmware: 2 })).rejects.toMatchObject({ code: "device-not-found" });
      await registry.createDevice({ id: "a", templateId: "fridge" });
      await expect(report({ firmware: 2 })).rejects.toMatchObject({ code: "device-not-found" });
      expect(await registry.deviceTwin("a")).toMatchObject({
        desired: { content: { fanSpeed: { value: 0 } }, version: 1 },
        reported: { content: {}, version: 1 },
      });
    });

    test("have room in desired for what is no setting, and settings are left to the device", async () => {
      const { registry, generationId } = await makeWithDevice();
      const events = eventsOf(registry);
      const patched = await registry.patchDesired("a", { interval: { s: 30 } });
      expect(patched.desired).toMatchObject({ content: { fanSpeed: { value: 0 }, interval: { s: 30 } }, version: 2 });
      expect(events).toEqual([
        { kind: "desired-changed", deviceId: "a", generationId, patch: { interval: { s: 30 } }, version: 2 },
      ]);
      expect((await registry.patchDesired("a", { interval: { s: 30 } })).desired.version).toBe(2);
      await registry.updateDevice("a", { settings: { device: { fanSpeed: 3 } } });
      expect((await registry.deviceTwin("a")).desired.content).toEqual({ fanSpeed: { value: 3 }, interval: { s: 30 } });
      const refused = { code: "twin-invalid", field: "desired.fanSpeed" };
      await expect(registry.patchDesired("a", { fanSpeed: 5 })).rejects.toMatchObject(refused);
    });

    test.each([
      ["text", "reported", "twin-invalid"],
      [null, "reported", "twin-invalid"],
      [{ "a.b": 1 }, "reported.a.b", "twin-invalid"],
      [{ a: Array.from({ length: 9 }, () => "x".repeat(4000)) }, "reported", "twin-too-large"],
    ])("R8: a report of %j is refused, and nothing is changed", async (patch, field, code) => {
      const { registry, report } = await makeWithDevice();
      await expect(report(patch)).rejects.toMatchObject({ code, field, kind: "invalid" });
      expect((await registry.deviceTwin("a")).reported.version).toBe(1);
    });
  });
}

const reporter = (registry: Registry, id: string, generationId: string) => (patch: unknown) =>
  registry.reportTwin(id, generationId, patch);
