// The whole set-up as a new user clicks it: from the printed link to a device's message in an exported file, shown decoded.
//
// The real server with its sample, a real Azurite, a device with the Azure SDK; the wall clock, so that a minute is one.

import { existsSync, readFileSync } from "node:fs";
import { Client, Message } from "azure-iot-device";
import { Mqtt } from "azure-iot-device-mqtt";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Azurite, startAzurite } from "../lib/azurite.ts";
import { needs } from "../lib/needs.ts";
import { PageStand, type PageTheme } from "./page-stand.ts";

const text = "hello from the walk <b>not bold</b>";

needs("chromium")("From first start to the first exported file, by mouse", () => {
  let azurite: Azurite;
  beforeAll(async () => {
    azurite = await startAzurite();
  });
  afterAll(async () => await azurite.stop());

  for (const theme of ["light", "dark"] satisfies PageTheme[]) {
    test(`sign in, storage account, container, toggles, save, a device's message, its file and preview (${theme})`, async () => {
      const stand = await PageStand.open();
      try {
        const page = await stand.tab({ theme, width: theme === "light" ? 1440 : 390 });
        page.setDefaultTimeout(20_000);
        const steps = new Steps();

        // Sign into the application.
        await page.goto(/\S+\/setup#token=\S+/.exec(stand.hub.output)?.[0] ?? "");
        await page.getByLabel("Password", { exact: true }).fill("a river under ice 7");
        await page.getByLabel("Password again").fill("a river under ice 7");
        await page.getByRole("button", { name: "Make the Administrator" }).click();
        await page.getByRole("heading", { level: 1, name: "Dashboard" }).waitFor();
        steps.done("signed in");

        // A storage account.
        await navigate(page, "Storage accounts");
        await page.getByRole("link", { name: "New storage account" }).click();
        await page.getByRole("textbox", { name: "Name" }).fill("Analytics");
        await page.locator('input[type="password"]').fill(azurite.connectionString);
        await page.getByRole("button", { name: "Test connection" }).click();
        await page.getByText("The connection works.").waitFor();
        await page.getByRole("button", { name: "Save" }).click();
        await page.getByRole("heading", { level: 1, name: "Analytics" }).waitFor();
        steps.done("storage account");

        // Administration → Continuous Data Export: the two drop-downs, the toggles, Save.
        await navigate(page, "Continuous Data Export");
        await page.getByRole("link", { name: "New export" }).click();
        await page.getByRole("combobox", { name: "Storage account" }).click();
        await page.getByRole("option", { name: /Analytics/ }).click();
        await page.getByRole("combobox", { name: "Container" }).click();
        await page.getByRole("option", { name: /Create new container/ }).click();
        await page.getByLabel("Name of the new container").fill(`walk-${theme}`);
        await page.getByRole("button", { name: "Create container" }).click();
        for (const type of ["Measurements", "Devices", "Device templates"]) {
          await page.getByRole("switch", { name: type, exact: true }).check();
        }
        await page.getByRole("switch", { name: /^Continuous Data Export/ }).check();
        await page.getByRole("button", { name: "Save" }).click();
        // Near the end of a minute the first file is there before the count-down could be seen.
        await page.waitForURL(/\/admin\/exports\/[\da-f-]{36}/);
        const exportUrl = page.url();
        steps.done("export saved");

        // A device of one's own.
        await navigate(page, "Device explorer");
        await page.getByRole("button", { name: "New device" }).click();
        await page.getByLabel("Name", { exact: true }).last().fill("Walker");
        await page.getByLabel("Id", { exact: true }).fill("walker");
        await page.getByRole("button", { name: "Make device" }).click();
        await page.getByRole("button", { name: "Show Primary connection string" }).click();
        const connection = /HostName=\S+;DeviceId=walker;SharedAccessKey=[\w+/=]+/;
        await page.getByText(connection).first().waitFor();
        const shown = connection.exec((await page.getByRole("dialog").textContent()) ?? "")?.[0] ?? "";
        await send(shown, stand.hub.dataDir);
        steps.done("device sent");

        // The files appear, in the page that is open, when the minute is over.
        await page.goto(exportUrl);
        await page.getByRole("tab", { name: "Files" }).click();
        await page.getByText("measurements", { exact: true }).first().click({ timeout: 150_000 });
        const file = await messageFile(page, exportUrl, stand);
        await page.goto(`${exportUrl}/file?path=${encodeURIComponent(file)}`);
        await page.getByText(text).first().waitFor();
        expect(await page.locator("b", { hasText: "not bold" }).count()).toBe(0);
        expect(await stand.axe(page)).toEqual([]);
        steps.done("preview shows the message");
        console.log(steps.table());
        expect(stand.faults).toEqual([]);
      } finally {
        await stand.close();
      }
    });
  }
});

/** By the menu, which is behind a button on a phone. */
async function navigate(page: Page, name: string): Promise<void> {
  const link = page.getByRole("link", { name, exact: true }).first();
  if (!(await link.isVisible()))
    await page
      .getByRole("button", { name: /menu|navigation/i })
      .first()
      .click();
  await link.click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
}

async function send(connectionString: string, dataDir: string): Promise<void> {
  const ca = `${dataDir}/tls/ca.pem`;
  expect(existsSync(ca)).toBe(true);
  const client = Client.fromConnectionString(connectionString, Mqtt);
  await client.setOptions({ ca: readFileSync(ca, "utf8") });
  await client.open();
  await client.sendEvent(new Message(JSON.stringify({ note: text })));
  await client.close();
}

/** The measurements file that holds the device's message: the server's own run history leads there. */
async function messageFile(page: Page, exportUrl: string, stand: PageStand): Promise<string> {
  const id = exportUrl.split("/").at(-1) ?? "";
  for (;;) {
    const { items } = await stand.hub.api<{ items: { path: string; type: string }[] }>("GET", `/exports/${id}/runs`);
    for (const { path, type } of items) {
      if (type !== "measurements") continue;
      const preview = await stand.hub.api<{ records: unknown[] }>(
        "GET",
        `/exports/${id}/files/preview?path=${encodeURIComponent(path)}&limit=1000`,
      );
      if (JSON.stringify(preview.records).includes("hello from the walk")) return path;
    }
    await page.waitForTimeout(1000);
  }
}

/** How long a person's steps take here, the waiting for the minute included. */
class Steps {
  readonly #startMs = performance.now();
  readonly #lines: string[] = [];

  done(name: string): void {
    this.#lines.push(`${((performance.now() - this.#startMs) / 1000).toFixed(1).padStart(6)} s  ${name}`);
  }

  table(): string {
    return this.#lines.join("\n");
  }
}
