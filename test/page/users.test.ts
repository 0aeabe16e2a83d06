// Users, API tokens, hub policies and the audit log, by clicks against a real server.

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { needs } from "../lib/needs.ts";
import { PageStand, passwordOf } from "./page-stand.ts";

const hostile = `<img src=x onerror="document.title='hit'">`;

needs("chromium")("Who may do what", () => {
  let stand: PageStand;
  beforeAll(async () => {
    stand = await PageStand.open("--sample=false");
    // The first user must be an administrator.
    await (await stand.signedIn("administrator")).context().close();
  });
  afterAll(async () => await stand.close());

  const open = async (path: string, title: string): Promise<Page> => {
    const page = await stand.signedIn("administrator");
    page.setDefaultTimeout(15_000);
    await page.goto(stand.url + path);
    await page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
    return page;
  };
  const act = async (page: Page, name: string, item: string): Promise<void> => {
    await page.getByRole("button", { name: `Actions for ${name}`, exact: true }).click();
    await page.getByRole("menuitem", { name: item, exact: true }).click();
  };
  const made = async (name: string, role: string): Promise<string> =>
    (await stand.hub.api<{ id: string }>("POST", "/users", { name, role, password: passwordOf("operator") })).id;
  const signIn = async (page: Page, name: string, password: string): Promise<void> => {
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
  };

  test("the last Administrator can be neither disabled, nor deleted, nor given less, and is told why", async () => {
    const page = await open("/admin/users", "Users");
    const row = page.getByRole("row", { name: /^administrator/ });
    await row.getByText("You", { exact: true }).waitFor();
    const why = page.getByText("administrator is the last administrator who can sign in.");
    stand.expected.push(/^answer: 409 (?:PATCH|DELETE) .*\/users\//);
    await act(page, "administrator", "Disable");
    await page.getByRole("button", { name: "Disable user" }).click();
    await why.waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await act(page, "administrator", "Delete");
    await page.getByRole("button", { name: "Delete user" }).click();
    await why.waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await act(page, "administrator", "Edit name and role");
    await page.getByRole("radio", { name: /^Operator/ }).click();
    await page.getByText("This is you").waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await why.waitFor();
    expect(await stand.axe(page)).toEqual([]);
    expect(await stand.hub.api("GET", "/users")).toMatchObject({ items: [{ role: "administrator", disabled: false }] });
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("a user is added by keyboard, with a password that is made up, and signs in with what is handed over", async () => {
    const page = await open("/admin/users", "Users");
    await page.getByRole("button", { name: "Add user" }).focus();
    await page.keyboard.press("Enter");
    await page.getByLabel(/^Name/).waitFor();
    await page.keyboard.type("Grace");
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Tab");
    await page.keyboard.type("short");
    stand.expected.push(/^answer: 400 POST .*\/users$/);
    await page.keyboard.press("Enter");
    await page.locator('input[name="new-password"][aria-invalid="true"]').waitFor();
    await page.getByText("password must have 12 to 128 characters.").waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await page.getByRole("button", { name: "Make one up" }).click();
    await page.getByRole("button", { name: "Add user" }).last().click();
    await page.getByText("Grace can sign in now").waitFor();
    const password = await page.getByText(/^\w{5}-\w{5}-\w{5}-\w{5}$/).innerText();
    await page.getByRole("button", { name: "Done" }).click();
    await page
      .getByRole("row", { name: /^Grace/ })
      .getByText("Builder")
      .waitFor();
    expect(await page.getByText(password).count()).toBe(0);

    const hers = await stand.tab({ width: 390 });
    await hers.goto(`${stand.url}/sign-in`);
    await signIn(hers, "Grace", password);
    await hers.getByRole("heading", { level: 1, name: "Dashboard" }).waitFor();
    expect(stand.faults).toEqual([]);

    // Disabled, she is out at once, and is told no more than anybody.
    await act(page, "Grace", "Disable");
    await page.getByRole("button", { name: "Disable user" }).click();
    await page
      .getByRole("row", { name: /^Grace/ })
      .getByText("Disabled")
      .waitFor();
    stand.expected.push(/^answer: 401 /);
    await hers.getByLabel("Password").waitFor({ timeout: 60_000 });
    await hers.context().close();
    await page.context().close();
  });

  test("somebody else changed the user meanwhile: one sees it before one's own change is taken", async () => {
    const id = await made("Lin", "operator");
    const page = await open("/admin/users", "Users");
    await act(page, "Lin", "Edit name and role");
    await page.getByLabel("Name").fill("Linda");
    await stand.hub.api("PATCH", `/users/${id}`, { role: "builder" });
    stand.expected.push(/^answer: 409 PATCH .*\/users\//);
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("Somebody else saved this meanwhile").waitFor();
    await page.getByRole("button", { name: "Show what is saved" }).click();
    await page.getByRole("radio", { name: /^Builder/, checked: true }).waitFor();
    await page.getByLabel("Name").fill("Linda");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page
      .getByRole("row", { name: /^Linda/ })
      .getByText("Builder")
      .waitFor();
    await act(page, "Linda", "Delete");
    await page.getByRole("button", { name: "Delete user" }).click();
    await page.getByRole("row", { name: /^Linda/ }).waitFor({ state: "detached" });
    await page.context().close();
  });

  test("an API token is shown once, does what its role may, and is refused when it is revoked", async () => {
    const page = await open("/admin/tokens", "API tokens");
    await page.getByText("There is no API token yet").waitFor();
    await page.getByRole("button", { name: "New API token" }).click();
    await page.getByLabel(/^Name/).fill("nightly report");
    await page.getByLabel("Good for").selectOption("30");
    await page.getByRole("button", { name: "Make token" }).click();
    const call = await page.getByRole("region", { name: "curl call" }).innerText();
    const token = await page.getByText(/^cpt_\S+$/).innerText();
    expect(await stand.axe(page)).toEqual([]);
    // Not closed by accident.
    await page.keyboard.press("Escape");
    await page.getByText("Copy it now").waitFor();
    const [, header = "", url = ""] = /--header "(.*)" \\\s+(\S+)/.exec(call) ?? [];
    expect(header).toBe(`Authorization: Bearer ${token}`);
    const status = async (path = url): Promise<number> =>
      (await fetch(path, { headers: { authorization: `Bearer ${token}` } })).status;
    expect(await status()).toBe(200);
    expect(await status(`${stand.url}/api/v1/users`)).toBe(403);
    await page.getByRole("button", { name: "I have copied it" }).click();
    await page
      .getByRole("row", { name: /nightly report/ })
      .getByText("in 29 d")
      .waitFor();
    expect(await page.content()).not.toContain(token);
    await page.getByRole("button", { name: "Revoke nightly report" }).click();
    await page.getByRole("button", { name: "Revoke token" }).click();
    await page.getByText("There is no API token yet").waitFor();
    expect(await status()).toBe(401);
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("A2: the keys of a hub policy are asked for when somebody wants to see them; a new one hides the former", async () => {
    const keys = async (): Promise<{ primaryKey: string; secondaryKey: string }> =>
      await stand.hub.api("GET", "/policies/gateway/keys");
    const page = await open("/admin/policies", "Hub policies");
    await page.getByRole("button", { name: "New hub policy" }).click();
    await page.getByLabel(/^Name/).fill("gate way");
    stand.expected.push(/^answer: 400 POST .*\/policies$/);
    await page.getByRole("button", { name: "Make policy" }).click();
    await page.getByText("name must be 1 to 64 letters").waitFor();
    await page.getByLabel(/^Name/).fill("gateway");
    await page.getByRole("button", { name: "Make policy" }).click();
    const panel = page.getByRole("region", { name: "gateway" });
    await panel.waitFor();
    const former = await keys();
    expect(await page.content()).not.toContain(former.primaryKey);
    await panel.getByRole("button", { name: "Show Primary key" }).click();
    await panel.getByText(former.primaryKey, { exact: true }).waitFor();
    await panel.getByRole("button", { name: "New primary key" }).click();
    await page.getByRole("button", { name: "Make new primary key" }).click();
    await panel.getByText(former.primaryKey).waitFor({ state: "detached" });
    const latter = await keys();
    expect(latter.secondaryKey).toBe(former.secondaryKey);
    await panel.getByRole("button", { name: "Show Primary key" }).click();
    await panel.getByText(latter.primaryKey, { exact: true }).waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await panel.getByRole("button", { name: "Delete gateway" }).click();
    await page.getByLabel("Type gateway to confirm").fill("gateway");
    await page.getByRole("button", { name: "Delete policy" }).click();
    await panel.waitFor({ state: "detached" });
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("the audit log says who did what in plain words, is filtered in the address, and is paged", async () => {
    await stand.hub.api("POST", "/policies", { name: "logged" });
    for (let number = 0; number < 60; number++)
      await stand.hub.api("PUT", "/policies/logged/keys", { regenerate: "primary" });
    const page = await open("/admin/audit?subject=logged", "Audit log");
    await page.getByText("50 shown, page 1").waitFor();
    const row = page.getByRole("row", { name: /^Set keys of a hub policy/ });
    await row.first().waitFor();
    expect(await row.count()).toBe(50);
    await row.first().getByText("The data directory's token").waitFor();
    await row.first().getByRole("button").click();
    await page.getByText('"primary"').waitFor();
    await page.getByText("setPolicyKeys").waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("11 shown, page 2").waitFor();
    await page.getByRole("row", { name: /^Made a hub policy/ }).waitFor();
    await page.getByLabel("What", { exact: true }).selectOption("createPolicy");
    await page.getByText("1 shown").waitFor();
    expect(new URL(page.url()).search).toBe("?subject=logged&action=createPolicy");
    await page.getByLabel("Who (name or id)").fill("nobody of that name");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByText("Nothing fits this filter").waitFor();
    await page.goBack();
    await page.getByText("1 shown").waitFor();
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("hostile names and addresses stay text", async () => {
    const id = await made(hostile, "operator");
    await stand.hub.api("POST", "/tokens", { name: hostile, role: "operator", expiresInDays: 1 });
    await stand.hub.api("PATCH", `/users/${id}`, { name: `${hostile} 2` });
    const page = await open("/admin/users", "Users");
    const seen = async (): Promise<void> => {
      await page.getByText(hostile).first().waitFor();
      expect(await page.evaluate(() => document.querySelectorAll('img[src="x"], [onerror]').length)).toBe(0);
      expect(await page.title()).not.toContain("hit");
    };
    await seen();
    await act(page, `${hostile} 2`, "Delete");
    await page.getByText(`Delete ${hostile} 2?`).waitFor();
    await seen();
    await page.goto(`${stand.url}/admin/tokens`);
    await seen();
    await page.goto(`${stand.url}/admin/audit`);
    await page
      .getByRole("button", { name: /^More of Made a user/ })
      .first()
      .click();
    await page.getByText(`"${hostile.replaceAll('"', '\\"')}"`).waitFor();
    await seen();
    for (const search of [
      `?actor=${encodeURIComponent(hostile)}`,
      "?actor=%7B%22a%22%3A1%7D",
      "?subject=%5B1%5D",
      "?action=1e400",
    ]) {
      await page.goto(`${stand.url}/admin/audit${search}`);
      await page.getByRole("heading", { level: 1, name: "Audit log" }).waitFor();
      await page.getByRole("button", { name: "Filter" }).waitFor();
      expect(await page.getByText("This page failed").count()).toBe(0);
    }
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });
});
