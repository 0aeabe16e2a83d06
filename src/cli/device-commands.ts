// `coldpath device method | send | cloud-messages`: tells a device to do something, at once or when it comes.

import type { CloudMessage } from "../registry/registry.ts";
import { segment } from "./client.ts";
import { repeatedOf } from "./command.ts";
import { UsageError } from "./errors.ts";
import { serverCommand } from "./family.ts";
import { findDevice } from "./lookup.ts";
import { renderFields, renderTable } from "./table.ts";

const group = "Options";
const waiting = { group, type: "duration", isFlagOnly: true } as const;
const text = { group, type: "string", isFlagOnly: true } as const;

export const deviceMethodCommand = serverCommand({
  name: "device method",
  purpose: "call a direct method of a connected device and print its answer",
  arguments: ["ID", "NAME", "[PAYLOAD]"],
  details: "PAYLOAD is JSON; left out it is null. A device that is away is an error, unless it is waited for.",
  options: {
    "response-timeout": {
      ...waiting,
      min: "5s",
      max: "5min",
      default: "30s",
      description: "How long the device may take to answer.",
    },
    "connect-timeout": {
      ...waiting,
      min: "0s",
      max: "5min",
      default: "0s",
      description: "How long a device that is away may take to connect.",
    },
  },
  examples: [
    ["coldpath device method fridge-7 reboot", "without a payload"],
    ['coldpath device method fridge-7 setMode \'{"mode":"eco"}\' --connect-timeout 1min', "wait for the device"],
  ],
  run: async ({ client, values, positionals: [id = "", name = "", payload], terminal }) => {
    const device = await findDevice(client, id);
    const { responseTimeoutMs, connectTimeoutMs } = values;
    const answer = await client.post<{ readonly status: number; readonly payload: unknown }>(
      `/devices/${segment(device.id)}/methods`,
      {
        name,
        payload: payload === undefined ? null : jsonOf("device method", payload),
        responseTimeoutSeconds: responseTimeoutMs / 1000,
        connectTimeoutSeconds: connectTimeoutMs / 1000,
      },
      responseTimeoutMs + connectTimeoutMs,
    );
    if (values.json === true) return terminal.print(JSON.stringify(answer, null, 2));
    const fields: [string, string][] = [
      ["status", String(answer.status)],
      ["payload", JSON.stringify(answer.payload)],
    ];
    terminal.print(renderFields(fields, terminal));
  },
});

export const sendToDeviceCommand = serverCommand({
  name: "device send",
  purpose: "send a message to a device, which waits until the device completes it",
  arguments: ["ID", "[BODY]"],
  details: "Prints the message's id. `coldpath device cloud-messages ID` shows what became of it.",
  options: {
    "message-id": { ...text, description: "Its id; made up when left out. The same id twice sends one message." },
    property: { ...text, description: "NAME=VALUE, an application property. May be given more than once." },
    "content-type": { ...text, description: "E.g. application/json." },
    method: { ...text, description: "Name of a command, as IoT Central's offline commands: the property method-name." },
    ttl: { ...waiting, min: "1s", max: "2d", default: "1h", description: "When it expires." },
  },
  repeatable: ["property"],
  examples: [
    ["coldpath device send fridge-7 'defrost now' --ttl 12h", "text, for half a day"],
    ['coldpath device send fridge-7 \'{"mode":"eco"}\' --method setMode', "an offline command"],
  ],
  run: async ({ client, values, positionals: [id = "", body], terminal }) => {
    const device = await findDevice(client, id);
    const properties = Object.fromEntries(repeatedOf(values.property).map((one) => assignmentOf("device send", one)));
    const { method } = values;
    const message = await client.post<CloudMessage>(`/devices/${segment(device.id)}/cloud-messages`, {
      // A command without a parameter has this body.
      body: body ?? (method === undefined ? "" : "@"),
      messageId: values.messageId,
      contentType: values.contentType,
      properties: { ...properties, ...(method === undefined ? {} : { "method-name": method }) },
      ttlSeconds: values.ttlMs / 1000,
    });
    terminal.print(values.json === true ? JSON.stringify(message, null, 2) : message.messageId);
  },
});

export const cloudMessagesCommand = serverCommand({
  name: "device cloud-messages",
  purpose: "show the messages that wait for a device, and what became of the last ones",
  arguments: ["ID"],
  options: {
    purge: { group, type: "boolean", isFlagOnly: true, description: "Purge those that wait first." },
  },
  examples: [
    ["coldpath device cloud-messages fridge-7", "those that wait, in order, then those that ended"],
    ["coldpath device cloud-messages fridge-7 --purge", "the device gets none of them"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const device = await findDevice(client, id);
    const path = `/devices/${segment(device.id)}/cloud-messages`;
    if (values.purge === true) await client.delete(path);
    const { items } = await client.get<{ readonly items: readonly CloudMessage[] }>(path);
    if (values.json === true) return terminal.print(JSON.stringify(items, null, 2));
    if (items.length === 0) return terminal.complain(`There are no messages for ${device.id}.`);
    const rows = items.map(({ messageId, state, bytes, deliveryCount, enqueuedAt, expiresAt, endedAt }) => [
      messageId,
      state,
      String(bytes),
      String(deliveryCount),
      enqueuedAt,
      endedAt ?? expiresAt,
    ]);
    terminal.print(renderTable(["id", "state", "bytes", "deliveries", "sent", "expires, ended"], rows, terminal));
  },
});

function jsonOf(command: string, payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    throw new UsageError(command, `PAYLOAD is not JSON: ${payload}. Text needs its quotes: '"${payload}"'.`);
  }
}

function assignmentOf(command: string, assignment: string): readonly [string, string] {
  const equals = assignment.indexOf("=");
  if (equals > 0) return [assignment.slice(0, equals), assignment.slice(equals + 1)];
  throw new UsageError(command, `${assignment} is no property: give NAME=VALUE.`);
}
