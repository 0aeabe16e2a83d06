// What a device is told to do, by clicks, with a real device of Microsoft's SDK that answers: direct methods, messages, and its raw twin.

import device, { type DeviceMethodRequest, type DeviceMethodResponse, type Message } from "azure-iot-device";
import azureAmqp from "azure-iot-device-amqp";
import azureMqtt from "azure-iot-device-mqtt";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePart, mergePatch } from "../../web/src/devices/twin-patch.ts";
import { needs } from "../lib/needs.ts";
import { devicePath, fridge, hostile, makeFridges } from "./fridges.ts";
import { PageStand } from "./page-stand.ts";

const { Client } = device;
type Client = InstanceType<typeof Client>;

test("a changed desired section is sent as a merge patch: what was not touched is not in it, what was taken out is null", () => {
  const had = { keep: 1, inner: { a: 1, b: [1, 2] }, gone: true, list: [1] };
  expect(mergePatch(had, structuredClone(had))).toBeNull();
  expect(mergePatch(had, { keep: 1, inner: { a: 2, b: [1, 2] }, list: [1, 2], more: { deep: {} } })).toEqual({
    inner: { a: 2 },
    gone: null,
    list: [1, 2],
    more: { deep: {} },
  });
  const odd = JSON.parse('{"__proto__":{"a":1},"constructor":2}') as Record<string, unknown>;
  expect(JSON.stringify(mergePatch({}, odd))).toBe('{"__proto__":{"a":1},"constructor":2}');
  expect(mergePatch(odd, odd)).toBeNull();
  expect(freePart({ target: { value: 4 }, note: 1, toString: 2 }, { target: {} })).toEqual({ note: 1, toString: 2 });
});

needs("chromium")("What a device is told to do", () => {
  let stand: PageStand;
  const clients: Client[] = [];
  beforeAll(async () => {
    stand = await PageStand.open("--no-sample");
    await stand.hub.api("POST", "/device-templates", fridge);
  });
  afterAll(async () => {
    for (const client of clients) await client.close();
    await stand.close();
  });

  const open = async (id: string, tab: string, options: object = {}): Promise<Page> => {
    const page = await stand.signedIn("operator", options);
    page.setDefaultTimeout(15_000);
    await page.goto(stand.url + devicePath(id, tab));
    await page.getByRole("tabpanel").getByRole("heading", { level: 2 }).first().waitFor();
    return page;
  };
  const leave = async (page: Page): Promise<void> => {
    expect(await page.evaluate(() => "wasRun" in globalThis)).toBe(false);
    expect(stand.faults).toEqual([]);
    await page.context().close();
  };
  const connect = async (id: string): Promise<Client> => {
    const keys = await stand.hub.api<{ primaryConnectionString: string }>("GET", `/devices/${id}/credentials`);
    const client = Client.fromConnectionString(keys.primaryConnectionString, azureMqtt.Mqtt);
    await client.setOptions({ ca: readFileSync(join(stand.hub.dataDir, "tls/ca.pem"), "utf8") });
    await client.open();
    clients.push(client);
    return client;
  };
  const answerTo = (client: Client, method: string, status: number, payload: unknown): unknown[] => {
    const asked: unknown[] = [];
    client.onDeviceMethod(method, (request: DeviceMethodRequest, response: DeviceMethodResponse) => {
      asked.push(request.payload);
      void response.send(status, payload);
    });
    return asked;
  };

  test("a direct method reaches the device, and its answer shows with status and payload; it can be filled in again", async () => {
    await makeFridges(stand, { id: "asked" });
    const client = await connect("asked");
    const asked = answerTo(client, "defrost", 200, { started: true, [hostile]: hostile });
    answerTo(client, "selftest", 500, null);
    const page = await open("asked", "commands");
    const form = page.getByRole("form", { name: "Direct method" });
    const run = form.getByRole("button", { name: "Run" });
    const calls = page.getByRole("list", { name: "Methods that were run, newest first" }).getByRole("listitem");
    expect(await run.getAttribute("aria-disabled")).toBe("true");
    await form.getByLabel("Method").fill("defrost");
    await form.getByLabel("Payload").fill("twenty");
    await form.getByLabel("Method").focus();
    await form.getByText("This is not JSON.").waitFor();
    expect(await run.getAttribute("aria-disabled")).toBe("true");
    await form.getByLabel("Payload").fill('{"minutes":20}');
    // The device subscribes when it first handles a method, and may be asked before that.
    await form.getByLabel("Seconds for it to connect").fill("30");
    await run.click();
    await calls.first().getByText("Answered with 200").waitFor();
    await calls.first().getByText("started:").waitFor();
    await calls.first().getByText(hostile).first().waitFor();
    expect(asked).toEqual([{ minutes: 20 }]);
    await page.getByRole("status").getByText("defrost: Answered with 200").waitFor();

    await form.getByLabel("Method").fill("selftest");
    await form.getByLabel("Payload").fill("");
    await form.getByLabel("Method").press("Enter");
    await calls.first().getByText("Answered with 500").waitFor();

    // The history survives a look at another tab.
    await page.getByRole("tab", { name: "Measurements" }).click();
    await page.getByRole("tab", { name: "Commands" }).click();
    expect(await calls.count()).toBe(2);
    await page.getByRole("button", { name: "Fill in again: defrost" }).click();
    expect(await form.getByLabel("Payload").inputValue()).toContain('"minutes": 20');
    await run.click();
    await expect.poll(() => asked.length).toBe(2);
    expect(await stand.axe(page)).toEqual([]);
    await leave(page);
  });

  test("what goes wrong is said in plain words: a device that is away, one that leaves, a time-out no server takes", async () => {
    await makeFridges(stand, { id: "leaves" }, { id: "pretended", simulated: true });
    const page = await open("leaves", "commands");
    const form = page.getByRole("form", { name: "Direct method" });
    const calls = page.getByRole("list", { name: "Methods that were run, newest first" }).getByRole("listitem");
    await page.getByText("The device is not connected now.").waitFor();
    stand.expected.push(/^answer: (400|404|504) POST .*\/devices\/leaves\/methods$/);
    await form.getByLabel("Method").fill(hostile.repeat(2));
    await form.getByRole("button", { name: "Run" }).click();
    // The name is too long: that belongs to the field, and is no call.
    await form.getByText("name must be 1 to 128 characters").waitFor();
    expect(await calls.count()).toBe(0);
    await form.getByLabel("Method").fill(hostile.slice(0, 60));
    await form.getByRole("button", { name: "Run" }).click();
    await calls.first().getByText("Not connected", { exact: true }).waitFor();
    await calls.first().getByText("is not connected, or takes no direct methods").waitFor();
    await form.getByLabel("Seconds for the answer").fill("3");
    await form.getByRole("button", { name: "Run" }).click();
    await form.getByText("responseTimeoutSeconds must be 5 to 300.").waitFor();
    expect(await calls.count()).toBe(1);

    const client = await connect("leaves");
    let isAsked = false;
    client.onDeviceMethod("sleep", () => {
      isAsked = true;
    });
    await form.getByLabel("Method").fill("sleep");
    await form.getByLabel("Seconds for the answer").fill("60");
    await form.getByLabel("Seconds for it to connect").fill("60");
    await form.getByRole("button", { name: "Run" }).click();
    await calls.first().getByText("Waiting …").waitFor();
    await expect.poll(() => isAsked).toBe(true);
    await stand.hub.api("PATCH", "/devices/leaves", { enabled: false });
    await calls.first().getByText("Disconnected meanwhile").waitFor();
    await calls.first().getByText("It may have done what it was asked").waitFor();
    await page.getByText("This device is blocked, so it cannot be connected.").waitFor();
    await leave(page);

    const pretended = await open("pretended", "commands");
    await pretended.getByText("It takes no commands.").waitFor();
    await leave(pretended);
  });

  test("a message waits in the queue, is seen there with its properties, and is purged; what became of it stays to be seen", async () => {
    await makeFridges(stand, { id: "told" });
    const page = await open("told", "commands");
    const form = page.getByRole("form", { name: "Message to the device" });
    const waiting = page.getByRole("table", { name: "Waiting messages" });
    const ended = page.getByRole("table", { name: "Ended messages" });
    await page.getByText("No message waits for this device.").waitFor();
    stand.expected.push(/^answer: (400|404|409) (POST|DELETE) .*\/devices\/told\/cloud-messages/);
    await form.getByLabel("Body").fill(`{"reboot":true,"why":${JSON.stringify(hostile)}}`);
    await form.getByRole("button", { name: "Add property" }).click();
    await form.getByLabel("Name 1").fill("not a name");
    await form.getByLabel("Value 1").fill(hostile);
    await form.getByRole("button", { name: "Send message" }).click();
    await form.getByText("a name is 1 to 128 letters").waitFor();
    await form.getByLabel("Name 1").fill("priority");
    await form.getByLabel("Message id").fill("reboot-1");
    await form.getByLabel("Expires after").selectOption({ label: "10 minutes" });
    await form.getByRole("button", { name: "Send message" }).click();
    const row = waiting.getByRole("row", { name: "reboot-1" });
    await row.getByText("Queued").waitFor();
    await row.getByText(`priority: ${hostile}`).waitFor();
    await row.getByText(/^in (9|10) min$/).waitFor();
    expect(await form.getByLabel("Body").inputValue()).toBe("");

    // The same id again is refused at its field.
    await form.getByLabel("Message id").fill("reboot-1");
    await form.getByRole("button", { name: "Send message" }).click();
    await form.locator("[aria-invalid=true]").waitFor();
    await form.getByLabel("Message id").fill("all");
    await form.getByRole("button", { name: "Send message" }).click();
    await page.getByText("2 of 50 at most").waitFor();
    // What others send shows up by itself.
    await stand.hub.api("POST", "/devices/told/cloud-messages", { body: "x", messageId: "third" });
    await waiting.getByRole("row", { name: "third" }).waitFor();

    await waiting.getByRole("button", { name: "Purge all", exact: true }).click();
    const dialog = page.getByRole("alertdialog");
    await dialog.getByText("The device does not get all any more.").waitFor();
    await dialog.getByRole("button", { name: "Purge message" }).click();
    await ended.getByRole("row", { name: "all" }).getByText("Purged").waitFor();
    await page.getByText("2 of 50 at most").waitFor();
    // Somebody else was faster: that is no fault.
    await waiting.getByRole("button", { name: "Purge third" }).click();
    await stand.hub.api("DELETE", "/devices/told/cloud-messages/third");
    await dialog.getByRole("button", { name: "Purge message" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("region", { name: "Waiting messages" }).getByRole("button", { name: "Purge all" }).click();
    await dialog.getByRole("button", { name: "Purge all" }).click();
    await page.getByText("No message waits for this device.").waitFor();
    await ended.getByRole("row", { name: "reboot-1" }).getByText("Purged").waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await leave(page);
  });

  test("a message on its way is seen live, without a reload: it waits, the device has it, the device is done with it", async () => {
    await makeFridges(stand, { id: "receiver" });
    const page = await open("receiver", "commands");
    const loaded = await page.evaluate(() => performance.timeOrigin);
    const form = page.getByRole("form", { name: "Message to the device" });
    for (const id of ["wanted", "unwanted"]) {
      await form.getByLabel("Body").fill(`{"for":"${id}"}`);
      await form.getByLabel("Message id").fill(id);
      await form.getByRole("button", { name: "Send message" }).click();
      await page.getByRole("table", { name: "Waiting messages" }).getByRole("row", { name: id }).waitFor();
    }
    const state = (table: string, id: string, word: string) =>
      page
        .getByRole("table", { name: `${table} messages` })
        .getByRole("row", { name: id, exact: false })
        .filter({ has: page.getByRole("cell", { name: id, exact: true }) })
        .getByText(word, { exact: true });
    await state("Waiting", "wanted", "Queued").waitFor();

    // Over AMQP, where the SDK leaves it to the device's program when it is done.
    const keys = await stand.hub.api<{ primaryConnectionString: string }>("GET", "/devices/receiver/credentials");
    const text = keys.primaryConnectionString.replace(
      /HostName=[^;]+/,
      `HostName=localhost:${stand.hub.address.ports.amqps}`,
    );
    const client = Client.fromConnectionString(text, azureAmqp.Amqp);
    await client.setOptions({ ca: readFileSync(join(stand.hub.dataDir, "tls/ca.pem"), "utf8") });
    clients.push(client);
    const received: Message[] = [];
    client.on("message", (message: Message) => received.push(message));
    await client.open();
    await state("Waiting", "wanted", "With the device").waitFor();
    await state("Waiting", "unwanted", "With the device").waitFor();
    expect(received.map(({ data }) => JSON.parse(String(data)) as object)).toEqual([
      { for: "wanted" },
      { for: "unwanted" },
    ]);
    await client.complete(received[0]!);
    await state("Ended", "wanted", "Completed").waitFor();
    await client.reject(received[1]!);
    await state("Ended", "unwanted", "Rejected").waitFor();
    await page.getByText("No message waits for this device.").waitFor();
    expect(await page.evaluate(() => performance.timeOrigin)).toBe(loaded);
    await leave(page);
  });

  test("the raw twin: both sides with versions and times; desired that is no setting is changed as a patch; refusals stand at the field", async () => {
    await makeFridges(stand, { id: "twinned" });
    const client = await connect("twinned");
    const twin = await client.getTwin();
    const report = async (patch: object): Promise<void> =>
      await new Promise((resolve, reject) => {
        twin.properties.reported["update"](patch, (error: Error | null) =>
          error === null ? resolve() : reject(error),
        );
      });
    const told: unknown[] = [];
    twin.on("properties.desired", (delta: unknown) => told.push(delta));
    const page = await open("twinned", "twin");
    await page.getByText("The device has reported nothing yet.").waitFor();
    const desired = page.getByRole("table", { name: "Desired properties" });
    await desired.getByRole("row", { name: "target" }).getByText("value:").waitFor();
    await report({ network: { rssi: -61, [hostile.replaceAll(/[.$ ]/g, "_")]: hostile } });
    const reported = page.getByRole("table", { name: "Reported properties" });
    await reported.getByRole("row", { name: "network" }).getByText("rssi:").waitFor();
    await reported.getByText("<img src=x onerror").first().waitFor();
    await page.getByText("version 2", { exact: true }).waitFor();

    await page.getByRole("button", { name: "Change" }).click();
    const dialog = page.getByRole("dialog", { name: "Change desired properties" });
    const text = dialog.getByLabel("Desired properties that are no settings");
    expect(await text.inputValue()).toBe("{}");
    await text.fill("[1]");
    expect(await dialog.getByRole("button", { name: "Save" }).getAttribute("aria-disabled")).toBe("true");
    stand.expected.push(/^answer: 400 PATCH .*\/devices\/twinned\/twin$/);
    await text.fill('{"target":{"value":9}}');
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("desired.target is a setting of the device template.").waitFor();
    await text.fill('{"report":{"every":30,"zone":"a"},"note":"hello"}');
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    await desired.getByRole("row", { name: "report" }).getByText("every:").waitFor();

    // What another one changes while one types stays.
    await page.getByRole("button", { name: "Change" }).click();
    expect(JSON.parse(await text.inputValue())).toEqual({ report: { every: 30, zone: "a" }, note: "hello" });
    await stand.hub.api("PATCH", "/devices/twinned/twin", { desired: { report: { zone: "b" } } });
    await text.fill('{"report":{"every":60,"zone":"a"}}');
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    await desired.getByRole("row", { name: "note" }).waitFor({ state: "detached" });
    await expect.poll(() => told.at(-1)).toMatchObject({ report: { every: 60 }, note: null });
    const now = await stand.hub.api<{ desired: { content: object } }>("GET", "/devices/twinned/twin");
    expect(now.desired.content).toEqual({ target: { value: 4 }, report: { every: 60, zone: "b" } });

    await page.getByRole("tab", { name: "JSON" }).first().click();
    await page.getByRole("region", { name: "Desired properties" }).last().getByText('"$version": 4').waitFor();
    expect(await stand.axe(page)).toEqual([]);
    await leave(page);
  });
});
