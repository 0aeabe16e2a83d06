// The first start: a link makes the first administrator, once.

import { afterEach, expect, test, vi } from "vitest";
import { AdminBench } from "../lib/admin-bench.ts";
import { browserOf, headersOf, makeToken, password, request } from "../lib/people.ts";

let bench: AdminBench;
afterEach(async () => await bench.close());

const tokenOf = (link: string): string => /\/setup#token=([\w-]{43})$/.exec(link)?.[1] ?? "";

test("A1: only who has the link makes the first administrator, and only once", async () => {
  bench = await AdminBench.open();
  expect((await request(bench, "GET", "/session", {})).body).toMatchObject({ setupNeeded: true });
  const link = bench.admin.setUpLink() ?? "";
  const setupToken = tokenOf(link);
  expect(link).toBe(`${bench.url}/setup#token=${setupToken}`);
  expect((await bench.expect(200, "GET", "/setup-link")).link).toBe(link);
  const setUp = async (more: object, headers = {}) =>
    await request(bench, "POST", "/setup", headers, { setupToken, name: "ada", password, ...more });
  for (const wrong of ["", "x".repeat(43), setupToken.slice(1), `${setupToken}x`]) {
    expect(await setUp({ setupToken: wrong })).toMatchObject({
      status: 403,
      body: { error: { code: "setup-token-wrong", field: "setupToken" } },
    });
  }
  expect(await setUp({}, { origin: "https://evil.example" })).toMatchObject({ status: 403 });
  expect(await setUp({ password: "short" })).toMatchObject({ status: 400, body: { error: { field: "password" } } });
  // Two browsers at the same moment.
  const both = await Promise.all([setUp({}), setUp({ name: "eve" })]);
  expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 403]);
  const made = both.find(({ status }) => status === 201);
  expect(made?.body).toMatchObject({
    signedIn: true,
    via: "session",
    user: { role: "administrator" },
    setupNeeded: false,
  });
  const ada = made === undefined ? { cookie: "", csrfToken: "" } : browserOf(made);
  expect((await request(bench, "GET", "/users", headersOf(ada))).body.items).toHaveLength(1);
  expect(await setUp({ name: "bob" })).toMatchObject({ status: 403, body: { error: { code: "setup-over" } } });
  expect(bench.admin.setUpLink()).toBeNull();
  expect(await bench.refused(409, "GET", "/setup-link")).toMatchObject({ code: "setup-over" });
  for (const line of bench.logged) expect(line).not.toContain(setupToken);
  const { text } = await bench.call("GET", "/audit-log");
  expect(text).toContain('"action":"setUp"');
  expect(text).not.toContain(setupToken);
});

test("A1: below administrator nobody sees the link", async () => {
  bench = await AdminBench.open();
  for (const role of ["operator", "builder"] as const) {
    const token = await makeToken(bench, role);
    expect((await bench.call("GET", "/setup-link", undefined, { token })).status).toBe(403);
  }
});

test("trying to sign in is throttled by name, the same for names that exist and that do not", async () => {
  bench = await AdminBench.open();
  // Time stands still, and hashing takes none of it.
  vi.useFakeTimers({ toFake: ["Date"] });
  const { registry } = bench.rooms;
  let isRight = false;
  const user = { id: "u", name: "ada", role: "operator", disabled: false, createdAt: "", lastSignInAt: null, etag: 1 };
  const session = { id: "s", userId: "u", userName: "ada", role: "operator", idleUntilMs: 0, expiresMs: 0 };
  const signIn = (name: string) =>
    Promise.resolve(
      isRight
        ? { kind: "signed-in", user, session: { token: "t", session } }
        : { kind: "refused", user: name.toLowerCase() === "ada" ? user : null },
    );
  Object.assign(registry, { signIn });
  const tryIt = async (name: string) => await request(bench, "POST", "/session", {}, { name, password });
  for (const name of ["ada", "nobody"]) {
    for (let one = 0; one < 10; one++) {
      expect((await tryIt(one % 2 === 0 ? name : name.toUpperCase())).status).toBe(401);
    }
    const refused = await tryIt(name);
    expect(refused).toMatchObject({ status: 429, body: { error: { code: "sign-in-throttled" } } });
    expect(refused.headers.get("retry-after")).toBe("30");
  }
  // The right password is throttled too: else the answer would tell that it is right.
  isRight = true;
  expect((await tryIt("ada")).status).toBe(429);
  vi.setSystemTime(Date.now() + 30_000);
  expect((await tryIt("ada")).status).toBe(200);
  vi.useRealTimers();
});
