// The rows of the table: each SDK over each of its transports, what that SDK has not, and where it says so.

import type { Transport } from "./driver-protocol.ts";
import type { FeatureId } from "./features.ts";
import type { Language } from "./sdk-process.ts";

export const kinds = ["device", "module", "provisioning"] as const;
export type Kind = (typeof kinds)[number];

export interface Row {
  readonly kind: Kind;
  readonly language: Language;
  readonly transport: Transport;
  /** What fails because the connection broke is the user's to send again; else the SDK does. */
  readonly isUserToSendAgain: boolean;
  /** What the SDK cannot do, whatever the hub is: the reason, and where it says so. */
  readonly none: Partial<Readonly<Record<FeatureId, string>>>;
  /** What a reader should know of cells that work. */
  readonly notes: Partial<Readonly<Record<FeatureId, string>>>;
  /** What the hub does not do yet. A cell that works in spite of it fails the suite, as does any other that does not. */
  readonly notYet: readonly FeatureId[];
}

const nodeMqtt = {
  kind: "device",
  language: "Node.js",
  isUserToSendAgain: false,
  none: {
    batch: "`sendEventBatch` throws: “MQTT Transport does not support batching yet” (azure-iot-device-mqtt, mqtt.js)",
    reject:
      "`reject` throws: “the MQTT transport does not support rejecting messages” (azure-iot-device-mqtt, mqtt.js)",
    abandon:
      "`abandon` throws: “The MQTT transport does not support abandoning messages” (azure-iot-device-mqtt, mqtt.js)",
  },
  notes: {},
  notYet: [],
} as const;

const sendAgain = "What was not acknowledged when the connection broke fails: the program sends it again";
const nodeAmqp = {
  kind: "device",
  language: "Node.js",
  isUserToSendAgain: false,
  none: {
    batch: "`sendEventBatch` throws: “AMQP Transport does not support batching yet” (azure-iot-device-amqp, amqp.js)",
  },
  notes: {},
  notYet: [],
} as const;

const noTwins = "“Twin is not implemented over HTTP” (azure-iot-device-http, http.js)";

const pythonMqtt = {
  kind: "device",
  language: "Python",
  isUserToSendAgain: true,
  none: {
    batch: "`IoTHubDeviceClient` has no such call",
    reject: "`IoTHubDeviceClient` has no such call: a message is completed when it is handed over",
    abandon: "`IoTHubDeviceClient` has no such call: a message is completed when it is handed over",
  },
  notes: { cut: sendAgain, restart: sendAgain },
  notYet: [],
} as const;

const provisioning = {
  kind: "provisioning",
  isUserToSendAgain: false,
  none: {},
  notes: {},
  notYet: [],
} as const;

/** A module has what a device has on the same transport, but no cloud-to-device messages: its scenarios leave them out. */
const asModule = (row: Omit<Row, "transport">): Omit<Row, "transport"> => ({ ...row, kind: "module" });

export const rows: readonly Row[] = [
  { ...nodeMqtt, transport: "Mqtt" },
  { ...nodeMqtt, transport: "MqttWs" },
  { ...nodeAmqp, transport: "Amqp" },
  { ...nodeAmqp, transport: "AmqpWs" },
  {
    kind: "device",
    language: "Node.js",
    transport: "Http",
    isUserToSendAgain: true,
    none: {
      twin: noTwins,
      reported: noTwins,
      desired: noTwins,
      "desired-away": noTwins,
      method: "“Direct methods are not implemented over HTTP” (azure-iot-device-http, http.js)",
    },
    notes: { restart: sendAgain, cut: sendAgain },
    notYet: [],
  },
  { ...pythonMqtt, transport: "Mqtt" },
  { ...pythonMqtt, transport: "MqttWs" },
  { ...asModule(nodeMqtt), transport: "Mqtt" },
  { ...asModule(nodeMqtt), transport: "MqttWs" },
  { ...asModule(nodeAmqp), transport: "Amqp" },
  { ...asModule(nodeAmqp), transport: "AmqpWs" },
  { ...asModule(pythonMqtt), transport: "Mqtt" },
  { ...asModule(pythonMqtt), transport: "MqttWs" },
  { ...provisioning, language: "Node.js", transport: "Mqtt" },
  { ...provisioning, language: "Node.js", transport: "MqttWs" },
  { ...provisioning, language: "Node.js", transport: "Http" },
  { ...provisioning, language: "Python", transport: "Mqtt" },
  { ...provisioning, language: "Python", transport: "MqttWs" },
];
