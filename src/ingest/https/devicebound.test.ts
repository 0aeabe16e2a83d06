// A device that polls for messages over HTTPS, and says what became of them.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { IngestHub } from "../../../test/lib/ingest-hub.ts";
import type { CloudDelivery } from "../../registry/registry.ts";
import { deliveryHeaders } from "./devicebound.ts";

let hub: IngestHub;
let made = 0;
let id: string;
beforeAll(async () => {
  hub = await IngestHub.open();
});
afterAll(async () => await hub.close());
beforeEach(async () => {
  id = `poll#${++made}`;
  await hub.createDevice(id);
});

async function call(method: string, below = "", token = hub.token(id)): Promise<Response> {
  const path = `/devices/${encodeURIComponent(id)}/messages/devicebound${below}`;
  return await fetch(`http://127.0.0.1:${hub.httpPort}${path}`, { method, headers: { authorization: token } });
}
const lockOf = (answer: Response): string => /^"(.+)"$/.exec(answer.headers.get("etag") ?? "")?.[1] ?? "";
const states = async (): Promise<readonly string[]> => (await hub.registry.cloudMessages(id)).map(({ state }) => state);

test("gets a message with all that its sender gave it", async () => {
  const sent = await hub.cloudMessages.send(id, {
    body: Buffer.from([0, 255, 10]),
    messageId: "m:1",
    correlationId: "c",
    userId: "u",
    contentType: "application/json",
    contentEncoding: "utf-8",
    properties: { level: "50% & more", "method-name": "defrost" },
  });
  const answer = await call("GET", "?api-version=2021-04-12");
  expect(answer.status).toBe(200);
  expect(Buffer.from(await answer.arrayBuffer())).toEqual(Buffer.from([0, 255, 10]));
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    etag: expect.stringMatching(/^"[0-9a-f-]{36}"$/),
    "iothub-messageid": "m:1",
    "iothub-correlationid": "c",
    "iothub-userid": "u",
    "iothub-contenttype": "application/json",
    "iothub-contentencoding": "utf-8",
    "iothub-to": `/devices/poll%23${made}/messages/devicebound`,
    "iothub-expiry": sent.expiresAt,
    "iothub-sequencenumber": "1",
    "iothub-deliverycount": "1",
    "iothub-app-level": "50% & more",
    "iothub-app-method-name": "defrost",
  });
});

test("its content type and encoding are also under the names that Azure's SDK for C looks for, letter by letter", () => {
  const delivery = {
    body: Buffer.from("x"),
    properties: {},
    contentType: "application/json",
    contentEncoding: "utf-8",
  };
  expect(deliveryHeaders(id, delivery as unknown as CloudDelivery)).toMatchObject({
    ContentType: "application/json",
    ContentEncoding: "utf-8",
  });
});

test("A message is rejected also in the words of Azure's SDK for Java", async () => {
  await hub.cloudMessages.send(id, { body: Buffer.from("no") });
  const lock = lockOf(await call("GET"));
  expect((await call("DELETE", `/${lock}?api-version=2020-09-30&%3Freject=true`)).status).toBe(204);
  expect(await states()).toEqual(["rejected"]);
});

test("D2: what it completes, rejects or abandons is so when it is answered", async () => {
  for (const body of ["one", "two", "three"]) await hub.cloudMessages.send(id, { body: Buffer.from(body) });
  const [one, two, three, none] = [await call("GET"), await call("GET"), await call("GET"), await call("GET")];
  expect([await one.text(), await two.text(), await three.text(), none.status]).toEqual(["one", "two", "three", 204]);
  expect((await call("DELETE", `/${lockOf(one)}?api-version=2021-04-12`)).status).toBe(204);
  expect(await states()).toEqual(["delivering", "delivering", "completed"]);
  expect((await call("DELETE", `/${lockOf(two)}?api-version=2021-04-12&reject`)).status).toBe(204);
  expect((await call("POST", `/${lockOf(three)}/abandon?api-version=2021-04-12`)).status).toBe(204);
  expect((await states()).toSorted()).toEqual(["completed", "queued", "rejected"]);
  const again = await call("GET");
  expect([await again.text(), again.headers.get("iothub-deliverycount")]).toEqual(["three", "2"]);
});

test("a lock that is lost, or none, is 412 in IoT Hub's form, and counted", async () => {
  await hub.cloudMessages.send(id, { body: Buffer.from("x") });
  const lock = lockOf(await call("GET"));
  expect((await call("DELETE", `/${lock}`)).status).toBe(204);
  const before = hub.rejections("lock-lost");
  for (const [method, below] of [
    ["DELETE", `/${lock}`],
    ["DELETE", `/${lock}?reject`],
    ["POST", `/${lock}/abandon`],
    ["DELETE", "/none"],
    ["DELETE", "/%zz"],
  ] as const) {
    const answer = await call(method, below);
    expect(answer.status, below).toBe(412);
    expect(await answer.json()).toMatchObject({ Message: expect.stringMatching(/^ErrorCode:DeviceMessageLockLost;/) });
  }
  expect(hub.rejections("lock-lost")).toBe(before + 5);
});

describe("D1", () => {
  test("who may not speak as the device neither gets nor settles a message", async () => {
    await hub.cloudMessages.send(id, { body: Buffer.from("x") });
    const lock = lockOf(await call("GET"));
    await hub.createDevice(`${id}-other`);
    for (const token of ["", hub.token(`${id}-other`)]) {
      expect((await call("GET", "", token)).status).toBe(401);
      expect((await call("DELETE", `/${lock}`, token)).status).toBe(401);
    }
    expect(await states()).toEqual(["delivering"]);
  });

  test("a lock of another device settles nothing", async () => {
    await hub.cloudMessages.send(id, { body: Buffer.from("x") });
    const lock = lockOf(await call("GET"));
    const first = id;
    id = `${id}-other`;
    await hub.createDevice(id);
    expect((await call("DELETE", `/${lock}`)).status).toBe(412);
    expect((await hub.registry.cloudMessages(first))[0]).toMatchObject({ state: "delivering" });
  });
});
