import { describe, expect, test } from "vitest";
import type { NewDevice, Registry } from "../registry.ts";
import { type MakeStand, changesSince, eventsOf, fridge } from "./stand.ts";

export function deviceStories(make: MakeStand): void {
  const makeWithFridge: MakeStand = async () => {
    const stand = await make();
    await stand.registry.createTemplate(fridge);
    return stand;
  };

  describe("devices", () => {
    test("have a GUID, their id as name, initial values and are enabled unless said otherwise", async () => {
      const { registry } = await makeWithFridge();
      const device = await registry.createDevice({ templateId: "fridge" });
      expect(device.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
      expect(device).toMatchObject({
        name: device.id,
        simulated: false,
        enabled: true,
        templateId: "fridge",
        templateVersion: "1.0.0",
        properties: { cloud: { location: "Seattle", maintCon: true, tempThresh: 30 }, device: {} },
        settings: { device: { fanSpeed: 0 } },
        createdAt: "2026-01-02T03:04:05.678Z",
      });
      expect(await registry.device(device.id)).toEqual(device);
    });

    test("values given override initial ones; bad ones are refused by name (R8)", async () => {
      const { registry } = await makeWithFridge();
      const properties = { cloud: { tempThresh: 20 }, device: { lastReboot: "2018-02-09T22:22:47.156Z" } };
      expect(await registry.createDevice({ id: "a", templateId: "fridge", properties })).toMatchObject({ properties });
      const bad = registry.createDevice({
        id: "b",
        templateId: "fridge",
        properties: { cloud: { tempThresh: "hot" } },
      });
      await expect(bad).rejects.toMatchObject({ kind: "invalid", field: "properties.cloud.tempThresh" });
      await expect(registry.device("b")).rejects.toMatchObject({ kind: "not-found", code: "device-not-found" });
    });

    test.each<[Partial<NewDevice>, string]>([
      [{ id: "a b" }, "id"],
      [{ name: "x".repeat(201) }, "name"],
      [{ templateId: "oven" }, "templateId"],
      [{ templateVersion: "3.0.0" }, "templateVersion"],
      [{ templateVersion: "three" }, "templateVersion"],
      [{ primaryKey: "short" }, "primaryKey"],
      [{ secondaryKey: Buffer.alloc(65).toString("base64") }, "secondaryKey"],
      [{ enabled: "yes" as never }, "enabled"],
    ])("R8: %j is refused by the field %s", async (part, field) => {
      const { registry } = await makeWithFridge();
      const refused = { kind: "invalid", field };
      await expect(registry.createDevice({ templateId: "fridge", ...part })).rejects.toMatchObject(refused);
    });

    test("use published versions only", async () => {
      const { registry } = await makeWithFridge();
      await registry.createTemplateVersion("fridge", { ...fridge, version: "2.0.0", publish: false });
      expect((await registry.createDevice({ id: "a", templateId: "fridge" })).templateVersion).toBe("1.0.0");
      const draft = { code: "template-not-published", kind: "conflict" };
      const onDraft = registry.createDevice({ templateId: "fridge", templateVersion: "2.0.0" });
      await expect(onDraft).rejects.toMatchObject(draft);
      await expect(registry.migrateDevice("a", "2.0.0")).rejects.toMatchObject(draft);
    });

    test("an id that exists is a conflict", async () => {
      const { registry } = await makeWithFridge();
      await registry.createDevice({ id: "a", templateId: "fridge" });
      const again = registry.createDevice({ id: "a", templateId: "fridge" });
      await expect(again).rejects.toMatchObject({ kind: "conflict", code: "device-exists", field: "id" });
      // Ids are case-sensitive, as IoT Hub's.
      await registry.createDevice({ id: "A", templateId: "fridge" });
    });

    test("are made in bulk all or none, and the error says which one", async () => {
      const { registry } = await makeWithFridge();
      const list = Array.from({ length: 450 }, (_, at): NewDevice => ({ id: `d${at}`, templateId: "fridge" }));
      const bad = list.with(7, { id: "d7", templateId: "fridge", settings: { device: { fan: 1 } } });
      await expect(registry.createDevices(bad)).rejects.toMatchObject({ field: "[7].settings.device.fan" });
      expect(await registry.countDevices()).toBe(0);
      const twice = list.with(9, { id: "d7", templateId: "fridge" });
      await expect(registry.createDevices(twice)).rejects.toMatchObject({ field: "[9].id", code: "device-exists" });
      expect((await registry.createDevices(list)).map(({ id }) => id)).toEqual(list.map(({ id }) => id));
      expect(await registry.countDevices()).toBe(450);
      await expect(registry.createDevices(list)).rejects.toMatchObject({ code: "device-exists" });
      expect(await registry.createDevices([])).toEqual([]);
    });

    test("D2: nobody sees a part of a batch, and others are answered meanwhile", async () => {
      const { registry } = await makeWithFridge();
      await registry.createDevice({ id: "before", templateId: "fridge" });
      const list = Array.from({ length: 2000 }, (_, at): NewDevice => ({ id: `d${at}`, templateId: "fridge" }));
      const creation = registry.createDevices(list);
      let answers = 0;
      for (let first = null; first === null; answers++) {
        first = await registry.deviceCredentials("d0");
        expect(await registry.countDevices()).toBeOneOf([1, 2001]);
        expect(await registry.deviceCredentials("before")).not.toBeNull();
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await registry.countDevices()).toBe(2001);
      expect(answers).toBeGreaterThan(2);
      await creation;
    });

    test("D1: generation ids strictly increase over delete and re-create, a clock that steps back, and restarts", async () => {
      const stand = await makeWithFridge();
      const ids: string[] = [];
      const create = async (registry: Registry): Promise<void> => {
        ids.push((await registry.createDevice({ id: "a", templateId: "fridge" })).generationId);
        await registry.deleteDevice("a");
      };
      await create(stand.registry);
      expect(ids[0]).toBe("639029198456780000");
      await create(stand.registry);
      stand.clock.timeMs -= 3_600_000;
      await create(stand.registry);
      await create(await stand.reopen());
      const batch = await stand.registry.createDevices([{ templateId: "fridge" }, { templateId: "fridge" }]);
      ids.push(...batch.map(({ generationId }) => generationId));
      for (const [index, id] of ids.entries()) {
        expect(id).toMatch(/^\d{18}$/);
        if (index > 0) expect(BigInt(id) > BigInt(ids[index - 1]!)).toBe(true);
      }
    });

    test("S1: what is exported raises a revision, keys and enabled do not, a write of the same values nothing", async () => {
      const { registry } = await makeWithFridge();
      await registry.createDevice({ id: "a", templateId: "fridge" });
      let { revision } = changesSince(registry, 0);
      const raised = async (change: () => Promise<unknown>): Promise<number> => {
        await change();
        const changes = changesSince(registry, revision);
        const by = changes.revision - revision;
        expect(changes.devices.map(({ id }) => id)).toEqual(by > 0 ? ["a"] : []);
        revision = changes.revision;
        return by;
      };
      const etag = async (): Promise<number> => (await registry.device("a")).etag;

      expect(await raised(() => registry.updateDevice("a", { name: "Fridge" }))).toBe(1);
      expect(await raised(() => registry.updateDevice("a", { properties: { cloud: { tempThresh: 5 } } }))).toBe(1);
      expect(await raised(() => registry.updateDevice("a", { settings: { device: { fanSpeed: null } } }))).toBe(1);
      expect(await etag()).toBe(4);

      expect(await raised(() => registry.updateDevice("a", { enabled: false }))).toBe(0);
      expect(await raised(() => registry.setDeviceKeys("a", "regenerate-primary"))).toBe(0);
      expect(await etag()).toBe(6);

      const same = { name: "Fridge", enabled: false, properties: { cloud: { tempThresh: 5 } } };
      expect(await raised(() => registry.updateDevice("a", same))).toBe(0);
      expect(await raised(() => registry.updateDevice("a", {}))).toBe(0);
      expect(await etag()).toBe(6);
    });

    test("a stale etag is a conflict and changes nothing", async () => {
      const { registry } = await makeWithFridge();
      const { etag } = await registry.createDevice({ id: "a", templateId: "fridge" });
      await registry.updateDevice("a", { name: "first" }, etag);
      await expect(registry.updateDevice("a", { name: "second" }, etag)).rejects.toMatchObject({ code: "etag-stale" });
      expect((await registry.device("a")).name).toBe("first");
    });

    test("migration keeps, adds and drops values, and is in the next snapshot", async () => {
      const { registry } = await makeWithFridge();
      await registry.createDevice({ id: "a", templateId: "fridge", properties: { cloud: { tempThresh: 7 } } });
      const { revision } = changesSince(registry, 0);
      await registry.createTemplateVersion("fridge", {
        ...fridge,
        version: "2.0.0",
        properties: {
          cloud: {
            tempThresh: { name: "T", dataType: "double", initialValue: 1 },
            owner: { name: "Owner", dataType: "string", initialValue: "nobody" },
          },
          device: {},
        },
      });
      const migrated = await registry.migrateDevice("a", "2.0.0");
      expect(migrated).toMatchObject({
        templateVersion: "2.0.0",
        properties: { cloud: { tempThresh: 7, owner: "nobody" }, device: {} },
        settings: { device: { fanSpeed: 0 } },
      });
      expect(migrated.properties.cloud).not.toHaveProperty("location");
      expect(changesSince(registry, revision).devices).toEqual([migrated]);
      expect((await registry.migrateDevice("a", "2.0.0")).etag).toBe(migrated.etag);
    });

    test("are found by page, template, kind and part of id or name in any case", async () => {
      const { registry } = await makeWithFridge();
      await registry.createTemplate({ ...fridge, id: "oven" });
      const list = Array.from({ length: 25 }, (_, at): NewDevice => {
        const id = `d${String(at).padStart(2, "0")}`;
        return { id, name: `Kühlschrank ${at} 100%`, templateId: at < 5 ? "oven" : "fridge", simulated: at % 2 === 0 };
      });
      await registry.createDevices(list);
      const pages: string[][] = [];
      for (let after: string | null | undefined; after !== null;) {
        const page = await registry.devices({ limit: 10, after });
        pages.push(page.items.map(({ id }) => id));
        after = page.next;
      }
      expect(pages.map((page) => page.length)).toEqual([10, 10, 5]);
      expect(pages.flat()).toEqual(list.map(({ id }) => id));
      expect((await registry.devices({ templateId: "oven" })).items).toHaveLength(5);
      expect((await registry.devices({ templateId: "oven", simulated: true })).items).toHaveLength(3);
      expect((await registry.devices({ search: "KÜHLSCHRANK 1" })).items).toHaveLength(11);
      expect((await registry.devices({ search: "D07" })).items).toHaveLength(1);
      expect(await registry.countDevices({ search: "100%" })).toBe(25);
      expect(await registry.countDevices({ search: "1%0" })).toBe(0);
      expect(await registry.countDevices({ simulated: false })).toBe(12);
      await expect(registry.devices({ limit: 1001 })).rejects.toMatchObject({ field: "limit" });
    });

    test("D1, D2: everyone is told, after the change and in its order, what happened to a device", async () => {
      const { registry } = await makeWithFridge();
      const events = eventsOf(registry);
      await Promise.all([
        registry.createDevice({ id: "a", templateId: "fridge" }),
        registry.updateDevice("a", { name: "n" }),
        registry.updateDevice("a", { name: "n" }),
        registry.updateDevice("a", { enabled: false }),
        registry.updateDevice("a", { enabled: true }),
        registry.setDeviceKeys("a", "regenerate-secondary"),
        registry.deleteDevice("a"),
      ]);
      expect(events).toEqual([
        { kind: "device-created", deviceId: "a" },
        { kind: "device-changed", deviceId: "a", access: false },
        { kind: "device-changed", deviceId: "a", access: true },
        { kind: "device-changed", deviceId: "a", access: false },
        { kind: "device-changed", deviceId: "a", access: true },
        { kind: "device-deleted", deviceId: "a" },
      ]);
    });

    test("a refused change tells nobody, an ended subscription hears nothing", async () => {
      const { registry } = await makeWithFridge();
      const events = eventsOf(registry);
      const heard: unknown[] = [];
      const end = registry.subscribe((event) => heard.push(event));
      end();
      await expect(registry.deleteDevice("nobody")).rejects.toMatchObject({ code: "device-not-found" });
      await registry.createDevice({ id: "a", templateId: "fridge" });
      expect(events).toHaveLength(1);
      expect(heard).toEqual([]);
    });
  });
}
