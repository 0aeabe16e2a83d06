// The seed's device template, to begin with: the same as the server's own sample (a test compares them).

import type { Schema } from "../api/client.ts";

export const sampleTemplate = {
  name: "Refrigerated Vending Machine",
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
} as const satisfies Schema<"NewDeviceTemplate">;
