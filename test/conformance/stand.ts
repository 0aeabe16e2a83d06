// What the cells of one row share: a hub in a process of its own with an export into a folder, the gate before it, and a
// process with the row's SDK. Each cell has a device of its own.

import { type TestCertificate, testCertificate } from "../lib/certificates.ts";
import { DeviceBench } from "../lib/device-bench.ts";
import { type ExportedMessage, type SentMessage, expectExactly } from "../lib/exported-messages.ts";
import type { Calls, DriverMessage, OpenOptions, RegisterOptions, Transport } from "./driver-protocol.ts";
import type { FeatureId } from "./features.ts";
import { Gate, type Protocol } from "./gate.ts";
import { hubHost } from "./gate-address.ts";
import type { Row } from "./rows.ts";
import { SdkClient } from "./sdk-client.ts";
import { SdkProcess } from "./sdk-process.ts";

const protocols: Readonly<Record<Transport, Protocol>> = {
  Mqtt: "mqtts",
  MqttWs: "https",
  Amqp: "amqps",
  AmqpWs: "https",
  Http: "https",
};

const moduleId = "vision";
export const templateId = "fan";
const template = {
  id: templateId,
  name: "Fan",
  publish: true,
  measurements: { telemetry: {}, states: {}, events: {} },
  settings: { device: { speed: { name: "Speed", dataType: "double", initialValue: 1 } } },
  properties: { cloud: {}, device: { firmware: { name: "Firmware", dataType: "string" } } },
};

// Re-sends are told by the message id, so that exactly one record stands for a message also where an SDK sends twice.
const hubFlags = [`--public-host=${hubHost},localhost`, "--public-mqtts-port=8883", "--fold-window=1h"];

export class Stand {
  readonly row: Row;
  readonly bench: DeviceBench;
  readonly gate: Gate;
  #sdk: SdkProcess | null = null;
  readonly #caPath: string;

  static async open(row: Row): Promise<Stand> {
    const bench = await DeviceBench.open(...hubFlags);
    try {
      await bench.hub.api("POST", "/device-templates", template);
      const onStandardPort = row.language === "Java" ? protocols[row.transport] : undefined;
      const { latencyMs } = row;
      return new Stand(row, bench, await Gate.open(bench.hub.address.ports, { onStandardPort, latencyMs }));
    } catch (error) {
      await bench.close();
      throw error;
    }
  }

  private constructor(row: Row, bench: DeviceBench, gate: Gate) {
    this.row = row;
    this.bench = bench;
    this.gate = gate;
    this.#caPath = bench.caPath;
  }

  /** The SDK's process; a new one when the last has ended. */
  get sdk(): SdkProcess {
    if (this.#sdk === null || this.#sdk.isEnded) {
      const extraCaPath = this.row.kind === "provisioning" ? this.#caPath : undefined;
      this.#sdk = new SdkProcess({ language: this.row.language, detour: this.gate.detour, extraCaPath });
    }
    return this.#sdk;
  }

  /** Starts the hub again, as an operator does. */
  async restart(): Promise<void> {
    this.gate.leadTo({}); // who comes now is told at once that nobody listens
    await this.bench.hub.stop();
    await this.bench.start(...hubFlags);
    this.gate.leadTo(this.bench.hub.address.ports);
  }

  /** How often the hub has turned a token down, or ended a connection, because it was out of date. */
  async tokensExpired(): Promise<number> {
    const metrics = await (await fetch(`${this.bench.hub.address.url}/metrics`)).text();
    const lines = metrics.split("\n").filter((line) => /^coldpath_ingest_rejections_total.*token-expired/.test(line));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  /** Adds a CA certificate, with proof of possession. @returns its id. */
  async addAuthority(name: string, authority: TestCertificate): Promise<string> {
    const { hub } = this.bench;
    const { id } = await hub.api<{ id: string }>("POST", "/ca-certificates", { name, certificate: authority.certPem });
    const { verification } = await hub.api<{ verification: { code: string } }>(
      "POST",
      `/ca-certificates/${id}/verification-code`,
    );
    const proof = await testCertificate({ name: verification.code, issuer: authority });
    await hub.api("POST", `/ca-certificates/${id}/verify`, { certificate: proof.certPem });
    return id;
  }

  /** A device of its own for a feature; one that is to be provisioned is not made. */
  async cell(feature: FeatureId): Promise<Cell> {
    const id = `${feature}-1`;
    const { hub } = this.bench;
    if (this.row.kind !== "provisioning") await hub.api("POST", "/devices", { id, templateId });
    if (this.row.kind === "module") await hub.api("POST", `/devices/${id}/modules`, { id: moduleId });
    return new Cell(this, id);
  }

  async close(): Promise<void> {
    await this.#sdk?.end();
    await this.gate.close();
    await this.bench.close();
  }
}

/** One feature of one row while it is tried. */
export class Cell {
  readonly stand: Stand;
  /** Of its device. */
  readonly id: string;
  /** What the records of its messages must say of its sign-in. */
  signsInBy: "sas" | "x509" = "sas";
  /** By the device's id. */
  readonly #sent = new Map<string, DriverMessage[]>();
  readonly #clients: SdkClient[] = [];

  constructor(stand: Stand, id: string) {
    this.stand = stand;
    this.id = id;
    this.#sent.set(id, []);
  }

  get row(): Row {
    return this.stand.row;
  }

  get gate(): Gate {
    return this.stand.gate;
  }

  /** Opens a client of the row's SDK and transport as this cell's device. */
  async open(options: Partial<OpenOptions> = {}): Promise<SdkClient> {
    const { sdk, bench, row } = this.stand;
    const { id } = this;
    const { primaryKey: key } = await this.api<{ primaryKey: string }>("GET", "/credentials");
    const client = new SdkClient(sdk, `${id} ${this.#clients.length}`);
    this.#clients.push(client);
    const identity = { deviceId: id, ...(row.kind === "module" ? { moduleId } : {}) };
    await client.open({ transport: row.transport, ...identity, host: hubHost, key, ca: bench.ca, ...options });
    return client;
  }

  /** One more than its own. */
  async addDevice(id: string): Promise<void> {
    await this.stand.bench.hub.api("POST", "/devices", { id, templateId });
  }

  /** A client as any device, on the one connection of all with this name. */
  async openShared(deviceId: string, sharedBy: string): Promise<SdkClient> {
    const { key } = await this.stand.bench.keysOf(deviceId);
    return await this.open({ deviceId, key, sharedBy });
  }

  /** Has the row's SDK register this cell's device at the provisioning service. */
  async register(proof: Pick<RegisterOptions, "key" | "certificate">): Promise<Calls["register"]["answer"]> {
    const { sdk, bench, row } = this.stand;
    const { idScope } = await bench.hub.api<{ idScope: string }>("GET", "/provisioning");
    const of = { transport: row.transport, host: hubHost, idScope, registrationId: this.id };
    return await sdk.call("register", this.id, { ...of, ...proof });
  }

  /** A call of the REST API below this device, or its module. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    return await this.#apiOf(this.id, method, path, body);
  }

  async #apiOf<T>(id: string, method: string, path: string, body?: unknown): Promise<T> {
    const module = this.row.kind === "module" ? `/modules/${moduleId}` : "";
    return await this.stand.bench.hub.api<T>(method, `/devices/${id}${module}${path}`, body);
  }

  /** A setting of the device; a module, which has no settings, is told in the same form. */
  async setSpeed(speed: number): Promise<void> {
    if (this.row.kind === "module") await this.api("PATCH", "/twin", { desired: { speed: { value: speed } } });
    else await this.api("PATCH", "", { settings: { device: { speed } } });
  }

  /** Waits until the hub has this device, or module, connected, or no more. HTTP has no connections. */
  async untilConnected(isConnected: boolean, id = this.id): Promise<void> {
    if (this.row.transport === "Http") return;
    await until(`the device's connection is ${isConnected}`, async () => {
      return (await this.#apiOf<{ connected: boolean }>(id, "GET", "")).connected === isConnected;
    });
  }

  /** Notes what must stand exactly once in the files, as sent by this cell's device. */
  mustBeExported(...messages: readonly DriverMessage[]): void {
    this.mustBeExportedOf(this.id, ...messages);
  }

  mustBeExportedOf(deviceId: string, ...messages: readonly DriverMessage[]): void {
    this.#sent.set(deviceId, [...(this.#sent.get(deviceId) ?? []), ...messages]);
  }

  /** After the files are written: each message noted stands in them once, every field right, and no other of these devices. */
  async expectExported(): Promise<void> {
    const { bench, row } = this.stand;
    const isModule = row.kind === "module";
    for (const [deviceId, sent] of this.#sent) {
      const { generationId } = await bench.keysOf(deviceId);
      const by = { deviceId, moduleId: isModule ? moduleId : undefined };
      const as = (message: DriverMessage): DriverMessage => row.habits?.sent(message, by) ?? message;
      const found = (await bench.messages.of(deviceId)).map((one): ExportedMessage => row.habits?.found(one) ?? one);
      // A hub that was started again has another clock, so that any time is right here.
      expectExactly(
        found,
        sent.map((message) => recordOf(as(message))),
        {
          ...by,
          scope: isModule ? "module" : "device",
          signsInBy: this.signsInBy,
          generationId,
          fromMs: 0,
          toMs: Infinity,
        },
      );
    }
  }

  async close(): Promise<void> {
    this.gate.reopen();
    const { sdk } = this.stand;
    const closed = await Promise.allSettled(this.#clients.map(async (client) => await client.close()));
    if (closed.some(({ status }) => status === "rejected")) await sdk.end();
  }
}

function recordOf(message: DriverMessage): SentMessage {
  const { body, properties, messageId, correlationId, contentType, contentEncoding } = message;
  const system = Object.entries({ messageId, correlationId, contentType, contentEncoding });
  const set = system.flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]]));
  return { body: Buffer.from(body, "base64"), application: properties, system: set };
}

/** Asks again and again, for what no event tells. */
export async function until(what: string, is: () => Promise<boolean> | boolean, timeoutMs = 60_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await is())) {
    if (performance.now() > endMs) throw new Error(`${what}: not after ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
