// The page as each role sees it. What a role is refused from the outside, at every route: test/service/roles.test.ts.

import { afterAll, beforeAll, expect, test } from "vitest";
import { needs } from "../lib/needs.ts";
import { pageRoutes } from "./page-routes.ts";
import { PageStand, passwordOf } from "./page-stand.ts";

const templateId = "c318d580-39fc-4aca-b995-843719821049";
/** What only some may do, where it is offered. */
const offers: readonly {
  readonly path: string;
  readonly least: "builder";
  readonly button: RegExp;
}[] = [
  { path: "/templates", least: "builder", button: /^New device template$/ },
  { path: `/templates/${templateId}`, least: "builder", button: /^(?:Save|Publish|Delete|New version)/ },
];

needs("chromium")("Roles", () => {
  let stand: PageStand;
  beforeAll(async () => {
    stand = await PageStand.open("--sample=true");
  });
  afterAll(async () => await stand.close());

  test.each(["operator", "builder"] as const)(
    "A1: the role %s is offered nothing that the server would refuse, and is told so at each page of Administration",
    async (role) => {
      const page = await stand.signedIn(role);
      page.setDefaultTimeout(15_000);
      await page.goto(stand.url);
      const links = page.getByRole("navigation", { name: "Main" }).getByRole("link");
      await links.first().waitFor();
      expect(await links.allInnerTexts()).toEqual(["Dashboard", "Device explorer", "Device templates"]);
      for (const { path, title, least } of pageRoutes) {
        await page.goto(stand.url + path);
        if (least === "administrator") {
          await page.getByText("This page is for the role Administrator").waitFor();
          await page.getByText(`You are signed in as ${role === "operator" ? "Operator" : "Builder"}.`).waitFor();
          expect(await page.getByRole("main").getByRole("button").count(), path).toBe(0);
        } else {
          await page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
          await page.waitForLoadState("load");
        }
        expect(await page.locator('a[href^="/admin"]').count(), `${path} leads to Administration`).toBe(0);
      }
      for (const { path, least, button } of offers) {
        await page.goto(stand.url + path);
        const offered = page.getByRole("main").getByRole("button", { name: button });
        if (role === least) await offered.first().waitFor();
        else {
          // What it may read of the page is there, so the rest would be, too.
          await page.getByRole("main").getByText("Refrigerated Vending Machine").first().waitFor();
          expect(await offered.count(), `${path} ${String(button)}`).toBe(0);
        }
      }
      // Nor has it asked for what it may not have: a 403 would be among these.
      expect(stand.faults).toEqual([]);
      await page.context().close();
    },
  );

  test("a session that ends while a form is open: the page is hidden, and goes on after one has signed in again", async () => {
    const page = await stand.signedIn("administrator");
    page.setDefaultTimeout(15_000);
    await page.goto(`${stand.url}/admin/audit?subject=x`);
    await page.getByRole("heading", { level: 1, name: "Audit log" }).waitFor();
    await page.getByRole("link", { name: "Users" }).click();
    await page.getByRole("button", { name: "Add user" }).click();
    await page.getByLabel(/^Name/).fill("Half typed");
    await page.getByRole("radio", { name: /^Builder/ }).click();
    // Whoever has the cookie's session elsewhere ends it here.
    const elsewhere = await stand.signedIn("administrator");
    await elsewhere.goto(`${stand.url}/account`);
    stand.expected.push(/^answer: 401 /);
    await elsewhere.getByRole("button", { name: "Sign out everywhere else" }).click();
    await elsewhere
      .getByText(/^You are signed out in \d other browser/)
      .first()
      .waitFor();
    await elsewhere.context().close();

    const again = page.getByRole("alertdialog", { name: "Sign in again" });
    await again.waitFor({ timeout: 60_000 });
    expect(await stand.axe(page)).toEqual([]);
    const ground = await page.evaluate(() => {
      const { width, height } = document.documentElement.getBoundingClientRect();
      return getComputedStyle(document.elementFromPoint(width - 30, Math.min(height, innerHeight) - 30)!)
        .backgroundColor;
    });
    expect(ground, "what the page showed can be read").toMatch(/^rgb\(/);
    await again.getByLabel("Password").fill("wrong");
    await again.getByRole("button", { name: "Sign in" }).click();
    await again.getByText("Name or password is wrong").waitFor();
    await again.getByLabel("Password").fill(passwordOf("administrator"));
    await page.keyboard.press("Enter");
    await again.waitFor({ state: "detached" });
    expect(await page.getByLabel(/^Name/).inputValue()).toBe("Half typed");
    await page.getByRole("button", { name: "Make one up" }).click();
    await page.getByRole("button", { name: "Add user" }).last().click();
    await page.getByText("Half typed can sign in now").waitFor();
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByText("Live", { exact: true }).waitFor();
    await page
      .getByRole("row", { name: /^Half typed/ })
      .getByText("Builder")
      .waitFor();
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("what one user has begun is gone when another signs in instead", async () => {
    const page = await stand.signedIn("operator");
    page.setDefaultTimeout(15_000);
    await page.goto(`${stand.url}/account`);
    await page.getByLabel("Current password").fill("half typed secret");
    await page.context().clearCookies();
    stand.expected.push(/^answer: 401 /);
    await page.getByRole("button", { name: "Sign out everywhere else" }).click();
    const again = page.getByRole("alertdialog", { name: "Sign in again" });
    await again.waitFor();
    await again.getByLabel("Name").fill("administrator");
    await again.getByLabel("Password").fill(passwordOf("administrator"));
    await again.getByRole("button", { name: "Sign in" }).click();
    await again.waitFor({ state: "detached" });
    await page.getByRole("main").getByText("Administrator", { exact: true }).waitFor();
    expect(await page.getByLabel("Current password").inputValue()).toBe("");
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("signing out sends the other tabs of the browser to the sign-in, without what was typed there", async () => {
    const page = await stand.signedIn("administrator");
    page.setDefaultTimeout(15_000);
    await page.goto(`${stand.url}/admin/users`);
    await page.getByRole("button", { name: "Add user" }).click();
    await page.getByLabel(/^Name/).fill("Half typed too");
    const second = await page.context().newPage();
    await second.goto(stand.url);
    await second.getByRole("button", { name: "Account of administrator" }).click();
    await second.getByRole("menuitem", { name: "Sign out" }).click();
    for (const tab of [second, page])
      await tab.getByRole("heading", { level: 1, name: "Sign in to Coldpath" }).waitFor();
    expect(await page.content()).not.toContain("Half typed too");
    expect(new URL(page.url()).pathname).toBe("/sign-in");
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("throttled, one is told when to try again", async () => {
    const page = await stand.tab();
    page.setDefaultTimeout(15_000);
    await page.goto(`${stand.url}/sign-in`);
    await page.getByLabel("Name").waitFor();
    stand.expected.push(/^answer: 4(?:01|29) POST .*\/session$/);
    for (let turn = 0; turn < 10; turn++)
      await page.request.post(`${stand.url}/api/v1/session`, { data: { name: "mallory", password: `guess ${turn}` } });
    await page.getByLabel("Name").fill("mallory");
    await page.getByLabel("Password").fill(passwordOf("operator"));
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText(/the next try is in \d+ s/).waitFor();
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });
});
