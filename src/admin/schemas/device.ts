// Schemas of devices, of their keys and of hub policies.

import { type TProperties, Type } from "typebox";
import { count, etag, givenEtag, mapOf, orNull, ref, shape, time, words } from "../schema.ts";
import { DeviceAuthentication } from "./certificate.ts";
import { PropertyValue } from "./device-template.ts";

const exactly = <P extends TProperties>(properties: P) => Type.Object(properties, { additionalProperties: false });
const values = mapOf(ref(PropertyValue), "By field name, as the device template defines them.");

export const Device = shape("Device", "A device.", {
  id: Type.String(),
  name: Type.String(),
  simulated: Type.Boolean(),
  templateId: Type.String(),
  templateVersion: Type.String(),
  enabled: Type.Boolean({ description: "A disabled device is refused." }),
  authentication: ref(DeviceAuthentication),
  connected: Type.Boolean({ description: "Whether it has a connection open now. A simulated device has none." }),
  generationId: Type.String({
    description: "Of this incarnation: a device made again under the same id has a later one.",
  }),
  properties: exactly({ cloud: values, device: values }),
  settings: exactly({ device: values }),
  etag,
  createdAt: time(),
});
export const DevicePage = shape("DevicePage", "A page of devices, in the order asked for.", {
  items: Type.Array(ref(Device)),
  next: orNull(
    Type.String({
      description: "Give it as `after` for the next page, with the same filter and order; null on the last.",
    }),
  ),
  total: count("Devices that match, on all pages."),
});
export const DeviceList = shape("DeviceList", "Devices, in the order asked for.", { items: Type.Array(ref(Device)) });

const change = {
  name: Type.Optional(Type.String()),
  enabled: Type.Optional(Type.Boolean()),
  properties: Type.Optional(exactly({ cloud: Type.Optional(values), device: Type.Optional(values) })),
  settings: Type.Optional(exactly({ device: Type.Optional(values) })),
};
const primaryKey = Type.Optional(Type.String({ description: "Base64 of 16 to 64 bytes." }));
const secondaryKey = primaryKey;
export const NewDevice = shape("NewDevice", "A device to be made.", {
  id: Type.Optional(Type.String({ description: "A GUID when left out." })),
  simulated: Type.Optional(Type.Boolean({ description: "The server sends in its place." })),
  templateId: Type.String(),
  templateVersion: Type.Optional(Type.String({ description: "The newest published version when left out." })),
  ...change,
  authentication: Type.Optional(ref(DeviceAuthentication, "By its keys when left out.")),
  primaryKey,
  secondaryKey,
});
export const NewDeviceBatch = shape("NewDeviceBatch", "Devices to be made, all or none; at most 10,000.", {
  devices: Type.Array(ref(NewDevice)),
});
export const DeviceChange = shape(
  "DeviceChange",
  "A merge patch: what is left out stays, a null value clears that property.",
  { ...change, etag: givenEtag },
);
export const DeviceMigration = shape("DeviceMigration", "To another version of the device's template.", {
  templateVersion: Type.String(),
  etag: givenEtag,
});

const ids = Type.Array(Type.String(), { minItems: 1, maxItems: 1000, description: "Of 1 to 1,000 devices." });
export const DeviceIds = shape("DeviceIds", "Devices.", { ids });
export const DevicesMigration = shape("DevicesMigration", "Devices, to another version of the template of each.", {
  ids,
  templateVersion: Type.String(),
});
export const DevicesAccess = shape("DevicesAccess", "Devices to be let in, or no more.", {
  ids,
  enabled: Type.Boolean({ description: "false closes their connections." }),
});
export const DeviceRefusal = shape("DeviceRefusal", "A device of a list that is as it was, and why.", {
  id: Type.String(),
  code: Type.String({ description: "As in an error." }),
  message: Type.String(),
  field: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
});
export const DevicesReport = shape("DevicesReport", "What became of each device of a list.", {
  done: count("For so many it was done."),
  refused: Type.Array(ref(DeviceRefusal)),
});

export const DeviceImportRow = shape("DeviceImportRow", "A row from which no device was made, and why.", {
  row: count("Its number as a spreadsheet shows it: the heading is row 1."),
  deviceId: Type.String({ description: "As it stands there." }),
  outcome: words(["exists", "failed"], "exists: a device of this id was there before, and is as it was."),
  code: Type.String({ description: "As in an error." }),
  message: Type.String(),
  field: Type.Optional(Type.String({ description: "The column, or the field of the device." })),
  hint: Type.Optional(Type.String()),
});
export const DeviceImportReport = shape("DeviceImportReport", "What became of the rows of a CSV file.", {
  dryRun: Type.Boolean({ description: "Nothing was made: it says what would have been." }),
  read: count("Rows with something in them, without the heading."),
  created: count("Devices made."),
  existing: count("Rows whose device was there before: as after an import that was cut off, and made again."),
  failed: count("Rows that nothing could be made of."),
  stopped: orNull(
    Type.Object(
      { code: Type.String(), message: Type.String(), hint: Type.Optional(Type.String()) },
      { additionalProperties: false, description: "Why the file was not read to its end; null: it was." },
    ),
  ),
  rows: Type.Array(ref(DeviceImportRow), {
    description: "In order of row, the first 1,000 that failed and 1,000 that exist.",
  }),
  rowsLeftOut: count("Rows that failed or exist and are not listed."),
});

export const ConnectionSnippet = shape("ConnectionSnippet", "A program that sends one message as this device.", {
  language: words(["nodejs", "python", "csharp", "mosquitto_pub"]),
  title: Type.String(),
  install: Type.String({ description: "A command line, to be run once." }),
  file: orNull(Type.String({ description: "What to save the code as; null: it is typed into a shell." })),
  run: orNull(Type.String({ description: "The command line that runs the file." })),
  note: orNull(Type.String({ description: "What else must be known." })),
  code: Type.String({ description: "With {{KEY}} where the device's key goes." }),
});
export const ConnectionCode = shape("ConnectionCode", "How a device connects to this server, as ready programs.", {
  deviceId: Type.String(),
  hostName: Type.String({ description: "With the port when it is not MQTT's 8883." }),
  host: Type.String(),
  port: count("Of MQTT over TLS."),
  caPath: orNull(
    Type.String({
      description: "Where this server keeps the authority's certificate that devices must trust; null: a public one.",
    }),
  ),
  placeholder: Type.String({ description: "What stands in the code for the key." }),
  snippets: Type.Array(ref(ConnectionSnippet)),
});

export const DeviceCredentials = shape(
  "DeviceCredentials",
  "Either key opens the door, so that one can be changed without a gap.",
  {
    deviceId: Type.String(),
    hostName: Type.String({ description: "With the port when it is not MQTT's 8883." }),
    primaryKey: Type.String(),
    secondaryKey: Type.String(),
    primaryConnectionString: Type.String(),
    secondaryConnectionString: Type.String(),
    x509ConnectionString: orNull(
      Type.String({
        description: "Of a device that signs in by a certificate, for whom its keys open nothing; else null.",
      }),
    ),
  },
);
export const DeviceKeyChange = shape("DeviceKeyChange", "Keys to set, or one to make anew; not both.", {
  primaryKey,
  secondaryKey,
  regenerate: Type.Optional(words(["primary", "secondary"])),
});

/** A year: a token cannot be taken back but by changing its key. */
const ttlSecondsMax = 366 * 24 * 3600;
export const NewDeviceToken = shape("NewDeviceToken", "A shared access signature to be made.", {
  ttlSeconds: Type.Integer({
    minimum: 1,
    maximum: ttlSecondsMax,
    description: "How long it is good for, in real time.",
  }),
  key: Type.Optional(words(["primary", "secondary"], "Which key signs; primary when left out.")),
});
export const DeviceToken = shape("DeviceToken", "A shared access signature: a device's password for a time.", {
  token: Type.String(),
  expiresAt: time(),
});

export const Policy = shape("Policy", "A hub policy: its keys let any device in.", {
  name: Type.String(),
  createdAt: time(),
});
export const PolicyList = shape("PolicyList", "Hub policies.", { items: Type.Array(ref(Policy)) });
export const NewPolicy = shape("NewPolicy", "A hub policy to be made; keys left out are made at random.", {
  name: Type.String({ description: "1 to 64 letters, digits, _ and -." }),
  primaryKey,
  secondaryKey,
});
export const PolicyKeyChange = shape("PolicyKeyChange", "Keys to set, or one to make anew; not both.", {
  primaryKey,
  secondaryKey,
  regenerate: Type.Optional(words(["primary", "secondary"])),
});
export const PolicyKeys = shape("PolicyKeys", "A hub policy's keys.", {
  name: Type.String(),
  primaryKey: Type.String(),
  secondaryKey: Type.String(),
  primaryConnectionString: Type.String(),
  secondaryConnectionString: Type.String(),
});
