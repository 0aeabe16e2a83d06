// The sample of a fresh data directory: the seed's Refrigerated Vending Machine, ten of them simulated, one real device
// to try with, and an export of all of it into a folder.
//
// Each step looks whether it was done before, by name or id, so that a first start that was cut short is completed by
// the next. Whether the data directory is fresh the server knows (it keeps `sample.pending` until all is made).

import { join, resolve } from "node:path";
import type { StorageAccess } from "../destinations/destination.ts";
import { defaultPathTemplate } from "../export/path-template.ts";
import type { Window } from "../lib/window.ts";
import {
  type ExportSettings,
  type NewDevice,
  type NewTemplate,
  type Registry,
  type StorageAccount,
  exportTypes,
} from "../registry/registry.ts";

export interface SampleOptions {
  readonly registry: Pick<
    Registry,
    | "templates"
    | "createTemplate"
    | "countDevices"
    | "createDevices"
    | "storageAccounts"
    | "createStorageAccount"
    | "exports"
    | "createExport"
    | "setExportOn"
  >;
  readonly openStorage: (storageAccountId: string) => Promise<StorageAccess>;
  readonly dataDir: string;
  readonly windowOpen: () => Window;
  readonly exportDefaults: Pick<ExportSettings, "blockBytes" | "fileBytesMax">;
}

export interface Sample {
  readonly templateName: string;
  /** The real device that a person may send as. */
  readonly deviceId: string;
  readonly simulatedDevices: number;
  readonly storageAccountName: string;
  readonly exportName: string;
  /** Where the first files will be. */
  readonly folder: string;
}

const deviceId = "my-device";
const storageAccountName = "Local folder";
const container = "iot";
const exportName = "Sample export";

/** The seed's template, under the seed's id, with the bounds that its text promises. */
const template = {
  id: "c318d580-39fc-4aca-b995-843719821049",
  name: "Refrigerated Vending Machine",
  version: "1.0.0",
  publish: true,
  measurements: {
    telemetry: {
      humidity: { name: "Humidity", dataType: "double", unit: "%", minValue: 0, maxValue: 100 },
      magnetometerX: { name: "Magnetometer X", dataType: "double", unit: "mgauss", minValue: -1, maxValue: 1 },
      magnetometerY: { name: "Magnetometer Y", dataType: "double", unit: "mgauss", minValue: -1, maxValue: 1 },
      magnetometerZ: { name: "Magnetometer Z", dataType: "double", unit: "mgauss", minValue: -1, maxValue: 1 },
    },
    states: {
      connectivity: {
        name: "Connectivity",
        values: [
          { value: "connected", name: "Connected" },
          { value: "disconnected", name: "Disconnected" },
        ],
      },
    },
    events: { opened: { name: "Door Opened", category: "informational" } },
  },
  settings: { device: { fanSpeed: { name: "Fan Speed", dataType: "double", initialValue: 0 } } },
  properties: {
    cloud: {
      location: { name: "Location", dataType: "string", initialValue: "Seattle" },
      maintCon: { name: "Maintenance Contract", dataType: "boolean", initialValue: true },
      tempThresh: { name: "Temperature Alert Threshold", dataType: "double", initialValue: 30 },
    },
    device: { lastReboot: { name: "Last Reboot", dataType: "dateTime" } },
  },
} as const satisfies NewTemplate;

/** The second one is the seed's. */
const locations = [
  "Seattle",
  "New York",
  "Chicago",
  "Toronto",
  "London",
  "Berlin",
  "Nairobi",
  "Mumbai",
  "Tokyo",
  "Sydney",
] as const;

/** Makes what is missing of the sample. Safe to call again after it was interrupted. */
export async function makeSample(options: SampleOptions): Promise<Sample> {
  const { registry } = options;
  const templates = await registry.templates();
  if (!templates.some(({ id }) => id === template.id)) await registry.createTemplate(template);
  // All of them in one transaction, so one of them is all of them.
  if ((await registry.countDevices({ templateId: template.id })) === 0) await registry.createDevices(devices());
  const account = await storageAccount(options);
  await createContainer(options, account);
  await turnOnExport(options, account);
  return {
    templateName: template.name,
    deviceId,
    simulatedDevices: locations.length,
    storageAccountName,
    exportName,
    folder: join(folderOf(options), container),
  };
}

function devices(): readonly NewDevice[] {
  const refrigerators = locations.map((location, index): NewDevice => ({
    name: `Refrigerator ${index + 1}`,
    simulated: true,
    templateId: template.id,
    templateVersion: template.version,
    properties: { cloud: index === 1 ? { location, tempThresh: 20 } : { location } },
  }));
  const real = { id: deviceId, name: "My device", templateId: template.id, templateVersion: template.version };
  return [...refrigerators, real];
}

function folderOf({ dataDir }: SampleOptions): string {
  return join(resolve(dataDir), "lake");
}

async function storageAccount(options: SampleOptions): Promise<StorageAccount> {
  const present = (await options.registry.storageAccounts()).find(({ name }) => name === storageAccountName);
  const settings = { kind: "folder", path: folderOf(options) } as const;
  return present ?? (await options.registry.createStorageAccount({ name: storageAccountName, settings }));
}

async function createContainer({ openStorage }: SampleOptions, account: StorageAccount): Promise<void> {
  const access = await openStorage(account.id);
  try {
    await access.createContainer(container);
  } finally {
    await access.close();
  }
}

async function turnOnExport(options: SampleOptions, account: StorageAccount): Promise<void> {
  const { registry, windowOpen, exportDefaults } = options;
  const present = (await registry.exports()).find(({ name }) => name === exportName);
  const made =
    present ??
    (await registry.createExport(
      exportName,
      {
        storageAccountId: account.id,
        container,
        types: exportTypes,
        pathTemplate: defaultPathTemplate,
        codec: "null",
        formatRevision: "2018-07",
        ...exportDefaults,
      },
      windowOpen,
    ));
  await registry.setExportOn(made.id, true, windowOpen);
}
