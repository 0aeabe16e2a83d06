import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStorage } from "../destinations/open-storage.ts";
import { systemClock } from "../lib/clock.ts";
import type { Registry } from "../registry/registry.ts";
import { openSqliteRegistry } from "../registry/sqlite/sqlite-registry.ts";
import { type SampleOptions, makeSample } from "./sample.ts";

let directory: string;
let registry: Registry;
let options: SampleOptions;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-sample-"));
  registry = await openSqliteRegistry({ directory, clock: systemClock });
  options = {
    registry,
    openStorage: async (id) => openStorage((await registry.storageAccount(id)).settings, undefined),
    dataDir: directory,
    windowOpen: () => 7,
    exportDefaults: { blockBytes: 65_536, fileBytesMax: 1024 ** 3 },
  };
});
afterEach(async () => {
  await registry.close();
  rmSync(directory, { recursive: true, force: true });
});

async function checkSample(): Promise<void> {
  const [template, ...others] = await registry.templates();
  expect(others).toEqual([]);
  // The seed's page, its template record, field by field.
  expect(template).toMatchObject({
    id: "c318d580-39fc-4aca-b995-843719821049",
    name: "Refrigerated Vending Machine",
    version: "1.0.0",
    published: true,
    measurements: {
      telemetry: {
        humidity: { dataType: "double", name: "Humidity" },
        magnetometerX: { dataType: "double", name: "Magnetometer X" },
        magnetometerY: { dataType: "double", name: "Magnetometer Y" },
        magnetometerZ: { dataType: "double", name: "Magnetometer Z" },
      },
      states: { connectivity: { name: "Connectivity" } },
      events: { opened: { name: "Door Opened", category: "informational" } },
    },
    settings: { device: { fanSpeed: { dataType: "double", name: "Fan Speed", initialValue: 0 } } },
    properties: {
      cloud: {
        location: { dataType: "string", name: "Location", initialValue: "Seattle" },
        maintCon: { dataType: "boolean", name: "Maintenance Contract", initialValue: true },
        tempThresh: { dataType: "double", name: "Temperature Alert Threshold", initialValue: 30 },
      },
      device: { lastReboot: { dataType: "dateTime", name: "Last Reboot" } },
    },
  });
  const { items } = await registry.devices({ simulated: true });
  const names = items.map(({ name }) => name);
  expect(new Set(names)).toEqual(new Set(Array.from({ length: 10 }, (_, index) => `Refrigerator ${index + 1}`)));
  const second = items.find(({ name }) => name === "Refrigerator 2");
  expect(second?.properties.cloud).toEqual({ location: "New York", maintCon: true, tempThresh: 20 });
  expect(second?.settings.device).toEqual({ fanSpeed: 0 });
  expect(await registry.countDevices()).toBe(11);
  expect((await registry.device("my-device")).simulated).toBe(false);
  const [made, ...more] = await registry.exports();
  expect(more).toEqual([]);
  expect(made).toMatchObject({ name: "Sample export", on: true, tenures: [{ windowFirst: 7, windowLast: null }] });
  expect(made?.definitions).toMatchObject([
    {
      container: "iot",
      types: ["measurements", "devices", "deviceTemplates"],
      pathTemplate: "{type}/{hub}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro",
      codec: "null",
      formatRevision: "2018-07",
    },
  ]);
  expect(existsSync(join(directory, "lake", "iot"))).toBe(true);
}

test("The sample is the seed's template, ten refrigerators, a device to try, and an export into a folder", async () => {
  expect(await makeSample(options)).toMatchObject({
    deviceId: "my-device",
    simulatedDevices: 10,
    folder: join(directory, "lake", "iot"),
  });
  await checkSample();
});

test("Made again, it changes nothing", async () => {
  await makeSample(options);
  const before = [await registry.templates(), await registry.devices({}), await registry.exports()];
  await makeSample(options);
  expect([await registry.templates(), await registry.devices({}), await registry.exports()]).toEqual(before);
});

test.each(["createTemplate", "createDevices", "createStorageAccount", "createExport", "setExportOn"] as const)(
  "Cut short after %s, it is completed by the next start",
  async (step) => {
    const cut: SampleOptions = {
      ...options,
      registry: {
        ...registry,
        [step]: async (...given: never[]) => {
          await (registry[step] as (...all: never[]) => Promise<unknown>)(...given);
          throw new Error("cut short");
        },
      },
    };
    await expect(makeSample(cut)).rejects.toThrow("cut short");
    await makeSample(options);
    await checkSample();
  },
);
