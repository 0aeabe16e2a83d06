// The device explorer by clicks: a fresh hub, 5,000 devices, many at once, CSV there and back, names that mean harm.

import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { needs } from "../lib/needs.ts";
import { awkwardId, devicePath, fridge, hostile, makeFridges } from "./fridges.ts";
import { PageStand } from "./page-stand.ts";

const fleet = 5_000;

const open = async (stand: PageStand, page: Page, path = "/devices"): Promise<void> => {
  page.setDefaultTimeout(15_000);
  await page.goto(stand.url + path);
  await page.getByRole("heading", { level: 1, name: "Device explorer" }).waitFor();
};
/** Names in the table, top down. */
const namesOf = async (page: Page): Promise<string[]> =>
  await page.getByRole("table", { name: "Devices" }).locator("tbody tr td:nth-child(2)").allTextContents();
const countOf = (page: Page, text: string) => page.getByRole("navigation", { name: "Pages" }).getByText(text);
/** Said once to be seen, and once to be heard. */
const toast = (page: Page, text: string) => page.getByText(text).first();
const choose = async (page: Page, label: string, option: string): Promise<void> => {
  await page.getByLabel(label, { exact: true }).selectOption({ label: option });
};

needs("chromium")("The device explorer of a fresh hub", () => {
  let stand: PageStand;
  beforeAll(async () => {
    stand = await PageStand.open("--no-sample");
  });
  afterAll(async () => await stand.close());

  test("leads to device templates first, then to a first device, and shows how that connects", async () => {
    const page = await stand.signedIn("operator");
    await open(stand, page);
    await page.getByRole("heading", { name: "First, a device template" }).waitFor();
    await page.getByText("A Builder or an Administrator can make one").waitFor();
    expect(await page.getByRole("button", { name: "New device" }).count()).toBe(0);
    expect(await stand.axe(page)).toEqual([]);

    await stand.hub.api("POST", "/device-templates", fridge);
    // The page hears of it by itself.
    await page.getByRole("heading", { name: "No devices yet" }).waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await page.getByRole("button", { name: "New device" }).first().click();
    const dialog = page.getByRole("dialog", { name: "New device" });
    expect(await dialog.getByLabel("Template", { exact: true }).inputValue()).toBe(fridge.id);
    await dialog.getByLabel("Name").fill("Fridge in the lobby");
    await dialog.getByLabel("Id").fill("no blanks please");
    stand.expected.push(/^answer: 400 POST .*\/devices$/);
    await dialog.getByRole("button", { name: "Make device" }).click();
    // The server's message at its field, and the focus there.
    await dialog.getByText("id must be 1 to 128 characters out of letters, digits and").waitFor();
    expect(await dialog.getByLabel("Id").getAttribute("aria-invalid")).toBe("true");
    expect(await dialog.getByLabel("Id").evaluate((input) => input === document.activeElement)).toBe(true);

    await dialog.getByLabel("Id").fill(awkwardId);
    await dialog.getByRole("button", { name: "Make device" }).click();
    const made = page.getByRole("dialog", { name: "Fridge in the lobby is made" });
    expect(await made.getByText("SharedAccessKey").count()).toBe(0);
    await made.getByRole("button", { name: "Show Primary connection string" }).click();
    await made.getByText(`DeviceId=${awkwardId};SharedAccessKey=`).waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await made.getByRole("button", { name: "How to connect it" }).click();
    await page.getByRole("heading", { level: 1, name: "Fridge in the lobby" }).waitFor();
    await page.getByRole("heading", { name: "Ready code" }).waitFor();
    expect(new URL(page.url()).pathname).toBe(devicePath(awkwardId));
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("a simulated device is made by two clicks, and sends", async () => {
    const page = await stand.signedIn("operator");
    await open(stand, page);
    await page.getByRole("button", { name: "New device" }).click();
    await page.getByRole("radio", { name: "Simulated" }).click();
    await page.getByRole("button", { name: "Make device" }).click();
    await page.getByRole("button", { name: "See its measurements" }).click();
    await page.getByRole("heading", { name: "Last values" }).waitFor({ timeout: 60_000 });
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });
});

needs("chromium")("The device explorer", () => {
  let stand: PageStand;
  beforeAll(async () => {
    stand = await PageStand.open("--no-sample");
    await stand.hub.api("POST", "/device-templates", fridge);
    const { name, measurements, settings, properties } = fridge;
    await stand.hub.api("POST", "/device-templates/fridge/versions", {
      version: "2.0.0",
      publish: true,
      name,
      measurements,
      settings,
      properties,
    });
    const number = (index: number): string => String(index).padStart(4, "0");
    const devices = Array.from({ length: fleet }, (_, index) => ({
      id: `d-${number(index)}`,
      name: `Fridge ${number(fleet - 1 - index)}`,
      templateId: fridge.id,
      templateVersion: index < 100 ? "1.0.0" : "2.0.0",
      enabled: index % 1000 !== 7,
    }));
    await stand.hub.api("POST", "/devices/batch", { devices });
  });
  afterAll(async () => await stand.close());

  test("shows a page of 5,000; sorted and paged by the server; where one is stands in the address, back and forth", async () => {
    const page = await stand.signedIn("operator");
    await open(stand, page);
    await countOf(page, "5,000 in all, page 1").waitFor();
    expect((await namesOf(page)).length).toBe(50);
    await page.getByRole("button", { name: "Next" }).click();
    await countOf(page, "page 2").waitFor();
    await page.getByRole("link", { name: "Fridge 4949" }).waitFor();
    await page.getByRole("button", { name: "Next" }).click();
    await countOf(page, "page 3").waitFor();
    await page.getByRole("link", { name: "Fridge 4899" }).click();
    await page.getByRole("heading", { level: 1, name: "Fridge 4899" }).waitFor();
    await page.goBack();
    await countOf(page, "page 3").waitFor();
    await page.getByRole("link", { name: "Fridge 4899" }).waitFor();
    // The way back survives that, and a reload.
    await page.reload();
    await countOf(page, "page 3").waitFor();
    await page.getByRole("button", { name: "Previous" }).click();
    await page.getByRole("link", { name: "Fridge 4949" }).waitFor();
    const shared = page.url();

    await page.getByRole("button", { name: "Name", exact: true }).click();
    await page.getByRole("link", { name: "Fridge 0000" }).waitFor();
    expect(page.url()).toContain("sort=name");
    expect(page.url()).not.toContain("after=");
    await page.getByRole("button", { name: "Name", exact: true }).click();
    await page.getByRole("columnheader", { name: "Name" }).and(page.locator("[aria-sort=descending]")).waitFor();
    await page.getByRole("link", { name: "Fridge 4999" }).waitFor();

    // A link that somebody passed on shows the same page; back from it is the first.
    const other = await stand.signedIn("operator");
    await open(stand, other, shared.slice(stand.url.length));
    await countOf(other, "page 2").waitFor();
    await other.getByRole("link", { name: "Fridge 4949" }).waitFor();
    await other.getByRole("button", { name: "Previous" }).click();
    await other.getByRole("link", { name: "Fridge 4999" }).waitFor();
    expect(stand.faults).toEqual([]);
    await page.context().close();
    await other.context().close();
  });

  test("a search waits until one stops typing, and filters add to it", async () => {
    const page = await stand.signedIn("operator");
    await open(stand, page);
    await countOf(page, "5,000 in all").waitFor();
    const asked: string[] = [];
    page.on("request", (request) => {
      if (request.url().includes("search=")) asked.push(request.url());
    });
    await page.getByLabel("Search by name or id").pressSequentially("d-0000", { delay: 20 });
    await countOf(page, "1 in all").waitFor();
    expect(await namesOf(page)).toEqual(["Fridge 4999"]);
    expect(asked.length).toBe(1);
    expect(page.url()).toContain("search=d-0000");

    await page.getByLabel("Search by name or id").fill("");
    await countOf(page, "5,000 in all").waitFor();
    await choose(page, "Access", "Blocked");
    await countOf(page, "5 in all").waitFor();
    await choose(page, "Template", "Fridge");
    await choose(page, "Template version", "Version 1.0.0");
    await countOf(page, "1 in all").waitFor();
    expect(await namesOf(page)).toEqual(["Fridge 4992"]);
    await choose(page, "Connection", "Connected");
    await page.getByRole("heading", { name: "No device matches" }).waitFor();
    await page.goBack();
    await countOf(page, "1 in all").waitFor();
    await page.getByRole("button", { name: "Clear filters" }).click();
    await countOf(page, "5,000 in all").waitFor();
    await choose(page, "Kind", "Simulated");
    await page.getByRole("heading", { name: "No device matches" }).waitFor();
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("many at once are blocked, let in, moved and deleted; what is not done to one is said", async () => {
    const page = await stand.signedIn("operator");
    await open(stand, page, "/devices?search=d-00");
    await countOf(page, "100 in all").waitFor();
    const selection = page.getByRole("group", { name: "Selection" });
    await page.getByLabel("Select d-0001", { exact: true }).check();
    await page.getByLabel("Select d-0002", { exact: true }).check();
    await selection.getByText("2 devices selected").waitFor();
    await selection.getByRole("button", { name: "Block", exact: true }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Block", exact: true }).click();
    await toast(page, "2 devices blocked").waitFor();
    await page.getByRole("row", { name: "d-0001" }).getByText("Blocked").waitFor();

    // All that match, also those on the next page.
    await page.getByLabel("Select all on this page").check();
    await selection.getByRole("button", { name: "Select all 100" }).click();
    await selection.getByText("100 devices selected").waitFor();
    await selection.getByRole("button", { name: "Unblock" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Unblock" }).click();
    await toast(page, "100 devices unblocked").waitFor();
    await page.getByRole("row", { name: "d-0001" }).getByText("Not connected").waitFor();

    // Somebody deletes one of them meanwhile.
    await page.getByLabel("Select all on this page").check();
    await stand.hub.api("DELETE", "/devices/d-0049");
    await selection.getByRole("button", { name: "Change version" }).click();
    await choose(page, "Version", "2.0.0");
    await page.getByRole("alertdialog").getByRole("button", { name: "Move" }).click();
    await toast(page, "49 devices moved").waitFor();
    await page.getByText("1 device was not moved.").waitFor();
    await page.getByText(/^d-0049: /).waitFor();
    expect((await stand.hub.api<{ templateVersion: string }>("GET", "/devices/d-0000")).templateVersion).toBe("2.0.0");
    await selection.getByRole("button", { name: "Clear" }).click();

    await page.getByLabel("Select d-0003", { exact: true }).check();
    await page.getByLabel("Select d-0004", { exact: true }).check();
    await selection.getByRole("button", { name: "Delete" }).click();
    const dialog = page.getByRole("alertdialog", { name: "Delete 2 devices?" });
    const confirm = dialog.getByRole("button", { name: "Delete 2 devices" });
    expect(await confirm.getAttribute("aria-disabled")).toBe("true");
    await dialog.getByLabel("Type delete 2 to confirm").fill("delete 2");
    await confirm.click();
    await countOf(page, "97 in all").waitFor();
    // The list is new a moment before the dialog goes.
    await dialog.waitFor({ state: "detached" });
    expect(await stand.axe(page)).toEqual([]);
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("CSV: devices go out, with keys only when one says so, and come in again as they were; each bad row is told", async () => {
    const page = await stand.signedIn("operator");
    await makeFridges(stand, { id: "csv-1", name: '=1+1, "quoted"' }, { id: "csv-2", name: "Zweiter Kühlschrank" });
    const keys = await stand.hub.api<{ primaryKey: string }>("GET", "/devices/csv-1/credentials");
    await open(stand, page, "/devices?search=csv-");
    await countOf(page, "2 in all").waitFor();
    const exported = async (withKeys: boolean): Promise<string> => {
      await page.getByRole("button", { name: "CSV" }).click();
      await page.getByRole("menuitem", { name: "Export devices" }).click();
      const dialog = page.getByRole("dialog", { name: "Export devices" });
      await dialog.getByText("The 2 devices that the list shows").waitFor();
      if (withKeys) {
        await dialog.getByLabel("With the devices' keys").check();
        await dialog.getByText("Whoever has this file can send as each of these devices").waitFor();
      }
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        dialog.getByRole("link", { name: withKeys ? "Download with keys" : "Download" }).click(),
      ]);
      return readFileSync(await download.path(), "utf8");
    };
    const plain = await exported(false);
    expect(plain).toContain("csv-1");
    expect(plain).not.toContain("d-0000");
    expect(plain).not.toContain(keys.primaryKey);
    const sheet = await exported(true);
    expect(sheet).toContain(keys.primaryKey);

    await stand.hub.api("POST", "/devices/delete", { ids: ["csv-1", "csv-2"] });
    await page.getByRole("heading", { name: "No device matches" }).waitFor();
    await page.getByRole("button", { name: "CSV" }).click();
    await page.getByRole("menuitem", { name: "Import devices" }).click();
    const dialog = page.getByRole("alertdialog", { name: "Import devices" });
    const file = (text: string) => ({ name: "devices.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
    const bad = `${sheet}d-0010,There already,,\r\nno blanks,Bad id,,\r\n${hostile.replaceAll(/[",]/g, "")},Markup,,\r\n`;
    await dialog.getByLabel("CSV file").setInputFiles(file(bad));
    await dialog.getByText("2 devices can be made").waitFor();
    await dialog.getByText("1 exists already").waitFor();
    await dialog.getByText("2 rows are wrong").waitFor();
    await dialog
      .getByText(/IOTC_DEVICEID: .*must be 1 to 128 characters/)
      .first()
      .waitFor();
    expect(await stand.axe(page)).toEqual([]);
    // Nothing was made by trying.
    expect((await stand.hub.api<{ total: number }>("GET", "/devices?search=csv-")).total).toBe(0);
    const [report] = await Promise.all([
      page.waitForEvent("download"),
      dialog.getByRole("button", { name: "Download the report" }).click(),
    ]);
    const lines = readFileSync(await report.path(), "utf8")
      .trimEnd()
      .split("\r\n");
    expect(lines.length).toBe(4);
    expect(lines[0]).toBe("row,deviceId,outcome,field,code,message,hint");
    expect(lines[1]).toMatch(/^4,d-0010,exists,/);

    await dialog.getByRole("button", { name: "Import 2 devices" }).click();
    await dialog.getByText("2 devices made").waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
    await countOf(page, "2 in all").waitFor();
    expect((await namesOf(page)).toSorted()).toEqual(['=1+1, "quoted"', "Zweiter Kühlschrank"]);
    expect(await stand.hub.api("GET", "/devices/csv-1/credentials")).toMatchObject(keys);

    // Not even a heading: the whole file is refused, in words.
    await page.getByRole("button", { name: "CSV" }).click();
    await page.getByRole("menuitem", { name: "Import devices" }).click();
    stand.expected.push(/^answer: 400 POST .*\/devices\/import/);
    await dialog.getByLabel("CSV file").setInputFiles(file("name;id\r\n"));
    await dialog.getByText("The heading, row 1, is not as it must be").waitFor();
    expect(await dialog.getByRole("button", { name: "Import", exact: true }).getAttribute("aria-disabled")).toBe(
      "true",
    );
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("1,500 devices come in from a dropped file, and what was chosen can be chosen again", async () => {
    const page = await stand.signedIn("operator");
    await open(stand, page);
    await page.getByRole("button", { name: "CSV" }).click();
    await page.getByRole("menuitem", { name: "Import devices" }).click();
    const dialog = page.getByRole("alertdialog", { name: "Import devices" });
    await page.evaluate(
      (text) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([text], "dropped.csv", { type: "text/csv" }));
        const place = [...document.querySelectorAll("button")].find((one) => one.textContent === "Choose a file");
        place?.parentElement?.dispatchEvent(
          new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer }),
        );
      },
      `IOTC_DeviceID\n${Array.from({ length: 1500 }, (_, index) => `drop-${index}`).join("\n")}\n`,
    );
    await dialog.getByText("dropped.csv").waitFor();
    await dialog.getByRole("button", { name: "Import 1,500 devices" }).click({ timeout: 30_000 });
    await dialog.getByText("1,500 devices made").waitFor({ timeout: 60_000 });
    expect((await stand.hub.api<{ total: number }>("GET", "/devices?search=drop-")).total).toBe(1500);
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test.each([
    ["light", 1440],
    ["dark", 390],
  ] as const)("names and ids that mean harm are text, in %s at %i px", async (theme, width) => {
    const page = await stand.signedIn("operator", { theme, width });
    await makeFridges(stand, { id: `${awkwardId}${width}`, name: `${hostile} ${width}` });
    await open(stand, page, `/devices?search=${encodeURIComponent(awkwardId + width)}`);
    const link = page.getByRole("link", { name: `${hostile} ${width}` });
    await link.waitFor();
    await page.getByText(`${awkwardId}${width}`, { exact: true }).waitFor();
    expect(await stand.axe(page)).toEqual([]);
    expect(
      await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
    ).toBeLessThanOrEqual(0);
    await link.click();
    await page.getByRole("heading", { level: 1, name: `${hostile} ${width}` }).waitFor();
    expect(new URL(page.url()).pathname).toBe(devicePath(`${awkwardId}${width}`));
    await page.reload();
    await page.getByRole("heading", { level: 1, name: `${hostile} ${width}` }).waitFor();
    await page.getByText(`${awkwardId}${width}`, { exact: true }).waitFor();
    expect(await page.evaluate(() => "wasRun" in globalThis)).toBe(false);
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });
});
