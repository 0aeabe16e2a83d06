// The rows of the table: each SDK over each of its transports, what that SDK has not, and where it says so.

import type { Transport } from "./driver-protocol.ts";
import type { FeatureId } from "./features.ts";
import { type Habits, javaAmqpHabits, javaHttpHabits, javaMqttHabits } from "./habits.ts";
import type { Language } from "./sdk-process.ts";

export const kinds = ["device", "module", "provisioning"] as const;
export type Kind = (typeof kinds)[number];

export interface Row {
  readonly kind: Kind;
  readonly language: Language;
  readonly transport: Transport;
  /** What fails because the connection broke is the user's to send again; else the SDK does. */
  readonly isUserToSendAgain: boolean;
  /** Its token is replaced when the hub has ended the connection over it, and not before. */
  readonly isRenewedLate?: boolean;
  /** The hub's bytes are so long on their way. Left out: none. */
  readonly latencyMs?: number;
  /** None: messages stand in the files as the program gave them. */
  readonly habits?: Habits;
  /** What the SDK cannot do, whatever the hub is: the reason, and where it says so. */
  readonly none: Partial<Readonly<Record<FeatureId, string>>>;
  /** What a reader should know of cells that work. */
  readonly notes: Partial<Readonly<Record<FeatureId, string>>>;
  /** What the hub does not do yet. A cell that works in spite of it fails the suite, as does any other that does not. */
  readonly notYet: readonly FeatureId[];
}

const oneEach = "MQTT and HTTP know one device a connection";
const noSharing = "The SDK opens a connection for each client";
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
    shared: oneEach,
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
    shared: noSharing,
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
    shared: oneEach,
  },
  notes: { cut: sendAgain, restart: sendAgain },
  notYet: [],
} as const;

const javaBatch = "`sendEventsAsync` throws: “Batch messaging is only supported over HTTPS” (InternalClient.java)";
const javaMqttResult = "“The only ack that can be sent in MQTT is COMPLETE” (MqttIotHubConnection.java)";
const javaMqtt = {
  kind: "device",
  language: "Java",
  isUserToSendAgain: false,
  isRenewedLate: true,
  habits: javaMqttHabits,
  none: { batch: javaBatch, reject: javaMqttResult, abandon: javaMqttResult, shared: oneEach },
  notes: {
    renewal: "The SDK waits until the hub ends the connection with the token, and connects again with a new one",
  },
  notYet: [],
} as const;

const javaAmqp = {
  kind: "device",
  language: "Java",
  isUserToSendAgain: false,
  habits: javaAmqpHabits,
  none: { batch: javaBatch },
  notes: { shared: "`MultiplexingClient`" },
  notYet: [],
} as const;

const noJavaTwins =
  "“Twin operations are only supported over MQTT, MQTT_WS, AMQPS, and AMQPS_WS” (InternalClient.java)";

const provisioning = {
  kind: "provisioning",
  isUserToSendAgain: false,
  none: {},
  notes: {},
  notYet: [],
} as const;

const beforeItWaits =
  "Over MQTT and AMQP the SDK misses an answer that comes before it waits for one (ContractAPIMqtt.java, ProvisioningAmqpOperations.java): it goes on after a minute, or fails. Here answers are 100 ms on their way";
const javaProvisioning = {
  ...provisioning,
  language: "Java",
  latencyMs: 100,
  notes: {
    "group-key": beforeItWaits,
    "individual-key": beforeItWaits,
    "group-x509": beforeItWaits,
    approval: beforeItWaits,
  },
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
      shared: oneEach,
    },
    notes: { restart: sendAgain, cut: sendAgain },
    notYet: [],
  },
  { ...pythonMqtt, transport: "Mqtt" },
  { ...pythonMqtt, transport: "MqttWs" },
  { ...javaMqtt, transport: "Mqtt" },
  { ...javaMqtt, transport: "MqttWs" },
  { ...javaAmqp, transport: "Amqp" },
  { ...javaAmqp, transport: "AmqpWs" },
  {
    kind: "device",
    language: "Java",
    transport: "Http",
    isUserToSendAgain: true,
    habits: javaHttpHabits,
    none: {
      twin: noJavaTwins,
      reported: noJavaTwins,
      desired: noJavaTwins,
      "desired-away": noJavaTwins,
      method: "“Direct methods are only supported over MQTT, MQTT_WS, AMQPS, and AMQPS_WS” (InternalClient.java)",
      shared: oneEach,
    },
    notes: { restart: sendAgain, cut: sendAgain },
    notYet: [],
  },
  { ...asModule(nodeMqtt), transport: "Mqtt" },
  { ...asModule(nodeMqtt), transport: "MqttWs" },
  { ...asModule(nodeAmqp), transport: "Amqp" },
  { ...asModule(nodeAmqp), transport: "AmqpWs" },
  { ...asModule(pythonMqtt), transport: "Mqtt" },
  { ...asModule(pythonMqtt), transport: "MqttWs" },
  { ...asModule(javaMqtt), transport: "Mqtt" },
  { ...asModule(javaMqtt), transport: "MqttWs" },
  { ...asModule(javaAmqp), transport: "Amqp" },
  { ...asModule(javaAmqp), transport: "AmqpWs" },
  { ...provisioning, language: "Node.js", transport: "Mqtt" },
  { ...provisioning, language: "Node.js", transport: "MqttWs" },
  { ...provisioning, language: "Node.js", transport: "Http" },
  { ...provisioning, language: "Python", transport: "Mqtt" },
  { ...provisioning, language: "Python", transport: "MqttWs" },
  { ...javaProvisioning, habits: javaMqttHabits, transport: "Mqtt" },
  { ...javaProvisioning, habits: javaMqttHabits, transport: "MqttWs" },
  { ...javaProvisioning, habits: javaAmqpHabits, transport: "Amqp" },
  { ...javaProvisioning, habits: javaAmqpHabits, transport: "AmqpWs" },
  { ...provisioning, language: "Java", habits: javaHttpHabits, transport: "Http" },
];
