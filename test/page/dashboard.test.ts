// The dashboard: what comes in, live; what is refused and why; the first steps of a new installation.

import device from "azure-iot-device";
import azureMqtt from "azure-iot-device-mqtt";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { rejectionReasons } from "../../src/ingest/ingest.ts";
import { rejectionWords } from "../../web/src/dashboard/rejection-words.ts";
import { needs } from "../lib/needs.ts";
import { emptyTemplate } from "../lib/plain-devices.ts";
import { PageStand } from "./page-stand.ts";

const { Client, Message } = device;

test("each reason for which the hub refuses something has words and says what to do", () => {
  for (const reason of rejectionReasons) {
    const { title, toDo } = rejectionWords(reason);
    expect(title, reason).not.toBe(reason);
    expect(toDo, reason).toMatch(/\.$|…$/);
  }
});

needs("chromium")("The dashboard", () => {
  let stand: PageStand;
  let lake: string;
  beforeAll(async () => {
    lake = mkdtempSync(join(tmpdir(), "coldpath-page-lake-"));
    stand = await PageStand.open("--no-sample", "--test-clock-rate=20");
  });
  afterEach(async () => {
    for (const context of stand.browser.contexts()) await context.close();
  });
  afterAll(async () => {
    await stand?.close();
    rmSync(lake, { recursive: true, force: true });
  });

  test("leads from a first start to the first file, and follows what comes in by itself", async () => {
    const page = await stand.signedIn("administrator");
    await page.goto(stand.url);
    const steps = page.getByRole("region", { name: "First steps" });
    await steps.getByRole("link", { name: "Add storage account" }).waitFor();
    await page.getByRole("heading", { name: "Connect your first device" }).waitFor();
    expect(await stand.axe(page)).toEqual([]);

    const { id } = await stand.hub.api<{ id: string }>("POST", "/storage-accounts", {
      name: "lake",
      settings: { kind: "folder", path: lake },
    });
    await steps.getByRole("link", { name: "Add storage account" }).waitFor({ state: "detached" });
    await stand.hub.api("POST", `/storage-accounts/${id}/containers`, { name: "iot" });
    await stand.hub.api("POST", "/exports", {
      name: "all",
      storageAccountId: id,
      container: "iot",
      types: ["measurements"],
    });
    await page.getByRole("table", { name: "Exports" }).getByRole("link", { name: "all" }).waitFor();
    await stand.hub.api("POST", "/device-templates", emptyTemplate);
    await stand.hub.api("POST", "/devices", { id: "boiler-7", templateId: emptyTemplate.id });
    await page.getByRole("heading", { name: "How devices connect" }).waitFor();

    const { primaryConnectionString } = await stand.hub.api<{ primaryConnectionString: string }>(
      "GET",
      "/devices/boiler-7/credentials",
    );
    const client = Client.fromConnectionString(primaryConnectionString, azureMqtt.Mqtt);
    await client.setOptions({ ca: readFileSync(join(stand.hub.dataDir, "tls/ca.pem"), "utf8") });
    await client.open();
    await page.getByRole("region", { name: "Devices connected" }).getByText("1", { exact: true }).waitFor();
    for (let count = 0; count < 3; count++) await client.sendEvent(new Message(`message ${count}`));
    await page.getByRole("region", { name: "Messages accepted" }).getByText("3", { exact: true }).waitFor();
    await client.close();
    await page.getByRole("region", { name: "Devices connected" }).getByText("0", { exact: true }).waitFor();
    // The first file ends the first steps.
    await steps.waitFor({ state: "detached", timeout: 60_000 });
    await page
      .getByRole("table", { name: "Exports" })
      .getByText(/\d records?/)
      .waitFor();
    await page.getByRole("table", { name: "Exports" }).getByText("Healthy").waitFor();
    expect(stand.faults).toEqual([]);
  });

  test("says what was refused, what it means, and what to do", async () => {
    const { primaryConnectionString } = await stand.hub.api<{ primaryConnectionString: string }>(
      "GET",
      "/devices/boiler-7/credentials",
    );
    const wrong = primaryConnectionString.replace(/SharedAccessKey=.*/, `SharedAccessKey=${btoa("x".repeat(32))}`);
    const client = Client.fromConnectionString(wrong, azureMqtt.Mqtt);
    await client.setOptions({ ca: readFileSync(join(stand.hub.dataDir, "tls/ca.pem"), "utf8") });
    await expect(client.open()).rejects.toThrow();
    await client.close().catch(() => {}); // it never opened
    const page = await stand.signedIn("operator", { width: 390, theme: "dark" });
    await page.goto(stand.url);
    const refused = page.getByRole("table", { name: "Refused" });
    await refused.getByText("A token signed with a wrong key").waitFor();
    await refused.getByText("Take it anew from the device's page").waitFor();
    expect(await stand.axe(page)).toEqual([]);
    expect(stand.faults).toEqual([]);
  });

  test("shows an operator nothing of exports", async () => {
    const page = await stand.signedIn("operator");
    await page.goto(stand.url);
    await page.getByRole("region", { name: "Messages accepted" }).waitFor();
    await page.getByRole("heading", { name: "How devices connect" }).waitFor();
    expect(await page.getByRole("region", { name: "Continuous Data Export" }).count()).toBe(0);
    expect(await page.getByRole("region", { name: "First steps" }).count()).toBe(0);
    expect(stand.faults).toEqual([]);
  });
});
