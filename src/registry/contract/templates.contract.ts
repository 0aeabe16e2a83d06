import { describe, expect, test } from "vitest";
import { type MakeStand, changesSince, eventsOf, fridge } from "./stand.ts";

export function templateStories(make: MakeStand): void {
  describe("device templates", () => {
    test("are drafts at version 1.0.0 with a GUID unless said otherwise", async () => {
      const { registry } = await make();
      const { id: _id, publish: _publish, ...content } = fridge;
      const draft = await registry.createTemplate(content);
      expect(draft).toMatchObject({ ...content, version: "1.0.0", published: false, etag: 1 });
      expect(draft.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
      expect(await registry.template(draft.id)).toEqual(draft);
    });

    test("S1: a draft is in no snapshot, its publication is in the next one", async () => {
      const { registry } = await make();
      await registry.createTemplate({ ...fridge, publish: false });
      const before = changesSince(registry, 0);
      expect(before.templates).toEqual([]);
      const published = await registry.publishTemplate("fridge", "1.0.0");
      expect(published).toMatchObject({ published: true, etag: 2 });
      expect(changesSince(registry, before.revision).templates).toEqual([published]);
    });

    test("publishing again changes nothing", async () => {
      const { registry } = await make();
      const published = await registry.createTemplate(fridge);
      const { revision } = changesSince(registry, 0);
      expect(await registry.publishTemplate("fridge", "1.0.0")).toEqual(published);
      expect(changesSince(registry, 0).revision).toBe(revision);
    });

    test("the order of fields is content: a template that is only put in another order is saved", async () => {
      const { registry } = await make();
      const telemetry = { ...fridge.measurements.telemetry, added: { name: "Added", dataType: "double" } } as const;
      await registry.createTemplate({ ...fridge, measurements: { ...fridge.measurements, telemetry } });
      const turned = Object.fromEntries(Object.entries(telemetry).toReversed());
      const content = { ...fridge, measurements: { ...fridge.measurements, telemetry: turned } };
      expect(await registry.updateTemplate("fridge", "1.0.0", content)).toMatchObject({ etag: 2 });
      const { measurements } = await registry.template("fridge", "1.0.0");
      expect(Object.keys(measurements.telemetry)).toEqual(Object.keys(turned));
      expect(await registry.updateTemplate("fridge", "1.0.0", content)).toMatchObject({ etag: 2 });
    });

    test("a draft may change in any way, a published version where nothing breaks", async () => {
      const { registry } = await make();
      await registry.createTemplate({ ...fridge, publish: false });
      const renamed = await registry.updateTemplate("fridge", "1.0.0", { ...fridge, name: "Cooler", publish: false });
      expect(renamed).toMatchObject({ name: "Cooler", etag: 2 });
      const same = await registry.updateTemplate("fridge", "1.0.0", { ...fridge, name: "Cooler", publish: false });
      expect(same.etag).toBe(2);
      await registry.publishTemplate("fridge", "1.0.0");
      expect(await registry.updateTemplate("fridge", "1.0.0", fridge)).toMatchObject({ name: fridge.name, etag: 4 });
      const { fanSpeed: _, ...others } = fridge.settings.device;
      const breaking = { ...fridge, settings: { device: others } };
      await expect(registry.updateTemplate("fridge", "1.0.0", breaking)).rejects.toMatchObject({
        kind: "conflict",
        code: "template-edit-breaking",
        field: "settings.device.fanSpeed",
      });
      expect(await registry.template("fridge", "1.0.0")).toMatchObject({ settings: fridge.settings, etag: 4 });
    });

    test("S1: each edit of a published version in place is in the next snapshot, one that changes nothing in none", async () => {
      const { registry } = await make();
      await registry.createTemplate(fridge);
      const events = eventsOf(registry);
      for (const name of ["Fridge A", "Fridge B"]) {
        const before = changesSince(registry, 0);
        const edited = await registry.updateTemplate("fridge", "1.0.0", { ...fridge, name });
        expect(edited).toMatchObject({ name, published: true, version: "1.0.0" });
        expect(changesSince(registry, before.revision).templates).toEqual([edited]);
        const after = changesSince(registry, 0);
        expect(await registry.updateTemplate("fridge", "1.0.0", { ...fridge, name })).toEqual(edited);
        expect(changesSince(registry, 0)).toEqual(after);
      }
      const told = { kind: "template-changed", templateId: "fridge" };
      expect(events).toEqual([told, told]);
    });

    test("S2: a view opened before an edit in place shows what was before it", async () => {
      const { registry } = await make();
      const before = await registry.createTemplate(fridge);
      const view = registry.openView();
      const after = await registry.updateTemplate("fridge", "1.0.0", { ...fridge, name: "Other" });
      expect(view.deviceTemplates(0, 10).map(({ template }) => template)).toEqual([before]);
      view.close();
      expect(changesSince(registry, 0).templates).toEqual([after]);
    });

    test("one whose id is in use is made under a GUID or as a further version, when that is asked for", async () => {
      const { registry } = await make();
      await registry.createTemplate(fridge);
      const other = await registry.createTemplate(fridge, "new-id");
      expect(other.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
      expect(other.version).toBe("1.0.0");
      expect(await registry.createTemplate(fridge, "new-version")).toMatchObject({ id: "fridge", version: "1.1.0" });
      const free = await registry.createTemplate({ ...fridge, version: "3.0.7" }, "new-version");
      expect(free.version).toBe("3.0.7");
      expect(await registry.createTemplate({ ...fridge, version: "1.1.0" }, "new-version")).toMatchObject({
        version: "3.1.0",
      });
      const fresh = await registry.createTemplate({ ...fridge, id: "oven" }, "new-version");
      expect(fresh).toMatchObject({ id: "oven", version: "1.0.0" });
    });

    test("D2: everyone is told of each change, of the template and not of its version, and of no other call", async () => {
      const { registry } = await make();
      const events = eventsOf(registry);
      const { id: _id, publish: _publish, name, ...content } = fridge;
      await registry.createTemplate({ ...content, name, id: "t", publish: false });
      await registry.updateTemplate("t", "1.0.0", { ...content, name: "other" });
      await registry.updateTemplate("t", "1.0.0", { ...content, name: "other" });
      await registry.publishTemplate("t", "1.0.0");
      await registry.publishTemplate("t", "1.0.0");
      await registry.createTemplateVersion("t", { ...content, name, version: "2.0.0", publish: false });
      await registry.updateTemplate("t", "2.0.0", { ...content, name, publish: true });
      await expect(registry.createTemplate({ ...content, name, id: "t" })).rejects.toThrow();
      await expect(registry.createTemplateVersion("none", { ...content, name, version: "1.0.0" })).rejects.toThrow();
      await expect(registry.deleteTemplate("none")).rejects.toThrow();
      await registry.deleteTemplate("t", "2.0.0");
      await registry.deleteTemplate("t");
      // made, edited, published, a version made, published, deleted, all deleted
      expect(events).toEqual(Array.from({ length: 7 }, () => ({ kind: "template-changed", templateId: "t" })));
    });

    test("a stale etag is a conflict", async () => {
      const { registry } = await make();
      await registry.createTemplate({ ...fridge, publish: false });
      await registry.updateTemplate("fridge", "1.0.0", { ...fridge, name: "A", publish: false }, 1);
      const stale = registry.updateTemplate("fridge", "1.0.0", { ...fridge, name: "B", publish: false }, 1);
      await expect(stale).rejects.toMatchObject({ kind: "conflict", code: "etag-stale", field: "etag" });
    });

    test("versions are listed in order of number; the newest published one is the template", async () => {
      const { registry } = await make();
      await registry.createTemplate(fridge);
      await registry.createTemplateVersion("fridge", { ...fridge, version: "1.10.0" });
      await registry.createTemplateVersion("fridge", { ...fridge, version: "1.9.0" });
      await registry.createTemplateVersion("fridge", { ...fridge, version: "2.0.0", publish: false });
      expect((await registry.templates()).map(({ version }) => version)).toEqual(["1.0.0", "1.9.0", "1.10.0", "2.0.0"]);
      expect((await registry.template("fridge")).version).toBe("1.10.0");
      expect((await registry.template("fridge", "2.0.0")).published).toBe(false);
    });

    test("an id or version that exists is a conflict, one that does not is not found", async () => {
      const { registry } = await make();
      await registry.createTemplate(fridge);
      await expect(registry.createTemplate(fridge)).rejects.toMatchObject({ code: "template-exists", field: "id" });
      const again = registry.createTemplateVersion("fridge", { ...fridge, version: "1.0.0" });
      await expect(again).rejects.toMatchObject({ code: "template-exists", field: "version" });
      const unknown = registry.createTemplateVersion("oven", { ...fridge, id: "oven", version: "1.0.0" });
      await expect(unknown).rejects.toMatchObject({ kind: "not-found" });
      await expect(registry.template("fridge", "9.0.0")).rejects.toMatchObject({ kind: "not-found" });
      await expect(registry.publishTemplate("oven", "1.0.0")).rejects.toMatchObject({ kind: "not-found" });
    });

    test("one in use is not deleted, and the error counts its devices", async () => {
      const { registry } = await make();
      await registry.createTemplate(fridge);
      await registry.createTemplateVersion("fridge", { ...fridge, version: "2.0.0" });
      await registry.createDevices([
        { id: "a", templateId: "fridge", templateVersion: "1.0.0" },
        { id: "b", templateId: "fridge", templateVersion: "1.0.0" },
      ]);
      for (const version of [undefined, "1.0.0"]) {
        const deletion = registry.deleteTemplate("fridge", version);
        await expect(deletion).rejects.toMatchObject({ code: "template-in-use", message: /2 devices/ });
      }
      await registry.deleteTemplate("fridge", "2.0.0");
      await registry.deleteDevice("a");
      await registry.deleteDevice("b");
      await registry.deleteTemplate("fridge");
      expect(await registry.templates()).toEqual([]);
      await expect(registry.deleteTemplate("fridge")).rejects.toMatchObject({ kind: "not-found" });
    });

    test("R8: bad content is refused by its field and nothing is stored", async () => {
      const { registry } = await make();
      const settings = { device: { fan: { name: "Fan", dataType: "double", maxValue: 3, initialValue: 4 } as const } };
      await expect(registry.createTemplate({ ...fridge, settings })).rejects.toMatchObject({
        kind: "invalid",
        field: "settings.device.fan.initialValue",
      });
      expect(await registry.templates()).toEqual([]);
    });
  });
}
