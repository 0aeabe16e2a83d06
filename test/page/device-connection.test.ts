// Device connection by clicks: enrollment groups and individual enrollments, the ready code run as it stands, registrations that
// wait, CA certificates with proof of possession.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { needs } from "../lib/needs.ts";
import { devicePath, fridge, hostile } from "./fridges.ts";
import { PageStand, type PageRole } from "./page-stand.ts";
import { register as ask } from "./registering.ts";

const root = join(import.meta.dirname, "../..");

needs("chromium")("Device connection", () => {
  let stand: PageStand;
  let folder: string;
  beforeAll(async () => {
    stand = await PageStand.open("--no-sample");
    await stand.hub.api("POST", "/device-templates", fridge);
    folder = mkdtempSync(join(tmpdir(), "coldpath-register-"));
  });
  afterAll(async () => {
    await stand.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = async (path: string, role: PageRole = "administrator", options: object = {}): Promise<Page> => {
    const page = await stand.signedIn(role, options);
    page.setDefaultTimeout(15_000);
    await page.goto(stand.url + path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    return page;
  };
  const leave = async (page: Page): Promise<void> => {
    expect(await page.evaluate(() => "wasRun" in globalThis)).toBe(false);
    expect(stand.faults).toEqual([]);
    await page.context().close();
  };
  /** An authority in the test's folder: ca.pem and ca.key. @returns its certificate, PEM. */
  const makeAuthority = (name: string): string => {
    const subject = ["-subj", `/CN=${name}`, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2"];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    execFileSync("openssl", ["req", "-x509", ...key, ...subject], { cwd: folder, stdio: "pipe" });
    return readFileSync(join(folder, "ca.pem"), "utf8");
  };
  /** Runs the page's own Node.js program as this device. @returns what it says, once it is over. */
  const register = async (page: Page, id: string, key: string): Promise<string> => {
    await page.goto(`${stand.url}/admin/connection`);
    const code = (await page.getByRole("region", { name: "Node.js code" }).textContent()) ?? "";
    const command = (await page.getByRole("region", { name: "Node.js command" }).textContent()) ?? "";
    const authority = /NODE_EXTRA_CA_CERTS=(\S+) node register\.cjs/.exec(command)?.[1] ?? "";
    const file = join(folder, "register.cjs");
    writeFileSync(file, code.replace("{{REGISTRATION_ID}}", id).replace("{{KEY}}", key));
    const env = { ...process.env, NODE_PATH: join(root, "node_modules"), NODE_EXTRA_CA_CERTS: authority };
    const child = spawn(process.execPath, ["--no-deprecation", file], { env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += String(chunk)));
    return await new Promise((resolve) => child.on("close", () => resolve(said)));
  };

  test("an enrollment group is made; its keys show after a yes only; a device comes in by the key and the code that the page shows", async () => {
    const page = await open("/admin/connection?tab=groups");
    await page.getByRole("heading", { name: "There is no enrollment group" }).waitFor();
    await page.getByRole("button", { name: "New enrollment group" }).click();
    const dialog = page.getByRole("dialog", { name: "New enrollment group" });
    stand.expected.push(/^answer: (400|409) POST .*\/enrollment-groups$/);
    await dialog.getByRole("button", { name: "Make group" }).click();
    await dialog.locator("[aria-invalid=true]").waitFor();
    await dialog.getByLabel("Name").fill("Vending");
    await dialog.getByLabel("Device template").selectOption({ label: "Fridge" });
    await dialog.getByRole("checkbox", { name: "Use keys of my own" }).check();
    await dialog.getByLabel("Primary key").fill("no base64!");
    await dialog.getByRole("button", { name: "Make group" }).click();
    await dialog.getByText("primaryKey").first().waitFor();
    const primaryKey = Buffer.alloc(32, 7).toString("base64");
    await dialog.getByLabel("Primary key").fill(primaryKey);
    await dialog.getByRole("button", { name: "Make group" }).click();
    await page.getByText("The enrollment group Vending is made").first().waitFor();

    await page.getByRole("button", { name: "Show keys of Vending" }).waitFor();
    expect(await page.content()).not.toContain(primaryKey);
    await page.getByRole("button", { name: "Show keys of Vending" }).click();
    expect(await page.content()).not.toContain(primaryKey);
    const confirm = page.getByRole("alertdialog", { name: "Show the keys of Vending?" });
    await confirm.getByText("Whoever has one of these keys can be any device of the group.").waitFor();
    await confirm.getByRole("button", { name: "Show keys" }).click();
    await page.getByText(primaryKey, { exact: true }).waitFor();
    await page.getByRole("button", { name: "Hide keys of Vending" }).click();
    expect(await page.content()).not.toContain(primaryKey);

    const form = page.getByRole("form", { name: "Key of a device of Vending" });
    await form.getByRole("textbox").fill("vending-1");
    await form.getByRole("button", { name: "Show its key" }).click();
    await form.getByText("Key of vending-1").waitFor();
    const key = (await form.locator("code").textContent()) ?? "";
    expect(Buffer.from(key, "base64")).toHaveLength(32);
    expect(await stand.axe(page)).toEqual([]);

    expect(await register(page, "vending-1", key)).toContain("sent as vending-1");
    await page.goto(stand.url + devicePath("vending-1"));
    await page.getByRole("heading", { level: 1, name: "vending-1" }).waitFor();
    await leave(page);
  });

  test("a device that must be approved waits, and is let in by clicks; one is blocked, unblocked and forgotten", async () => {
    const group = { name: "By hand", autoApprove: false, primaryKey: Buffer.alloc(32, 9).toString("base64") };
    const { id: groupId } = await stand.hub.api<{ id: string }>("POST", "/enrollment-groups", group);
    const keyOf = async (id: string): Promise<string> => {
      const path = `/enrollment-groups/${groupId}/device-keys/${id}`;
      return (await stand.hub.api<{ primaryKey: string }>("GET", path)).primaryKey;
    };
    const administrator = await open("/admin/connection");
    const operator = await open("/registrations", "operator");
    await operator.getByRole("heading", { name: "No device waits" }).waitFor();
    expect(await operator.getByRole("link", { name: "How devices come by themselves" }).count()).toBe(0);
    const key = await keyOf("hand-1");
    const registered = register(administrator, "hand-1", key);
    const waiting = operator.getByRole("table", { name: "Waiting registrations" });
    await waiting.getByRole("row", { name: "hand-1" }).getByText("a device template").waitFor();
    await operator.goto(`${stand.url}/devices`);
    await operator.getByText("1 device waits to be let in.").waitFor();
    await operator.getByRole("link", { name: "Show them" }).click();
    expect(await stand.axe(operator)).toEqual([]);

    // Blocked and unblocked it waits again, and its program still asks.
    await operator.getByRole("button", { name: "Block hand-1" }).click();
    await operator.getByRole("alertdialog").getByText("It is refused, and told so").waitFor();
    await operator.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).click();
    await operator.getByRole("button", { name: "Approve hand-1" }).click();
    const dialog = operator.getByRole("dialog", { name: "Approve hand-1?" });
    await dialog.getByLabel("Template").selectOption({ label: "Fridge" });
    await dialog.getByRole("button", { name: "Approve" }).click();
    await operator.getByText("hand-1 is a device now").first().waitFor();
    expect(await registered).toContain("sent as hand-1");
    await operator.getByRole("tab", { name: "Assigned" }).click();
    await operator.getByRole("link", { name: "hand-1" }).waitFor();

    await operator.getByRole("button", { name: "Block hand-1" }).click();
    await operator.getByRole("alertdialog").getByText("Its device is blocked").waitFor();
    await operator.getByRole("alertdialog").getByRole("button", { name: "Block" }).click();
    await operator.getByText("Blocked", { exact: true }).last().waitFor();
    await operator.getByRole("link", { name: "hand-1" }).waitFor({ state: "detached" });
    expect(await stand.hub.api("GET", "/devices/hand-1")).toMatchObject({ enabled: false });
    expect(await register(administrator, "hand-1", key)).not.toContain("sent as");
    await operator.getByRole("tab", { name: "Blocked" }).click();
    await operator.getByRole("button", { name: "Unblock hand-1" }).click();
    await operator.getByRole("alertdialog").getByRole("button", { name: "Unblock" }).click();
    await operator.getByRole("heading", { name: "None is blocked" }).waitFor();
    expect(await stand.hub.api("GET", "/devices/hand-1")).toMatchObject({ enabled: true });
    await leave(operator);
    await leave(administrator);
  });

  test("what becomes of registrations shows by itself: one comes, its device is deleted, its group goes", async () => {
    const group = { name: "Live", templateId: "fridge" };
    const { id: groupId } = await stand.hub.api<{ id: string }>("POST", "/enrollment-groups", group);
    const operator = await open("/devices", "operator");
    await operator.getByRole("link", { name: "Registrations" }).click();
    await operator.getByRole("tab", { name: "Assigned" }).click();
    const administrator = await open("/admin/connection");
    const before = await stand.hub.api<{ registrations: { assigned: number } }>("GET", "/provisioning");
    const isCounted = async (more: number): Promise<void> =>
      await administrator
        .getByRole("link", { name: String(before.registrations.assigned + more), exact: true })
        .first()
        .waitFor();
    await isCounted(0);
    for (const id of ["live-1", "live-2"]) await ask(stand.hub, groupId, id);
    const row = (id: string) =>
      operator.getByRole("table", { name: "Assigned registrations" }).getByRole("link", { name: id });
    await row("live-1").waitFor();
    await isCounted(2);
    await stand.hub.api("DELETE", "/devices/live-1");
    await row("live-1").waitFor({ state: "detached" });
    await isCounted(1);
    await row("live-2").waitFor();
    await stand.hub.api("DELETE", `/enrollment-groups/${groupId}`);
    await row("live-2").waitFor({ state: "detached" });
    await isCounted(0);
    await leave(operator);
    await leave(administrator);
  });

  test("who comes from IoT Central finds the command and the guide, where there is nothing yet", async () => {
    const page = await open("/admin/connection");
    const guide = page.getByRole("link", { name: "From Azure IoT Central to here" });
    await page.getByText("coldpath migrate iot-central").waitFor();
    const opened = page.context().waitForEvent("page");
    await guide.click();
    await (await opened).getByText("coldpath migrate iot-central").first().waitFor();
    await leave(page);
  });

  test("a group is edited, also when somebody else saved meanwhile, and deleted after its name was typed; hostile names are text", async () => {
    const { id } = await stand.hub.api<{ id: string }>("POST", "/enrollment-groups", { name: hostile });
    const page = await open("/admin/connection?tab=groups");
    await page.getByRole("heading", { level: 2, name: hostile }).waitFor();
    await page.getByRole("button", { name: `Edit ${hostile}` }).click();
    const dialog = page.getByRole("dialog", { name: `Edit ${hostile}` });
    await dialog.getByRole("switch", { name: "Let devices in" }).uncheck();
    await stand.hub.api("PATCH", `/enrollment-groups/${id}`, { autoApprove: false });
    stand.expected.push(/^answer: 409 PATCH .*\/enrollment-groups\//);
    await dialog.getByRole("button", { name: "Save" }).click();
    const stale = page.getByRole("alertdialog", { name: "Somebody else saved this meanwhile" });
    await stale.getByRole("button", { name: "Show what is saved" }).click();
    await stale.waitFor({ state: "detached" });
    expect(await dialog.getByRole("switch", { name: "Approve devices at once" }).isChecked()).toBe(false);
    expect(await dialog.getByRole("switch", { name: "Let devices in" }).isChecked()).toBe(true);
    await dialog.getByLabel("Device template").selectOption({ label: "Fridge" });
    await dialog.getByLabel("Version").selectOption("1.0.0");
    await dialog.getByRole("switch", { name: "Let devices in" }).uncheck();
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    expect(await stand.hub.api("GET", `/enrollment-groups/${id}`)).toMatchObject({
      templateId: "fridge",
      templateVersion: "1.0.0",
      autoApprove: false,
      enabled: false,
    });
    await page.getByRole("button", { name: `Delete ${hostile}` }).click();
    const confirm = page.getByRole("alertdialog");
    expect(await confirm.getByRole("button", { name: "Delete group" }).getAttribute("aria-disabled")).toBe("true");
    await confirm.getByRole("textbox").fill(hostile);
    await confirm.getByRole("button", { name: "Delete group" }).click();
    await page.getByRole("button", { name: `Edit ${hostile}` }).waitFor({ state: "detached" });
    await leave(page);
  });

  test("an individual enrollment is made, its keys looked at and renewed, it is edited and deleted; further ID scopes are taken", async () => {
    const page = await open("/admin/connection?tab=enrollments");
    await page.getByRole("button", { name: "New individual enrollment" }).click();
    const dialog = page.getByRole("dialog", { name: "New individual enrollment" });
    stand.expected.push(/^answer: 400 (POST .*\/enrollments|PATCH .*\/provisioning)$/);
    await dialog.getByLabel("Registration id").fill("not an id");
    await dialog.getByRole("button", { name: "Enroll device" }).click();
    await dialog.locator("[aria-invalid=true]").waitFor();
    await dialog.getByLabel("Registration id").fill("press-12");
    await dialog.getByLabel("Device id").fill("hall-2-press");
    await dialog.getByLabel("Device template").selectOption({ label: "Fridge" });
    await dialog.getByRole("button", { name: "Enroll device" }).click();
    const row = page.getByRole("table", { name: "Individual enrollments" }).getByRole("row", { name: "press-12" });
    await row.getByText("hall-2-press").waitFor();
    await row.getByText("Fridge, the newest version").waitFor();
    const more = page.getByRole("button", { name: "More about press-12" });
    const { primaryKey } = await stand.hub.api<{ primaryKey: string }>("GET", "/enrollments/press-12/keys");
    await more.click();
    await page.getByRole("menuitem", { name: "Keys" }).click();
    await page.getByRole("button", { name: "Show keys of press-12" }).click();
    await page.getByRole("alertdialog", { name: "Show the keys" }).getByRole("button", { name: "Show keys" }).click();
    await page.getByText(primaryKey, { exact: true }).waitFor();
    await page.getByRole("button", { name: "New primary key for press-12" }).click();
    await page.getByRole("button", { name: "Make new primary key" }).click();
    await page.getByText(primaryKey, { exact: true }).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Close" }).click();
    await more.click();
    await page.getByRole("menuitem", { name: "Edit" }).click();
    await page.getByRole("switch", { name: "Let devices in" }).uncheck();
    await page.getByRole("button", { name: "Save" }).click();
    await row.getByText("Off", { exact: true }).waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await more.click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete enrollment" }).click();
    await page.getByRole("heading", { name: "There is no individual enrollment" }).waitFor();

    await page.getByRole("tab", { name: "Overview" }).click();
    await page.getByRole("button", { name: "Change" }).click();
    const scopes = page.getByRole("dialog", { name: "Further ID scopes" });
    await scopes.getByLabel("ID scopes").fill(hostile);
    await scopes.getByRole("button", { name: "Save" }).click();
    await scopes.locator("[aria-invalid=true]").waitFor();
    await scopes.getByLabel("ID scopes").fill("0ne00A1B2C3\n0neFFFFFF");
    await scopes.getByRole("button", { name: "Save" }).click();
    await page.getByText("0neFFFFFF", { exact: true }).waitFor();
    await leave(page);
  });

  test("a CA certificate is added, and lets devices in when its owner has proven to have the key, step by step", async () => {
    makeAuthority("Contoso Root");
    execFileSync("openssl", ["x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.der"], { cwd: folder });
    const page = await open("/admin/connection?tab=certificates");
    await page.getByRole("button", { name: "New CA certificate" }).click();
    const dialog = page.getByRole("dialog", { name: "New CA certificate" });
    stand.expected.push(/^answer: 400 POST .*\/ca-certificates/);
    await dialog.getByLabel("Name").fill("Contoso");
    await dialog.getByLabel("CA certificate", { exact: true }).fill(hostile);
    await dialog.getByRole("button", { name: "Add CA certificate" }).click();
    await dialog.locator("[aria-invalid=true]").waitFor();
    await dialog.locator("input[type=file]").setInputFiles(join(folder, "ca.der"));
    await expect
      .poll(async () => await dialog.getByLabel("CA certificate", { exact: true }).inputValue())
      .toContain("BEGIN CERTIFICATE");
    await dialog.getByRole("button", { name: "Add CA certificate" }).click();
    await page.getByText("Not verified").waitFor();
    await page.getByText("Contoso Root").waitFor();
    /** What the page says to type, typed where the authority's key is. */
    const prove = async (): Promise<void> => {
      const commands = await page.getByRole("region", { name: "Commands for Contoso" }).textContent();
      execFileSync("sh", ["-ec", commands ?? ""], { cwd: folder, stdio: "pipe" });
    };
    await prove();
    const commands = page.getByRole("region", { name: "Commands for Contoso" });
    const before = (await commands.textContent()) ?? "";
    await page.getByRole("button", { name: "New code for Contoso" }).click();
    await expect.poll(async () => await commands.textContent()).not.toBe(before);
    const form = page.getByRole("form", { name: "Verify Contoso" });
    // The former code is not good any more.
    await form.locator("input[type=file]").setInputFiles(join(folder, "verification.pem"));
    await form.getByRole("button", { name: "Verify" }).click();
    await form.locator("[aria-invalid=true]").waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await prove();
    await form
      .getByLabel("Verification certificate", { exact: true })
      .fill(readFileSync(join(folder, "verification.pem"), "utf8"));
    await form.getByRole("button", { name: "Verify" }).click();
    await page.getByText("Verified", { exact: true }).first().waitFor();
    await form.waitFor({ state: "detached" });

    // A group of it, and one device by its thumbprint.
    await page.getByRole("tab", { name: "Enrollment groups" }).click();
    await page.getByRole("button", { name: "New enrollment group" }).click();
    const group = page.getByRole("dialog", { name: "New enrollment group" });
    await group.getByLabel("Name").fill("By certificate");
    await group.getByRole("radio", { name: "Devices prove themselves by certificates of a CA" }).click();
    await group.getByLabel("CA certificate").selectOption({ label: "Contoso" });
    await group.getByRole("button", { name: "Make group" }).click();
    await page.getByRole("region", { name: "By certificate" }).getByText("by certificates", { exact: true }).waitFor();
    expect(await page.getByRole("button", { name: "Show keys of By certificate" }).count()).toBe(0);
    await page.getByRole("button", { name: "Delete By certificate" }).click();
    await page.getByRole("alertdialog").getByRole("textbox").fill("By certificate");
    await page.getByRole("button", { name: "Delete group" }).click();
    await page.getByRole("region", { name: "By certificate" }).waitFor({ state: "detached" });
    await page.getByRole("tab", { name: "Individual enrollments" }).click();
    await page.getByRole("button", { name: "New individual enrollment" }).click();
    const one = page.getByRole("dialog", { name: "New individual enrollment" });
    await one.getByLabel("Registration id").fill("press-13");
    await one.getByRole("radio", { name: "It proves itself by a certificate" }).click();
    stand.expected.push(/^answer: 400 POST .*\/enrollments$/);
    await one.getByLabel("Primary thumbprint").fill("AB");
    await one.getByRole("button", { name: "Enroll device" }).click();
    await one.locator("[aria-invalid=true]").waitFor();
    await one.getByLabel("Primary thumbprint").fill("ab".repeat(32));
    await one.getByRole("button", { name: "Enroll device" }).click();
    await one.waitFor({ state: "detached" });
    expect(await stand.hub.api("GET", "/enrollments/press-13")).toMatchObject({
      attestation: "x509",
      primaryThumbprint: "AB".repeat(32),
    });
    await page.getByRole("tab", { name: "CA certificates" }).click();
    await page.getByRole("button", { name: "Delete Contoso" }).click();
    await page.getByRole("alertdialog").getByRole("textbox").fill("Contoso");
    await page.getByRole("button", { name: "Delete CA certificate" }).click();
    await page.getByRole("heading", { name: "There is no CA certificate" }).waitFor();
    await leave(page);
  });

  test.each([
    ["light", 1440],
    ["dark", 390],
    ["light", 360],
  ] as const)("each part in %s at %i px: nothing serious by axe, no sideways scrolling", async (theme, width) => {
    const name = `${"W".repeat(60)} ${theme} ${width}`;
    await stand.hub.api("POST", "/enrollment-groups", { name });
    await stand.hub.api("POST", "/enrollments", { registrationId: `${"e".repeat(100)}-${theme}-${width}` });
    await stand.hub.api("POST", "/ca-certificates", { name, certificate: makeAuthority(`${theme} ${width}`) });
    for (const tab of ["overview", "groups", "enrollments", "certificates"]) {
      const page = await open(`/admin/connection?tab=${tab}`, "administrator", { theme, width });
      await page.getByRole("tabpanel").getByRole("heading", { level: 2 }).first().waitFor();
      expect(await stand.axe(page), tab).toEqual([]);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow, `${tab} is wider than the screen`).toBeLessThanOrEqual(0);
      expect(await page.evaluate(codeUnderButtons), tab).toEqual([]);
      await leave(page);
    }
  });
});

/** Runs in the page. @returns the names of pieces of code that a button covers a part of. */
function codeUnderButtons(): readonly string[] {
  const buttons = [...document.querySelectorAll("button")].map((button) => button.getBoundingClientRect());
  const covered = [...document.querySelectorAll("pre, code")].filter((code) => {
    const { left, right, top, bottom } = code.getBoundingClientRect();
    return buttons.some((box) => box.left < right && box.right > left && box.top < bottom && box.bottom > top);
  });
  return covered.map((code) => code.getAttribute("aria-label") ?? code.textContent ?? "");
}
