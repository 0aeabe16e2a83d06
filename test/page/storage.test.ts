// Administration → Storage accounts by clicks: the real server, a real Azurite, a folder.

import { createHmac } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Azurite, startAzurite } from "../lib/azurite.ts";
import { needs } from "../lib/needs.ts";
import { PageStand } from "./page-stand.ts";

needs("chromium")("Storage accounts", () => {
  let stand: PageStand;
  let azurite: Azurite;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "coldpath-storage-page-"));
    azurite = await startAzurite();
    stand = await PageStand.open("--sample=false");
  });
  afterAll(async () => {
    await stand.close();
    await azurite.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const open = async (page: Page, path: string, title: string): Promise<void> => {
    await page.goto(stand.url + path);
    await page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
  };
  const made = async (name: string): Promise<string> => {
    const { id } = await stand.hub.api<{ id: string }>("POST", "/storage-accounts", {
      name,
      settings: { kind: "azure-blob", auth: "connection-string" },
      secret: azurite.connectionString,
    });
    return id;
  };

  test("a folder is added by clicks, tried, given a container, and leads on to the export", async () => {
    const page = await stand.signedIn("administrator");
    await open(page, "/admin/storage", "Storage accounts");
    await page.getByText("No storage account yet").waitFor();
    await page.getByRole("link", { name: "Add the first one" }).click();
    await page.getByRole("radio", { name: /A folder on this server/ }).check();
    await field(page, "Name").fill("Lake");
    stand.expected.push(/^answer: 400 POST .*\/storage-accounts$/);
    await field(page, "Folder").fill("lake");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("settings.path must be an absolute path").waitFor();
    await field(page, "Folder").fill(join(directory, "lake"));
    await page.getByRole("button", { name: "Test connection" }).click();
    await page.getByText("The connection works.").waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { level: 1, name: "Lake" }).waitFor();
    await page.getByRole("combobox", { name: "Container" }).click();
    await page.getByRole("option", { name: "Create new container …" }).click();
    await page.getByLabel("Name of the new container").fill("iot");
    await page.getByRole("button", { name: "Create container" }).click();
    await page.getByText("Its files will go into the container iot.").waitFor();
    await page.getByRole("button", { name: "Test connection" }).click();
    await page.getByText("Everything that an export needs works in the container iot").waitFor();
    const steps = page.getByRole("list", { name: "Steps of the test" }).getByRole("listitem");
    expect(await steps.allTextContents()).toEqual([
      "Find the directory – worked",
      "Create a temporary file – worked",
      "Read it back – worked",
      "List the directory – worked",
    ]);
    // Nothing of the test is left; the product's own claim of the place is.
    expect(readdirSync(join(directory, "lake/iot"))).toEqual([".coldpath"]);
    expect(await stand.axe(page)).toEqual([]);
    const next = page.getByRole("link", { name: "Set up Continuous Data Export" });
    expect(await next.getAttribute("href")).toMatch(/^\/admin\/exports\/new\?storageAccountId=[^&]+&container=iot$/);
    await next.click();
    await page.getByRole("heading", { level: 1, name: "New export" }).waitFor();
    expect(await page.getByRole("combobox", { name: "Storage account" }).textContent()).toBe("Lake");
    expect(await page.getByRole("combobox", { name: "Container" }).textContent()).toBe("iot");
    await page.goBack();
    await page.getByRole("link", { name: "Storage accounts", exact: true }).first().click();
    await page.getByRole("link", { name: "Lake" }).waitFor();
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("who came from an export's form goes back to it with the new account, and nowhere else", async () => {
    const page = await stand.signedIn("administrator");
    const from = encodeURIComponent("/admin/exports/new?name=x");
    await open(page, `/admin/storage/new?from=${from}`, "New storage account");
    await field(page, "Name").fill("For the export");
    await field(page, "Connection string").fill(azurite.connectionString);
    await page.getByRole("button", { name: "Save" }).click();
    const back = page.getByRole("link", { name: "Back to the export" });
    await back.waitFor();
    expect(await back.getAttribute("href")).toMatch(/^\/admin\/exports\/new\?name=x&storageAccountId=/);
    for (const evil of ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]) {
      await open(page, `/admin/storage/new?from=${encodeURIComponent(evil)}`, "New storage account");
      expect(await page.getByRole("link", { name: "Cancel" }).getAttribute("href")).toBe("/admin/storage");
    }
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("each way of failing is told with its step and what to do: a wrong key, a missing permission, no answer", async () => {
    const id = await made("Tried");
    await stand.hub.api("POST", `/storage-accounts/${id}/containers`, { name: "tried" });
    const page = await stand.signedIn("administrator");
    const secret = (label: string) => field(page, label);
    const testIt = async (): Promise<void> => await page.getByRole("button", { name: "Test connection" }).click();
    const step = (name: string) => page.getByRole("listitem").filter({ hasText: name });
    await open(page, "/admin/storage/new", "New storage account");
    await page.getByLabel(/Container to try/).fill("tried");

    await secret("Connection string").fill(azurite.connectionString);
    await testIt();
    await page.getByText("The connection works.").waitFor();

    await page.getByRole("radio", { name: /^Account key/ }).check();
    await field(page, "Address of the blob service").fill(azurite.endpoint);
    await field(page, "Account name").fill(azurite.accountName);
    await secret("Account key").fill(Buffer.alloc(64, "wrong").toString("base64"));
    await testIt();
    await page.getByText("It does not work yet.").waitFor();
    expect(await page.getByRole("list", { name: "Steps of the test" }).textContent()).toMatch(/failed.*What to do:/s);

    await page.getByRole("radio", { name: /^Shared access signature/ }).check();
    // Read, create and write, but no list.
    await secret("SAS token or SAS URL").fill(accountSas(azurite, "rcw"));
    await testIt();
    await page.getByText("List (l) on Container (c)").waitFor();
    expect(await step("Stage a block").textContent()).toContain("worked");
    expect(await step("List").textContent()).toMatch(/failed.*Missing: List \(l\).*What to do:/s);

    await secret("SAS token or SAS URL").fill("not a SAS");
    stand.expected.push(/^answer: 400 POST .*\/storage-accounts\/test$/);
    await testIt();
    await page.getByText("the shared access signature has no sig=").waitFor();

    // A port where nobody listens.
    await page
      .getByLabel("Address of the blob service")
      .fill(`http://127.0.0.1:${await closedPort()}/devstoreaccount1`);
    await secret("SAS token or SAS URL").fill(accountSas(azurite, "rcwl"));
    await testIt();
    await step("Connect").filter({ hasText: "failed" }).waitFor();
    expect(await step("Authenticate").textContent()).toContain("not tried");
    expect(await stand.axe(page)).toEqual([]);
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("A2: new credentials replace the old ones; no secret is ever in the page again", async () => {
    const id = await made("Changing");
    const page = await stand.signedIn("administrator");
    await open(page, `/admin/storage/${id}`, "Changing");
    await page.getByRole("button", { name: "Replace credentials" }).click();
    const dialog = page.getByRole("dialog");
    // Nothing given: the server's message at the very field.
    stand.expected.push(/^answer: 400 PUT .*\/storage-accounts\//);
    await dialog.getByRole("button", { name: "Replace credentials" }).click();
    await dialog.getByText(/secret must be text of 1 to/).waitFor();
    await dialog.getByRole("radio", { name: /^Shared access signature/ }).check();
    const sas = accountSas(azurite, "rcwl");
    await field(dialog, "SAS token or SAS URL").fill(sas);
    await dialog.getByRole("button", { name: "Test these" }).click();
    await dialog.getByText("The connection works.").waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Replace credentials" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByText("The SAS expires at").waitFor();
    await page.getByText("SAS ends").waitFor();
    const html = await page.content();
    expect(html).not.toContain(new URLSearchParams(sas).get("sig"));
    expect(html).not.toContain(azurite.accountKey);
    const saved = await stand.hub.api<{ settings: object }>("GET", `/storage-accounts/${id}`);
    expect(saved.settings).toMatchObject({ auth: "sas", endpoint: azurite.endpoint });
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("a service principal gives way to the machine's own identity, and its secret is gone", async () => {
    const { id } = await stand.hub.api<{ id: string }>("POST", "/storage-accounts", {
      name: "Entra",
      settings: {
        kind: "azure-blob",
        auth: "entra",
        endpoint: "https://entra.blob.core.windows.net",
        tenantId: "72f988bf-86f1-41af-91ab-2d7cd011db47",
        clientId: "11111111-2222-3333-4444-555555555555",
      },
      secret: "a secret of the app",
    });
    const page = await stand.signedIn("administrator");
    await open(page, `/admin/storage/${id}`, "Entra");
    await page.getByText("Entra ID: service principal").waitFor();
    await page.getByRole("button", { name: "Replace credentials" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("radio", { name: /this machine's identity/ }).check();
    await field(dialog, "Tenant ID").fill("");
    await field(dialog, "Client ID").fill("");
    await dialog.getByRole("button", { name: "Replace credentials" }).click();
    await page.getByText("Entra ID: this machine's identity").waitFor();
    expect(await stand.hub.api<object>("GET", `/storage-accounts/${id}`)).toMatchObject({ hasSecret: false });
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("an edit that somebody else was faster with is not lost: it offers theirs, or saving over it", async () => {
    const id = await made("Edited");
    const page = await stand.signedIn("administrator");
    await open(page, `/admin/storage/${id}`, "Edited");
    await page.getByRole("button", { name: "Edit" }).click();
    await field(page.getByRole("dialog"), "Name").fill("Mine");
    const change = { name: "Theirs", settings: { kind: "azure-blob", auth: "connection-string" } };
    await stand.hub.api("PUT", `/storage-accounts/${id}`, change);
    stand.expected.push(/^answer: 409 PUT .*\/storage-accounts\//);
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await page.getByText("Somebody else saved this meanwhile").waitFor();
    await page.getByRole("button", { name: "Show what is saved" }).click();
    await page.getByText("Somebody else saved this meanwhile").waitFor({ state: "detached" });
    expect(await field(page.getByRole("dialog"), "Name").inputValue()).toBe("Theirs");
    await field(page.getByRole("dialog"), "Name").fill("Mine after all");
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { level: 1, name: "Mine after all" }).waitFor();
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("an account that an export names is not deleted, and the export is named; another one is", async () => {
    const hostile = `<img src=x onerror="globalThis.wasRun=true"> ${"long".repeat(30)}`;
    const id = await made(hostile);
    await stand.hub.api("POST", `/storage-accounts/${id}/containers`, { name: "used" });
    await stand.hub.api("POST", "/exports", {
      name: `Export <b>of it</b>`,
      storageAccountId: id,
      container: "used",
      types: ["measurements"],
      on: false,
    });
    const page = await stand.signedIn("administrator", { width: 390 });
    await open(page, "/admin/storage", "Storage accounts");
    await page.getByRole("link", { name: hostile }).click();
    await page.getByRole("heading", { level: 1, name: hostile }).waitFor();
    await page.getByRole("link", { name: "Export <b>of it</b>" }).waitFor();
    stand.expected.push(/^answer: 409 DELETE .*\/storage-accounts\//);
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete storage account" }).click();
    await page.getByText(/cannot be deleted: the export "Export <b>of it<\/b>" uses it/).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(
      0,
    );

    const other = await made("Unused");
    await open(page, `/admin/storage/${other}`, "Unused");
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete storage account" }).click();
    await page.getByRole("heading", { level: 1, name: "Storage accounts" }).waitFor();
    await page.getByRole("link", { name: "Unused" }).waitFor({ state: "detached" });
    expect(await page.evaluate(() => "wasRun" in globalThis)).toBe(false);
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test.each([
    ["light", 1440],
    ["dark", 1440],
    ["light", 390],
    ["dark", 390],
  ] as const)(
    "list, form and account show in %s at %i px: nothing serious by axe, no sideways scrolling",
    async (theme, width) => {
      const id = await made(`Shown ${theme} ${width}`);
      const page = await stand.signedIn("administrator", { theme, width });
      for (const [path, title] of [
        ["/admin/storage", "Storage accounts"],
        ["/admin/storage/new", "New storage account"],
        [`/admin/storage/${id}`, `Shown ${theme} ${width}`],
      ] as const) {
        await open(page, path, title);
        expect(await stand.axe(page), path).toEqual([]);
        const sideways = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(sideways, path).toBeLessThanOrEqual(0);
        const pictures = process.env["PAGE_PICTURES"];
        if (pictures !== undefined) {
          const name = `${title.split(" ")[0]}-${theme}-${width}.png`;
          await page.screenshot({ path: join(pictures, name), fullPage: true });
        }
      }
      expect(stand.faults).toEqual([]);
      await page.context().close();
    },
  );
});

/** The input of this label; a required one's has a star. */
function field(within: Page | Locator, label: string): Locator {
  return within.locator("input:not([type=radio])").and(within.getByLabel(new RegExp(`^${label}\\*?$`)));
}

/** https://learn.microsoft.com/rest/api/storageservices/create-account-sas; good for two hours. */
function accountSas({ accountName, accountKey }: Azurite, permissions: string): string {
  const end = new Date(Date.now() + 7_200_000).toISOString().replace(/\.\d+/, "");
  const [services, types, version] = ["b", "sco", "2024-11-04"];
  const text = [accountName, permissions, services, types, "", end, "", "https,http", version, "", ""].join("\n");
  const sig = createHmac("sha256", Buffer.from(accountKey, "base64")).update(text).digest("base64");
  return new URLSearchParams({
    sv: version,
    ss: services,
    srt: types,
    sp: permissions,
    se: end,
    spr: "https,http",
    sig,
  }).toString();
}

async function closedPort(): Promise<number> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
