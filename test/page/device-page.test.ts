// The page of a device by clicks, with a real device of Microsoft's SDK that sends meanwhile.

import device from "azure-iot-device";
import azureMqtt from "azure-iot-device-mqtt";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { needs } from "../lib/needs.ts";
import { awkwardId, devicePath, fridge, hostile, makeFridges } from "./fridges.ts";
import { PageStand } from "./page-stand.ts";

const { Client, Message } = device;

needs("chromium")("The page of a device", () => {
  let stand: PageStand;
  let closeDevices: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    stand = await PageStand.open("--no-sample");
    await stand.hub.api("POST", "/device-templates", fridge);
    const { name, measurements, properties } = fridge;
    await stand.hub.api("POST", "/device-templates/fridge/versions", {
      version: "2.0.0",
      publish: true,
      name,
      measurements,
      settings: { device: { target: fridge.settings.device.target } },
      properties,
    });
  });
  afterAll(async () => {
    for (const close of closeDevices) await close();
    await stand.close();
  });

  /** A tab that shows the device. */
  const open = async (id: string, tab?: string, options: object = {}): Promise<Page> => {
    const page = await stand.signedIn("operator", options);
    page.setDefaultTimeout(15_000);
    await page.goto(stand.url + devicePath(id, tab));
    await page.getByRole("heading", { level: 1 }).waitFor();
    return page;
  };
  /** Connects as the device. @returns what sends, and resolves at the acknowledgement. */
  const connect = async (id: string) => {
    const path = `/devices/${encodeURIComponent(id)}/credentials`;
    const keys = await stand.hub.api<{ primaryConnectionString: string }>("GET", path);
    const client = Client.fromConnectionString(keys.primaryConnectionString, azureMqtt.Mqtt);
    await client.setOptions({ ca: readFileSync(join(stand.hub.dataDir, "tls/ca.pem"), "utf8") });
    await client.open();
    closeDevices.push(async () => await client.close());
    return async (body: object | string | Buffer, properties: Readonly<Record<string, string>> = {}): Promise<void> => {
      const isRaw = typeof body === "string" || Buffer.isBuffer(body);
      const message = new Message(isRaw ? body : JSON.stringify(body));
      for (const [key, value] of Object.entries(properties)) message.properties.add(key, value);
      await client.sendEvent(message);
    };
  };
  const leave = async (page: Page): Promise<void> => {
    expect(await page.evaluate(() => "wasRun" in globalThis)).toBe(false);
    expect(stand.faults).toEqual([]);
    await page.context().close();
  };

  test("what a real device sends shows at once: values with unit and bounds, states, events, and what the template does not know", async () => {
    await makeFridges(stand, { id: awkwardId.replaceAll(/[+#]/g, ""), name: "Lobby" });
    const id = awkwardId.replaceAll(/[+#]/g, "");
    const page = await open(id);
    await page.getByRole("heading", { name: "Nothing in the last 5 minutes" }).waitFor();
    await page.getByText("Live", { exact: true }).last().waitFor();
    const send = await connect(id);
    await send({ temp: 4.5, door: "closed", place: { lon: 8.68, lat: 50.11 }, humidity: 61 });
    const values = page.getByRole("table", { name: "Last values" });
    await values.getByRole("row", { name: "Temperature" }).getByText("4.5 °C").waitFor();
    await values.getByRole("row", { name: "Temperature" }).getByText("-5 to 12 °C").waitFor();
    await values.getByRole("row", { name: "Place" }).getByText("50.11000°, 8.68000°").waitFor();
    await values.getByRole("row", { name: "Door" }).getByText("Closed").waitFor();
    await page.getByRole("table", { name: "Fields that are not in the template" }).getByText("humidity").waitFor();

    await send({ temp: 13.25, door: "open", fault: "E12" });
    await values.getByRole("row", { name: "Temperature" }).getByText("13.25 °C").waitFor();
    await values.getByRole("row", { name: "Temperature" }).getByText("Above maximum").waitFor();
    await page
      .getByRole("list", { name: "Changes of states, newest first" })
      .getByText("Door: Closed → Open")
      .waitFor();
    const events = page.getByRole("list", { name: "Events, newest first" });
    await events.getByText("Error", { exact: true }).waitFor();
    await events.getByText("Fault E12").waitFor();
    await page.getByRole("img", { name: "Temperature: now 13.25 °C, least 4.5, most 13.25" }).waitFor();
    await page.getByRole("img", { name: /^Door: Open for / }).waitFor();

    // Paused: what comes meanwhile waits.
    await page.getByRole("button", { name: "Pause" }).click();
    await send({ temp: "warm", door: "ajar" });
    await send("no JSON");
    await page.waitForTimeout(1_000);
    await values.getByRole("row", { name: "Temperature" }).getByText("13.25 °C").waitFor();
    await page.getByRole("button", { name: "Go on" }).click();
    await values.getByRole("row", { name: "Temperature" }).getByText("Not a number").waitFor();
    await values.getByRole("row", { name: "Door" }).getByText("Not a value of the template").waitFor();
    await page.getByText("1 message has a body that is no JSON object").waitFor();

    // From the journal, after a reload, it is the same.
    await page.reload();
    await values.getByRole("row", { name: "Temperature" }).getByText("Not a number").waitFor();
    await page.getByText("4 messages", { exact: true }).waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await leave(page);
  });

  test("messages that cannot be read now: says why, and asks again when told to", async () => {
    await makeFridges(stand, { id: "busy" });
    const send = await connect("busy");
    await send({ temp: 1 });
    const page = await stand.signedIn("operator");
    page.setDefaultTimeout(15_000);
    const error = { code: "readers-busy", message: "Too many are reading.", hint: "Try again in a moment." };
    stand.expected.push(/^answer: 503 GET .*\/devices\/busy\/messages/);
    await page.route(
      "**/devices/busy/messages?*",
      async (route) => await route.fulfill({ status: 503, json: { error } }),
    );
    await page.goto(stand.url + devicePath("busy", "raw"));
    await page.getByText("Too many are reading. Try again in a moment.").waitFor();
    await page.unroute("**/devices/busy/messages?*");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("list", { name: "Messages, newest first" }).getByRole("button").first().waitFor();
    await leave(page);
  });

  test("raw data: each message as it came, with its properties; bodies that are no JSON, no text, or mean harm", async () => {
    await makeFridges(stand, { id: "raw" });
    const send = await connect("raw");
    await send({ temp: 1.5, nested: { list: [1, 2] } }, { alert: "true", [hostile.slice(0, 20)]: hostile });
    await send(`not JSON: ${hostile}`);
    await send(Buffer.from([0xff, 0xfe, 0x00, 0x41]));
    await send({ [hostile]: hostile, ["__proto__x"]: 1, constructor: null, toString: "x" });
    await send('{"__proto__":{"temp":99},"temp":2}');
    const page = await open("raw", "raw");
    const list = page.getByRole("list", { name: "Messages, newest first" });
    const heads = list.locator("> li > button");
    await heads.nth(4).waitFor();
    await heads.nth(4).click();
    await list.getByText("nested:").waitFor();
    await list.getByText("alert:").waitFor();
    await list.getByText("connectionDeviceGenerationId").waitFor();
    expect(await list.getByText(hostile.slice(0, 15)).count()).toBeGreaterThan(0);
    await heads.nth(4).click();

    await heads.nth(3).click();
    await list.getByRole("region", { name: "Body" }).getByText("not JSON: <img src=x").waitFor();
    await heads.nth(3).click();
    await heads.nth(2).click();
    await list.getByRole("region", { name: "Body" }).getByText("000000  ff fe 00 41").waitFor();
    await list.getByRole("tab", { name: "Base64" }).click();
    await list.getByRole("region", { name: "Body" }).getByText("//4AQQ==").waitFor();
    await heads.nth(2).click();

    // Live: it comes on top.
    await send({ temp: 3.25 });
    await heads.nth(5).waitFor();
    expect(await heads.first().textContent()).toContain('{"temp":3.25}');
    await heads.first().click();
    await list.getByRole("tab", { name: "Text" }).click();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await list.getByRole("button", { name: "Copy body" }).click();
    await expect
      .poll(async () => await page.evaluate(async () => await navigator.clipboard.readText()))
      .toBe('{"temp":3.25}');
    expect(await stand.axe(page)).toEqual([]);

    await page.getByRole("tab", { name: "Measurements" }).click();
    await page.getByRole("table", { name: "Fields that are not in the template" }).getByText(hostile).first().waitFor();
    await page
      .getByRole("table", { name: "Fields that are not in the template" })
      .getByText("__proto__", { exact: true })
      .waitFor();
    await page.getByRole("table", { name: "Last values" }).getByText("3.25 °C").waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await leave(page);
  });

  test("a setting is told to the device; its answer turns it to synced, or says what is wrong", async () => {
    await makeFridges(stand, { id: "sync" });
    const keys = await stand.hub.api<{ primaryConnectionString: string }>("GET", "/devices/sync/credentials");
    const client = Client.fromConnectionString(keys.primaryConnectionString, azureMqtt.Mqtt);
    await client.setOptions({ ca: readFileSync(join(stand.hub.dataDir, "tls/ca.pem"), "utf8") });
    await client.open();
    closeDevices.push(async () => await client.close());
    const twin = await client.getTwin();
    const report = async (patch: object): Promise<void> =>
      await new Promise((resolve, reject) => {
        twin.properties.reported["update"](patch, (error: Error | null) =>
          error === null ? resolve() : reject(error),
        );
      });
    const targets: unknown[] = [];
    twin.on("properties.desired.target", (target: unknown) => targets.push(target));

    const page = await open("sync", "values");
    const settings = page.getByRole("form", { name: "Settings" });
    await settings.getByText("Pending", { exact: true }).waitFor();
    await settings.getByText("The device has not answered yet.").waitFor();
    await settings.getByLabel("Target", { exact: true }).fill("7");
    await settings.getByRole("button", { name: "Save settings" }).click();
    await page.getByText("Settings saved").first().waitFor();
    await expect.poll(() => targets.at(-1)).toEqual({ value: 7 });

    const desiredVersion = twin.properties.desired["$version"] as number;
    await report({ target: { value: 7, desiredVersion, statusCode: 200, status: "completed" } });
    await settings.getByText("Synced", { exact: true }).waitFor();
    await report({ target: { value: 4, desiredVersion, statusCode: 500, status: hostile }, firmware: 12 });
    await settings.getByText("Error", { exact: true }).waitFor();
    await settings.getByText(hostile).waitFor();
    await settings.getByText("It has 4.").waitFor();
    await page.getByText("Firmware: what the device reported does not fit").waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await leave(page);

    // The server answers for a simulated one.
    await makeFridges(stand, { id: "sync-pretended", simulated: true });
    const pretended = await open("sync-pretended", "values");
    await pretended.getByRole("form", { name: "Settings" }).getByText("Synced", { exact: true }).waitFor();
    await leave(pretended);
  });

  test("settings and properties: forms by the template, the server's message at the field, what somebody else saved is not overwritten unseen", async () => {
    await makeFridges(stand, { id: "values", properties: { device: { firmware: hostile } } });
    const get = async () => await stand.hub.api<Record<string, Record<string, unknown>>>("GET", "/devices/values");
    const page = await open("values", "values");
    const settings = page.getByRole("form", { name: "Settings" });
    const cloud = page.getByRole("form", { name: "Cloud properties" });
    await page.getByText(hostile).waitFor();
    await settings.getByText("0 to 10 °C; field target").waitFor();
    await settings.getByLabel("Target", { exact: true }).fill("11");
    await settings.getByLabel("Fan").selectOption({ label: "High" });
    await settings.getByRole("switch", { name: "Eco mode" }).click();
    await settings.getByText("3 fields changed, not saved").waitFor();
    stand.expected.push(/^answer: (400|409) PATCH .*\/devices\/values$/);
    await settings.getByRole("button", { name: "Save settings" }).click();
    await settings.getByText("settings.device.target is 11, above its maximum 10.").waitFor();
    expect(await settings.getByLabel("Target", { exact: true }).getAttribute("aria-invalid")).toBe("true");
    await settings.getByLabel("Target", { exact: true }).fill("warm");
    await settings.getByRole("button", { name: "Save settings" }).click();
    await settings.getByText('must be a finite number, not "warm"').waitFor();
    await settings.getByLabel("Target", { exact: true }).fill("7.5");
    await settings.getByRole("button", { name: "Save settings" }).click();
    await page.getByText("Settings saved").first().waitFor();
    expect((await get())["settings"]).toEqual({ device: { target: 7.5, eco: true, fan: "h" } });

    await cloud.getByLabel("In service since").fill("2026-01-02T03:04:05");
    await cloud.getByLabel("Latitude").fill("50.5");
    await cloud.getByLabel("Longitude").fill("-8.25");
    await cloud.getByRole("button", { name: "Clear Owner" }).click();
    await cloud.getByRole("button", { name: "Save cloud properties" }).click();
    await page.getByText("Cloud properties saved").first().waitFor();
    expect((await get())["properties"]?.["cloud"]).toEqual({
      since: "2026-01-02T03:04:05.000Z",
      where: { lat: 50.5, lon: -8.25 },
    });
    expect(await stand.axe(page)).toEqual([]);

    // Somebody saves another field meanwhile, and the device reports: neither is in the way, neither is undone.
    await settings.getByLabel("Target", { exact: true }).fill("6");
    await stand.hub.api("PATCH", "/devices/values", {
      settings: { device: { fan: "l" } },
      properties: { device: { firmware: "2" } },
    });
    await settings.getByRole("button", { name: "Save settings" }).click();
    await expect.poll(async () => (await get())["settings"]).toEqual({ device: { target: 6, eco: true, fan: "l" } });

    // The same field: one is asked, and shown what the other saved.
    await settings.getByText("1 field changed, not saved").waitFor({ state: "detached" });
    await settings.getByLabel("Target", { exact: true }).fill("5");
    await stand.hub.api("PATCH", "/devices/values", { settings: { device: { target: 1 } } });
    await settings.getByRole("button", { name: "Save settings" }).click();
    const stale = page.getByRole("alertdialog", { name: "Somebody else saved this meanwhile" });
    await stale.getByText("Target is now 1 °C").waitFor();
    expect((await get())["settings"]?.["device"]).toMatchObject({ target: 1 });
    await stale.getByRole("button", { name: "Show what is saved" }).click();
    await expect.poll(async () => await settings.getByLabel("Target", { exact: true }).inputValue()).toBe("1");
    await settings.getByLabel("Target", { exact: true }).fill("5");
    await stand.hub.api("PATCH", "/devices/values", { settings: { device: { target: 2 } } });
    await settings.getByRole("button", { name: "Save settings" }).click();
    await stale.getByRole("button", { name: "Save mine over it" }).click();
    await expect.poll(async () => (await get())["settings"]?.["device"]).toMatchObject({ target: 5 });
    await leave(page);
  });

  test("connect: keys only when asked for, ready code with the key in it, tokens, and a key made anew closes the old one's door", async () => {
    await makeFridges(stand, { id: "keys" });
    const keysNow = async () =>
      await stand.hub.api<Record<"primaryKey" | "secondaryKey", string>>("GET", "/devices/keys/credentials");
    const { primaryKey, secondaryKey } = await keysNow();
    const page = await open("keys", "connect");
    await page.getByText(`port ${stand.hub.address.ports.mqtts}`).waitFor();
    await page.getByText("tls/ca.pem").first().waitFor();
    const code = page.getByRole("region", { name: "Node.js code" });
    await code.getByText("SharedAccessKey={{KEY}}").waitFor();
    expect(await page.content()).not.toContain(primaryKey);
    await page.getByRole("button", { name: "Show Primary key" }).click();
    await page.getByText(primaryKey, { exact: true }).waitFor();
    await page.getByRole("button", { name: "Hide Primary key" }).click();
    expect(await page.content()).not.toContain(primaryKey);

    await page.getByRole("switch", { name: "Fill in the primary key" }).click();
    await code.getByText(`SharedAccessKey=${primaryKey}`).waitFor();
    for (const language of ["Python", "C#", "mosquitto_pub"]) {
      await page.getByRole("tab", { name: language, exact: true }).click();
      await page
        .getByRole("region", { name: `${language} code` })
        .getByText(primaryKey)
        .waitFor();
    }
    await page.getByLabel("Good for").selectOption({ label: "1 day" });
    await page.getByLabel("Signed with").selectOption({ label: "the secondary key" });
    await page.getByRole("button", { name: "Make a token" }).click();
    await page.getByText(/^SharedAccessSignature sr=localhost%2Fdevices%2Fkeys&sig=/).waitFor();
    expect(await stand.axe(page)).toEqual([]);

    await page.getByRole("button", { name: "Regenerate primary key" }).click();
    const dialog = page.getByRole("alertdialog", { name: "Regenerate the primary key?" });
    await dialog.getByText("The old primary key stops working at once").waitFor();
    await dialog.getByRole("button", { name: "Regenerate primary key" }).click();
    await page.getByText("The primary key is a new one").first().waitFor();
    const after = await keysNow();
    expect(after.primaryKey).not.toBe(primaryKey);
    expect(after.secondaryKey).toBe(secondaryKey);
    // What was filled in is the old one: it is not shown any more.
    await expect.poll(async () => (await page.content()).includes(primaryKey)).toBe(false);
    await leave(page);
  });

  test("a device is renamed, moved to another version, blocked and deleted; each is asked for", async () => {
    await makeFridges(stand, { id: "acts", name: "Before", settings: { device: { target: 3 } } });
    const page = await open("acts", "values");
    await page.getByRole("button", { name: "Rename" }).click();
    const rename = page.getByRole("dialog", { name: "Rename device" });
    stand.expected.push(/^answer: (400|409) PATCH .*\/devices\/acts$/);
    await rename.getByLabel("Name").fill("");
    await rename.getByRole("button", { name: "Save" }).click();
    await rename.locator("[aria-invalid=true]").waitFor();
    await rename.getByLabel("Name").fill("After");
    await rename.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { level: 1, name: "After" }).waitFor();

    // Somebody else gives it a name while one thinks of one.
    await page.getByRole("button", { name: "Rename" }).click();
    await rename.getByLabel("Name").fill("Mine");
    await stand.hub.api("PATCH", "/devices/acts", { name: "Theirs" });
    await rename.getByRole("button", { name: "Save" }).click();
    const stale = page.getByRole("alertdialog", { name: "Somebody else saved this meanwhile" });
    await stale.getByRole("button", { name: "Show what is saved" }).click();
    await expect.poll(async () => await rename.getByLabel("Name").inputValue()).toBe("Theirs");
    await rename.getByRole("button", { name: "Cancel" }).click();

    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "Move to another version" }).click();
    await page.getByRole("button", { name: "Move to 2.0.0" }).click();
    await page.getByRole("form", { name: "Settings" }).getByLabel("Fan").waitFor({ state: "detached" });
    expect(await page.getByRole("form", { name: "Settings" }).getByLabel("Target", { exact: true }).inputValue()).toBe(
      "3",
    );

    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "Block" }).click();
    await page.getByRole("alertdialog").getByText("it is refused until you unblock it").waitFor();
    await page.getByRole("alertdialog").getByRole("button", { name: "Block" }).click();
    await page.getByText("Blocked", { exact: true }).first().waitFor();
    expect(await stand.hub.api("GET", "/devices/acts")).toMatchObject({ enabled: false, templateVersion: "2.0.0" });

    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    const dialog = page.getByRole("alertdialog", { name: "Delete Theirs?" });
    const confirm = dialog.getByRole("button", { name: "Delete device" });
    await dialog.getByLabel("Type acts to confirm").fill("act");
    expect(await confirm.getAttribute("aria-disabled")).toBe("true");
    await dialog.getByLabel("Type acts to confirm").fill("acts");
    stand.expected.push(/^answer: 404 GET .*\/devices\/acts/);
    await confirm.click();
    await page.getByRole("heading", { level: 1, name: "Device explorer" }).waitFor();
    await page.goto(stand.url + devicePath("acts"));
    await page.getByRole("heading", { name: "There is no such device" }).waitFor();
    await leave(page);
  });

  test("streams rest while a tab is hidden, and catch up when it is looked at: many tabs of one browser all work", async () => {
    await makeFridges(stand, { id: "hidden" });
    const send = await connect("hidden");
    await send({ temp: 1 });
    const first = await open("hidden");
    const tabs = [first];
    const temperature = (page: Page) =>
      page.getByRole("table", { name: "Last values" }).getByRole("row", { name: "Temperature" });
    const look = async (page: Page, isHidden: boolean): Promise<void> => {
      const closed = isHidden
        ? ["/api/v1/live", "/devices/hidden/live"].map((path) =>
            page.waitForEvent("requestfailed", (request) => request.url().endsWith(path)),
          )
        : [];
      await page.evaluate((hidden) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event("visibilitychange"));
      }, isHidden);
      await Promise.all(closed);
    };
    await temperature(first).getByText("1 °C", { exact: true }).waitFor();
    // Two streams each: with three tabs there is no connection left for a fourth, unless the others rest.
    for (let count = 0; count < 4; count++) {
      const page = await first.context().newPage();
      page.setDefaultTimeout(15_000);
      await look(tabs.at(-1) as Page, true);
      await page.goto(stand.url + devicePath("hidden"));
      await temperature(page).getByText("1 °C", { exact: true }).waitFor({ timeout: 30_000 });
      tabs.push(page);
    }
    await send({ temp: 2 });
    await temperature(tabs.at(-1) as Page)
      .getByText("2 °C", { exact: true })
      .waitFor();
    await stand.hub.api("PATCH", "/devices/hidden", { name: "Seen again" });
    expect(await temperature(first).getByText("2 °C", { exact: true }).count()).toBe(0);
    await look(first, false);
    await temperature(first).getByText("2 °C", { exact: true }).waitFor();
    await first.getByRole("heading", { level: 1, name: "Seen again" }).waitFor({ timeout: 5_000 });
    await leave(first);
  });

  test.each([
    ["light", 1440],
    ["dark", 1440],
    ["light", 390],
    ["dark", 390],
    ["light", 360],
  ] as const)("each part in %s at %i px: nothing serious by axe, no sideways scrolling", async (theme, width) => {
    const id = `looks-${theme}-${width}`;
    await makeFridges(stand, { id, name: "A".repeat(200) });
    const send = await connect(id);
    await send({ temp: 4, door: "open", fault: "E".repeat(300), extra: { a: 1 } });
    await send({ temp: 5, door: "closed" });
    for (const tab of ["measurements", "values", "commands", "connect", "twin", "raw"]) {
      const page = await open(id, tab, { theme, width });
      await page.getByRole("tabpanel").getByRole("heading", { level: 2 }).first().waitFor();
      if (tab === "raw") await page.getByRole("list", { name: "Messages" }).getByRole("button").first().click();
      expect(await stand.axe(page), tab).toEqual([]);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow, `${tab} is wider than the screen`).toBeLessThanOrEqual(0);
      await leave(page);
    }
  });
});
