import { describe, expect, test } from "vitest";
import type { Registry, SessionBounds } from "../registry.ts";
import { type MakeStand, eventsOf } from "./stand.ts";

const password = "a long enough sentence";
const bounds: SessionBounds = { idleMs: 3_600_000, lengthMs: 86_400_000, sessionsMax: 100 };
const nowMs = Date.parse("2026-01-02T03:04:05.000Z");

const administrator = async (registry: Registry, name = "ada") =>
  await registry.createUser({ name, password, role: "administrator" });

export function userStories(make: MakeStand): void {
  describe("users", () => {
    test("are made, found, changed and deleted; the password never comes out", async () => {
      const stand = await make();
      const { registry } = stand;
      expect(registry.hasUsers()).toBe(false);
      const ada = await registry.createFirstUser({ name: "Ada", password });
      expect(ada).toEqual({
        id: expect.any(String),
        name: "Ada",
        role: "administrator",
        disabled: false,
        createdAt: "2026-01-02T03:04:05.678Z",
        lastSignInAt: null,
        etag: 1,
      });
      expect(registry.hasUsers()).toBe(true);
      await expect(registry.createFirstUser({ name: "eve", password })).rejects.toMatchObject({ code: "setup-over" });
      const bob = await registry.createUser({ name: "bob", password, role: "operator" });
      expect((await registry.users()).map(({ name }) => name)).toEqual(["Ada", "bob"]);
      const events = eventsOf(registry);
      expect(await registry.updateUser(bob.id, { role: "builder", name: "Bob" }, 1)).toMatchObject({
        role: "builder",
        name: "Bob",
        etag: 2,
      });
      await expect(registry.updateUser(bob.id, { name: "x" }, 1)).rejects.toMatchObject({ code: "etag-stale" });
      expect(await registry.updateUser(bob.id, { role: "builder" })).toMatchObject({ etag: 2 });
      await registry.deleteUser(bob.id);
      await expect(registry.user(bob.id)).rejects.toMatchObject({ code: "user-not-found" });
      await expect(registry.deleteUser(bob.id)).rejects.toMatchObject({ code: "user-not-found" });
      expect(events.map(({ kind }) => kind)).toEqual(["user-changed", "user-changed"]);
      expect(await (await stand.reopen()).users()).toEqual([ada]);
    });

    test("A1: an enabled administrator remains, also when two are taken at the same moment", async () => {
      const { registry } = await make();
      const refusal = { code: "last-administrator" };
      await expect(registry.createUser({ name: "bob", password, role: "operator" })).rejects.toMatchObject(refusal);
      const ada = await administrator(registry);
      await expect(registry.updateUser(ada.id, { role: "builder" })).rejects.toMatchObject(refusal);
      await expect(registry.updateUser(ada.id, { disabled: true })).rejects.toMatchObject(refusal);
      await expect(registry.deleteUser(ada.id)).rejects.toMatchObject(refusal);
      expect(await registry.user(ada.id)).toEqual(ada);
      const bob = await administrator(registry, "bob");
      const race = await Promise.allSettled([
        registry.deleteUser(ada.id),
        registry.updateUser(bob.id, { disabled: true }),
        registry.updateUser(ada.id, { role: "operator" }),
        registry.deleteUser(bob.id),
      ]);
      expect(race.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      const left = (await registry.users()).filter(({ role, disabled }) => role === "administrator" && !disabled);
      expect(left).toHaveLength(1);
    });

    test.each([
      ["", "1 to 64"],
      ["x".repeat(65), "1 to 64"],
      [" ada", "space"],
      ["ada ", "space"],
      ["a  b", "space"],
      ["a\u00a0b", "space"],
      ["a\u200bda", "invisible"],
      ["a\u202eda", "invisible"],
      ["ad\u00ada", "invisible"],
      ["\u3164", "invisible"],
      ["a\nb", "control"],
      ["ad\u0430", "mix"],
      ["\u0391da", "mix"],
      ["\ud800", "half"],
    ])("with the name %j are refused", async (name, why) => {
      const { registry } = await make();
      await expect(administrator(registry, name)).rejects.toMatchObject({
        field: "name",
        message: expect.stringContaining(why),
      });
    });

    test("have names of which no two are taken for the same", async () => {
      const { registry } = await make();
      await administrator(registry, "Zo\u00eb Gro\u00df");
      for (const name of ["zo\u00eb gro\u00df", "ZO\u00cb GROSS", "Zoe\u0308 Gro\u00df", "\uff3ao\u00eb Gro\u00df"]) {
        await expect(administrator(registry, name), name).rejects.toMatchObject({ code: "user-exists", field: "name" });
        expect(await registry.signIn(name, password, nowMs, bounds)).toMatchObject({ kind: "signed-in" });
      }
      await administrator(registry, "Zoe Gross");
      await administrator(registry, "\u0438\u0432\u0430\u043d");
    });

    test.each([
      ["short, 11 c", "12 to 128"],
      ["x1 ".repeat(43), "12 to 128"],
      ["x".repeat(1_000_000), "12 to 128"],
      ["aaaaaaaaaaaaa", "tried first"],
      ["123456789012", "tried first"],
      ["Password1234", "tried first"],
      ["passwordpassword", "tried first"],
      ["!!Administrator!!", "tried first"],
      ["qwertyuiopas", "tried first"],
      ["Ada Lovelace!", "the name"],
      ["ADA LOVELACE!", "the name"],
      [7, "must be text"],
    ])("with the password %j are refused", async (given, why) => {
      const { registry } = await make();
      const user = { name: "Ada Lovelace!", password: given as string, role: "administrator" } as const;
      await expect(registry.createUser(user)).rejects.toMatchObject({
        field: "password",
        message: expect.stringContaining(why),
      });
    });

    test("sign in whichever way their keyboard composes the password", async () => {
      const { registry } = await make();
      await registry.createUser({ name: "ada", password: "pass\u00e9 compos\u00e9 ici", role: "administrator" });
      const outcome = await registry.signIn("ada", "passe\u0301 compose\u0301 ici", nowMs, bounds);
      expect(outcome.kind).toBe("signed-in");
      expect((await registry.signIn("ada", "pass\u00e9 compos\u00e9 ic", nowMs, bounds)).kind).toBe("refused");
    });

    test("A1: a change while a password is verified makes that sign-in worth nothing", async () => {
      const { registry } = await make();
      await administrator(registry);
      const bob = await administrator(registry, "bob");
      const signingIn = registry.signIn("bob", password, nowMs, bounds);
      await registry.updateUser(bob.id, { disabled: true });
      const outcome = await signingIn;
      if (outcome.kind === "signed-in") expect(registry.session(outcome.session.token, nowMs)).toBeNull();
      else expect(outcome.user?.id).toBe(bob.id);
    });
  });

  describe("API tokens", () => {
    test("work until they expire or are deleted; only a hash is kept", async () => {
      const stand = await make();
      let { registry } = stand;
      const wanted = { name: "report", role: "operator", expiresInDays: 2, createdBy: "ada" } as const;
      const { token, ...made } = await registry.createApiToken(wanted, nowMs);
      expect(token).toMatch(/^cpt_[\w-]{43}$/);
      expect(made).toMatchObject({ expiresAt: "2026-01-04T03:04:05.000Z", lastUsedAt: null, createdBy: "ada" });
      registry = await stand.reopen();
      expect(registry.apiToken(token, nowMs)).toEqual(made);
      expect(registry.apiToken(token, nowMs + 2 * 86_400_000)).toBeNull();
      for (const other of ["", "cpt_", token.slice(1), `${token}x`, token.toUpperCase()]) {
        expect(registry.apiToken(other, nowMs)).toBeNull();
      }
      await registry.apiTokenUsed(made.id, nowMs);
      expect(await registry.apiTokens()).toMatchObject([{ lastUsedAt: "2026-01-02T03:04:05.000Z" }]);
      await registry.deleteApiToken(made.id);
      expect(registry.apiToken(token, nowMs)).toBeNull();
      await expect(registry.deleteApiToken(made.id)).rejects.toMatchObject({ code: "api-token-not-found" });
    });

    test.each([
      ["expiresInDays", { expiresInDays: 0 }],
      ["expiresInDays", { expiresInDays: 367 }],
      ["expiresInDays", { expiresInDays: 1.5 }],
      ["role", { role: "root" }],
      ["name", { name: "" }],
    ])("with another %s are refused: %j", async (field, wrong) => {
      const { registry } = await make();
      const wanted = { name: "report", role: "operator", expiresInDays: 2, createdBy: "ada", ...wrong } as const;
      await expect(registry.createApiToken(wanted as never, nowMs)).rejects.toMatchObject({ field });
    });
  });

  describe("the audit log", () => {
    const entry = (action: string, outcome = 200) => ({
      at: "2026-01-02T03:04:05.000Z",
      actor: { kind: "user", id: "u1", name: "ada" } as const,
      role: "administrator" as const,
      action,
      subject: `of ${action}`,
      outcome,
      detail: { some: ["thing"] },
      address: "127.0.0.1",
    });

    test("is read newest first, by page, actor, subject and action", async () => {
      const stand = await make();
      let { registry } = stand;
      await Promise.all(["a", "b", "c", "d"].map((action) => registry.recordAuditLog(entry(action), 1000)));
      await registry.recordAuditLog({ ...entry("e"), actor: { kind: "token", id: "t", name: "report" } }, 1000);
      registry = await stand.reopen();
      const actions = async (query: object) =>
        (await registry.auditLog({ limit: 10, ...query })).map(({ action }) => action).join("");
      expect(await actions({})).toBe("edcba");
      const page = await registry.auditLog({ limit: 2 });
      expect(page[0]).toEqual({ number: 5, ...entry("e"), actor: { kind: "token", id: "t", name: "report" } });
      expect(await actions({ before: page[1]?.number })).toBe("cba");
      expect(await actions({ actor: "ada" })).toBe("dcba");
      expect(await actions({ actor: "t" })).toBe("e");
      expect(await actions({ subject: "of b" })).toBe("b");
      expect(await actions({ action: "c" })).toBe("c");
    });

    test("M1: is bounded, and a flood of refusals takes no change out of it", async () => {
      const { registry } = await make();
      await registry.recordAuditLog(entry("change"), 1000);
      await Promise.all(Array.from({ length: 1000 }, () => registry.recordAuditLog(entry("flood", 403), 1000)));
      const afterFlood = await registry.auditLog({ limit: 5000 });
      expect(afterFlood.length).toBeLessThanOrEqual(1000 / 10 + 100 + 1);
      expect(afterFlood.at(-1)?.action).toBe("change");
      await Promise.all(Array.from({ length: 1200 }, (_, one) => registry.recordAuditLog(entry(`${one}`), 1000)));
      const left = (await registry.auditLog({ limit: 5000 })).filter(({ outcome }) => outcome < 400);
      expect(left.length).toBeLessThanOrEqual(900 + 100);
      expect(left.length).toBeGreaterThanOrEqual(900);
      expect(left[0]?.action).toBe("1199");
    });
  });
}
