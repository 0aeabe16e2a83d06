// Direct methods, without a protocol: who is asked, who answers, and what comes of it when nobody does.

import { beforeEach, describe, expect, test } from "vitest";
import { SimulatedClock } from "../journal/clock.simulated.ts";
import { type MethodCall, type MethodOwner, type MethodRequest, Methods } from "./methods.ts";

const owner: MethodOwner = { deviceId: "d", generationId: "1" };
const request: MethodRequest = { name: "go", payload: "{}", responseTimeoutMs: 30_000, connectTimeoutMs: 0 };

let clock: SimulatedClock;
let methods: Methods;
let calls: MethodCall[];
beforeEach(() => {
  clock = new SimulatedClock(0, async () => await Promise.resolve());
  methods = new Methods({ clock, callsMax: 20 });
  calls = [];
});

const serve = (who: MethodOwner = owner): ReturnType<Methods["serve"]> =>
  methods.serve(who, (call) => calls.push(call));
const answer = (index: number, status = 200, payload = "", who: MethodOwner = owner): void =>
  methods.answer(who, calls[index]?.requestId ?? "", status, Buffer.from(payload));
const codeOfCall = async (call: Promise<unknown>): Promise<unknown> =>
  await call.then(
    () => "answered",
    (error: { code?: string }) => error.code,
  );

test("the device is asked, and its answer is the call's", async () => {
  serve();
  const call = methods.invoke(owner, { ...request, payload: '{"a":1}' });
  expect(calls).toEqual([{ requestId: expect.any(String), name: "go", payload: '{"a":1}' }]);
  answer(0, 202, '{"done":[1,null]}');
  expect(await call).toEqual({ status: 202, payload: { done: [1, null] } });
});

test.each([
  ["", null],
  [" ", null],
  ["null", null],
  ["0", 0],
  ["all is well", "all is well"],
])("an answer of %j is %j", async (text, payload) => {
  serve();
  const call = methods.invoke(owner, request);
  answer(0, 200, text);
  expect(await call).toEqual({ status: 200, payload });
});

test("an answer that is nested too deep to be said again is given as its text", async () => {
  serve();
  const text = `${"[".repeat(60_000)}${"]".repeat(60_000)}`;
  const call = methods.invoke(owner, request);
  answer(0, 200, text);
  expect((await call).payload).toBe(text);
});

test("answers find their calls, in whatever order they come", async () => {
  serve();
  const both = [methods.invoke(owner, request), methods.invoke(owner, { ...request, name: "stop" })];
  answer(1, 200, '"second"');
  answer(0, 200, '"first"');
  expect(await Promise.all(both)).toMatchObject([{ payload: "first" }, { payload: "second" }]);
});

describe("a device that is away", () => {
  test("is not waited for, unless the caller says so", async () => {
    expect(await codeOfCall(methods.invoke(owner, request))).toBe("device-offline");
  });

  test("is waited for as long as the caller says, and is asked when it comes", async () => {
    const call = methods.invoke(owner, { ...request, connectTimeoutMs: 10_000 });
    await clock.pass(9_999);
    serve();
    await clock.pass(20_000); // the response time-out began when it was asked
    answer(0);
    expect(await call).toEqual({ status: 200, payload: null });
    const missed = codeOfCall(methods.invoke({ ...owner, deviceId: "e" }, { ...request, connectTimeoutMs: 10_000 }));
    await clock.pass(10_000);
    expect(await missed).toBe("device-offline");
  });

  test("and is deleted meanwhile is waited for no longer", async () => {
    const call = codeOfCall(methods.invoke(owner, { ...request, connectTimeoutMs: 10_000 }));
    methods.hear({ kind: "device-deleted", deviceId: "d" });
    expect(await call).toBe("device-not-found");
  });
});

test("without an answer in time the call fails; a late one is counted and changes nothing", async () => {
  serve();
  const call = codeOfCall(methods.invoke(owner, request));
  await clock.pass(29_999);
  await clock.pass(1);
  expect(await call).toBe("method-timeout");
  answer(0);
  methods.answer(owner, "never asked", 200, Buffer.alloc(0));
  expect(methods.counters).toEqual({ answered: 0, unanswered: 1, lateAnswers: 2 });
});

test("a device that disconnects fails its calls at once; those behind them can wait for it", async () => {
  const stop = serve();
  const call = codeOfCall(methods.invoke(owner, request));
  stop();
  expect(await call).toBe("device-disconnected");
  const next = methods.invoke(owner, { ...request, connectTimeoutMs: 10_000 });
  serve();
  stop(); // the former connection's end, told late
  answer(1);
  expect(await next).toMatchObject({ status: 200 });
});

test("a device that is expected back may answer over its next connection, for ten seconds", async () => {
  const stop = serve();
  const call = methods.invoke(owner, request);
  stop(true);
  await clock.pass(9_999);
  serve();
  await clock.pass(15_000);
  answer(0);
  expect(await call).toMatchObject({ status: 200 });

  const stopAgain = serve();
  const late = codeOfCall(methods.invoke(owner, request));
  stopAgain(true);
  await clock.pass(10_000);
  expect(await late).toBe("device-disconnected");
});

test("D1: another generation neither gets nor answers a call, nor does a module for its device", async () => {
  const later = { ...owner, generationId: "2" };
  serve(later);
  serve({ ...owner, moduleId: "m" });
  expect(await codeOfCall(methods.invoke(owner, request))).toBe("device-offline");
  const call = methods.invoke(later, request);
  answer(0, 500, "", owner);
  answer(0, 501, "", { ...later, moduleId: "m" });
  answer(0, 200, "", later);
  expect(await call).toMatchObject({ status: 200 });
  expect(methods.counters.lateAnswers).toBe(2);
});

test("M1: calls are bounded, for a device and in all; ended ones leave their places", async () => {
  serve();
  const ten = Array.from({ length: 10 }, async () => await methods.invoke(owner, request));
  expect(await codeOfCall(methods.invoke(owner, request))).toBe("methods-busy");
  for (let index = 0; index < 10; index++) answer(index);
  await Promise.all(ten);
  const away = (deviceId: string): Promise<unknown> =>
    codeOfCall(methods.invoke({ deviceId, generationId: "1" }, { ...request, connectTimeoutMs: 1000 }));
  const others = Array.from({ length: 20 }, async (_one, index) => await away(`e${index}`));
  expect(await away("one-more")).toBe("methods-busy");
  await clock.pass(1000);
  expect(new Set(await Promise.all(others))).toEqual(new Set(["device-offline"]));
  const again = methods.invoke(owner, request);
  answer(10);
  expect(await again).toMatchObject({ status: 200 });
});

test("an answer that is too large is refused, and the caller told that something was done", async () => {
  serve();
  const call = codeOfCall(methods.invoke(owner, request));
  answer(0, 200, "x".repeat(128 * 1024 + 1));
  expect(await call).toBe("method-answer-too-large");
});

test.each([
  ["name", { name: "" }],
  ["name", { name: "a\nb" }],
  ["name", { name: "a".repeat(129) }],
  ["payload", { payload: `"${"x".repeat(128 * 1024)}"` }],
  ["responseTimeoutSeconds", { responseTimeoutMs: 4_999 }],
  ["responseTimeoutSeconds", { responseTimeoutMs: 300_001 }],
  ["responseTimeoutSeconds", { responseTimeoutMs: NaN }],
  ["connectTimeoutSeconds", { connectTimeoutMs: -1 }],
  ["connectTimeoutSeconds", { connectTimeoutMs: 300_001 }],
])("a wrong %s is refused, and nobody is asked", async (field, wrong) => {
  serve();
  await expect(methods.invoke(owner, { ...request, ...wrong })).rejects.toMatchObject({ code: "input-invalid", field });
  expect(calls).toEqual([]);
});
