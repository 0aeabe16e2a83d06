// Messages for connected devices, on a real registry and a clock that stands still: order, room, giving back.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SimulatedClock } from "../journal/clock.simulated.ts";
import type { CloudDelivery, CloudMessageOwner, Registry } from "../registry/registry.ts";
import { emptyTemplate } from "../../test/lib/plain-devices.ts";
import { openSqliteRegistry } from "../registry/sqlite/sqlite-registry.ts";
import { type CloudMessageFollower, CloudMessages } from "./cloud-messages.ts";

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let directory: string;
let clock: SimulatedClock;
let registry: Registry;
let messages: CloudMessages;
let owner: CloudMessageOwner;
let given: CloudDelivery[];
let isFailing: boolean;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-cloud-messages-"));
  clock = new SimulatedClock(Date.parse("2026-01-02T03:04:05.678Z"), rest);
  const opened = await openSqliteRegistry({ directory, clock });
  isFailing = false;
  registry = {
    ...opened,
    takeCloudMessages: async (...of) => {
      if (isFailing) throw new Error("the disk is away");
      return await opened.takeCloudMessages(...of);
    },
  };
  await registry.createTemplate({ ...emptyTemplate, id: "t" });
  const { generationId } = await registry.createDevice({ id: "d", templateId: "t" });
  owner = { deviceId: "d", generationId };
  messages = new CloudMessages({ registry, clock, log, bytesMax: 1024 * 1024 });
  registry.subscribe((event) => messages.hear(event));
  given = [];
});
afterEach(async () => {
  messages.stop();
  await rest();
  await registry.close();
  rmSync(directory, { recursive: true });
});

/** Until nothing moves that needs no time. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    await registry?.cloudMessageTotals();
  }
}

const send = async (...bodies: string[]): Promise<void> => {
  for (const body of bodies) await messages.send("d", { body: Buffer.from(body), messageId: body });
};
const follow = (roomMax = 10): CloudMessageFollower => {
  const follower: CloudMessageFollower = messages.follow(owner, {
    room: () => roomMax - follower.held,
    deliver: (delivery) => given.push(delivery),
  });
  return follower;
};
const bodies = (): readonly string[] => given.map(({ body }) => body.toString());
const states = async (): Promise<Record<string, string>> =>
  Object.fromEntries((await registry.cloudMessages("d")).map(({ messageId, state }) => [messageId, state]));

test("what waits is given in order, and what is sent later behind it", async () => {
  await send("one", "two");
  follow();
  await rest();
  await send("three");
  await rest();
  expect(bodies()).toEqual(["one", "two", "three"]);
});

test("M1: a device holds as many as there is room for; what it completes makes room", async () => {
  await send("one", "two", "three", "four");
  const follower = follow(2);
  await rest();
  expect(bodies()).toEqual(["one", "two"]);
  void follower.settle(given[1]!, "completed");
  await rest();
  expect(bodies()).toEqual(["one", "two", "three"]);
  void follower.settle(given[0]!, "rejected");
  void follower.settle(given[2]!, "completed");
  await rest();
  expect(bodies()).toEqual(["one", "two", "three", "four"]);
  expect(await states()).toEqual({ one: "rejected", two: "completed", three: "completed", four: "delivering" });
  expect(messages.counters).toMatchObject({ enqueued: 4, ended: { completed: 2, rejected: 1, expired: 0 } });
});

test("what is abandoned comes again, also to whom has room for one only", async () => {
  await send("one");
  const follower = follow(1);
  await rest();
  void follower.settle(given[0]!, "abandoned");
  await rest();
  expect(given.map(({ number, deliveryCount }) => [number, deliveryCount])).toEqual([
    [1, 1],
    [1, 2],
  ]);
});

test("what is not settled in a minute comes again over the same connection, and its room is free", async () => {
  await send("one", "two");
  const follower = follow(1);
  await rest();
  await clock.pass(59_999);
  expect(bodies()).toEqual(["one"]);
  await clock.pass(1);
  expect(bodies()).toEqual(["one", "one"]);
  // The former delivery, acknowledged late.
  void follower.settle(given[0]!, "completed");
  await rest();
  expect(await states()).toMatchObject({ one: "delivering" });
  void follower.settle(given[1]!, "completed");
  await rest();
  expect(bodies()).toEqual(["one", "one", "two"]);
});

test("D2: what a connection held comes over the next one at once, in order; also after the process died", async () => {
  await send("one", "two", "three");
  const former = follow(2);
  await rest();
  former.stop();
  follow();
  await rest();
  expect(bodies()).toEqual(["one", "two", "one", "two", "three"]);
  // As a new process: nobody gave anything back.
  messages = new CloudMessages({ registry, clock, log, bytesMax: 1024 * 1024 });
  follow();
  await rest();
  expect(bodies().slice(5)).toEqual(["one", "two", "three"]);
});

test("a connection that ends while its messages are read gets none, and the next one all", async () => {
  await send("one", "two");
  const former = follow();
  former.stop();
  const follower = follow();
  await rest();
  expect(bodies()).toEqual(["one", "two"]);
  for (const one of given) void follower.settle(one, "completed");
  await rest();
  expect(await states()).toEqual({ one: "completed", two: "completed" });
});

test("a connection that ends with what it was just given gives the rest back", async () => {
  await send("one", "two");
  const former = messages.follow(owner, {
    room: () => 10,
    deliver: (delivery) => {
      given.push(delivery);
      former.stop();
    },
  });
  await rest();
  expect(bodies()).toEqual(["one"]);
  expect(await states()).toEqual({ one: "queued", two: "queued" });
});

test("a registry that fails is asked again", async () => {
  await send("one");
  isFailing = true;
  follow();
  await rest();
  isFailing = false;
  await clock.pass(5_000);
  expect(bodies()).toEqual(["one"]);
});

test("for protocols that poll there is one at a time, or none", async () => {
  await send("one", "two");
  const [first, second, none] = [
    await messages.receive(owner),
    await messages.receive(owner),
    await messages.receive(owner),
  ];
  expect([first?.body.toString(), second?.body.toString(), none]).toEqual(["one", "two", null]);
  await messages.settle(owner, first?.lockToken ?? "", "completed");
  await expect(messages.settle(owner, first?.lockToken ?? "", "completed")).rejects.toMatchObject({
    code: "lock-lost",
  });
});

test("D1: a device that was made anew gets nothing that was for the former one", async () => {
  await send("one");
  await registry.deleteDevice("d");
  await registry.createDevice({ id: "d", templateId: "t" });
  await send("two");
  follow(); // as the former
  await rest();
  expect(bodies()).toEqual([]);
});

test("what expired is counted within a minute", async () => {
  messages.start();
  await messages.send("d", { body: Buffer.from("x"), ttlMs: 1000 });
  await clock.pass(60_000);
  expect(messages.counters.ended.expired).toBe(1);
});
