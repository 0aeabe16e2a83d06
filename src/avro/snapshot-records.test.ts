// The records of snapshot files have the shapes of the documentation's examples: the same JSON, key for key, with the one
// documented difference that an unset initialValue, minValue or maxValue is an explicit null.

import avro from "avsc";
import { expect, test } from "vitest";
import { formatRevisions } from "../registry/registry.ts";
import { schemaName, schemaText } from "./schemas.ts";
import { type DeviceState, type TemplateState, deviceEncoder, templateEncoder } from "./snapshot-records.ts";

/** "Each record in the decoded AVRO file looks like this" of the page "Export your data", 07/3/2018: Devices. */
const documentedDevice = `{
    "id": "2383d8ba-c98c-403a-b4d5-8963859643bb",
    "name": "Refrigerator 2",
    "simulated": true,
    "deviceTemplate": {
        "id": "c318d580-39fc-4aca-b995-843719821049",
        "version": "1.0.0"
    },
    "properties": {
        "cloud": {
            "location": "New York",
            "maintCon": true,
            "tempThresh": 20
        },
        "device": {
            "lastReboot": "2018-02-09T22:22:47.156Z"
        }
    },
    "settings": {
        "device": {
            "fanSpeed": 0
        }
    }
}`;

/** The same of Device templates. */
const documentedTemplate = `{
    "id": "c318d580-39fc-4aca-b995-843719821049",
    "name": "Refrigerated Vending Machine",
    "version": "1.0.0",
    "measurements": {
        "telemetry": {
            "humidity": {
                "dataType": "double",
                "name": "Humidity"
            },
            "magnetometerX": {
                "dataType": "double",
                "name": "Magnetometer X"
            },
            "magnetometerY": {
                "dataType": "double",
                "name": "Magnetometer Y"
            },
            "magnetometerZ": {
                "dataType": "double",
                "name": "Magnetometer Z"
            }
        },
        "states": {
            "connectivity": {
                "dataType": "enum",
                "name": "Connectivity"
            }
        },
        "events": {
            "opened": {
                "name": "Door Opened",
                "category": "informational"
            }
        }
    },
    "settings": {
        "device": {
            "fanSpeed": {
                "dataType": "double",
                "name": "Fan Speed",
                "initialValue": 0
            }
        }
    },
    "properties": {
        "cloud": {
            "location": {
                "dataType": "string",
                "name": "Location",
                "initialValue": "Seattle"
            },
            "maintCon": {
                "dataType": "boolean",
                "name": "Maintenance Contract",
                "initialValue": true
            },
            "tempThresh": {
                "dataType": "double",
                "name": "Temperature Alert Threshold",
                "initialValue": 30
            }
        },
        "device": {
            "lastReboot": {
                "dataType": "dateTime",
                "name": "Last Reboot"
            }
        }
    }
}`;

const device: DeviceState = {
  id: "2383d8ba-c98c-403a-b4d5-8963859643bb",
  name: "Refrigerator 2",
  simulated: true,
  templateId: "c318d580-39fc-4aca-b995-843719821049",
  templateVersion: "1.0.0",
  properties: {
    cloud: { location: "New York", maintCon: true, tempThresh: 20 },
    device: { lastReboot: "2018-02-09T22:22:47.156Z" },
  },
  settings: { device: { fanSpeed: 0 } },
};
const template = JSON.parse(documentedTemplate) as TemplateState;

type Record = { [key: string]: unknown };

/** A record as the documentation's Node.js snippet would see it, through JSON: key order counts. */
function decode(type: "devices" | "deviceTemplates", revision: "2018-07" | "2018-09", bytes: Buffer): Record {
  const schema = avro.Type.forSchema(JSON.parse(schemaText(schemaName(type, revision))));
  return JSON.parse(JSON.stringify(schema.fromBuffer(bytes))) as Record;
}

/** Two-space JSON, so that a difference, in order too, is easy to see. */
const print = (value: unknown): string => JSON.stringify(value, null, 2);

test("2018-07: the documented device is the decoded record, key for key", () => {
  const record = decode("devices", "2018-07", deviceEncoder("2018-07")(device));
  expect(print(record)).toBe(print(JSON.parse(documentedDevice)));
});

test("2018-09 adds deviceId behind id, with the same value, and nothing else", () => {
  const { id, ...rest } = JSON.parse(documentedDevice) as Record;
  const record = decode("devices", "2018-09", deviceEncoder("2018-09")(device));
  expect(print(record)).toBe(print({ id, deviceId: id, ...rest }));
});

test.each(formatRevisions)("%s: the documented template is the decoded record, but for explicit nulls", (revision) => {
  const record = decode("deviceTemplates", revision, templateEncoder(revision)(template));
  const nulls: string[] = [];
  const withoutNulls = JSON.parse(JSON.stringify(record), function (this: unknown, key: string, value: unknown) {
    if (value === null) nulls.push(key);
    return value ?? undefined;
  }) as Record;
  expect(print(withoutNulls)).toBe(print(JSON.parse(documentedTemplate)));
  // Four telemetry fields without bounds; every initialValue of the example is set, device properties have none.
  expect(nulls.toSorted()).toEqual([...Array(4).fill("maxValue"), ...Array(4).fill("minValue")]);
});

test("Bounds, initial values of every kind and unset ones stand in the template's record", () => {
  const field = { dataType: "double", name: "F" };
  const record = decode(
    "deviceTemplates",
    "2018-07",
    templateEncoder("2018-07")({
      id: "t",
      name: "T",
      version: "1.0.0",
      measurements: {
        telemetry: { both: { ...field, minValue: -1.5, maxValue: 0 }, one: { ...field, maxValue: 2 } },
        states: {},
        events: {},
      },
      settings: {
        device: { unset: field, zero: { ...field, initialValue: 0 }, off: { ...field, initialValue: false } },
      },
      properties: {
        cloud: { empty: { ...field, initialValue: "" }, place: { ...field, initialValue: { lon: 1.5, lat: -2 } } },
        device: { reported: field },
      },
    }),
  );
  expect(record).toEqual({
    id: "t",
    name: "T",
    version: "1.0.0",
    measurements: {
      telemetry: {
        both: { ...field, minValue: -1.5, maxValue: 0 },
        one: { ...field, minValue: null, maxValue: 2 },
      },
      states: {},
      events: {},
    },
    settings: {
      device: {
        unset: { ...field, initialValue: null },
        zero: { ...field, initialValue: 0 },
        off: { ...field, initialValue: false },
      },
    },
    properties: {
      cloud: { empty: { ...field, initialValue: "" }, place: { ...field, initialValue: { lon: 1.5, lat: -2 } } },
      device: { reported: field },
    },
  });
});

test.each(formatRevisions)(
  "%s: a device without values has all its maps, and values of every kind come out bare",
  (revision) => {
    const encode = deviceEncoder(revision);
    const bare = decode(
      "devices",
      revision,
      encode({ ...device, properties: { cloud: {}, device: {} }, settings: { device: {} } }),
    );
    expect(bare).toMatchObject({ properties: { cloud: {}, device: {} }, settings: { device: {} } });
    expect(Object.keys(bare["properties"] as object)).toEqual(["cloud", "device"]);

    const cloud = {
      unset: null,
      yes: true,
      whole: 9_007_199_254_740_992,
      part: -0.1,
      text: "Grüße, 世界 🧊",
      place: { lon: 13.4, lat: 52.5 },
      peak: { lon: 86.9, lat: 27.99, alt: 8849 },
    };
    const full = decode("devices", revision, encode({ ...device, properties: { cloud, device: {} } }));
    expect((full["properties"] as Record)["cloud"]).toEqual(cloud);
  },
);
