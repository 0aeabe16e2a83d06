// Continuous Data Export by clicks, as the seed's steps say: a storage account, a container, what to export, Save; then files
// that hold what a real device sent. Into a folder, and into Azurite.

import device from "azure-iot-device";
import azureMqtt from "azure-iot-device-mqtt";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Azurite, startAzurite } from "../lib/azurite.ts";
import { needs } from "../lib/needs.ts";
import { emptyTemplate } from "../lib/plain-devices.ts";
import { PageStand } from "./page-stand.ts";

const { Client, Message } = device;
/** A minute lasts three seconds. */
const flags = ["--no-sample", "--test-clock-rate=20"];
/** For what comes with a file. */
const fileMs = { timeout: 60_000 };

/** Bodies and names that try to be more than text. */
const markup = `<img src=x onerror="globalThis.wasRun=1"><script>globalThis.wasRun=1</script>`;

needs("chromium")("Continuous Data Export", () => {
  let stand: PageStand;
  let lake: string;
  let azurite: Azurite;
  beforeAll(async () => {
    lake = mkdtempSync(join(tmpdir(), "coldpath-page-lake-"));
    azurite = await startAzurite();
    stand = await PageStand.open(...flags);
    await stand.hub.api("POST", "/device-templates", emptyTemplate);
    await stand.hub.api("POST", "/devices", { id: "boiler-7", templateId: emptyTemplate.id });
  });
  afterEach(async () => {
    for (const context of stand.browser.contexts()) await context.close();
  });
  afterAll(async () => {
    await stand?.close();
    await azurite?.stop();
    rmSync(lake, { recursive: true, force: true });
  });

  /** Sends as the device, over MQTT with TLS, by the Azure SDK. */
  async function send(...bodies: readonly (string | Buffer)[]): Promise<void> {
    const { primaryConnectionString } = await stand.hub.api<{ primaryConnectionString: string }>(
      "GET",
      "/devices/boiler-7/credentials",
    );
    const client = Client.fromConnectionString(primaryConnectionString, azureMqtt.Mqtt);
    await client.setOptions({ ca: readFileSync(join(stand.hub.dataDir, "tls/ca.pem"), "utf8") });
    await client.open();
    for (const body of bodies) {
      const message = new Message(body as string);
      message.properties.add("note", markup);
      await client.sendEvent(message);
    }
    await client.close();
  }

  const choose = async (page: Page, field: string | RegExp, option: string | RegExp): Promise<void> => {
    await page.getByRole("combobox", { name: field }).click();
    await page.getByRole("option", { name: option }).click();
  };
  const healthy = async (page: Page): Promise<void> => await page.getByText("Healthy").first().waitFor(fileMs);

  test("with nothing there the list leads to a storage account first, then to an export", async () => {
    const page = await stand.signedIn("administrator");
    await page.goto(`${stand.url}/admin/exports`);
    await page.getByText("First add a storage account").waitFor();
    expect(await page.getByRole("link", { name: "Add storage account" }).getAttribute("href")).toBe(
      "/admin/storage/new?from=%2Fadmin%2Fexports%2Fnew",
    );
    // Who comes to the form without one is led back.
    await page.goto(`${stand.url}/admin/exports/new`);
    await page.getByText("First add a storage account").waitFor();
    await stand.hub.api("POST", "/storage-accounts", {
      name: `Lake ${markup}`,
      settings: { kind: "folder", path: lake },
    });
    await page.getByText("Nothing is exported yet").waitFor();
    expect(stand.faults).toEqual([]);
  });

  test("an export into a new container of a folder is made by clicks; its first file holds the message of a real device", async () => {
    const page = await stand.signedIn("administrator");
    await page.goto(`${stand.url}/admin/exports`);
    await page.getByRole("link", { name: "New export" }).click();
    await page.getByText("every message that devices sent in one minute").waitFor();
    // The only account is chosen already.
    await choose(page, "Container", "Create new container …");
    await page.getByLabel("Name of the new container").fill("not/a/name");
    stand.expected.push(/^answer: 400 POST .*\/containers$/);
    await page.getByRole("button", { name: "Create container" }).click();
    await page
      .getByText(/container name/i)
      .last()
      .waitFor();
    await page.getByLabel("Name of the new container").fill("iot");
    await page.getByRole("button", { name: "Create container" }).click();
    await page.getByRole("button", { name: "Create container" }).waitFor({ state: "detached" });
    for (const toggle of ["Measurements", "Devices", "Device templates", "Continuous Data Export"]) {
      expect(await page.getByRole("switch", { name: toggle, exact: true }).isChecked(), toggle).toBe(true);
    }
    await page.getByLabel("Name of this export").fill("By clicks");
    await page.getByRole("button", { name: "Save", exact: true }).click();

    await page.getByRole("heading", { level: 1, name: "By clicks" }).waitFor();
    await send(
      JSON.stringify({ temperature: 21.5, note: markup }),
      markup,
      Buffer.from([0xff, 0x00, 0xfe]),
      '{"big":12345678901234567890}',
    );
    await healthy(page);
    await page.getByRole("tab", { name: "Run history" }).click();
    const link = page.getByRole("link", { name: /^measurements\// }).first();
    await link.waitFor(fileMs);
    await link.click();

    await page.getByRole("heading", { level: 1, name: /^Measurements of \d{4}-/ }).waitFor();
    const table = page.getByRole("region", { name: /^Measurements/ });
    await table.getByText("boiler-7").first().waitFor();
    await table.getByText("21.5").waitFor();
    await page.getByRole("tab", { name: "JSON" }).click();
    await page.getByText("connectionDeviceGenerationId").first().waitFor();
    // The first one stands open.
    const records = page.getByRole("list", { name: "Records" }).locator("> li > details > summary");
    for (let at = 1; at < (await records.count()); at++) await records.nth(at).click();
    // As it was sent, where JavaScript would write another number; and what is neither JSON nor text.
    await page.getByText('{"big":12345678901234567890}').waitFor();
    await page.getByText("neither JSON nor text").waitFor();
    await page.getByText(markup, { exact: true }).first().waitFor();
    expect(await page.evaluate(() => "wasRun" in globalThis)).toBe(false);
    expect(await page.locator("main img, main script, main b").count()).toBe(0);
    expect(await stand.axe(page)).toEqual([]);

    await page.getByRole("tab", { name: "Schema" }).click();
    await page.getByText("EnqueuedTimeUtc").first().waitFor();
    await page.getByRole("tab", { name: "How to read this" }).click();
    for (const [tab, text] of [
      ["Python", "pdx.from_avro"],
      ["C#", "AvroContainer"],
      ["Node.js", "createFileDecoder"],
      ["Command line", "coldpath read"],
    ] as const) {
      await page.getByRole("tab", { name: tab, exact: true }).click();
      const code = await page.getByRole("region", { name: `${tab} code` }).innerText();
      expect(code).toContain(text);
      expect(code).toContain(join(lake, "iot/measurements"));
    }
    const download = page.waitForEvent("download");
    await page
      .getByRole("button", { name: "Download" })
      .or(page.getByRole("link", { name: "Download" }))
      .click();
    const bytes = readFileSync(await (await download).path());
    expect(bytes.subarray(0, 4).toString("latin1")).toBe("Obj\u0001");
    expect(stand.faults).toEqual([]);
  });

  test("the files are browsed by day, hour and minute", async () => {
    const page = await stand.signedIn("administrator", { width: 390, theme: "dark" });
    await page.goto(`${stand.url}/admin/exports`);
    await page.getByRole("link", { name: "By clicks" }).click();
    await page.getByRole("tab", { name: "Files" }).click();
    const place = page.getByRole("navigation", { name: "Folder" });
    const entries = page.getByRole("table", { name: "Folders and files" });
    const open = async (entry: Locator): Promise<void> => {
      const before = await place.innerText();
      await entry.click();
      await expect.poll(async () => await place.innerText()).not.toBe(before);
    };
    await open(entries.getByRole("link", { name: "measurements", exact: true }));
    // What holds one folder alone was passed over; at last there is a file.
    while ((await entries.getByRole("link", { name: "00.avro" }).count()) === 0)
      await open(entries.getByRole("link").first());
    await page.locator('table[aria-busy="false"]').waitFor();
    expect(await place.innerText()).toMatch(/iot.*measurements.*coldpath.*\d{4}/s);
    expect(await stand.axe(page)).toEqual([]);
    await entries.getByRole("link", { name: "00.avro" }).click();
    await page.getByRole("heading", { level: 1, name: /^Measurements of/ }).waitFor();
    expect(stand.faults).toEqual([]);
  });

  test("an export into Azure Blob Storage is made with its drop-downs", async () => {
    await stand.hub.api("POST", "/storage-accounts", {
      name: "Azurite",
      settings: { kind: "azure-blob", auth: "connection-string" },
      secret: azurite.connectionString,
    });
    const page = await stand.signedIn("administrator");
    await page.goto(`${stand.url}/admin/exports/new`);
    await choose(page, "Storage account", /Azurite/);
    await choose(page, "Container", "Create new container …");
    await page.getByLabel("Name of the new container").fill("cold");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Create container" }).waitFor({ state: "detached" });
    await page.getByRole("switch", { name: "Devices", exact: true }).click();
    await page.getByRole("switch", { name: "Device templates", exact: true }).click();
    await page.getByLabel("Name of this export").fill("To Azure");
    await page.getByRole("button", { name: "Advanced" }).click();
    await choose(page, /Compression/, /Deflate/);
    await page.getByText(/^cold\/measurements\/coldpath\/\d{4}\//).waitFor();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "To Azure" }).waitFor();
    await send(JSON.stringify({ pressure: 987 }));
    await page
      .getByRole("link", { name: /^measurements\// })
      .first()
      .waitFor(fileMs);
    await page
      .getByRole("link", { name: /^measurements\// })
      .first()
      .click();
    await page
      .getByRole("region", { name: /^Measurements/ })
      .getByText("987")
      .waitFor();
    await page.getByText("deflate").waitFor();
    await page.getByRole("tab", { name: "How to read this" }).click();
    await page.getByText(`${azurite.endpoint}/cold/measurements/`).first().waitFor();
    expect(stand.faults).toEqual([]);
  });

  test("the server's refusal stands at its field; what is closed is opened for it", async () => {
    const page = await stand.signedIn("administrator");
    await page.goto(`${stand.url}/admin/exports/new`);
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("Choose a storage account and a container.").waitFor();
    await choose(page, "Storage account", /Azurite/);
    await choose(page, "Container", "cold");
    await page.getByLabel("Name of this export").fill("By clicks");
    stand.expected.push(/^answer: 409 POST .*\/exports$/, /^answer: 400 POST .*\/exports(\/path-preview)?$/);
    await page.getByRole("button", { name: "Advanced" }).click();
    await page.getByLabel("Path of the files").fill("{type}/x.avro");
    await page.getByText(/lacks \{YYYY\}/).waitFor();
    await page.getByRole("button", { name: "Advanced" }).click();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("textbox", { name: "Path of the files", exact: false }).waitFor();
    await page.getByText(/lacks \{YYYY\}/).waitFor();
    await page.getByLabel("Path of the files").fill("other/{type}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.locator('input[aria-invalid="true"][value="By clicks"]').waitFor();
    expect(await stand.axe(page)).toEqual([]);
    expect(stand.faults).toEqual([]);
  });

  test("an edit that somebody else's save came before is not lost and overwrites nothing unasked", async () => {
    const { items } = await stand.hub.api<{ items: { id: string; name: string }[] }>("GET", "/exports");
    const id = items.find(({ name }) => name === "To Azure")?.id ?? "";
    const page = await stand.signedIn("administrator");
    await page.goto(`${stand.url}/admin/exports/${id}/edit`);
    await page.getByLabel("Name of this export").fill("Mine");
    await stand.hub.api("PATCH", `/exports/${id}`, { name: "Theirs" });
    stand.expected.push(/^answer: 409 PATCH/);
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("Somebody else saved this meanwhile").waitFor();
    await page.getByText("They changed: Name.").waitFor();
    await page.getByRole("button", { name: "Show what is saved" }).click();
    await expect.poll(async () => await page.getByLabel("Name of this export").inputValue()).toBe("Theirs");
    await page.getByRole("alertdialog").waitFor({ state: "detached" });
    await page.getByLabel("Name of this export").fill("Mine");
    await stand.hub.api("PATCH", `/exports/${id}`, { name: "Theirs again" });
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("button", { name: "Save mine over it" }).click();
    await page.getByRole("heading", { level: 1, name: "Mine" }).waitFor();
    expect(stand.faults).toEqual([]);
  });

  test("an export that cannot write says why and what to do, and goes on when told to", async () => {
    const page = await stand.signedIn("administrator");
    renameSync(join(lake, "iot"), join(lake, "away"));
    await send(JSON.stringify({ late: true }));
    await page.goto(`${stand.url}/admin/exports`);
    await page.getByText("What to do:").first().waitFor(fileMs);
    await page
      .getByText(/The container's folder is not there/)
      .first()
      .waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await page.getByRole("link", { name: "By clicks" }).click();
    await page.getByRole("button", { name: "Retry now" }).waitFor();
    renameSync(join(lake, "away"), join(lake, "iot"));
    await page.getByRole("button", { name: "Retry now" }).click();
    await healthy(page);
    expect(stand.faults).toEqual([]);
  });

  test("a backlog is discarded with a reason, after a question; the gap is shown", async () => {
    const page = await stand.signedIn("administrator");
    renameSync(join(lake, "iot"), join(lake, "away"));
    await send(JSON.stringify({ lost: true }));
    await page.goto(`${stand.url}/admin/exports`);
    await page.getByRole("link", { name: "By clicks" }).click();
    await page.getByRole("button", { name: "Retry now" }).waitFor(fileMs);
    await page.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Discard backlog …" }).click();
    await page.getByRole("radio", { name: "Everything that is owed now" }).click();
    await page.getByLabel("Reason").fill(`the disk is gone ${markup}`);
    await page.getByRole("button", { name: "Discard for good" }).click();
    renameSync(join(lake, "away"), join(lake, "iot"));
    await page.getByRole("table", { name: "Gaps" }).getByText("the disk is gone <img").first().waitFor();
    expect(await page.evaluate(() => "wasRun" in globalThis)).toBe(false);
    expect(stand.faults).toEqual([]);
  });

  test("turning off is asked about; what is off and owes nothing can be deleted by its name", async () => {
    const page = await stand.signedIn("administrator");
    await page.goto(`${stand.url}/admin/exports`);
    await page.getByRole("link", { name: "By clicks" }).click();
    const toggle = page.getByRole("switch", { name: "Continuous Data Export of By clicks" });
    await toggle.click();
    await page.getByText("it cannot be exported later").waitFor();
    await page.getByRole("button", { name: "Turn off" }).click();
    await page.getByText("The export is off: nothing is written.").waitFor(fileMs);
    expect(await toggle.isChecked()).toBe(false);
    await page.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Delete …" }).click();
    await page.getByLabel("Type By clicks to confirm").fill("By clicks");
    await page.getByRole("button", { name: "Delete export" }).click();
    await page.getByRole("heading", { level: 1, name: "Continuous Data Export" }).waitFor();
    await page.getByRole("link", { name: "By clicks" }).waitFor({ state: "detached" });
    expect(stand.faults).toEqual([]);
  });

  test("a violation of the conservation audit is an alarm, and is accepted with a reason", async () => {
    const page = await stand.signedIn("administrator");
    const violation = {
      id: "lost/measurements/0/2026-01-02T03:04:00Z/3",
      kind: "lost",
      type: "measurements",
      partition: 0,
      windowFirst: "2026-01-02T03:04:00Z",
      windowLast: "2026-01-02T03:04:00Z",
      offsetFirst: 5,
      offsetNext: 8,
      records: 3,
      message: `3 records ${markup} are neither exported, nor waiting.`,
      hint: "Keep the journal.",
    };
    // No honest server has one: its answers are changed on the way.
    const summary = { at: new Date().toISOString(), journaled: 3, exported: 0, waiting: 0, discarded: 0, accepted: 0 };
    const alarming = (one: { status: object }) => ({
      ...one,
      status: { ...one.status, audit: { ...summary, violations: 1 } },
    });
    const accepts: unknown[] = [];
    await page.route(/\/api\/v1\/exports(?:\/[^/]+)?(?:\/audit(?:\/accept)?)?$/, async (route) => {
      const url = route.request().url();
      if (url.endsWith("/accept")) {
        accepts.push(route.request().postDataJSON());
        return await route.fulfill({ json: { items: [] } });
      }
      const response = await route.fetch();
      const content = (await response.json()) as { items?: { status: object }[]; status: object };
      const json = url.endsWith("/audit")
        ? { ...content, violations: [violation], violationCount: 1 }
        : content.items === undefined
          ? alarming(content)
          : { items: content.items.map(alarming) };
      return await route.fulfill({ response, json });
    });
    await page.goto(`${stand.url}/admin/exports`);
    await page.getByRole("alert").getByText("1 violation of the conservation audit.").waitFor();
    await page.getByRole("link", { name: "Mine" }).click();
    await page.getByText(violation.message).waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await page.getByRole("button", { name: "Accept …" }).click();
    await page.getByLabel("Reason").fill("the disk was replaced");
    await page.getByRole("button", { name: "Accept", exact: true }).click();
    await expect.poll(() => accepts).toEqual([{ violations: [violation.id], reason: "the disk was replaced" }]);
    await page.unrouteAll({ behavior: "wait" });
    expect(await page.evaluate(() => "wasRun" in globalThis)).toBe(false);
    expect(stand.faults).toEqual([]);
  });

  test("no page of an export scrolls sideways at 360 px, in either theme", async () => {
    const { items } = await stand.hub.api<{ items: { id: string }[] }>("GET", "/exports");
    const id = items[0]?.id ?? "";
    const runs = await stand.hub.api<{ items: { path: string }[] }>("GET", `/exports/${id}/runs`);
    const file = `file?path=${encodeURIComponent(runs.items[0]?.path ?? "")}`;
    for (const theme of ["light", "dark"] as const) {
      const page = await stand.signedIn("administrator", { width: 360, theme });
      for (const path of ["", "?tab=history", "?tab=files", "/edit", `/${file}`]) {
        await page.goto(`${stand.url}/admin/exports/${id}${path}`);
        await page.locator("main section, main table").first().waitFor();
        expect(await stand.axe(page), path).toEqual([]);
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(overflow, path).toBeLessThanOrEqual(0);
      }
    }
    expect(stand.faults).toEqual([]);
  });
});

needs("chromium")("A new export, in real time", () => {
  test("says when its first file can be expected, and counts down", async () => {
    const stand = await PageStand.open("--no-sample");
    const folder = mkdtempSync(join(tmpdir(), "coldpath-page-lake-"));
    try {
      const { id } = await stand.hub.api<{ id: string }>("POST", "/storage-accounts", {
        name: "lake",
        settings: { kind: "folder", path: folder },
      });
      await stand.hub.api("POST", `/storage-accounts/${id}/containers`, { name: "iot" });
      const place = { storageAccountId: id, container: "iot" };
      await stand.hub.api("POST", "/exports", { name: "all", ...place, types: ["measurements"] });
      const page = await stand.signedIn("administrator");
      await page.goto(`${stand.url}/admin/exports`);
      const words = page.getByText(/^First file expected at \d\d:\d\d:00 UTC, (in \d+ s|any moment)\.$/);
      const before = await words.innerText();
      await expect.poll(async () => await words.innerText()).not.toBe(before);
    } finally {
      await stand.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
