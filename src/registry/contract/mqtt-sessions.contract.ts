import { describe, expect, test } from "vitest";
import type { GrantedQos, Registry, SessionOwner } from "../registry.ts";
import { type MakeStand, fridge } from "./stand.ts";

const desired = "$iothub/twin/PATCH/properties/desired/#";
const methods = "$iothub/methods/POST/#";

export function mqttSessionStories(make: MakeStand): void {
  const makeWithDevice = async () => {
    const stand = await make();
    await stand.registry.createTemplate(fridge);
    const { generationId } = await stand.registry.createDevice({ id: "a", templateId: "fridge" });
    return { ...stand, owner: { deviceId: "a", generationId } };
  };
  const keep = async (
    registry: Registry,
    owner: SessionOwner,
    subscriptions: Record<string, GrantedQos>,
    nowMs = 1_000,
  ): Promise<void> => {
    const kept = new Map(Object.entries(subscriptions));
    await registry.keepMqttSession(owner, { subscriptions: kept, followsDesired: kept.has(desired), nowMs });
  };
  const setFan = (registry: Registry, fanSpeed: number | null) =>
    registry.updateDevice("a", { settings: { device: { fanSpeed } } });

  describe("MQTT sessions", () => {
    test("hold the subscriptions with their QoS, also over a restart (D2)", async () => {
      const { registry, owner, reopen } = await makeWithDevice();
      expect(await registry.mqttSession(owner)).toBeNull();
      await keep(registry, owner, { [methods]: 0, c2d: 1 });
      await keep(registry, owner, { [desired]: 0, c2d: 1 }, 2_000);
      const session = { subscriptions: new Map([[desired, 0], ["c2d", 1]]), usedMs: 2_000 }; // prettier-ignore
      expect(await registry.mqttSession(owner)).toEqual(session);
      const again = await reopen();
      expect(await again.mqttSession(owner)).toEqual(session);
      await again.endMqttSession(owner);
      expect(await again.mqttSession(owner)).toBeNull();
      expect(await again.untoldDesired(owner)).toBeNull();
    });

    test("end with the last subscription", async () => {
      const { registry, owner } = await makeWithDevice();
      await keep(registry, owner, { [desired]: 0 });
      await keep(registry, owner, {});
      expect(await registry.mqttSession(owner)).toBeNull();
    });

    test("D1: belong to one generation of a device; a module's is its own", async () => {
      const { registry, owner } = await makeWithDevice();
      const made = await registry.createModule("a", { id: "m" });
      const module = { deviceId: "a", moduleId: "m", generationId: made.generationId };
      await keep(registry, owner, { [desired]: 0 });
      await keep(registry, module, { [methods]: 0 });
      expect((await registry.mqttSession(module))?.subscriptions).toEqual(new Map([[methods, 0]]));
      expect(await registry.mqttSession({ ...module, generationId: "8" })).toBeNull();
      await registry.deleteDevice("a");
      const { generationId } = await registry.createDevice({ id: "a", templateId: "fridge" });
      for (const one of [owner, module, { deviceId: "a", generationId }]) {
        expect(await registry.mqttSession(one)).toBeNull();
      }
      // The former device's connection was on its way.
      await expect(keep(registry, owner, { [desired]: 0 })).rejects.toMatchObject({ code: "device-not-found" });
      await registry.deleteDevice("a");
      await expect(keep(registry, module, { [methods]: 0 })).rejects.toMatchObject({ code: "device-not-found" });
    });

    test("D1: of a module end with it, and know what it was not told of its own twin", async () => {
      const { registry, owner } = await makeWithDevice();
      const made = await registry.createModule("a", { id: "m" });
      const module = { deviceId: "a", moduleId: "m", generationId: made.generationId };
      await keep(registry, owner, { [desired]: 0 });
      await keep(registry, module, { [desired]: 0 });
      expect(await registry.untoldDesired(module)).toBeNull();
      await registry.patchModuleDesired("a", "m", { interval: 5, lens: "wide" });
      await registry.patchModuleDesired("a", "m", { lens: null });
      expect(await registry.untoldDesired(module)).toEqual({ patch: { interval: 5 }, version: 3 });
      expect(await registry.untoldDesired(owner)).toBeNull();
      await registry.desiredTold(module, 3);
      expect(await registry.untoldDesired(module)).toBeNull();
      await expect(keep(registry, { ...module, generationId: "8" }, { [desired]: 0 })).rejects.toMatchObject({
        code: "module-not-found",
      });
      await registry.deleteModule("a", "m");
      expect(await registry.mqttSession(module)).toBeNull();
      expect((await registry.mqttSession(owner))?.subscriptions.size).toBe(1);
    });

    test("know what a device was not told: one patch from what it knows, with nulls, whatever came between", async () => {
      const { registry, owner, reopen } = await makeWithDevice();
      await keep(registry, owner, { [desired]: 0 });
      expect(await registry.untoldDesired(owner)).toBeNull();
      await setFan(registry, 3);
      await registry.patchDesired("a", { firmware: { url: "x", size: 1 }, passing: 1 });
      await setFan(registry, null);
      await registry.patchDesired("a", { firmware: { size: 2 }, passing: null });
      const again = await reopen();
      const patch = { fanSpeed: null, firmware: { url: "x", size: 2 } };
      expect(await again.untoldDesired(owner)).toEqual({ patch, version: 5 });
      // Not by asking, and not by a version that is not the present one.
      await again.desiredTold(owner, 4);
      expect(await again.untoldDesired(owner)).toEqual({ patch, version: 5 });
      await again.desiredTold(owner, 5);
      expect(await again.untoldDesired(owner)).toBeNull();
      await setFan(again, 4);
      expect(await again.untoldDesired(owner)).toEqual({ patch: { fanSpeed: { value: 4 } }, version: 6 });
      // There and back: nothing to tell.
      await setFan(again, null);
      expect(await again.untoldDesired(owner)).toBeNull();
    });

    test("D2: count what was sent, and perhaps never came, as neither known nor unknown: also its removal is told", async () => {
      const { registry, owner, reopen } = await makeWithDevice();
      await keep(registry, owner, { [desired]: 0 });
      await registry.patchDesired("a", { lens: "wide", zoom: { x: 1 } });
      expect(await registry.desiredSent(owner, 2)).toBeNull();
      await registry.patchDesired("a", { lens: null, zoom: { x: null, y: 2 } });
      const again = await reopen();
      const patch = { lens: null, zoom: { x: null, y: 2 } };
      expect(await again.untoldDesired(owner)).toEqual({ patch, version: 3 });
      // Something changed before it could be sent: that is sent instead.
      await again.patchDesired("a", { iso: 100 });
      expect(await again.desiredSent(owner, 3)).toEqual({ patch: { ...patch, iso: 100 }, version: 4 });
      await again.desiredTold(owner, 4);
      expect(await again.untoldDesired(owner)).toBeNull();
      // It came back to what it was, and the device may have what was in between.
      await setFan(again, 3);
      expect(await again.desiredSent(owner, 5)).toBeNull();
      await setFan(again, 0);
      expect(await again.untoldDesired(owner)).toEqual({ patch: { fanSpeed: { value: 0 } }, version: 6 });
    });

    test("begin to follow desired at the subscription, and go on at the next one", async () => {
      const { registry, owner } = await makeWithDevice();
      await keep(registry, owner, { [methods]: 0 });
      await setFan(registry, 3);
      expect(await registry.untoldDesired(owner)).toBeNull();
      await registry.desiredTold(owner, 2);
      await keep(registry, owner, { [methods]: 0, [desired]: 0 });
      await setFan(registry, 4);
      const untold = { patch: { fanSpeed: { value: 4 } }, version: 3 };
      expect(await registry.untoldDesired(owner)).toEqual(untold);
      await keep(registry, owner, { [desired]: 0 });
      expect(await registry.untoldDesired(owner)).toEqual(untold);
      // Left and begun anew: it is taken to know what is.
      await keep(registry, owner, { [methods]: 0 });
      await keep(registry, owner, { [desired]: 0 });
      expect(await registry.untoldDesired(owner)).toBeNull();
    });

    test("of a device that comes by AMQP know only what it was told; subscriptions are another matter", async () => {
      const { registry, owner, reopen } = await makeWithDevice();
      await registry.followDesired(owner, true, 1_000);
      expect(await registry.mqttSession(owner)).toBeNull();
      await setFan(registry, 3);
      const again = await reopen();
      const untold = { patch: { fanSpeed: { value: 3 } }, version: 2 };
      expect(await again.untoldDesired(owner)).toEqual(untold);
      // It comes again, and then by MQTT.
      await again.followDesired(owner, true, 2_000);
      expect(await again.untoldDesired(owner)).toEqual(untold);
      await keep(again, owner, { [methods]: 0, [desired]: 0 });
      expect(await again.untoldDesired(owner)).toEqual(untold);
      await again.desiredTold(owner, 2);
      // By AMQP again: nothing of its subscriptions is lost.
      await again.followDesired(owner, false, 3_000);
      await setFan(again, 4);
      expect(await again.untoldDesired(owner)).toBeNull();
      expect((await again.mqttSession(owner))?.subscriptions.size).toBe(2);
      const stranger = { ...owner, generationId: "8" };
      await expect(again.followDesired(stranger, true, 1)).rejects.toMatchObject({ code: "device-not-found" });
    });

    test("of a device that follows no more, and has no subscriptions, are over", async () => {
      const { registry, owner } = await makeWithDevice();
      await registry.followDesired(owner, true, 1_000);
      await registry.followDesired(owner, false, 2_000);
      await setFan(registry, 3);
      expect(await registry.untoldDesired(owner)).toBeNull();
      expect(await registry.expireMqttSessions(9_000)).toBe(0);
    });

    test("M1: expire when they were not used for long", async () => {
      const { registry, owner } = await makeWithDevice();
      const { generationId } = await registry.createDevice({ id: "b", templateId: "fridge" });
      const other = { deviceId: "b", generationId };
      await keep(registry, owner, { [desired]: 0 }, 1_000);
      await keep(registry, other, { [desired]: 0 }, 1_000);
      await registry.useMqttSessions([other, { ...owner, generationId: "of another" }], 5_000);
      expect(await registry.expireMqttSessions(1_000)).toBe(0);
      expect(await registry.expireMqttSessions(5_000)).toBe(1);
      expect(await registry.mqttSession(owner)).toBeNull();
      expect(await registry.mqttSession(other)).toMatchObject({ usedMs: 5_000 });
    });
  });
}
