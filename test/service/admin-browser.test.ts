// What the web port does to a browser's requests: headers of every answer, names, other sites' pages.

import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTls } from "../../src/tls/tls.ts";
import { AdminBench, adminToken } from "../lib/admin-bench.ts";

let bench: AdminBench;
beforeAll(async () => {
  bench = await AdminBench.open({ webHosts: ["hub.proxy.test"] });
});
afterAll(() => bench.close());

interface Raw {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** With headers that `fetch` does not let one set. */
async function raw(
  path: string,
  headers: Record<string, string>,
  method = "GET",
  port = bench.admin.port,
): Promise<Raw> {
  return await new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    })
      .on("error", reject)
      .end();
  });
}

const authorization = `Bearer ${adminToken}`;
const expected = {
  "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

test.each([
  ["an answer", "/api/v1/status", 200, { authorization }],
  ["the document", "/api/v1/openapi.json", 200, { authorization }],
  ["a refusal without token", "/api/v1/status", 401, {}],
  ["an unknown route", "/api/v1/nothing", 404, { authorization }],
  ["an unknown route outside the API", "/nothing", 404, {}],
  ["a path that is not well-formed", "/api/v1/devices/%zz", 400, { authorization }],
  ["an unknown thing", "/api/v1/devices/nobody", 404, { authorization }],
  ["health", "/healthz", 200, {}],
  ["readiness", "/readyz", 200, {}],
  ["metrics", "/metrics", 200, {}],
  ["an unknown name", "/metrics", 421, { host: "evil.example" }],
] as const)(
  "A1: %s has every security header, no banner, and leave for nobody else's page",
  async (_, path, status, more) => {
    const answer = await raw(path, { origin: "https://evil.example", ...more });
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject(expected);
    const names = Object.keys(answer.headers);
    expect(
      names.filter((name) => /^(access-control-|server$|x-powered-by$|via$|set-cookie$|strict-transport)/.test(name)),
    ).toEqual([]);
    if (!("authorization" in more)) expect(answer.text).not.toContain("0.0.0-test");
  },
);

test("A1: a browser's preflight gets no leave, and a form or a cookie no access", async () => {
  const asked = { origin: "https://evil.example", "access-control-request-method": "POST" };
  const preflight = await raw("/api/v1/devices", asked, "OPTIONS");
  expect(preflight.status).toBe(401);
  expect(Object.keys(preflight.headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
  for (const type of ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"]) {
    const headers = { "content-type": type, cookie: `token=${adminToken}` };
    expect((await raw("/api/v1/policies", headers, "POST")).status).toBe(401);
    const body = { type, text: "name=evil" };
    expect((await bench.call("POST", "/policies", undefined, { raw: body })).status).toBe(415);
  }
});

describe("A1: DNS rebinding", () => {
  test.each([
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "[evil]",
    "xn--n3h.test",
  ])("a request for %s is refused, with and without the token", async (host) => {
    for (const headers of [{ host }, { host, authorization }]) {
      const answer = await raw("/api/v1/status", headers);
      expect(answer.status).toBe(421);
      expect(JSON.parse(answer.text)).toMatchObject({
        error: { code: "host-unknown", hint: expect.stringContaining("--web-hosts") as string },
      });
    }
    expect((await raw("/metrics", { host })).status).toBe(421);
    expect((await raw("/healthz", { host })).status).toBe(200);
  });

  test.each(["localhost", "LOCALHOST:1", "127.0.0.1:8080", "[::1]:8080", "10.1.2.3", "hub.test", "hub.proxy.test:443"])(
    "a request for %s is taken",
    async (host) => {
      expect((await raw("/api/v1/status", { host, authorization })).status).toBe(200);
    },
  );
});

test("with TLS, browsers are told to stay with it, and any name is taken: the certificate decides", async () => {
  const tls = await openTls({ dataDir: `${bench.rooms.directory}/own`, publicHosts: [] });
  const { certPem: cert, keyPem: key, caPem } = tls.identity;
  const secure = await AdminBench.open({ tls: { cert, key } });
  const { request: secureRequest } = await import("node:https");
  const headers = await new Promise<Raw["headers"]>((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port: secure.admin.port,
      path: "/healthz",
      ca: caPem ?? "",
      servername: "localhost",
      agent: false,
    } as const;
    secureRequest({ ...options, headers: { host: "any.example" } }, (response) => {
      response.resume().on("end", () => resolve(response.headers));
    })
      .on("error", reject)
      .end();
  });
  expect(headers).toMatchObject({ ...expected, "strict-transport-security": "max-age=31536000" });
  await secure.close();
});
