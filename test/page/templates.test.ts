// Device templates by clicks: made, edited, published, changed so that something breaks, taken out and in again.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { needs } from "../lib/needs.ts";
import { PageStand } from "./page-stand.ts";

interface Template {
  readonly id: string;
  readonly version: string;
  readonly name: string;
  readonly published: boolean;
  readonly measurements: {
    readonly telemetry: Record<string, object>;
    readonly states: object;
    readonly events: object;
  };
  readonly settings: object;
  readonly properties: object;
}

needs("chromium")("Device templates", () => {
  let stand: PageStand;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "coldpath-templates-page-"));
    stand = await PageStand.open("--sample=true");
  });
  afterAll(async () => {
    await stand.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const sampleId = "c318d580-39fc-4aca-b995-843719821049";
  const open = async (page: Page, path: string, title: string): Promise<void> => {
    await page.goto(stand.url + path);
    await page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
  };
  const made = async (template: object): Promise<Template> =>
    await stand.hub.api<Template>("POST", "/device-templates", template);
  const read = async (id: string, version = "1.0.0"): Promise<Template> =>
    await stand.hub.api<Template>("GET", `/device-templates/${id}/versions/${version}`);
  const part = (page: Page, title: string): Locator => page.getByRole("region", { name: title, exact: true });
  const row = (page: Page, name: string): Locator => page.getByRole("group", { name, exact: true });
  const saved = async (page: Page): Promise<void> => await page.getByText("Everything is saved.").waitFor();
  const save = (page: Page): Locator => page.getByRole("button", { name: "Save", exact: true });

  test("a template is made from scratch, filled mostly by keyboard, saved, and published with a simulated device", async () => {
    const page = await stand.signedIn("builder");
    await open(page, "/templates", "Device templates");
    await page.getByRole("button", { name: "New device template" }).click();
    stand.expected.push(/^answer: 400 POST .*\/device-templates$/);
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByText(/^name must/).waitFor();
    await page.getByLabel(/^Name/).fill("Boiler");
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { level: 1, name: "Boiler" }).waitFor();

    await page.getByRole("button", { name: "Add telemetry" }).click();
    await page.keyboard.type("Water temperature");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.keyboard.type("Pressure");
    await page.keyboard.press("Alt+ArrowUp");
    await row(page, "Pressure").getByLabel("Unit").fill("bar");
    await row(page, "Pressure").getByLabel("Minimum").fill("0");
    await row(page, "Pressure").getByLabel("Maximum").fill("3,5");
    await page.getByRole("button", { name: "Add state" }).click();
    await page.keyboard.type("Burner");
    const values = page.getByRole("group", { name: "Values of Burner" });
    await values.getByLabel("Value 1", { exact: true }).fill("on");
    await values.getByRole("button", { name: "Add value" }).click();
    await values.getByLabel("Value 2", { exact: true }).fill("off");
    await values.getByLabel("Name of value 2").fill("Standing still");
    await page.getByRole("button", { name: "Add event" }).click();
    await page.keyboard.type("Flame lost");
    await row(page, "Flame lost").getByLabel("Category").selectOption("error");
    await page.getByRole("button", { name: "Add setting" }).click();
    await page.keyboard.type("Set point");
    await row(page, "Set point").getByLabel("Initial value").fill("60");
    await page.getByRole("button", { name: "Add cloud property" }).click();
    await page.keyboard.type("Where it stands");
    await row(page, "Where it stands").getByLabel("Type").selectOption("location");
    await row(page, "Where it stands").getByLabel("Initial value").fill("13.4, 52.5");
    await page.getByRole("button", { name: "Add device property" }).click();
    await page.keyboard.type("Firmware");
    await row(page, "Firmware").getByLabel("Type").selectOption("string");
    expect(await stand.axe(page)).toEqual([]);
    expect(await page.getByRole("button", { name: "Publish", exact: true }).count()).toBe(0);
    await page.keyboard.press("Control+s");
    await saved(page);

    const id = new URL(page.url()).pathname.split("/").at(-1) ?? "";
    const { measurements, settings, properties } = await read(id);
    expect({ measurements, settings, properties }).toEqual({
      measurements: {
        telemetry: {
          pressure: { name: "Pressure", dataType: "double", unit: "bar", minValue: 0, maxValue: 3.5 },
          waterTemperature: { name: "Water temperature", dataType: "double" },
        },
        states: {
          burner: {
            name: "Burner",
            values: [
              { value: "on", name: "On" },
              { value: "off", name: "Standing still" },
            ],
          },
        },
        events: { flameLost: { name: "Flame lost", category: "error" } },
      },
      settings: { device: { setPoint: { name: "Set point", dataType: "double", initialValue: 60 } } },
      properties: {
        cloud: {
          whereItStands: { name: "Where it stands", dataType: "location", initialValue: { lon: 13.4, lat: 52.5 } },
        },
        device: { firmware: { name: "Firmware", dataType: "string" } },
      },
    });
    expect(Object.keys(measurements.telemetry)).toEqual(["pressure", "waterTemperature"]);

    await page.getByRole("button", { name: "Publish", exact: true }).click();
    await page.getByLabel("Make a simulated device of it").check();
    await page.getByRole("dialog").getByRole("button", { name: "Publish" }).click();
    await page.getByText("1 device", { exact: true }).waitFor();
    expect((await read(id)).published).toBe(true);
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("the model id: judged here and by the server, at its field; kept by the next version; a template of the same is told", async () => {
    const modelId = "dtmi:com:example:Boiler;2";
    const { id } = await made({ name: "Modelled", version: "1.0.0" });
    await made({ name: "Rival", modelId, publish: true });
    const page = await stand.signedIn("builder");
    await open(page, `/templates/${id}`, "Modelled");
    const field = page.getByLabel("Model id");
    await field.fill("x".repeat(257));
    await save(page).click();
    await page.getByText("These are 257 characters; at most 256.").waitFor();
    expect(await field.evaluate((input) => document.activeElement === input)).toBe(true);
    stand.expected.push(/^answer: 400 PUT .*\/device-templates\//);
    await field.fill("dtmi:\u007f;1");
    await save(page).click();
    await page.getByText("modelId must not contain control characters").waitFor();
    expect(await field.getAttribute("aria-invalid")).toBe("true");
    await field.fill(` ${modelId} `);
    await save(page).click();
    await saved(page);
    expect(await read(id)).toMatchObject({ modelId });
    await page.getByText("Rival has this model id, too").waitFor();
    expect(await stand.axe(page)).toEqual([]);

    await page.getByRole("button", { name: "Publish", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Publish" }).click();
    await page.getByText("Published", { exact: true }).first().waitFor();
    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "New version from this one" }).click();
    await page.getByText("Draft", { exact: true }).first().waitFor();
    expect(await field.inputValue()).toBe(modelId);
    await field.fill("");
    await save(page).click();
    await saved(page);
    const { items } = await stand.hub.api<{ items: { version: string; modelId?: string }[] }>(
      "GET",
      `/device-templates/${id}/versions`,
    );
    expect(items.map((one) => one.modelId)).toEqual([modelId, undefined]);
    await page.context().close();

    // Who may not change it reads it.
    const operator = await stand.signedIn("operator");
    await open(operator, `/templates/${id}?version=1.0.0`, "Modelled");
    await operator.getByText(modelId, { exact: true }).waitFor();
    expect(stand.faults).toEqual([]);
    await operator.context().close();
  });

  test("the server's message stands at the very field, and a name that is used twice is told before", async () => {
    const { id } = await made({
      name: "Bounds",
      measurements: { telemetry: { temp: { name: "Temp", dataType: "double" } } },
    });
    const page = await stand.signedIn("builder");
    await open(page, `/templates/${id}`, "Bounds");
    stand.expected.push(/^answer: 400 PUT .*\/device-templates\//);
    await row(page, "Temp").getByLabel("Minimum").fill("10");
    await row(page, "Temp").getByLabel("Maximum").fill("5");
    await save(page).click();
    await page.getByText("measurements.telemetry.temp.minValue 10 is above maxValue 5.").waitFor();
    const wrong = page.locator('[aria-invalid="true"]');
    expect(await wrong.count()).toBe(1);
    expect(await wrong.inputValue()).toBe("10");
    expect(await wrong.evaluate((input) => document.activeElement === input)).toBe(true);

    await row(page, "Temp").getByLabel("Minimum").fill("cold");
    await save(page).click();
    await page.getByText("measurements.telemetry.temp.minValue must be a number, not text.").waitFor();
    await row(page, "Temp").getByLabel("Minimum").fill("-3");

    await page.getByRole("button", { name: "Add telemetry" }).click();
    await page.keyboard.type("Temp");
    await row(page, "Temp").last().getByLabel("Field name").fill("temp");
    await save(page).click();
    await page.getByText("Another row has this field name.").waitFor();
    await row(page, "Temp").last().getByLabel("Field name").fill("no spaces please");
    await save(page).click();
    await page.getByText(/"no spaces please" is no field name/).waitFor();
    expect(await wrong.inputValue()).toBe("no spaces please");
    await row(page, "Temp")
      .last()
      .getByRole("button", { name: /^Remove/ })
      .click();
    await save(page).click();
    await saved(page);
    expect((await read(id)).measurements.telemetry).toEqual({
      temp: { name: "Temp", dataType: "double", minValue: -3, maxValue: 5 },
    });
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("a published version takes what breaks nothing, and what breaks becomes a new version, with the way to its devices", async () => {
    const { id } = await made({
      name: "Published",
      publish: true,
      simulatedDevice: true,
      measurements: {
        telemetry: {
          temp: { name: "Temp", dataType: "double", minValue: 0, maxValue: 10 },
          gone: { name: "Gone soon", dataType: "double" },
        },
      },
    });
    const page = await stand.signedIn("builder");
    await open(page, `/templates/${id}`, "Published");
    await row(page, "Temp").getByLabel("Maximum").fill("20");
    await save(page).click();
    await saved(page);
    expect((await read(id)).measurements.telemetry["temp"]).toMatchObject({ maxValue: 20 });

    await row(page, "Temp").getByLabel("Maximum").fill("15");
    await row(page, "Gone soon")
      .getByRole("button", { name: /^Remove/ })
      .click();
    stand.expected.push(/^answer: 409 PUT .*\/device-templates\//);
    await save(page).click();
    const dialog = page.getByRole("alertdialog");
    await dialog.getByText("This edit breaks version 1.0.0").waitFor();
    const breaks = dialog.getByRole("listitem");
    await breaks.first().waitFor();
    expect(await breaks.allTextContents()).toEqual([
      "measurements.telemetry.temp.maxValue was 20 and would fall to 15.",
      "measurements.telemetry.gone is no longer defined there.",
    ]);
    expect(await stand.axe(page)).toEqual([]);
    await dialog.getByRole("button", { name: /^Save as new version/ }).click();
    await page.getByText("1 device still uses version 1.0.0.").waitFor();
    expect(await page.getByLabel("Version", { exact: true }).inputValue()).toBe("1.1.0");
    expect(Object.keys((await read(id, "1.1.0")).measurements.telemetry)).toEqual(["temp"]);
    expect(Object.keys((await read(id)).measurements.telemetry)).toEqual(["temp", "gone"]);
    const devices = page.getByRole("link", { name: "Show these devices" });
    expect(await devices.getAttribute("href")).toBe(`/devices?templateId=${id}&templateVersion=1.0.0`);

    await devices.click();
    await page.getByRole("heading", { level: 1, name: "Device explorer" }).waitFor();
    await page.getByText("Published (simulated)").waitFor();
    await page.goBack();
    await page.getByLabel("Version", { exact: true }).selectOption("1.0.0");
    await row(page, "Gone soon").waitFor();
    expect(await row(page, "Temp").getByLabel("Maximum").inputValue()).toBe("20");
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("what is unsaved is not left by mistake, and what somebody else saved is not overwritten by mistake", async () => {
    const { id } = await made({ name: "Guarded" });
    const page = await stand.signedIn("builder");
    await open(page, `/templates/${id}`, "Guarded");
    const name = page.getByLabel("Name of the device template");
    await name.fill("Mine");
    await page.getByRole("link", { name: "Device explorer" }).first().click();
    await page.getByText("Leave without saving?").waitFor();
    await page.getByRole("button", { name: "Stay" }).click();
    expect(await name.inputValue()).toBe("Mine");

    await stand.hub.api("PUT", `/device-templates/${id}/versions/1.0.0`, { name: "Theirs" });
    stand.expected.push(/^answer: 409 PUT .*\/device-templates\//);
    // The page hears of it, and keeps what one types.
    await page.getByRole("heading", { level: 1, name: "Theirs" }).waitFor();
    expect(await name.inputValue()).toBe("Mine");
    await save(page).click();
    await page.getByText("Somebody else saved this meanwhile").waitFor();
    await page.getByRole("button", { name: "Show what is saved" }).click();
    await saved(page);
    expect(await name.inputValue()).toBe("Theirs");
    await page.getByRole("link", { name: "Device explorer" }).first().click();
    await page.getByRole("heading", { level: 1, name: "Device explorer" }).waitFor();
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("the sample is the server's own, and a template goes out as JSON and comes in again", async () => {
    const page = await stand.signedIn("builder");
    await open(page, "/templates", "Device templates");
    await page.getByRole("button", { name: "New device template" }).click();
    await page.getByRole("radio", { name: /^From the sample/ }).check();
    await page.getByLabel(/^Name/).fill("Copy of the sample");
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { level: 1, name: "Copy of the sample" }).waitFor();
    const { measurements, settings, properties } = await read(new URL(page.url()).pathname.split("/").at(-1) ?? "");
    expect(await read(sampleId)).toMatchObject({ measurements, settings, properties });

    await open(page, `/templates/${sampleId}`, "Refrigerated Vending Machine");
    await page.getByRole("button", { name: "Show the record" }).click();
    await part(page, "In exported files").getByText("tempThresh").waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Export JSON" }).click(),
    ]);
    const file = join(directory, "template.json");
    await download.saveAs(file);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ id: sampleId, measurements });

    await open(page, "/templates", "Device templates");
    await page.getByRole("button", { name: "New device template" }).click();
    await page.getByRole("radio", { name: /^From a JSON file/ }).check();
    await page.getByLabel("Or paste it").fill("{ not JSON");
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByText(/^This is not JSON/).waitFor();
    await page.getByLabel("File", { exact: true }).setInputFiles(file);
    stand.expected.push(/^answer: 409 POST .*\/device-templates$/);
    await page.getByLabel("Make a simulated device of it").uncheck();
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByText(`The device template ${sampleId} exists.`).waitFor();
    await page.getByRole("radio", { name: "A further version of that template" }).check();
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { level: 1, name: "Refrigerated Vending Machine" }).waitFor();
    expect(await page.getByLabel("Version", { exact: true }).inputValue()).toBe("1.1.0");

    // No device uses it: it goes. The one that ten devices use stays.
    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "Delete version 1.1.0 …" }).click();
    await page.getByRole("button", { name: "Delete version", exact: true }).click();
    await page.getByText("11 devices", { exact: true }).waitFor();
    stand.expected.push(/^answer: 409 DELETE .*\/device-templates\//);
    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "Delete the template …" }).click();
    await page.getByRole("button", { name: "Delete device template" }).click();
    await page.getByText(/is used by 11 devices/).waitFor();
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test("an operator reads templates and is offered no change", async () => {
    const page = await stand.signedIn("operator");
    await open(page, `/templates/${sampleId}`, "Refrigerated Vending Machine");
    await page.getByRole("table", { name: "Telemetry" }).getByText("Magnetometer X").waitFor();
    expect(await page.getByRole("textbox").count()).toBe(0);
    expect(await page.getByRole("button", { name: /Save|Publish|More|Add/ }).count()).toBe(0);
    expect(await stand.axe(page)).toEqual([]);
    await open(page, "/templates", "Device templates");
    await page.getByRole("link", { name: "Refrigerated Vending Machine" }).waitFor();
    expect(await page.getByRole("button", { name: "New device template" }).count()).toBe(0);
    expect(stand.faults).toEqual([]);
    await page.context().close();
  });

  test.each([
    ["light", 1440],
    ["dark", 1440],
    ["light", 390],
    ["dark", 390],
  ] as const)(
    "list and editor show in %s at %i px, hostile names too: nothing serious by axe, no sideways scrolling",
    async (theme, width) => {
      const name = `<img src=x onerror="globalThis.wasRun=true"> ${"long".repeat(30)}`;
      const { id } = await made({
        name: `${name} ${theme} ${width}`,
        measurements: {
          telemetry: {
            temp: {
              name,
              dataType: "double",
              unit: "<script>globalThis.wasRun=true</script>",
              minValue: -40,
              maxValue: 120,
            },
            lit: { name: "Lit", dataType: "boolean" },
          },
          states: { door: { name: "Door", values: [{ value: "open", name }] } },
          events: { fell: { name, category: "warning" } },
        },
        settings: {
          device: { speed: { name, dataType: "enum", values: [{ value: name, name }], initialValue: name } },
        },
        properties: { cloud: { place: { name, dataType: "string", initialValue: name } } },
      });
      const page = await stand.signedIn("builder", { theme, width });
      for (const [path, title] of [
        ["/templates", "Device templates"],
        [`/templates/${id}`, `${name} ${theme} ${width}`],
        [`/templates/${sampleId}`, "Refrigerated Vending Machine"],
      ] as const) {
        await open(page, path, title);
        await page.getByRole("main").getByText("Vending").or(part(page, "Telemetry")).first().waitFor();
        expect(await stand.axe(page), path).toEqual([]);
        const sideways = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(sideways, path).toBeLessThanOrEqual(0);
        const pictures = process.env["PAGE_PICTURES"];
        if (pictures !== undefined) {
          const file = `${title.slice(0, 6).replaceAll(/\W/g, "")}-${theme}-${width}.png`;
          await page.screenshot({ path: join(pictures, file), fullPage: true });
        }
      }
      expect(await page.evaluate(() => "wasRun" in globalThis)).toBe(false);
      expect(stand.faults).toEqual([]);
      await page.context().close();
    },
  );
});
