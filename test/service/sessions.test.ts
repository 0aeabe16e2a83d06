// Signing in and out: what a session is worth, when it ends, what other sites' pages can do with it (nothing), and how often
// it may be tried.

import { request as rawRequest } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { scryptSync } from "node:crypto";
import { afterEach, describe, expect, test, vi } from "vitest";
import { root, watchPrincipal } from "../../src/admin/principal.ts";
import { AdminBench } from "../lib/admin-bench.ts";
import { type Browser, browserOf, headersOf, makeToken, makeUser, password, request, signIn } from "../lib/people.ts";

let bench: AdminBench;
afterEach(async () => {
  vi.useRealTimers();
  await bench.close();
});

const me = async (browser: Browser) => (await request(bench, "GET", "/session", { cookie: browser.cookie })).body;
/** A call that only a signed-in user gets an answer to. */
const look = async (browser: Browser) => (await request(bench, "GET", "/status", { cookie: browser.cookie })).status;
const anyChange = { name: "x", password: "another long sentence", role: "operator" };

describe("signing in", () => {
  test("starts a session, which says who it is; signing out ends it", async () => {
    bench = await AdminBench.open();
    const id = await makeUser(bench, "Ada", "administrator");
    const nobody = await request(bench, "GET", "/session", {});
    expect(nobody.body).toEqual({
      signedIn: false,
      user: null,
      via: null,
      csrfToken: null,
      setupNeeded: false,
      expiresAt: null,
    });
    const answer = await request(bench, "POST", "/session", {}, { name: "ADA", password });
    expect(answer.body).toEqual({
      signedIn: true,
      user: { id, name: "Ada", role: "administrator" },
      via: "session",
      csrfToken: expect.stringMatching(/^[\w-]{43}$/),
      setupNeeded: false,
      expiresAt: expect.stringMatching(/Z$/),
    });
    expect(answer.headers.get("set-cookie")).toMatch(
      /^coldpath-[0-9a-f]{8}=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=86400$/,
    );
    const browser = browserOf(answer);
    expect(await me(browser)).toEqual(answer.body);
    expect((await bench.expect(200, "GET", `/users/${id}`)).lastSignInAt).toMatch(/Z$/);
    const out = await request(bench, "DELETE", "/session", headersOf(browser));
    expect(out.status).toBe(204);
    expect(out.headers.get("set-cookie")).toMatch(/=; .*Max-Age=0$/);
    expect(await look(browser)).toBe(401);
    expect(await me(browser)).toMatchObject({ signedIn: false });
    // A second time, and without any session, it is as good.
    expect((await request(bench, "DELETE", "/session", headersOf(browser))).status).toBe(204);
  });

  test("a question with the cookie of an ended session takes no cookie away: its answer may come after that of a sign-in", async () => {
    bench = await AdminBench.open();
    await makeUser(bench, "ada", "administrator");
    const browser = await signIn(bench, "ada");
    await request(bench, "DELETE", "/session", headersOf(browser));
    const late = await request(bench, "GET", "/session", { cookie: browser.cookie });
    expect(late.body).toMatchObject({ signedIn: false });
    expect(late.headers.get("set-cookie")).toBeNull();
  });

  test("A1: signing out everywhere else ends one's other sessions, and nobody else's", async () => {
    bench = await AdminBench.open();
    await makeUser(bench, "ada", "administrator");
    await makeUser(bench, "bob", "operator");
    const [here, there, elsewhere, ada] = [
      await signIn(bench, "bob"),
      await signIn(bench, "bob"),
      await signIn(bench, "bob"),
      await signIn(bench, "ada"),
    ];
    const call = async (headers: Record<string, string>) =>
      await request(bench, "POST", "/session/end-others", headers);
    expect((await call({ cookie: here.cookie })).status).toBe(403);
    expect(await look(there)).toBe(200);
    expect(await call(headersOf(here))).toMatchObject({ status: 200, body: { ended: 2 } });
    expect([await look(here), await look(there), await look(elsewhere), await look(ada)]).toEqual([200, 401, 401, 200]);
    expect((await call(headersOf(here))).body).toEqual({ ended: 0 });
    const token = { authorization: `Bearer ${await makeToken(bench, "operator")}` };
    expect(await call(token)).toMatchObject({ status: 409, body: { error: { code: "session-missing" } } });
  });

  test("says the same of a wrong password, a name that nobody has, and a disabled user", async () => {
    bench = await AdminBench.open();
    await makeUser(bench, "ada", "administrator");
    const id = await makeUser(bench, "bob", "operator");
    await bench.expect(200, "PATCH", `/users/${id}`, { disabled: true });
    const tries = [
      { name: "ada", password: "wrong but long enough" },
      { name: "eve", password },
      { name: "bob", password },
      { name: "", password: "" },
      { name: "ada", password: "" },
      { name: "\u0000\ud800", password },
    ];
    const answers: unknown[] = [];
    for (const given of tries) {
      const { status, body, headers } = await request(bench, "POST", "/session", {}, given);
      expect(headers.get("set-cookie")).toBeNull();
      answers.push({ status, body });
    }
    expect(answers[0]).toMatchObject({ status: 401, body: { error: { code: "sign-in-refused" } } });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  test("over TLS, also behind a proxy, the cookie is Secure and no other host can set it", async () => {
    bench = await AdminBench.open({ webHosts: ["iot.example"] });
    await makeUser(bench, "ada", "administrator");
    const origin = "https://iot.example";
    const answer = await request(bench, "POST", "/session", { origin }, { name: "ada", password });
    expect(answer.headers.get("set-cookie")).toMatch(/^__Host-coldpath-\w{8}=\S{43}; .*; Secure$/);
    const browser = browserOf(answer);
    expect(await look(browser)).toBe(200);
    expect((await request(bench, "POST", "/users", { ...headersOf(browser), origin }, anyChange)).status).toBe(201);
  });

  test("never takes over a session that was there before", async () => {
    bench = await AdminBench.open();
    await makeUser(bench, "ada", "administrator");
    await makeUser(bench, "eve", "operator");
    const eve = await signIn(bench, "eve");
    // Fixation: the victim's browser holds the attacker's cookie, or one that never was.
    for (const cookie of [eve.cookie, `${eve.cookie.slice(0, -43)}${"A".repeat(43)}`]) {
      const answer = await request(bench, "POST", "/session", { cookie }, { name: "ada", password });
      const ada = browserOf(answer);
      expect(ada.cookie).not.toBe(cookie);
      expect(await me(ada)).toMatchObject({ user: { name: "ada" } });
      expect(await me({ ...ada, cookie })).toMatchObject({ signedIn: false });
    }
  });

  test("makes a hash of a former cost anew", async () => {
    bench = await AdminBench.open();
    const id = await makeUser(bench, "ada", "administrator");
    const database = new DatabaseSync(join(bench.rooms.directory, "registry.db"));
    const salt = Buffer.alloc(16, 7);
    const weak = scryptSync(password, salt, 32, { N: 1024, r: 8, p: 1 });
    const stored = `scrypt:1024:8:1:${salt.toString("base64url")}:${weak.toString("base64url")}`;
    database.prepare("update users set password = ? where id = ?").run(stored, id);
    await signIn(bench, "ada");
    const read = () => database.prepare("select password from users where id = ?").get(id)?.["password"];
    expect(read()).toMatch(/^scrypt:32768:8:3:/);
    const renewed = read();
    await signIn(bench, "ada");
    expect(read()).toBe(renewed);
    database.close();
  });
});

describe("other sites' pages", () => {
  test("A1: a cookie alone changes nothing, and no page of another origin uses one", async () => {
    bench = await AdminBench.open();
    await makeUser(bench, "ada", "administrator");
    await makeUser(bench, "bob", "administrator");
    const ada = await signIn(bench, "ada");
    const bob = await signIn(bench, "bob");
    const change = async (headers: Record<string, string>) => {
      const { status, body } = await request(bench, "POST", "/users", { cookie: ada.cookie, ...headers }, anyChange);
      return status === 403 ? body.error.code : status;
    };
    const csrf = { "x-csrf-token": ada.csrfToken };
    const { host } = new URL(bench.url);
    expect(await change({})).toBe("csrf-token-wrong");
    expect(await change({ "x-csrf-token": "" })).toBe("csrf-token-wrong");
    expect(await change({ "x-csrf-token": bob.csrfToken })).toBe("csrf-token-wrong");
    for (const foreign of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: "file://" },
      { origin: `http://${host}.evil.example` },
      // Another port is the same site to SameSite, and another origin.
      { origin: "http://127.0.0.1:1" },
      { origin: "http://localhost:3000" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "none" },
      { "sec-fetch-site": "same-origin", origin: "https://evil.example" },
    ] as Record<string, string>[]) {
      expect(await change({ ...csrf, ...foreign }), JSON.stringify(foreign)).toBe("cross-site");
      // Not even looking, where a browser says so.
      const headers = { cookie: ada.cookie, ...foreign };
      const isTyped = foreign["sec-fetch-site"] === "none";
      expect((await request(bench, "GET", "/users", headers)).status).toBe(isTyped ? 200 : 403);
    }
    // Nor may they sign somebody in, who would then act as somebody else.
    const login = await request(
      bench,
      "POST",
      "/session",
      { origin: "https://evil.example" },
      { name: "ada", password },
    );
    expect(login).toMatchObject({ status: 403, body: { error: { code: "cross-site" } } });
    expect(await request(bench, "DELETE", "/session", { cookie: ada.cookie })).toMatchObject({ status: 403 });
    // The page itself may.
    expect(await change({ ...csrf, origin: bench.url, "sec-fetch-site": "same-origin" })).toBe(201);
    const { items } = await bench.expect(200, "GET", "/audit-log?action=createUser");
    expect(items.filter((one: { outcome: number }) => one.outcome === 403).length).toBeGreaterThan(10);
  });

  test("A1: credentials count in their header only, one of a kind, and the bearer's before the cookie's", async () => {
    bench = await AdminBench.open();
    await makeUser(bench, "ada", "administrator");
    const ada = await signIn(bench, "ada");
    const token = await makeToken(bench, "operator");
    const { cookie } = ada;
    const [name = "", value = ""] = cookie.split("=");
    for (const path of [`/status?token=${token}`, `/status?access_token=${token}`, `/status?${cookie}`]) {
      expect((await request(bench, "GET", path, {})).status).toBe(401);
    }
    for (const headers of [
      { authorization: `Basic ${Buffer.from(`ada:${password}`).toString("base64")}` },
      { authorization: token },
      { authorization: `Bearer ${value}` },
      { authorization: `Bearer ${token} ${token}` },
      { authorization: `Bearer ${token}, Bearer ${token}` },
      // What is sent on purpose and wrong is not made good by a cookie.
      { authorization: "Bearer wrong", cookie },
      { cookie: `${name}=${value.slice(1)}` },
      { cookie: `${name}=${value}x` },
      { cookie: `${name}=${token}` },
      { cookie: `${name}=${value}; ${name}=${value}` },
      { cookie: `${name}=; ${name}=${value}` },
      { cookie: `x${cookie}` },
    ] as Record<string, string>[]) {
      expect((await request(bench, "GET", "/status", headers)).status, JSON.stringify(headers)).toBe(401);
    }
    // A token of less power beside the cookie has the token's power.
    expect((await request(bench, "GET", "/users", { authorization: `Bearer ${token}`, cookie })).status).toBe(403);
    expect(await rawStatus([["authorization", `Bearer ${token}`]])).toBe(200);
    expect(await rawStatus([["authorization", `Bearer ${token}`], ["Authorization", "Bearer wrong"]])).toBe(401); // prettier-ignore
  });
});

/** Headers as they are, also twice. */
async function rawStatus(headers: readonly (readonly [string, string])[]): Promise<number | undefined> {
  return await new Promise((resolve, reject) => {
    const call = rawRequest(`${bench.url}/api/v1/status`, {
      headers: ["host", "localhost", ...headers.flat()],
    });
    call.on("response", (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    call.on("error", reject);
    call.end();
  });
}

describe("a session ends", () => {
  test("A1: when its user is disabled, deleted, or has another role or password, at once and for streams too", async () => {
    bench = await AdminBench.open();
    const { registry } = bench.rooms;
    await makeUser(bench, "ada", "administrator");
    const id = await makeUser(bench, "bob", "builder");
    const changes: readonly (readonly [string, object | null])[] = [
      ["role", { role: "operator" }],
      ["password", { password: "quite another sentence" }],
      ["disabled", { disabled: true }],
      ["deleted", null],
    ];
    let secret = password;
    for (const [what, change] of changes) {
      const bob = await signIn(bench, "bob", secret);
      const session = registry.session(bob.cookie.split("=")[1] ?? "", Date.now());
      expect(session, what).not.toBeNull();
      const ended = vi.fn<() => void>();
      const { id: sessionId = "", expiresMs = 0 } = session ?? {};
      const principal = {
        via: "session",
        id,
        name: "bob",
        role: "builder",
        sessionId,
        csrfToken: "",
        expiresMs,
      } as const;
      watchPrincipal(registry, principal, ended);
      const renamed = await bench.expect(200, "PATCH", `/users/${id}`, { name: `bob` });
      expect(renamed.name).toBe("bob");
      expect(await look(bob), what).toBe(200);
      expect(ended).not.toHaveBeenCalled();
      if (change === null) await bench.expect(204, "DELETE", `/users/${id}`);
      else await bench.expect(200, "PATCH", `/users/${id}`, change);
      expect(await look(bob), what).toBe(401);
      expect(ended, what).toHaveBeenCalledTimes(1);
      if (what === "password") secret = "quite another sentence";
      if (what === "disabled") await bench.expect(200, "PATCH", `/users/${id}`, { disabled: false });
    }
  });

  test("A1: API tokens stop when they are deleted or expire; the data directory's does not", async () => {
    bench = await AdminBench.open();
    const { registry } = bench.rooms;
    const made = await bench.expect(201, "POST", "/tokens", { name: "t", role: "builder", expiresInDays: 1 });
    const other = await bench.expect(201, "POST", "/tokens", { name: "u", role: "builder", expiresInDays: 366 });
    const ended = vi.fn<(what: string) => void>();
    const watch = (one: { id: string; expiresAt: string }, what: string): void => {
      const { id } = one;
      const expiresMs = Date.parse(one.expiresAt);
      watchPrincipal(registry, { via: "token", id, name: "t", role: "builder", expiresMs }, () => ended(what));
    };
    vi.useFakeTimers({ toFake: ["Date", "setInterval", "clearInterval"] });
    watch(made, "made");
    watch(other, "other");
    const stop = watchPrincipal(registry, root, () => ended("root"));
    const status = async (token: string) => (await bench.call("GET", "/status", undefined, { token })).status;
    expect(await status(made.token)).toBe(200);
    await bench.expect(204, "DELETE", `/tokens/${other.id}`);
    expect(ended.mock.calls).toEqual([["other"]]);
    expect(await status(other.token)).toBe(401);
    vi.setSystemTime(Date.now() + 86_400_000);
    vi.advanceTimersByTime(10_000);
    expect(await status(made.token)).toBe(401);
    expect(ended.mock.calls).toEqual([["other"], ["made"]]);
    stop();
  });

  test("when it was not used for long, or after its length, and not before", async () => {
    bench = await AdminBench.open();
    await makeUser(bench, "ada", "administrator");
    vi.useFakeTimers({ toFake: ["Date"] });
    const used = await signIn(bench, "ada");
    const idle = await signIn(bench, "ada");
    const hourMs = 3_600_000;
    for (let minutes = 0; minutes < 24 * 60 - 50; minutes += 50) {
      vi.setSystemTime(Date.now() + 50 * 60_000);
      expect(await look(used)).toBe(200);
      // What was used is noted after the answer.
      await bench.rooms.registry.endSession("none such");
      if (minutes >= 60) expect(await look(idle)).toBe(401);
    }
    vi.setSystemTime(Date.now() + hourMs);
    expect(await look(used)).toBe(401);
  });

  test("when a user has twenty others, or all users together too many", async () => {
    bench = await AdminBench.open({ sessions: { idleMs: 3_600_000, lengthMs: 86_400_000, sessionsMax: 22 } });
    const { registry, directory } = bench.rooms;
    const ids = new Map<string, string>();
    for (const name of ["ada", "bob"]) ids.set(name, await makeUser(bench, name, "administrator"));
    const database = new DatabaseSync(join(directory, "registry.db"));
    const insert = database.prepare("insert into sessions values (?, ?, ?, ?, ?)");
    const nowMs = Date.now();
    const open = () =>
      Array.from({ length: 23 }, (_, one) => one).filter((one) => registry.isSessionOpen(`${one}`, nowMs));
    // Used one after the other: 0 longest ago.
    for (let one = 0; one < 21; one++) {
      insert.run(`${one}`, `hash ${one}`, ids.get("ada") ?? "", nowMs + 1_000_000 + one, nowMs + 80_000_000);
    }
    database.close();
    await signIn(bench, "ada");
    expect(open()).toEqual(Array.from({ length: 19 }, (_, one) => one + 2));
    await signIn(bench, "bob");
    await signIn(bench, "bob");
    expect(open()).toHaveLength(19);
    await signIn(bench, "bob");
    expect(open()).toEqual(Array.from({ length: 18 }, (_, one) => one + 3));
  });

  test("when its user sets a new password; the browser that did gets a new one", async () => {
    bench = await AdminBench.open();
    await makeUser(bench, "ada", "administrator");
    const here = await signIn(bench, "ada");
    const elsewhere = await signIn(bench, "ada");
    const set = (currentPassword: string, newPassword: string) =>
      request(bench, "PUT", "/session/password", headersOf(here), { currentPassword, newPassword });
    expect(await set("not my password", "quite another sentence")).toMatchObject({
      status: 403,
      body: { error: { code: "password-wrong", field: "currentPassword" } },
    });
    expect(await set(password, "short")).toMatchObject({ status: 400, body: { error: { field: "newPassword" } } });
    expect(await look(elsewhere)).toBe(200);
    const answer = await set(password, "quite another sentence");
    expect(answer).toMatchObject({ status: 200, body: { signedIn: true } });
    expect([await look(here), await look(elsewhere), await look(browserOf(answer))]).toEqual([401, 401, 200]);
    await signIn(bench, "ada", "quite another sentence");
    await bench.refused(409, "PUT", "/session/password", { currentPassword: password, newPassword: password });
  });
});
