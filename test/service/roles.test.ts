// A user can do only what the role allows: every route of the OpenAPI document, as each role, from the outside.

import { afterEach, expect, test } from "vitest";
import { type Role, roles } from "../../src/registry/registry.ts";
import { AdminBench } from "../lib/admin-bench.ts";
import { headersOf, makeToken, makeUser, request, signIn } from "../lib/people.ts";

let bench: AdminBench;
afterEach(async () => await bench.close());

interface Route {
  readonly method: string;
  readonly path: string;
  readonly access: Role | "anyone";
  readonly tag: string;
  readonly isRead: boolean;
}

async function routesOf(): Promise<readonly Route[]> {
  const { paths } = (await bench.call("GET", "/openapi.json")).body as {
    paths: Record<string, Record<string, { "x-access": Route["access"]; tags: string[] }>>;
  };
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path: path.slice("/api/v1".length).replace(/\{\w+\}/g, "none-such"),
      access: operation["x-access"],
      tag: operation.tags[0] ?? "",
      isRead: method === "get",
    })),
  );
}

/** What the roles are for, beside what the routes say of themselves. */
const leastOfTag: Readonly<Record<string, Role>> = {
  exports: "administrator",
  "storage-accounts": "administrator",
  policies: "administrator",
  provisioning: "administrator",
  registrations: "operator",
  "ca-certificates": "administrator",
  users: "administrator",
  tokens: "administrator",
  "audit-log": "administrator",
};

test("A1: what a route asks for is what its part of the hub asks for", async () => {
  bench = await AdminBench.open();
  const routes = await routesOf();
  expect(routes.length).toBeGreaterThan(55);
  for (const { method, path, access, tag, isRead } of routes) {
    if (tag in leastOfTag) expect(access, `${method} ${path}`).toBe(leastOfTag[tag]);
    if (tag === "device-templates") expect(access, `${method} ${path}`).toBe(isRead ? "operator" : "builder");
    if (access === "anyone") expect(tag).toBe("session");
  }
});

test.each(["token", "session"])("A1: each role reaches its routes and no others, by %s", async (by) => {
  bench = await AdminBench.open();
  await makeUser(bench, "keeper", "administrator");
  const headers = {} as Record<Role, Record<string, string>>;
  for (const role of roles) {
    if (by === "token") headers[role] = { authorization: `Bearer ${await makeToken(bench, role)}` };
    else {
      await makeUser(bench, role, role);
      headers[role] = headersOf(await signIn(bench, role));
    }
  }
  let refused = 0;
  for (const { method, path, access } of (await routesOf()).filter((one) => one.access !== "anyone")) {
    for (const [rank, role] of roles.entries()) {
      const body = method === "GET" || method === "DELETE" ? undefined : {};
      const answer = await request(bench, method, path, headers[role], body);
      const what = `${role}: ${method} ${path} ${answer.status} ${JSON.stringify(answer.body)}`;
      if (access !== "anyone" && rank < roles.indexOf(access)) {
        refused++;
        expect(answer.status, what).toBe(403);
        expect(answer.body.error, what).toMatchObject({ code: "forbidden", message: expect.stringContaining(access) });
      } else {
        expect([401, 403, 500], what).not.toContain(answer.status);
      }
    }
  }
  expect(refused).toBeGreaterThan(60);
  const { items } = await bench.expect(200, "GET", "/audit-log?limit=1000");
  expect(items.filter((one: { outcome: number }) => one.outcome === 403)).toHaveLength(refused);
});

test("A1: below administrator the status leaves out exports", async () => {
  bench = await AdminBench.open();
  const storageAccountId = await bench.folder("lake");
  await bench.expect(201, "POST", "/exports", {
    name: "e",
    storageAccountId,
    container: "iot",
    types: ["measurements"],
  });
  for (const role of roles) {
    const authorization = `Bearer ${await makeToken(bench, role)}`;
    const { body } = await request(bench, "GET", "/status", { authorization });
    expect("exports" in body, role).toBe(role === "administrator");
  }
});

test("A1: metrics, where others reach them, need an administrator", async () => {
  bench = await AdminBench.open({ host: "0.0.0.0" });
  for (const [role, status] of [
    ["operator", 403],
    ["builder", 403],
    ["administrator", 200],
  ] as const) {
    const token = await makeToken(bench, role);
    expect((await bench.call("GET", "//metrics", undefined, { token })).status, role).toBe(status);
  }
});
