import { describe, expect, test } from "vitest";
import { type CloudMessageOwner, type NewCloudMessage, type Registry, cloudMessageBounds } from "../registry.ts";
import { type MakeStand, eventsOf, fridge } from "./stand.ts";

const bytesMax = 1024 * 1024;
const minute = 60_000;

export function cloudMessageStories(make: MakeStand): void {
  const makeWithDevice = async () => {
    const stand = await make();
    await stand.registry.createTemplate(fridge);
    const { generationId } = await stand.registry.createDevice({ id: "a", templateId: "fridge" });
    const owner: CloudMessageOwner = { deviceId: "a", generationId };
    return { ...stand, owner, send: sender(stand.registry) };
  };

  describe("cloud-to-device messages", () => {
    test("D2: are kept as they were sent, and come in their order, also after a restart", async () => {
      const { registry, owner, send, reopen } = await makeWithDevice();
      const events = eventsOf(registry);
      const made = await send("one", {
        messageId: "m-1",
        correlationId: "c",
        userId: "u",
        contentType: "application/json",
        contentEncoding: "utf-8",
        properties: { level: "1", "method-name": "go" },
        ttlMs: 90_000,
      });
      const head = {
        messageId: "m-1",
        correlationId: "c",
        userId: "u",
        contentType: "application/json",
        contentEncoding: "utf-8",
        properties: { level: "1", "method-name": "go" },
        enqueuedAt: "2026-01-02T03:04:05.678Z",
        expiresAt: "2026-01-02T03:05:35.678Z",
      };
      expect(made).toEqual({ ...head, deliveryCount: 0, state: "queued", bytes: 3, endedAt: undefined });
      expect(events).toEqual([
        { kind: "cloud-messages-changed", ...owner, isDeliverable: true, enqueued: 1, ended: {} },
      ]);
      const second = await send("two");
      expect(second).toMatchObject({ messageId: expect.stringMatching(/^[0-9a-f-]{36}$/), properties: {} });
      expect(Date.parse(second.expiresAt) - Date.parse(second.enqueuedAt)).toBe(60 * minute);
      const again = await reopen();
      expect((await again.cloudMessages("a")).map(({ messageId }) => messageId)).toEqual(["m-1", second.messageId]);
      const { deliveries } = await again.takeCloudMessages(owner, 5);
      expect(deliveries.map(({ body }) => body.toString())).toEqual(["one", "two"]);
      expect(deliveries[0]).toEqual({
        ...head,
        deliveryCount: 1,
        number: 1,
        body: Buffer.from("one"),
        lockToken: expect.any(String),
      });
      expect(await again.cloudMessageTotals()).toMatchObject({ messages: 2 });
    });

    test("are held by a lock, and end when they are completed or rejected", async () => {
      const { registry, owner, send, clock } = await makeWithDevice();
      for (const body of ["one", "two", "three"]) await send(body, { messageId: body });
      const { deliveries, lockEndsMs } = await registry.takeCloudMessages(owner, 2);
      expect(deliveries.map(({ messageId }) => messageId)).toEqual(["one", "two"]);
      expect(lockEndsMs).toBe(clock.timeMs + cloudMessageBounds.lockMs);
      expect((await registry.takeCloudMessages(owner, 5)).deliveries.map(({ messageId }) => messageId)).toEqual([
        "three",
      ]);
      const states = async () => (await registry.cloudMessages("a")).map(({ messageId, state }) => [messageId, state]);
      expect(await states()).toEqual([
        ["one", "delivering"],
        ["two", "delivering"],
        ["three", "delivering"],
      ]);
      const events = eventsOf(registry);
      clock.timeMs += 10;
      await registry.settleCloudMessage(owner, deliveries[1]!.lockToken, "completed");
      clock.timeMs += 10;
      await registry.settleCloudMessage(owner, deliveries[0]!.lockToken, "rejected");
      expect(await states()).toEqual([
        ["three", "delivering"],
        ["one", "rejected"],
        ["two", "completed"],
      ]);
      expect(events).toMatchObject([{ ended: { completed: 1 } }, { ended: { rejected: 1 } }]);
      await expect(registry.settleCloudMessage(owner, deliveries[0]!.lockToken, "completed")).rejects.toMatchObject({
        code: "lock-lost",
        kind: "conflict",
      });
      expect(await registry.cloudMessageTotals()).toMatchObject({ messages: 1 });
    });

    test("are delivered again when they are given back, when the lock is over, or the connection", async () => {
      const { registry, owner, send, clock } = await makeWithDevice();
      await send("one");
      const take = async () => (await registry.takeCloudMessages(owner, 5)).deliveries[0];
      const first = await take();
      const events = eventsOf(registry);
      await registry.settleCloudMessage(owner, first!.lockToken, "abandoned");
      expect(events).toMatchObject([{ isDeliverable: true, ended: {} }]);
      const second = await take();
      expect(second).toMatchObject({ number: 1, deliveryCount: 2 });
      expect(second!.lockToken).not.toBe(first!.lockToken);
      await expect(registry.settleCloudMessage(owner, first!.lockToken, "completed")).rejects.toMatchObject({
        code: "lock-lost",
      });
      clock.timeMs += cloudMessageBounds.lockMs - 1;
      expect(await take()).toBeUndefined();
      clock.timeMs += 1;
      expect((await registry.cloudMessages("a"))[0]).toMatchObject({ state: "queued", deliveryCount: 2 });
      const third = await take();
      expect(third).toMatchObject({ deliveryCount: 3 });
      await registry.releaseCloudMessages(owner);
      expect(await take()).toMatchObject({ deliveryCount: 4 });
    });

    test("can be completed after the lock is over, as long as nobody else got them", async () => {
      const { registry, owner, send, clock } = await makeWithDevice();
      await send("one");
      const { deliveries } = await registry.takeCloudMessages(owner, 1);
      clock.timeMs += cloudMessageBounds.lockMs + 1;
      await registry.settleCloudMessage(owner, deliveries[0]!.lockToken, "completed");
      expect((await registry.cloudMessages("a"))[0]).toMatchObject({ state: "completed" });
    });

    test("are dead-lettered after ten deliveries, whichever way the last one ended", async () => {
      const { registry, owner, send, clock } = await makeWithDevice();
      for (const messageId of ["abandoned", "released", "forgotten"]) await send("x", { messageId });
      for (let delivery = 0; delivery < 9; delivery++) {
        expect((await registry.takeCloudMessages(owner, 5)).deliveries).toHaveLength(3);
        await registry.releaseCloudMessages(owner);
      }
      const { deliveries } = await registry.takeCloudMessages(owner, 5);
      expect(deliveries.map(({ deliveryCount }) => deliveryCount)).toEqual([10, 10, 10]);
      await registry.settleCloudMessage(owner, deliveries[0]!.lockToken, "abandoned");
      const stateOf = async (id: string) =>
        (await registry.cloudMessages("a")).find(({ messageId }) => messageId === id)?.state;
      expect(await stateOf("abandoned")).toBe("dead-lettered");
      clock.timeMs += cloudMessageBounds.lockMs;
      expect(await stateOf("forgotten")).toBe("dead-lettered");
      const events = eventsOf(registry);
      expect((await registry.takeCloudMessages(owner, 5)).deliveries).toEqual([]);
      expect(events).toMatchObject([{ ended: { "dead-lettered": 2 } }]);
      expect(await registry.cloudMessageTotals()).toEqual({ messages: 0, bytes: 0 });
    });

    test("expire when nobody holds them, are counted, and forgotten after a while", async () => {
      const { registry, owner, send, clock } = await makeWithDevice();
      await send("held", { messageId: "held", ttlMs: minute });
      const { deliveries } = await registry.takeCloudMessages(owner, 1);
      await send("late", { messageId: "late", ttlMs: 1000 });
      await send("kept", { messageId: "kept", ttlMs: cloudMessageBounds.ttlMsMax });
      clock.timeMs += 1000;
      expect((await registry.cloudMessages("a"))[1]).toMatchObject({ messageId: "late", state: "expired" });
      const events = eventsOf(registry);
      await registry.sweepCloudMessages();
      expect(events).toEqual([
        { kind: "cloud-messages-changed", ...owner, isDeliverable: false, enqueued: 0, ended: { expired: 1 } },
      ]);
      clock.timeMs += minute - 2000;
      await registry.sweepCloudMessages();
      await registry.settleCloudMessage(owner, deliveries[0]!.lockToken, "completed");
      clock.timeMs += cloudMessageBounds.endedKeptMs - 1;
      await registry.sweepCloudMessages();
      const ids = async () => (await registry.cloudMessages("a")).map(({ messageId }) => messageId);
      expect(await ids()).toEqual(["kept", "held"]);
      clock.timeMs += 1;
      await registry.sweepCloudMessages();
      expect(await ids()).toEqual(["kept"]);
      const { deliveries: left } = await registry.takeCloudMessages(owner, 5);
      expect(left.map(({ messageId }) => messageId)).toEqual(["kept"]);
    });

    test("M1: are 50 for a device, and so many bytes in all; what ended makes room", async () => {
      const { registry, owner, send, clock } = await makeWithDevice();
      await registry.createDevice({ id: "b", templateId: "fridge" });
      for (let index = 0; index < 50; index++) await send("x", { messageId: `m-${index}`, ttlMs: 1000 });
      const full = { code: "cloud-messages-full", kind: "conflict" };
      await expect(send("x")).rejects.toMatchObject(full);
      clock.timeMs += 1000;
      await send("x", { messageId: "again" });
      // Ended ones are known for a while, and no more than 50 of them.
      for (let index = 0; index < 20; index++) await send("x", { ttlMs: 1000 });
      clock.timeMs += 1000;
      await send("x");
      await send("x");
      const messages = await registry.cloudMessages("a");
      expect(messages.filter(({ endedAt }) => endedAt !== undefined)).toHaveLength(50);
      expect(messages.slice(0, 3).map(({ state }) => state)).toEqual(["queued", "queued", "queued"]);
      expect((await registry.takeCloudMessages(owner, 1)).deliveries[0]?.messageId).toBe("again");
      const { bytes } = await registry.cloudMessageTotals();
      const more = (room: number) => registry.sendCloudMessage("b", { body: Buffer.alloc(10), messageId: "b" }, room);
      await expect(more(bytes + 10)).rejects.toMatchObject(full);
      expect(await more(bytes + 11)).toMatchObject({ state: "queued" });
    });

    test("D1: belong to one generation of their device", async () => {
      const { registry, owner, send } = await makeWithDevice();
      await send("one");
      const { deliveries } = await registry.takeCloudMessages(owner, 1);
      await send("two");
      await registry.deleteDevice("a");
      expect(await registry.cloudMessageTotals()).toEqual({ messages: 0, bytes: 0 });
      await registry.createDevice({ id: "a", templateId: "fridge" });
      await send("new");
      expect((await registry.takeCloudMessages(owner, 5)).deliveries).toEqual([]);
      await registry.releaseCloudMessages(owner);
      const lost = { code: "lock-lost" };
      await expect(registry.settleCloudMessage(owner, deliveries[0]!.lockToken, "completed")).rejects.toMatchObject(
        lost,
      );
      const { generationId } = await registry.device("a");
      const taken = await registry.takeCloudMessages({ deviceId: "a", generationId }, 5);
      expect(taken.deliveries.map(({ body }) => body.toString())).toEqual(["new"]);
      await expect(
        registry.settleCloudMessage(owner, taken.deliveries[0]!.lockToken, "completed"),
      ).rejects.toMatchObject(lost);
    });

    test("are purged, all or one", async () => {
      const { registry, owner, send } = await makeWithDevice();
      for (const messageId of ["a", "b", "c"]) await send("x", { messageId });
      const { deliveries } = await registry.takeCloudMessages(owner, 1);
      expect(await registry.purgeCloudMessages("a", "b")).toBe(1);
      const missing = { code: "cloud-message-not-found" };
      await expect(registry.purgeCloudMessages("a", "b")).rejects.toMatchObject(missing);
      expect(await registry.purgeCloudMessages("a")).toBe(2);
      expect(await registry.purgeCloudMessages("a")).toBe(0);
      expect((await registry.cloudMessages("a")).map(({ state }) => state)).toEqual(["purged", "purged", "purged"]);
      await expect(registry.settleCloudMessage(owner, deliveries[0]!.lockToken, "completed")).rejects.toMatchObject({
        code: "lock-lost",
      });
    });

    test("have an id of their own as long as they are known, so that a repeated call sends none twice", async () => {
      const { registry, owner, send } = await makeWithDevice();
      await send("x", { messageId: "m" });
      const twice = { code: "cloud-message-exists", field: "messageId" };
      await expect(send("x", { messageId: "m" })).rejects.toMatchObject(twice);
      const { deliveries } = await registry.takeCloudMessages(owner, 1);
      await registry.settleCloudMessage(owner, deliveries[0]!.lockToken, "completed");
      await expect(send("x", { messageId: "m" })).rejects.toMatchObject(twice);
    });

    test.each<readonly [string, string, Partial<NewCloudMessage>]>([
      ["messageId", "input-invalid", { messageId: "a b" }],
      ["messageId", "input-invalid", { messageId: "" }],
      ["messageId", "input-invalid", { messageId: "a/b" }],
      ["ttlSeconds", "input-invalid", { ttlMs: 0 }],
      ["ttlSeconds", "input-invalid", { ttlMs: cloudMessageBounds.ttlMsMax + 1000 }],
      ["correlationId", "input-invalid", { correlationId: "é" }],
      ["contentType", "input-invalid", { contentType: "x".repeat(129) }],
      ["properties.a b", "input-invalid", { properties: { "a b": "1" } }],
      ["properties.$.mid", "input-invalid", { properties: { "$.mid": "1" } }],
      ["properties.a", "input-invalid", { properties: { a: "line\nbreak" } }],
      [
        "properties",
        "cloud-message-too-large",
        { properties: Object.fromEntries(Array.from({ length: 101 }, (_one, index) => [`a${index}`, ""])) },
      ],
      ["properties", "cloud-message-too-large", { properties: { a: "x".repeat(8 * 1024) } }],
      ["body", "cloud-message-too-large", { body: Buffer.alloc(64 * 1024), messageId: "m" }],
    ])("with a wrong %s are refused as %s", async (field, code, wrong) => {
      const { registry, send } = await makeWithDevice();
      await expect(send("x", wrong)).rejects.toMatchObject({ kind: "invalid", field, code });
      expect(await registry.cloudMessages("a")).toEqual([]);
      await expect(registry.cloudMessages("none")).rejects.toMatchObject({ code: "device-not-found" });
    });
  });
}

const sender =
  (registry: Registry) =>
  async (body: string, more: Partial<NewCloudMessage> = {}) =>
    await registry.sendCloudMessage("a", { body: Buffer.from(body), ...more }, bytesMax);
