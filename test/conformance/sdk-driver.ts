// The unmodified Azure IoT SDKs for Node.js, driven by driver-protocol.ts. Started by sdk-process.ts.

import { createInterface } from "node:readline";
import device, { type DeviceMethodRequest, type DeviceMethodResponse, type Twin } from "azure-iot-device";
import amqp from "azure-iot-device-amqp";
import http from "azure-iot-device-http";
import mqtt from "azure-iot-device-mqtt";
import provisioning from "azure-iot-provisioning-device";
import provisioningHttp from "azure-iot-provisioning-device-http";
import provisioningMqtt from "azure-iot-provisioning-device-mqtt";
import symmetricKey from "azure-iot-security-symmetric-key";
import x509 from "azure-iot-security-x509";
import type { Calls, DriverMessage, Events, OpenOptions, RegisterOptions, Settlement } from "./driver-protocol.ts";

const { Client, Message, ModuleClient } = device;
type Message = InstanceType<typeof Message>;

const deviceTransports = {
  Mqtt: mqtt.Mqtt,
  MqttWs: mqtt.MqttWs,
  Amqp: amqp.Amqp,
  AmqpWs: amqp.AmqpWs,
  Http: http.Http,
};

const provisioningTransports = {
  Mqtt: provisioningMqtt.Mqtt,
  MqttWs: provisioningMqtt.MqttWs,
  Http: provisioningHttp.Http,
};

interface Open {
  readonly name: string;
  readonly client: InstanceType<typeof Client | typeof ModuleClient>;
  twin?: Twin;
}

const clients = new Map<string, Open>();

type Name = keyof Calls;
type Doer<N extends Name> = (client: string, asked: Calls[N]["asked"]) => Promise<Calls[N]["answer"]>;

const doers: { readonly [N in Name]: Doer<N> } = {
  open: async (name, options) => {
    const client = clientOf(options);
    client.on("error", (error: Error) => tell("error", name, String(error)));
    clients.set(name, { name, client });
    const { ca, tokenSeconds, certificate } = options;
    const settings = {
      ca,
      ...certificate,
      // Over HTTP the SDK's promise resolves only with a policy of receiving.
      ...(options.transport === "Http" ? { http: { receivePolicy: { interval: 1 } } } : {}),
      ...(tokenSeconds && {
        tokenRenewal: { tokenValidTimeInSeconds: tokenSeconds.valid, tokenRenewalMarginInSeconds: tokenSeconds.margin },
      }),
    };
    await client.setOptions(settings);
    await client.open();
    return null;
  },
  send: async (name, { message }) => {
    await opened(name).client.sendEvent(messageOf(message));
    return null;
  },
  sendBatch: async (name, { messages }) => {
    await opened(name).client.sendEventBatch(messages.map(messageOf));
    return null;
  },
  twin: async (name) => {
    const { desired, reported } = (await twinOf(name, true)).properties;
    return { desired, reported: withoutMethods(reported) };
  },
  report: async (name, { patch }) => {
    const { reported } = (await twinOf(name)).properties;
    await new Promise<void>((resolve, reject) => {
      reported["update"](patch, (error: Error | null) => (error ? reject(error) : resolve()));
    });
    return null;
  },
  watchDesired: async (name) => {
    (await twinOf(name)).on("properties.desired", (patch: Events["desired"]) => tell("desired", name, patch));
    return null;
  },
  watchMessages: async (name, { settle }) => {
    const { client } = opened(name);
    let count = 0;
    client.on("message", (message: Message) => {
      const settlement = settle[Math.min(count++, settle.length - 1)] as Settlement;
      tell("message", name, driverMessageOf(message));
      void settleAs(name, client, message, settlement);
    });
    return null;
  },
  answerMethod: async (name, { name: method, status, payload }) => {
    const { client } = opened(name);
    const answerIt = (request?: DeviceMethodRequest, response?: DeviceMethodResponse): void => {
      tell("method", name, request?.payload);
      response?.send(status, payload).catch((error: unknown) => tell("error", name, String(error)));
    };
    if (client instanceof Client) client.onDeviceMethod(method, answerIt);
    else client.onMethod(method, answerIt);
    return null;
  },
  register: async (_name, options) => await register(options),
  close: async (name) => {
    const { client } = opened(name);
    clients.delete(name);
    await client.close();
    return null;
  },
};

function clientOf({ transport, host, deviceId, moduleId, key, certificate }: OpenOptions): Open["client"] {
  const secret = certificate === undefined ? `SharedAccessKey=${key}` : "x509=true";
  const identity = moduleId === undefined ? `DeviceId=${deviceId}` : `DeviceId=${deviceId};ModuleId=${moduleId}`;
  const Kind = moduleId === undefined ? Client : ModuleClient;
  return Kind.fromConnectionString(`HostName=${host};${identity};${secret}`, deviceTransports[transport]);
}

function opened(name: string): Open {
  const open = clients.get(name);
  if (open === undefined) throw new Error(`there is no client ${name}`);
  return open;
}

async function twinOf(name: string, isAskedAgain = false): Promise<Twin> {
  const open = opened(name);
  if (open.twin === undefined || isAskedAgain) open.twin = await open.client.getTwin();
  return open.twin;
}

/** The SDK keeps its `update` function among the properties. */
function withoutMethods(reported: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(reported).filter(([, value]) => typeof value !== "function"));
}

function messageOf({ body, properties, ...system }: DriverMessage): Message {
  const message = new Message(Buffer.from(body, "base64"));
  for (const [name, value] of properties) message.properties.add(name, value);
  return Object.assign(message, system);
}

function driverMessageOf(message: Message): DriverMessage {
  const { messageId, correlationId, contentType, contentEncoding } = message as unknown as Record<string, string>;
  const properties = Array.from({ length: message.properties.count() }, (_, at) => message.properties.getItem(at));
  const system = { messageId, correlationId, contentType, contentEncoding };
  return {
    body: message.getBytes().toString("base64"),
    properties: properties.map(({ key, value }) => [key, value] as const),
    ...Object.fromEntries(Object.entries(system).filter(([, value]) => value)),
  };
}

type Security = Parameters<typeof provisioning.ProvisioningDeviceClient.create>[3];

async function register(options: RegisterOptions): Promise<Calls["register"]["answer"]> {
  const { transport, host, idScope, registrationId, key = "", certificate } = options;
  const security =
    certificate === undefined
      ? new symmetricKey.SymmetricKeySecurityClient(registrationId, key)
      : new x509.X509Security(registrationId, certificate);
  const provisioningTransport = new provisioningTransports[transport as keyof typeof provisioningTransports]();
  const client = provisioning.ProvisioningDeviceClient.create(
    host,
    idScope,
    provisioningTransport,
    // The packages have copies of azure-iot-common, whose types differ by private fields.
    security as unknown as Security,
  );
  const { assignedHub = "", deviceId = "" } = (await client.register()) ?? {};
  return { assignedHub, deviceId };
}

async function settleAs(name: string, client: Open["client"], message: Message, settlement: Settlement): Promise<void> {
  try {
    await client[settlement](message);
    tell("settled", name, null);
  } catch (error) {
    tell("settled", name, String(error));
  }
}

function tell<E extends keyof Events>(event: E, client: string, value: Events[E]): void {
  write({ event, client, value });
}

function write(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function answer(line: string): Promise<void> {
  const { call, do: name, client, ...asked } = JSON.parse(line) as { call: number; do: Name; client: string };
  try {
    const result = await (doers[name] as Doer<Name>)(client, asked);
    write({ call, result });
  } catch (error) {
    write({ call, error: String(error) });
  }
}

// What an SDK throws where nobody can catch it must not end the others' clients.
process.on("uncaughtException", (error) => tell("error", "", `uncaught: ${error.stack}`));
for await (const line of createInterface({ input: process.stdin })) void answer(line);
process.exit(0);
