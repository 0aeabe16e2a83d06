// A real server with an export into a folder, devices to send as, and the files that come out: what a test of an outside
// client starts from.

import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ExportedMessages, valueOf } from "./exported-messages.ts";
import { HubProcess } from "./hub-process.ts";
import { emptyTemplate } from "./plain-devices.ts";

/** Windows last two seconds. */
const clockRate = 30;

export interface BenchDevice {
  readonly id: string;
  readonly key: string;
  readonly generationId: string;
  readonly connectionString: string;
}

export class DeviceBench {
  readonly directory: string;
  readonly messages: ExportedMessages;
  hub!: HubProcess;
  #storageAccountId = "";
  #marker!: BenchDevice;
  #markers = 0;

  private constructor() {
    this.directory = mkdtempSync(join(tmpdir(), "coldpath-devices-"));
    this.messages = new ExportedMessages(this.lake);
  }

  static async open(...flags: string[]): Promise<DeviceBench> {
    const bench = new DeviceBench();
    try {
      await bench.#prepare(flags);
      return bench;
    } catch (error) {
      await bench.close();
      throw error;
    }
  }

  async #prepare(flags: readonly string[]): Promise<void> {
    await this.start(...flags);
    const { hub } = this;
    const { id } = await hub.api<{ id: string }>("POST", "/storage-accounts", {
      name: "lake",
      settings: { kind: "folder", path: join(this.directory, "lake") },
    });
    this.#storageAccountId = id;
    await this.export({ container: "iot", types: ["measurements"] });
    await hub.api("POST", "/device-templates", emptyTemplate);
    this.#marker = await this.device("marker");
  }

  /** The container's folder. */
  get lake(): string {
    return join(this.directory, "lake", "iot");
  }

  get caPath(): string {
    return join(this.directory, "data", "tls", "ca.pem");
  }

  get ca(): string {
    return readFileSync(this.caPath, "utf8");
  }

  async start(...flags: string[]): Promise<void> {
    const always = ["--no-sample", `--test-clock-rate=${clockRate}`];
    this.hub = await HubProcess.start(join(this.directory, "data"), ...always, ...flags);
  }

  /** Makes a container and an export into it. @returns the container's folder. */
  async export(settings: { readonly container: string; readonly types: readonly string[] } & object): Promise<string> {
    const { container } = settings;
    await this.hub.api("POST", `/storage-accounts/${this.#storageAccountId}/containers`, { name: container });
    const storageAccountId = this.#storageAccountId;
    await this.hub.api("POST", "/exports", { name: container, storageAccountId, ...settings });
    return join(this.directory, "lake", container);
  }

  /** Makes a device. */
  async device(id: string): Promise<BenchDevice> {
    await this.hub.api("POST", "/devices", { id, templateId: emptyTemplate.id });
    return await this.keysOf(id);
  }

  /** What one needs to send as a device. */
  async keysOf(id: string): Promise<BenchDevice> {
    const { generationId } = await this.hub.api<{ generationId: string }>("GET", `/devices/${encodeURIComponent(id)}`);
    const { primaryKey, primaryConnectionString } = await this.hub.api<{
      primaryKey: string;
      primaryConnectionString: string;
    }>("GET", `/devices/${encodeURIComponent(id)}/credentials`);
    return { id, key: primaryKey, generationId, connectionString: primaryConnectionString };
  }

  /** The window clock. */
  async now(): Promise<number> {
    return Date.parse((await this.hub.api<{ now: string }>("GET", "/status")).now);
  }

  /** Waits until the hub has let the device in over MQTT. */
  async connected(device: BenchDevice): Promise<void> {
    const endMs = performance.now() + 20_000;
    while (!(await this.hub.api<{ connected: boolean }>("GET", `/devices/${device.id}`)).connected) {
      if (performance.now() > endMs) throw new Error(`${device.id} is not connected`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** Waits until every message acknowledged so far is in the files: a later one, of another device, is. */
  async exported(): Promise<void> {
    const body = `marker ${++this.#markers}`;
    await this.post(this.#marker, body);
    await this.messages.until(
      (message) => valueOf(message.system, "connectionDeviceId") === "marker" && String(message.body) === body,
    );
  }

  /** Markers sent so far. */
  get markers(): number {
    return this.#markers;
  }

  /** Sends as a device over HTTPS, by hand. Resolves when the hub has acknowledged. */
  async post(from: BenchDevice, body: string | Buffer, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const call = request({
        host: "localhost",
        port: this.hub.address.ports.https,
        ca: this.ca,
        method: "POST",
        path: `/devices/${from.id}/messages/events?api-version=2021-04-12`,
        headers: { ...headers, authorization: sasToken(`localhost/devices/${from.id}`, from.key) },
        agent: false,
      });
      call.once("error", reject).once("response", (response) => {
        response.resume().once("end", () => resolve(response.statusCode));
      });
      call.end(body);
    });
    if (status !== 204) throw new Error(`${from.id} was answered with ${status}`);
  }

  async close(): Promise<void> {
    await this.hub?.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A token as the documentation of IoT Hub says it is made, independent of the product's own code. */
export function sasToken(resource: string, key: string, policy?: string): string {
  const sr = encodeURIComponent(resource);
  const se = Math.floor(Date.now() / 1000) + 3600;
  const sig = createHmac("sha256", Buffer.from(key, "base64")).update(`${sr}\n${se}`).digest("base64");
  const skn = policy === undefined ? "" : `&skn=${policy}`;
  return `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(sig)}&se=${se}${skn}`;
}
