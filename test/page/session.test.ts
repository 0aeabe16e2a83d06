// From the set-up link to signing out, as people click it.

import { afterAll, beforeAll, expect, test } from "vitest";
import { needs } from "../lib/needs.ts";
import { PageStand, passwordOf } from "./page-stand.ts";

const password = "a river under ice 7";

needs("chromium")("Signing in", () => {
  let stand: PageStand;
  beforeAll(async () => {
    stand = await PageStand.open("--no-sample");
  });
  afterAll(async () => await stand.close());

  test("a fresh hub sends everybody to set-up, which says where the link is", async () => {
    const page = await stand.tab();
    await page.goto(`${stand.url}/devices`);
    await page.getByText("Open the set-up link that the server printed").waitFor();
    expect(await stand.axe(page)).toEqual([]);
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("the printed link makes the first Administrator; the token leaves the address; errors stand at their fields", async () => {
    const link = /\S+\/setup#token=\S+/.exec(stand.hub.output)?.[0] ?? "";
    const page = await stand.tab();
    await page.goto(link);
    await page.getByLabel("Password", { exact: true }).fill("short");
    expect(page.url()).toBe(`${stand.url}/setup`);
    await page.getByLabel("Password again").fill("other");
    await page.getByRole("button", { name: "Make the Administrator" }).click();
    await page.getByText("The two passwords differ.").waitFor();
    await page.getByLabel("Password again").fill("short");
    stand.expected.push(/^answer: 400 POST .*\/setup$/);
    await page.getByRole("button", { name: "Make the Administrator" }).click();
    await page.locator('input[name="password"][aria-invalid="true"]').waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByLabel("Password again").fill(password);
    await page.getByRole("button", { name: "Make the Administrator" }).click();
    await page.getByRole("heading", { level: 1, name: "Dashboard" }).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("the link works once; a second visitor is told to sign in", async () => {
    const link = /\S+\/setup#token=\S+/.exec(stand.hub.output)?.[0] ?? "";
    const page = await stand.tab();
    await page.goto(link);
    await page.getByText("The first Administrator was made already.").waitFor();
    await page.getByRole("link", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "Sign in to Coldpath" }).waitFor();
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("one lands where one wanted to go; a wrong password is refused in the server's words; signing out ends it in every tab", async () => {
    const page = await stand.tab({ width: 390 });
    await page.goto(`${stand.url}/admin/users`);
    await page.getByLabel("Name").fill("admin");
    await page.getByLabel("Password").fill("wrong");
    stand.expected.push(/^answer: 401 POST .*\/session$/);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Name or password is wrong").waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "Users" }).waitFor();
    expect(page.url()).toBe(`${stand.url}/admin/users`);

    const second = await page.context().newPage();
    await second.goto(`${stand.url}/devices`);
    await second.getByRole("heading", { level: 1, name: "Device explorer" }).waitFor();
    await page.getByRole("button", { name: "Account of admin" }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByRole("heading", { level: 1, name: "Sign in to Coldpath" }).waitFor();
    // The other tab's stream has ended; it notices without being touched.
    await second.getByRole("heading", { level: 1, name: "Sign in to Coldpath" }).waitFor({ timeout: 60_000 });
    await page.context().close();
  });

  test("no address elsewhere is followed after signing in", async () => {
    for (const next of ["//evil.example/x", "https://evil.example/x", "/\\evil.example"]) {
      const page = await stand.tab();
      await page.goto(`${stand.url}/sign-in?next=${encodeURIComponent(next)}`);
      await page.getByLabel("Name").fill("admin");
      await page.getByLabel("Password").fill(password);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("heading", { level: 1, name: "Dashboard" }).waitFor();
      expect(new URL(page.url()).origin).toBe(stand.url);
      await page.context().close();
    }
  });

  test("the own password is changed: a wrong current one is said at its field, and the session goes on with the new one", async () => {
    const page = await stand.signedIn("operator");
    await page.goto(`${stand.url}/account`);
    await page.getByLabel("Current password").fill("wrong");
    await page.getByLabel("New password", { exact: true }).fill(password);
    await page.getByLabel("New password again").fill(password);
    stand.expected.push(/^answer: 403 PUT .*\/session\/password$/);
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByText("The current password is wrong.").waitFor();
    await page.getByLabel("Current password").fill(passwordOf("operator"));
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByText("The password is changed.").first().waitFor();
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "Account" }).waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await page.context().close();
  });
});
