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
import { devicePath, fridge, hostile, makeFridges } from "./fridges.ts";
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

  test("a module is made, comes in by the connection string that is shown, its twin is seen, its key renewed, and it is deleted", async () => {
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
    const row = page.getByRole("table", { name: "Modules" }).getByRole("row", { name: "camera" });
    await row.getByText("Not connected").waitFor();
    const more = page.getByRole("button", { name: "More about camera" });

    await more.click();
    await page.getByRole("menuitem", { name: "Keys" }).click();
    const keys = page.getByRole("alertdialog", { name: "Keys of camera" });
    await keys.getByRole("button", { name: "Show Primary connection string" }).click();
    const text = page.getByText(/^HostName=\S+;DeviceId=manifold;ModuleId=camera;SharedAccessKey=\S+$/);
    const connection = (await text.textContent()) ?? "";
    const client = ModuleClient.fromConnectionString(connection, azureMqtt.Mqtt);
    await client.setOptions({ ca: authority() });
    await client.open();
    const twin = await client.getTwin();
    await new Promise<void>((resolve, reject) => {
      twin.properties.reported["update"]({ lens: hostile }, (error: Error | null) =>
        error === null ? resolve() : reject(error),
      );
    });
    await keys.getByRole("button", { name: "Regenerate primary key" }).click();
    await page.getByRole("button", { name: "Regenerate", exact: true }).click();
    await text.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Close" }).click();
    await client.close();

    await more.click();
    await page.getByRole("menuitem", { name: "Twin" }).click();
    await page.getByRole("region", { name: "Reported properties" }).getByText("<img src=x onerror").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    expect(await stand.axe(page)).toEqual([]);
    await more.click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete module" }).click();
    await page.getByText("This device has no modules.").waitFor();
    await leave(page);
  });
});
