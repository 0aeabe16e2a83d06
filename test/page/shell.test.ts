// What surrounds the pages: every route opens without a fault, in both themes and at both widths; roles; a lost server.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { needs } from "../lib/needs.ts";
import { pageDirectory } from "../../tools/build-page.ts";
import { PageStand } from "./page-stand.ts";
import { pageRoutes } from "./page-routes.ts";

needs("chromium")("The page", () => {
  let stand: PageStand;
  beforeAll(async () => {
    stand = await PageStand.open();
  });
  afterAll(async () => await stand.close());

  test.each([
    ["light", 1440],
    ["dark", 1440],
    ["light", 390],
    ["dark", 390],
    ["light", 360],
  ] as const)(
    "opens every route in %s at %i px: no console error, nothing refused, nothing serious by axe, no sideways scrolling",
    async (theme, width) => {
      const page = await stand.signedIn("administrator", { theme, width });
      for (const { path, title } of pageRoutes) {
        await page.goto(stand.url + path);
        await page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
        expect(await stand.axe(page), path).toEqual([]);
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(overflow, `${path} is wider than the screen`).toBeLessThanOrEqual(0);
      }
      expect(stand.faults).toEqual([]);
      await page.context().close();
    },
  );

  test("a deep link opens its page, and a path that leads nowhere says so", async () => {
    const page = await stand.signedIn("administrator");
    await page.goto(`${stand.url}/no/such/place`);
    await page.getByText("There is no such page").waitFor();
    await page.getByRole("link", { name: "Go to the dashboard" }).click();
    await page.getByRole("heading", { level: 1, name: "Dashboard" }).waitFor();
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test.each(["operator", "builder"] as const)(
    "who is %s is not shown what only administrators may use, and is told so at its path",
    async (role) => {
      const page = await stand.signedIn(role);
      await page.goto(stand.url);
      const navigation = page.getByRole("navigation", { name: "Main" });
      await navigation.getByText("Device explorer").waitFor();
      expect(await navigation.getByText("Users").count()).toBe(0);
      for (const { path } of pageRoutes.filter(({ least }) => least === "administrator")) {
        await page.goto(stand.url + path);
        await page.getByText("This page is for the role Administrator").waitFor();
      }
      await page.context().close();
    },
  );

  test("a lost connection shows, and heals by itself", async () => {
    const page = await stand.signedIn("administrator");
    await page.goto(`${stand.url}/devices`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    stand.expected.push(/^failed: .*ERR_(INTERNET_DISCONNECTED|CONNECTION_REFUSED)/);
    await page.context().setOffline(true);
    // Whatever the page asks next notices.
    await page.evaluate(() => window.dispatchEvent(new Event("focus")));
    await page.getByText("The server cannot be reached.").waitFor();
    await page.context().setOffline(false);
    await page.getByText("The server cannot be reached.").waitFor({ state: "detached" });
    await page.context().close();
  });

  test("the theme is chosen in the header and kept in the browser", async () => {
    const page = await stand.signedIn("operator", { theme: "light" });
    await page.goto(stand.url);
    await page.getByRole("button", { name: "Theme" }).click();
    await page.getByRole("menuitemradio", { name: "Dark" }).click();
    await page.reload();
    await page.getByRole("heading", { level: 1 }).waitFor();
    expect(await page.locator("[data-theme]").first().getAttribute("data-theme")).toBe("dark");
    await page.context().close();
  });

  test("axe and the watch over the console can fail", async () => {
    const page = await stand.signedIn("operator");
    await page.goto(stand.url);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.evaluate(() => {
      document.body.append(document.createElement("button"));
      const script = document.createElement("script");
      script.textContent = "globalThis.wasRun = true";
      document.body.append(script);
    });
    expect(await stand.axe(page)).toContainEqual(expect.stringMatching(/^button-name/));
    // The Content-Security-Policy: a script in the document is not run, and the console says so.
    expect(await page.evaluate(() => "wasRun" in globalThis)).toBe(false);
    expect(stand.faults.splice(0)).toContainEqual(expect.stringMatching(/Content Security Policy/));
    await page.context().close();
  });
});

test("what the browser loads first is at most 350 KB gzipped", () => {
  interface Chunk {
    readonly file: string;
    readonly isEntry?: boolean;
    readonly imports?: readonly string[];
  }
  const manifest = JSON.parse(readFileSync(`${pageDirectory}/manifest.json`, "utf8")) as Record<string, Chunk>;
  const bytesOf = (file: string): number => readFileSync(`${pageDirectory}/${file}.gz`).length;
  const first = new Set<string>();
  const add = (name: string): void => {
    const chunk = manifest[name];
    if (chunk === undefined || first.has(chunk.file)) return;
    first.add(chunk.file);
    chunk.imports?.forEach(add);
  };
  // The page's own start, and the first page that one sees: the dashboard or the sign-in.
  for (const [name, { isEntry }] of Object.entries(manifest)) {
    if (isEntry === true || /(?:dashboard|sign-in)-page/.test(name)) add(name);
  }
  const bytes = [...first].filter((file) => file.endsWith(".js")).reduce((sum, file) => sum + bytesOf(file), 0);
  expect(first.size).toBeGreaterThan(2);
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThanOrEqual(350_000);
  console.log(`initial JavaScript: ${(bytes / 1000).toFixed(0)} KB gzipped in ${first.size} files`);
});
