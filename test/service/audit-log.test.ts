// Who changed what: every call that changes something is in the audit log before it is answered, and no secret is.

import { afterEach, expect, test } from "vitest";
import type { AuditLogEntry } from "../../src/registry/registry.ts";
import { AdminBench, adminToken } from "../lib/admin-bench.ts";
import { headersOf, makeToken, makeUser, password, request, signIn } from "../lib/people.ts";

let bench: AdminBench;
afterEach(async () => await bench.close());

const entries = async (query = ""): Promise<AuditLogEntry[]> =>
  (await bench.expect(200, "GET", `/audit-log?limit=1000${query}`)).items;

test("says who was shown keys, and not what they are", async () => {
  bench = await AdminBench.open();
  await bench.expect(201, "POST", "/devices", { id: "d1", templateId: "cooler" });
  await bench.expect(201, "POST", "/policies", { name: "gate" });
  const operator = await makeToken(bench, "operator");
  const before = (await entries()).length;
  expect((await bench.call("GET", "/devices/d1/credentials", undefined, { token: operator })).status).toBe(200);
  await bench.expect(200, "GET", "/policies/gate/keys");
  expect(
    (await bench.call("GET", "/devices.csv?keys=true&simulated=false", undefined, { token: operator })).status,
  ).toBe(200);
  // Nothing was shown.
  await bench.expect(404, "GET", "/devices/none/credentials");
  await bench.expect(404, "GET", "/policies/none/keys");
  expect((await bench.call("GET", "/devices.csv", undefined, { token: operator })).status).toBe(200);
  const made = (await entries()).toReversed().slice(before);
  expect(
    made.map(({ actor, action, subject, outcome, detail }) => [actor.name, action, subject, outcome, detail]),
  ).toEqual([
    ["of operator", "getDeviceCredentials", "d1", 200, null],
    ["root", "getPolicyKeys", "gate", 200, null],
    ["of operator", "exportDevices", null, 200, { with: "keys", simulated: false }],
  ]);
});

test("says who, what, whose, how it went, what was sent and from where", async () => {
  bench = await AdminBench.open();
  const id = await makeUser(bench, "ada", "administrator");
  const ada = await signIn(bench, "ada");
  const token = await makeToken(bench, "builder");
  const device = { id: "d1", templateId: "cooler", primaryKey: Buffer.alloc(32, 7).toString("base64") };
  expect((await request(bench, "POST", "/devices", headersOf(ada), device)).status).toBe(201);
  await bench.call("PATCH", "/devices/d1", { name: "new" }, { token });
  await bench.call("GET", "/devices/d1");
  await bench.call("PATCH", "/devices/none", { name: "new" });
  await bench.call("POST", "/storage-accounts/test", { settings: { kind: "folder", path: "/nowhere" } });
  await bench.call("DELETE", "/users/none", undefined, { token });
  await request(bench, "POST", "/session", {}, { name: "ada", password: "not my password" });
  await request(bench, "POST", "/session", {}, { name: "my secret pass phrase", password });
  await request(bench, "DELETE", "/session", headersOf(ada));
  const said = (await entries())
    .toReversed()
    .map(({ actor, role, action, subject, outcome, detail }) => [actor.name, role, action, subject, outcome, detail]);
  expect(said).toEqual([
    ["root", "administrator", "createUser", id, 201, { name: "ada", password: "(hidden)", role: "administrator" }],
    ["ada", "administrator", "signIn", id, 200, { name: "ada" }],
    [
      "root",
      "administrator",
      "createApiToken",
      expect.any(String),
      201,
      { name: "of builder", role: "builder", expiresInDays: 1 },
    ],
    ["ada", "administrator", "createDevice", "d1", 201, { id: "d1", templateId: "cooler", primaryKey: "(hidden)" }],
    ["of builder", "builder", "updateDevice", "d1", 200, { name: "new" }],
    ["of builder", "builder", "deleteUser", "none", 403, null],
    [null, null, "signIn", id, 401, { name: "ada" }],
    [null, null, "signIn", null, 401, { name: "(no user's)" }],
    ["ada", "administrator", "signOut", null, 204, null],
  ]);
  const [newest] = await entries();
  expect(newest).toMatchObject({ actor: { kind: "user", id }, address: "127.0.0.1", at: expect.stringMatching(/Z$/) });
  expect((await entries(`&actor=${id}`)).map(({ action }) => action)).toEqual(["signOut", "createDevice", "signIn"]);
  expect(await entries("&subject=d1")).toHaveLength(2);
  const page = await bench.expect(200, "GET", "/audit-log?limit=4");
  expect(page.items).toHaveLength(4);
  const rest = await bench.expect(200, "GET", `/audit-log?limit=100&before=${page.next}`);
  expect(rest.items).toHaveLength(5);
  expect(rest.next).toBeUndefined();
});

test("A2: no secret that was sent is in it, nor in any answer or log line", async () => {
  bench = await AdminBench.open();
  const key = Buffer.from("the planted account key of the test, which has 64 bytes in all..").toString("base64");
  const secrets = [
    "planted first password",
    "planted other password",
    "planted wrong password",
    key,
    "planted-signature",
  ];
  const id = (await bench.expect(201, "POST", "/users", { name: "ada", password: secrets[0], role: "administrator" }))
    .id;
  let ada = await signIn(bench, "ada", secrets[0]);
  await request(bench, "POST", "/session", {}, { name: "ada", password: secrets[2] });
  await request(bench, "POST", "/session", {}, { name: secrets[2], password: secrets[2] });
  await request(bench, "PUT", "/session/password", headersOf(ada), {
    currentPassword: secrets[2],
    newPassword: secrets[1],
  });
  await bench.expect(200, "PATCH", `/users/${id}`, { password: secrets[1] });
  await bench.refused(400, "PATCH", `/users/${id}`, { password: `${secrets[1]}\ud800` });
  await bench.refused(400, "POST", "/users", { name: "x", passwort: secrets[1], role: "operator" });
  ada = await signIn(bench, "ada", secrets[1]);
  const endpoint = "http://127.0.0.1:9/acct";
  const azure = { kind: "azure-blob", endpoint, auth: "account-key", accountName: "acct" };
  await bench.expect(201, "POST", "/storage-accounts", { name: "a", settings: azure, secret: key });
  const sas = { kind: "azure-blob", endpoint, auth: "sas" };
  const sasSecret = `sv=2024-11-04&sp=rwl&sig=${secrets[4]}`;
  await bench.expect(201, "POST", "/storage-accounts", { name: "b", settings: sas, secret: sasSecret });
  await bench.expect(201, "POST", "/policies", { name: "p", primaryKey: key });
  const devices = [{ id: "d", templateId: "cooler", primaryKey: key }];
  await bench.expect(201, "POST", "/devices/batch", { devices });
  await bench.expect(200, "PUT", "/devices/d/keys", { secondaryKey: key });
  const made = await bench.expect(201, "POST", "/tokens", { name: "t", role: "operator", expiresInDays: 1 });
  const all = await entries();
  expect(all.length).toBeGreaterThan(12);
  const text = JSON.stringify(all);
  for (const secret of [...secrets, made.token, adminToken, ada.csrfToken, ada.cookie.split("=")[1] ?? "none"]) {
    expect(text).not.toContain(secret);
    for (const line of bench.logged) expect(line).not.toContain(secret);
  }
  for (const secret of secrets.slice(0, 3)) for (const line of bench.answers) expect(line).not.toContain(secret);
  // The control: what is no secret is there.
  expect(text).toContain('"accountName":"acct"');
});

test("what is large is told by its length only", async () => {
  bench = await AdminBench.open();
  const devices = Array.from({ length: 300 }, (_, one) => ({ id: `device-${one}`, templateId: "cooler" }));
  await bench.expect(201, "POST", "/devices/batch", { devices });
  const [entry] = await entries();
  expect(entry).toMatchObject({ action: "createDevices", detail: { length: expect.any(Number), fields: ["devices"] } });
});

test("D2: what could not be written into it is not answered as if it were", async () => {
  bench = await AdminBench.open();
  await makeUser(bench, "ada", "administrator");
  const { registry } = bench.rooms;
  Object.assign(registry, { recordAuditLog: () => Promise.reject(new Error("disk full")) });
  const refused = await bench.refused(500, "POST", "/device-templates", { id: "x", name: "X" });
  expect(refused).toMatchObject({ code: "audit-log-failed" });
  const signedIn = await request(bench, "POST", "/session", {}, { name: "ada", password });
  expect(signedIn.status).toBe(500);
  expect(signedIn.headers.get("set-cookie")).toBeNull();
  expect(bench.logged.some((line) => line.includes("disk full"))).toBe(true);
});
