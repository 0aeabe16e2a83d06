// Schemas of devices, of their keys and of hub policies.

import { type TProperties, Type } from "typebox";
import { count, etag, givenEtag, mapOf, orNull, ref, shape, time, words } from "../schema.ts";
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
  connected: Type.Boolean({ description: "Whether it has a connection open now. A simulated device has none." }),
  generationId: Type.String({
    description: "Of this incarnation: a device made again under the same id has a later one.",
  }),
  properties: exactly({ cloud: values, device: values }),
  settings: exactly({ device: values }),
  etag,
  createdAt: time(),
});
export const DevicePage = shape("DevicePage", "A page of devices, by id.", {
  items: Type.Array(ref(Device)),
  next: orNull(Type.String({ description: "Give it as `after` for the next page; null on the last." })),
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
export const PolicyKeys = shape("PolicyKeys", "A hub policy's keys.", {
  name: Type.String(),
  primaryKey: Type.String(),
  secondaryKey: Type.String(),
  primaryConnectionString: Type.String(),
  secondaryConnectionString: Type.String(),
});
