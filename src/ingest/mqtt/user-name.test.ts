import { expect, test } from "vitest";
import { parseUserName } from "./user-name.ts";

const dev = { host: "hub.test", deviceId: "dev-1", moduleId: undefined, modelId: undefined };

test.each([
  ["hub.test/dev-1/?api-version=2021-04-12&DeviceClientType=node%2F1.18", dev],
  ["hub.test/dev-1/api-version=2016-11-14", dev],
  ["hub.test/dev-1", dev],
  ["hub.test/dev-1/", dev],
  ["hub.test:8884/dev-1/?api-version=2021-04-12", { ...dev, host: "hub.test:8884" }],
  ["hub.test/dev-1/?api-version=2021-04-12&model-id=dtmi%3Aa%3Ab%3B1", { ...dev, modelId: "dtmi:a:b;1" }],
  ["hub.test/dev-1/?model-id=", dev],
])("The user name %s is understood", (userName, claim) => {
  expect(parseUserName("dev-1", userName)).toEqual(claim);
});

test("A module's client id has two parts", () => {
  expect(parseUserName("dev-1/mod", "hub.test/dev-1/mod/?api-version=2021-04-12")).toEqual({ ...dev, moduleId: "mod" });
});

test.each(["", "/", "dev-1/", "/mod", "a/b/c", "x".repeat(258)])("The client id %s is none", (clientId) => {
  expect(parseUserName(clientId, `hub.test/${clientId}`)).toBe("client-id");
});

test.each([
  "",
  "hub.test",
  "/dev-1",
  "hub.test/dev-2",
  "hub.test/dev-11",
  "hub.test/dev-1?api-version=1",
  "dev-1/hub.test",
])("The user name %s does not name dev-1", (userName) => {
  expect(parseUserName("dev-1", userName)).toBe("user-name");
});
