// How the web page's files are served: caching, compression, deep links, headers; and what is no page stays none.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AdminBench } from "../lib/admin-bench.ts";

const pageDirectory = mkdtempSync(join(tmpdir(), "coldpath-page-files-"));
const script = "console.log('the page')";
let bench: AdminBench;

beforeAll(async () => {
  mkdirSync(join(pageDirectory, "assets"));
  writeFileSync(join(pageDirectory, "index.html"), "<!doctype html><title>Coldpath</title>");
  writeFileSync(join(pageDirectory, "icon.svg"), "<svg/>");
  writeFileSync(join(pageDirectory, "stamp"), "not for anybody");
  writeFileSync(join(pageDirectory, "assets/index-abc.js"), script);
  writeFileSync(join(pageDirectory, "assets/index-abc.js.gz"), gzipSync(script));
  bench = await AdminBench.open({ pageDirectory });
});
afterAll(async () => {
  await bench.close();
  rmSync(pageDirectory, { recursive: true });
});

interface Raw {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const browser = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

/** As it stands: `fetch` would tidy the path, and set headers of its own. */
async function raw(path: string, headers: Record<string, string> = browser, method = "GET"): Promise<Raw> {
  return await new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port: bench.admin.port, path, method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    })
      .on("error", reject)
      .end();
  });
}

test.each(["/", "/devices", "/devices/a.b", "/admin/exports/new", "/setup?x=1", "/no/such/place"])(
  "a browser that goes to %s gets the page, which it asks for again each time",
  async (path) => {
    const answer = await raw(path);
    expect(answer).toMatchObject({ status: 200, text: expect.stringContaining("<title>Coldpath") as string });
    expect(answer.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "cross-origin-resource-policy": "same-origin",
      "cross-origin-opener-policy": "same-origin",
      "permissions-policy": expect.stringContaining("camera=()") as string,
    });
    const policy = String(answer.headers["content-security-policy"]).split("; ");
    expect(policy).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
      ]),
    );
    expect(policy.join()).not.toMatch(/unsafe|\*|http/);
    expect(await raw(path, browser, "HEAD")).toMatchObject({ status: 200, text: "" });
    const again = await raw(path, { ...browser, "if-none-match": String(answer.headers["etag"]) });
    expect(again.status).toBe(304);
  },
);

test("a hashed file may be kept for ever, and comes compressed to who takes that", async () => {
  const plain = await raw("/assets/index-abc.js", { accept: "*/*" });
  expect(plain).toMatchObject({ status: 200, text: script });
  expect(plain.headers).toMatchObject({
    "cache-control": "public, max-age=31536000, immutable",
    "content-type": expect.stringMatching(/javascript; charset=utf-8$/) as string,
    "content-security-policy": expect.stringContaining("default-src 'none'") as string,
  });
  const small = await raw("/assets/index-abc.js", { "accept-encoding": "gzip, br" });
  expect(small.headers).toMatchObject({
    "content-encoding": "gzip",
    "content-type": expect.stringMatching(/javascript; charset=utf-8$/) as string,
    vary: expect.stringMatching(/accept-encoding/i) as string,
  });
});

test.each([
  ["/api/v1/nothing", 401],
  ["/api/v2/status", 404],
  ["/api", 404],
  ["/assets/gone-123.js", 404],
  ["/assets/", 404],
  ["/assets/..%2fstamp", 404],
  ["/assets/..%2f..%2fpackage.json", 404],
  ["/assets/%00", 404],
  ["/docs/no-such.md", 404],
  ["/docs/..%2fpackage.json", 404],
  ["/docs/..%2fREADME.md", 404],
  ["/docs/images", 404],
])("A1: a browser that goes to %s gets an error in JSON, not the page", async (path, status) => {
  const answer = await raw(path);
  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.text)).toMatchObject({ error: { code: expect.any(String) as string } });
});

test.each(["/../stamp", "/%2e%2e/stamp", "/stamp", "/assets/../stamp", "/assets/%2e%2e/stamp", "//etc/passwd"])(
  "A1: %s leads to no file beside the page's own",
  async (path) => {
    for (const headers of [browser, { accept: "*/*" }]) {
      const { text } = await raw(path, headers);
      expect(text).not.toContain("not for anybody");
      expect(text).not.toContain("root:");
    }
  },
);

test("documents of the release come as text, without a sign-in", async () => {
  const answer = await raw("/docs/migrate-from-iot-central.md");
  expect(answer).toMatchObject({
    status: 200,
    text: expect.stringContaining("coldpath migrate iot-central") as string,
  });
  expect(answer.headers).toMatchObject({
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
    "content-security-policy": expect.stringContaining("default-src 'none'") as string,
  });
});

test("what is no navigation gets no page: other methods, and calls that do not ask for HTML", async () => {
  expect((await raw("/devices", { accept: "application/json" })).status).toBe(404);
  expect((await raw("/devices", browser, "POST")).status).toBe(404);
  expect((await raw("/", browser, "DELETE")).status).toBe(404);
});

test("a server whose page is not built says how to build it, and shows it once it is", async () => {
  const later = join(pageDirectory, "later");
  const other = await AdminBench.open({ pageDirectory: later });
  try {
    const missing = await fetch(`${other.url}/devices`, { headers: browser });
    expect(missing.status).toBe(503);
    expect(missing.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await missing.text()).toContain("npm run build:page");
    mkdirSync(later);
    writeFileSync(join(later, "index.html"), "<!doctype html>built");
    expect(await (await fetch(other.url, { headers: browser })).text()).toContain("built");
  } finally {
    await other.close();
  }
});
