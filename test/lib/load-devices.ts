// Devices that send over every transport, as themselves or as a module, by key or by certificate: the load of the fault tests that
// run for long. A way is one of these combinations.
//
// Owns:      which ways there are, making their devices on a hub, one publisher of a device.
// Does not:  speak a protocol (the publishers), or connect again.

import { createHash } from "node:crypto";
import { connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { makeSasToken } from "../../src/ingest/sas-token.ts";
import { AmqpPublisher } from "./amqp-publisher.ts";
import { testCertificate } from "./certificates.ts";
import type { HubProcess } from "./hub-process.ts";
import { HttpsPublisher } from "./https-publisher.ts";
import type { Ledger } from "./ledger.ts";
import { MqttPublisher } from "./mqtt-publisher.ts";
import type { LoadOptions, Publisher } from "./numbered-load.ts";
import { emptyTemplate } from "./plain-devices.ts";
import { TlsWebSocket } from "./tls-websocket.ts";

export type Transport = "mqtt" | "mqtts" | "mqtt-ws" | "amqps" | "amqp-ws" | "https" | "https-batch";

/** Modules have keys only. */
export type Sender = "device by policy" | "device by key" | "device by certificate" | "module by key";

export interface Way {
  readonly transport: Transport;
  readonly sender: Sender;
}

export const ways: readonly Way[] = [
  { transport: "mqtt", sender: "device by policy" },
  { transport: "mqtts", sender: "device by certificate" },
  { transport: "mqtts", sender: "module by key" },
  { transport: "mqtt-ws", sender: "device by key" },
  { transport: "mqtt-ws", sender: "device by certificate" },
  { transport: "mqtt-ws", sender: "module by key" },
  { transport: "amqps", sender: "device by key" },
  { transport: "amqps", sender: "device by certificate" },
  { transport: "amqps", sender: "module by key" },
  { transport: "amqp-ws", sender: "device by policy" },
  { transport: "amqp-ws", sender: "device by certificate" },
  { transport: "amqp-ws", sender: "module by key" },
  { transport: "https", sender: "device by certificate" },
  { transport: "https", sender: "module by key" },
  { transport: "https-batch", sender: "device by key" },
  { transport: "https-batch", sender: "module by key" },
];

/** As it is kept in a file: a story goes on with it. */
export interface LoadDevice extends Way {
  readonly id: string;
  readonly moduleId?: string | undefined;
  /** The device's, the module's, or of the hub policy `device`. */
  readonly key: string;
  readonly certificate: { readonly cert: string; readonly key: string } | null;
}

export interface LoadWork extends Pick<LoadOptions, "perSecond" | "padBytesOf" | "took"> {
  readonly ledger: Ledger;
  readonly inFlight: number;
}

const moduleId = "module-1";
const batchMessages = 20;

export function nameOf({ transport, sender }: Way): string {
  return `${transport}, ${sender}`;
}

/** On a hub that has none yet: one for each of `ofWays`. */
export async function makeLoadDevices(hub: HubProcess, ofWays: readonly Way[]): Promise<readonly LoadDevice[]> {
  await hub.api("POST", "/device-templates", emptyTemplate);
  const policy = await hub.api<Keys>("GET", "/policies/device/keys");
  const devices: LoadDevice[] = [];
  for (const [index, way] of ofWays.entries()) {
    const id = `load-${index}`;
    await hub.api("POST", "/devices", { id, templateId: emptyTemplate.id });
    devices.push({ ...way, id, ...(await prove(hub, id, way.sender, policy)) });
  }
  return devices;
}

interface Keys {
  readonly primaryKey: string;
}

async function prove(
  hub: HubProcess,
  id: string,
  sender: Sender,
  policy: Keys,
): Promise<Pick<LoadDevice, "moduleId" | "key" | "certificate">> {
  switch (sender) {
    case "device by policy":
      return { key: policy.primaryKey, certificate: null };
    case "device by key":
      return { key: (await hub.api<Keys>("GET", `/devices/${id}/credentials`)).primaryKey, certificate: null };
    case "module by key": {
      await hub.api("POST", `/devices/${id}/modules`, { id: moduleId });
      const { primaryKey } = await hub.api<Keys>("GET", `/devices/${id}/modules/${moduleId}/credentials`);
      return { moduleId, key: primaryKey, certificate: null };
    }
    case "device by certificate": {
      const { certPem, keyPem, der } = await testCertificate({ name: id });
      const primaryThumbprint = createHash("sha256").update(der).digest("hex");
      await hub.api("PUT", `/devices/${id}/authentication`, { type: "x509-thumbprint", primaryThumbprint });
      return { key: "", certificate: { cert: certPem, key: keyPem } };
    }
  }
}

/** A token of the device's, good for an hour; null when it has a certificate. */
export function tokenOf({ id, moduleId: module, sender, key }: LoadDevice): string | null {
  if (sender === "device by certificate") return null;
  const endMs = Date.now() + 3_600_000;
  if (sender === "device by policy") return makeSasToken("localhost", key, endMs, "device");
  return makeSasToken(`localhost/devices/${id}${module === undefined ? "" : `/modules/${module}`}`, key, endMs);
}

/** Where a hub listens. */
export interface LoadTarget {
  readonly ports: HubProcess["address"]["ports"];
  readonly ca: string;
}

/** A stream to the hub that is open, or opens; none for HTTPS. */
export function openStream({ transport, certificate }: LoadDevice, { ports, ca }: LoadTarget): Duplex {
  const tls: ConnectionOptions = { ca, ...certificate };
  switch (transport) {
    case "mqtt":
      return connectTcp({ port: ports.mqtt, host: "127.0.0.1", noDelay: true });
    case "mqtts":
    case "amqps":
      return connectTls({ port: ports[transport], host: "127.0.0.1", servername: "localhost", ...tls });
    case "mqtt-ws":
      return new TlsWebSocket(ports.https, "mqtt", tls);
    case "amqp-ws":
      return new TlsWebSocket(ports.https, "AMQPWSB10", tls);
    case "https":
    case "https-batch":
      throw new Error("HTTPS is no stream");
  }
}

/** The device connects and sends, until it is stopped or cut off. */
export function publishAs(device: LoadDevice, target: LoadTarget, work: LoadWork): Publisher {
  const token = tokenOf(device);
  const load = { ...work, deviceId: device.id, moduleId: device.moduleId, way: nameOf(device) };
  switch (device.transport) {
    case "https":
    case "https-batch":
      return new HttpsPublisher({
        ...load,
        port: target.ports.https,
        tls: { ca: target.ca, ...device.certificate },
        token: () => tokenOf(device),
        batch: device.transport === "https" ? 1 : batchMessages,
        connections: 4,
      });
    case "amqps":
    case "amqp-ws":
      return new AmqpPublisher({ ...load, token, stream: openStream(device, target) });
    default:
      return new MqttPublisher({ ...load, token, stream: openStream(device, target) });
  }
}
