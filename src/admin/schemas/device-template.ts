// Schemas of device templates. The rules of their content are the registry's (template-content.ts).

import { type TProperties, Type } from "typebox";
import { dataTypes, eventCategories, settingForms, templatePlaces } from "../../registry/registry.ts";
import { etag, givenEtag, mapOf, ref, shape, time, words } from "../schema.ts";

export const Location = shape("Location", "A place on Earth.", {
  lon: Type.Number({ description: "-180 to 180." }),
  lat: Type.Number({ description: "-90 to 90." }),
  alt: Type.Optional(Type.Number({ description: "Metres." })),
});

const valueForms = "null, true or false, a number, text, or a location { lon, lat, alt? }";
export const PropertyValue = Type.Union([Type.Null(), Type.Boolean(), Type.Number(), Type.String(), ref(Location)], {
  $id: "PropertyValue",
  description: valueForms,
});

export const EnumValue = shape("EnumValue", "One of the values that a state or an enum field can have.", {
  value: Type.String({ description: "What the device sends." }),
  name: Type.String({ description: "What people see." }),
});

const name = Type.String({ description: "What people see." });
const dataType = words(dataTypes);
const unit = Type.Optional(Type.String({ description: "°C, bar, …" }));
const minValue = Type.Optional(Type.Number({ description: "Of a double." }));
const maxValue = Type.Optional(Type.Number({ description: "Of a double." }));
const values = Type.Optional(Type.Array(ref(EnumValue), { description: "Of an enum." }));

export const TelemetryDefinition = shape("TelemetryDefinition", "A number or another value that a device measures.", {
  name,
  dataType,
  unit,
  minValue,
  maxValue,
});
export const StateDefinition = shape("StateDefinition", "A state that a device is in.", {
  name,
  values: Type.Array(ref(EnumValue)),
});
export const EventDefinition = shape("EventDefinition", "Something that happens at a device.", {
  name,
  category: words(eventCategories),
});
export const FieldDefinition = shape("FieldDefinition", "A setting, or a cloud property.", {
  name,
  dataType,
  unit,
  minValue,
  maxValue,
  values,
  initialValue: Type.Optional(ref(PropertyValue)),
});
export const DevicePropertyDefinition = shape("DevicePropertyDefinition", "A property that the device reports.", {
  name,
  dataType,
  values,
});

const keys = "By field name: the key in the device's JSON.";
const telemetry = mapOf(ref(TelemetryDefinition), keys);
const states = mapOf(ref(StateDefinition), keys);
const events = mapOf(ref(EventDefinition), keys);
const settingsDevice = mapOf(ref(FieldDefinition), keys);
const settingForm = Type.Optional(
  words(
    settingForms,
    'How settings are sent to devices: wrapped, `{"fan": {"value": 3}}` as in 2018, when left out; bare, `{"fan": 3}` as since July 2020.',
  ),
);
const modelId = Type.Optional(
  Type.String({
    description:
      "Devices that say they are of this model when they are provisioned get this template, e.g. `dtmi:com:example:Thermostat;1`.",
  }),
);
const propertiesCloud = mapOf(ref(FieldDefinition), keys);
const propertiesDevice = mapOf(ref(DevicePropertyDefinition), keys);
const exactly = <P extends TProperties>(properties: P) => Type.Object(properties, { additionalProperties: false });

export const DeviceTemplate = shape("DeviceTemplate", "One version of a device template.", {
  id: Type.String(),
  version: Type.String({ description: "`major.minor.patch`." }),
  name: Type.String(),
  published: Type.Boolean({
    description: "Devices use published versions only, so of these only edits that break nothing are made in place.",
  }),
  modelId,
  measurements: exactly({ telemetry, states, events }),
  settings: exactly({ form: settingForm, device: settingsDevice }),
  properties: exactly({ cloud: propertiesCloud, device: propertiesDevice }),
  etag,
  createdAt: time(),
});
export const DeviceTemplateList = shape("DeviceTemplateList", "Versions of device templates, by id, then version.", {
  items: Type.Array(ref(DeviceTemplate)),
});

export const TemplateBreak = shape("TemplateBreak", "What an edit of a published version would take away.", {
  field: Type.String(),
  message: Type.String(),
});
export const TemplateEditCheck = shape("TemplateEditCheck", "What would become of an edit.", {
  breaks: Type.Array(ref(TemplateBreak), { description: "Empty: the edit can be made in place." }),
  nextVersion: Type.String({
    description: "A free version, behind all there are: for the edit that breaks something.",
  }),
});
export const TemplateRecord = shape("TemplateRecord", "A decoded record.", {
  record: Type.Unsafe<unknown>({ description: "As a reader of the file sees it." }),
});
export const DeviceTemplateFile = shape(
  "DeviceTemplateFile",
  "A version of a device template, to be kept or made elsewhere.",
  {
    id: Type.String(),
    version: Type.String(),
    name: Type.String(),
    modelId,
    measurements: exactly({ telemetry, states, events }),
    settings: exactly({ form: settingForm, device: settingsDevice }),
    properties: exactly({ cloud: propertiesCloud, device: propertiesDevice }),
  },
);

const content = {
  name: Type.String(),
  publish: Type.Optional(Type.Boolean({ description: "Left as a draft unless true." })),
  modelId,
  measurements: Type.Optional(
    exactly({
      telemetry: Type.Optional(telemetry),
      states: Type.Optional(states),
      events: Type.Optional(events),
    }),
  ),
  settings: Type.Optional(exactly({ form: settingForm, device: Type.Optional(settingsDevice) })),
  properties: Type.Optional(
    exactly({ cloud: Type.Optional(propertiesCloud), device: Type.Optional(propertiesDevice) }),
  ),
};
export const NewDeviceTemplate = shape(
  "NewDeviceTemplate",
  "A device template to be made. Sections left out are empty.",
  {
    id: Type.Optional(Type.String({ description: "A GUID when left out." })),
    version: Type.Optional(Type.String({ description: "1.0.0 when left out." })),
    ...content,
    whenExists: Type.Optional(
      words(
        templatePlaces,
        "When the id is in use: refuse it, as when left out; make it under a GUID; or make it a further version, the next one where its own is taken.",
      ),
    ),
    simulatedDevice: Type.Optional(
      Type.Boolean({ description: "Makes a simulated device of it, too: give publish as well." }),
    ),
  },
);
export const NewDeviceTemplateVersion = shape("NewDeviceTemplateVersion", "A further version of a device template.", {
  id: Type.Optional(Type.String({ description: "The one in the path, or left out." })),
  version: Type.String(),
  ...content,
});
export const DeviceTemplateChange = shape("DeviceTemplateChange", "The whole new content.", {
  id: Type.Optional(Type.String({ description: "The one in the path, or left out." })),
  version: Type.Optional(Type.String({ description: "The one in the path, or left out." })),
  ...content,
  etag: givenEtag,
});
