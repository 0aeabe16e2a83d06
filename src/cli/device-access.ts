// `coldpath device keys | connection-string | token | enable | disable`: how a device gets in, and whether.

import type { Device, KeyPair } from "../registry/registry.ts";
import { segment } from "./client.ts";
import type { Command } from "./command.ts";
import { UsageError } from "./errors.ts";
import { serverCommand } from "./family.ts";
import { findDevice } from "./lookup.ts";
import { renderFields } from "./table.ts";

interface Credentials extends KeyPair {
  readonly primaryConnectionString: string;
  readonly secondaryConnectionString: string;
}

const which = {
  group: "Options",
  type: "enum",
  values: ["primary", "secondary"],
  isFlagOnly: true,
} as const;

export const deviceKeysCommand = serverCommand({
  name: "device keys",
  purpose: "show a device's keys, or make new ones",
  arguments: ["ID"],
  details:
    "A device has two keys so that they can be changed without a gap: make a new secondary, give it to the device, then make a new primary. A connection that used a changed key is closed.",
  options: { regenerate: { ...which, description: "Make this key anew; the other stays." } },
  examples: [
    ["coldpath device keys fridge-7", "both keys and connection strings"],
    ["coldpath device keys fridge-7 --regenerate secondary", "a new secondary key"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const device = await findDevice(client, id);
    const path = `/devices/${segment(device.id)}`;
    if (values.regenerate !== undefined) await client.put(`${path}/keys`, { regenerate: values.regenerate });
    const credentials = await client.get<Credentials>(`${path}/credentials`);
    if (values.json === true) terminal.print(JSON.stringify(credentials, null, 2));
    else {
      terminal.print(
        renderFields(
          [
            ["primary key", credentials.primaryKey],
            ["secondary key", credentials.secondaryKey],
            ["primary connection string", credentials.primaryConnectionString],
            ["secondary connection string", credentials.secondaryConnectionString],
          ],
          terminal,
        ),
      );
    }
  },
});

export const connectionStringCommand = serverCommand({
  name: "device connection-string",
  purpose: "print the connection string that Azure's device SDKs take",
  arguments: ["ID"],
  options: { key: { ...which, default: "primary", description: "The key in it." } },
  examples: [
    ["coldpath device connection-string fridge-7", "with the primary key"],
    ['CS="$(coldpath device connection-string fridge-7)" node send.js', "for a program"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const device = await findDevice(client, id);
    const credentials = await client.get<Credentials>(`/devices/${segment(device.id)}/credentials`);
    const connectionString =
      values.key === "primary" ? credentials.primaryConnectionString : credentials.secondaryConnectionString;
    terminal.print(values.json === true ? JSON.stringify({ connectionString }) : connectionString);
  },
});

export const deviceTokenCommand = serverCommand({
  name: "device token",
  purpose: "print a token (SAS) for a device, e.g. as its MQTT password",
  arguments: ["ID"],
  options: {
    ttl: {
      group: "Options",
      type: "duration",
      min: "1s",
      max: "365d",
      default: "1h",
      isFlagOnly: true,
      description: "How long it is good for.",
    },
    key: { ...which, default: "primary", description: "The key that signs it." },
  },
  examples: [
    ["coldpath device token fridge-7 --ttl 24h", "good for a day"],
    ['mosquitto_pub … -P "$(coldpath device token fridge-7)"', "as a password"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const device = await findDevice(client, id);
    const answer = await client.post<{ readonly token: string; readonly expiresAt: string }>(
      `/devices/${segment(device.id)}/token`,
      { ttlSeconds: Math.max(1, Math.round(values.ttlMs / 1000)), key: values.key },
    );
    terminal.print(values.json === true ? JSON.stringify(answer, null, 2) : answer.token);
  },
});

export const enableDeviceCommand = accessCommand("enable", true, "let a device connect again");
export const disableDeviceCommand = accessCommand(
  "disable",
  false,
  "close a device's connections and let it in no more",
);

function accessCommand(verb: "enable" | "disable", enabled: boolean, purpose: string): Command {
  const name = `device ${verb}`;
  return serverCommand({
    name,
    purpose,
    arguments: ["ID…"],
    options: {},
    examples: [
      [`coldpath device ${verb} fridge-7`, "one device"],
      [`coldpath device ${verb} fridge-7 fridge-8 --json`, "two, the result for a program"],
    ],
    run: async ({ client, values, positionals, terminal }) => {
      if (positionals.includes("")) throw new UsageError(name, "An id is empty.");
      const devices: Device[] = [];
      for (const id of positionals) {
        const device = await findDevice(client, id);
        devices.push(await client.patch<Device>(`/devices/${segment(device.id)}`, { enabled }));
        if (values.json !== true) terminal.print(`Device ${device.id} is ${verb}d.`);
      }
      if (values.json === true) terminal.print(JSON.stringify(devices, null, 2));
    },
  });
}
