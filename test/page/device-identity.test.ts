// How a device signs in and what modules it has, by clicks, with real devices of Microsoft's SDK that come in by it.

import azureDevice from "azure-iot-device";
import azureMqtt from "azure-iot-device-mqtt";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { needs } from "../lib/needs.ts";
import { awkwardId, devicePath, fridge, hostile, makeFridges } from "./fridges.ts";
import { PageStand } from "./page-stand.ts";

const { Client, ModuleClient } = azureDevice;

needs("chromium")("How a device signs in", () => {
  let stand: PageStand;
  let folder: string;
  beforeAll(async () => {
    stand = await PageStand.open("--no-sample");
    await stand.hub.api("POST", "/device-templates", fridge);
    folder = mkdtempSync(join(tmpdir(), "coldpath-identity-"));
  });
  afterAll(async () => {
    await stand.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = async (id: string): Promise<Page> => {
    const page = await stand.signedIn("operator");
    page.setDefaultTimeout(15_000);
    await page.goto(stand.url + devicePath(id, "connect"));
    await page.getByRole("heading", { level: 2, name: "Authentication" }).waitFor();
    return page;
  };
  const leave = async (page: Page): Promise<void> => {
    expect(await page.evaluate(() => "wasRun" in globalThis)).toBe(false);
    expect(stand.faults).toEqual([]);
    await page.context().close();
  };
  const authority = (): string => readFileSync(join(stand.hub.dataDir, "tls/ca.pem"), "utf8");

  test("a device is set to a certificate by its thumbprint, gets in by it, and back to its keys", async () => {
    await makeFridges(stand, { id: "certified" });
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    const files = ["-subj", "/CN=certified", "-keyout", "device.key", "-out", "device.pem"];
    execFileSync("openssl", ["req", "-x509", ...key, ...files], { cwd: folder, stdio: "pipe" });
    const shown = execFileSync("openssl", ["x509", "-in", "device.pem", "-noout", "-fingerprint", "-sha256"], {
      cwd: folder,
      encoding: "utf8",
    });
    const thumbprint = shown.split("=")[1]?.trim() ?? "";

    const page = await open("certified");
    await page.getByRole("heading", { level: 2, name: "Keys" }).waitFor();
    await page.getByRole("button", { name: "Change authentication" }).click();
    const dialog = page.getByRole("dialog", { name: "Authentication" });
    await dialog.getByRole("radio", { name: /^A certificate of its own/ }).click();
    stand.expected.push(/^answer: 400 PUT .*\/devices\/certified\/authentication$/);
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("authentication.primaryThumbprint is missing.").waitFor();
    await dialog.getByLabel("Primary thumbprint").fill(hostile);
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("must be a SHA-1 or SHA-256 thumbprint").waitFor();
    await dialog.getByLabel("Primary thumbprint").fill(thumbprint);
    expect(await stand.axe(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByText(thumbprint.replaceAll(":", ""), { exact: true }).waitFor();
    // Its keys open nothing now, and are not offered.
    await page.getByRole("heading", { level: 2, name: "Keys" }).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Show Connection string" }).click();
    const connection = await page.getByText(/^HostName=\S+;DeviceId=certified;x509=true$/).textContent();

    const client = Client.fromConnectionString(connection ?? "", azureMqtt.Mqtt);
    const [cert, clientKey] = ["device.pem", "device.key"].map((name) => readFileSync(join(folder, name), "utf8"));
    await client.setOptions({ ca: authority(), cert: cert ?? "", key: clientKey ?? "" });
    await client.open();
    await page.getByText("Connected", { exact: true }).waitFor({ timeout: 30_000 });
    await client.close();
    expect(await stand.axe(page)).toEqual([]);

    await page.getByRole("button", { name: "Change authentication" }).click();
    await dialog.getByRole("radio", { name: /^A certificate of a CA/ }).click();
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByText("A certificate of a CA", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Change authentication" }).click();
    await dialog.getByRole("radio", { name: /^Keys/ }).click();
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { level: 2, name: "Keys" }).waitFor();
    expect(await stand.hub.api("GET", "/devices/certified")).toMatchObject({ authentication: { type: "sas" } });
    await leave(page);
  });

  test("a module is made, comes in by the connection string that is shown, is told things, its key is renewed, and it is deleted", async () => {
    await makeFridges(stand, { id: "manifold" });
    const page = await open("manifold");
    await page.getByText("This device has no modules.").waitFor();
    stand.expected.push(/^answer: (400|409) POST .*\/devices\/manifold\/modules$/);
    await page.getByRole("button", { name: "New module" }).click();
    const dialog = page.getByRole("dialog", { name: "New module" });
    await dialog.getByLabel("Id").fill(hostile);
    await dialog.getByRole("button", { name: "Make module" }).click();
    await dialog.locator("[aria-invalid=true]").waitFor();
    await dialog.getByLabel("Id").fill("camera");
    await dialog.getByRole("button", { name: "Make module" }).click();

    // Its own page, with its keys.
    await page.getByRole("heading", { level: 1, name: "camera" }).waitFor();
    await page.getByText("Not connected", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Show Primary connection string" }).click();
    const text = page.getByText(/^HostName=\S+;DeviceId=manifold;ModuleId=camera;SharedAccessKey=\S+$/);
    const connection = (await text.textContent()) ?? "";
    const client = ModuleClient.fromConnectionString(connection, azureMqtt.Mqtt);
    await client.setOptions({ ca: authority() });
    await client.open();
    const asked: unknown[] = [];
    client.onMethod("zoom", (request, response) => {
      asked.push(request?.payload as unknown);
      void response?.send(200, { at: 2, [hostile]: hostile });
    });
    const twin = await client.getTwin();
    const told: unknown[] = [];
    twin.on("properties.desired", (delta: unknown) => told.push(delta));
    await new Promise<void>((resolve, reject) => {
      twin.properties.reported["update"]({ lens: hostile }, (error: Error | null) =>
        error === null ? resolve() : reject(error),
      );
    });
    await page.getByText("Connected", { exact: true }).waitFor();

    // A direct method of it.
    await page.getByRole("tab", { name: "Commands" }).click();
    const form = page.getByRole("form", { name: "Direct method" });
    await form.getByLabel("Method").fill("zoom");
    await form.getByLabel("Payload").fill('{"by":2}');
    await form.getByRole("button", { name: "Run" }).click();
    const calls = page.getByRole("list", { name: "Methods that were run, newest first" }).getByRole("listitem");
    await calls.first().getByText("Answered with 200").waitFor();
    await calls.first().getByText(hostile).first().waitFor();
    expect(asked).toEqual([{ by: 2 }]);
    expect(await stand.axe(page)).toEqual([]);

    // What is wanted of it.
    await page.getByRole("tab", { name: "Raw twin" }).click();
    await page.getByRole("table", { name: "Reported properties" }).getByText("<img src=x onerror").waitFor();
    await page.getByText("Nothing is wanted of this module.").waitFor();
    await page.getByRole("button", { name: "Change" }).click();
    const change = page.getByRole("dialog", { name: "Change desired properties" });
    stand.expected.push(/^answer: 400 PATCH .*\/modules\/camera\/twin$/);
    await change.getByLabel("Desired properties").fill('{"a.b":1}');
    await change.getByRole("button", { name: "Save" }).click();
    await change.locator("[aria-invalid=true]").waitFor();
    await change.getByLabel("Desired properties").fill('{"every":30,"zone":"a"}');
    await change.getByRole("button", { name: "Save" }).click();
    await change.waitFor({ state: "detached" });
    await page.getByRole("table", { name: "Desired properties" }).getByRole("row", { name: "zone" }).waitFor();
    await expect.poll(() => told.at(-1)).toMatchObject({ every: 30, zone: "a" });
    await page.getByRole("button", { name: "Change" }).click();
    await change.getByLabel("Desired properties").fill('{"every":60}');
    await change.getByRole("button", { name: "Save" }).click();
    await change.waitFor({ state: "detached" });
    await expect.poll(() => told.at(-1)).toMatchObject({ every: 60, zone: null });
    expect(await stand.axe(page)).toEqual([]);

    // With a new key the former one is no good, and not shown any more.
    await page.getByRole("tab", { name: "Connect" }).click();
    await page.getByRole("button", { name: "Show Primary connection string" }).click();
    await text.waitFor();
    await page.getByRole("button", { name: "Regenerate primary key" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Regenerate primary key" }).click();
    await text.waitFor({ state: "detached" });
    await client.close();
    await stand.hub.api("PATCH", "/devices/manifold", { enabled: false });
    await page.getByRole("tab", { name: "Commands" }).click();
    await page.getByText("Its device is blocked, so it cannot be connected.").waitFor();
    expect(await calls.count()).toBe(1);

    await page.getByRole("link", { name: "manifold" }).last().click();
    await page.getByRole("tab", { name: "Connect" }).click();
    await page.getByRole("table", { name: "Modules" }).getByRole("link", { name: "camera" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete module" }).click();
    await page.getByText("This device has no modules.").waitFor();
    stand.expected.push(/^answer: 404 GET .*\/modules\/camera$/);
    await page.goto(`${stand.url}/devices/manifold/modules/camera?tab=twin`);
    await page.getByRole("heading", { name: "There is no such module" }).waitFor();
    await leave(page);
  });

  test.each([
    ["light", 1440],
    ["dark", 390],
  ] as const)("a module's page in %s at %i px: nothing serious by axe, no sideways scrolling", async (theme, width) => {
    const id = `${awkwardId}-${theme}`;
    const moduleId = `${"m".repeat(60)}${awkwardId}`;
    await makeFridges(stand, { id });
    await stand.hub.api("POST", `/devices/${encodeURIComponent(id)}/modules`, { id: moduleId });
    const page = await stand.signedIn("operator", { theme, width });
    page.setDefaultTimeout(15_000);
    for (const tab of ["connect", "commands", "twin"]) {
      await page.goto(`${stand.url}${devicePath(id)}/modules/${encodeURIComponent(moduleId)}?tab=${tab}`);
      await page.getByRole("heading", { level: 1, name: moduleId }).waitFor();
      await page.getByRole("tabpanel").getByRole("heading", { level: 2 }).first().waitFor();
      expect(await stand.axe(page), tab).toEqual([]);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow, `${tab} is wider than the screen`).toBeLessThanOrEqual(0);
    }
    await leave(page);
  });
});
