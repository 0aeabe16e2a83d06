// A real server whose data or whose destination lies on a small disk of its own, with devices that publish all the time.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeSasToken } from "../../src/ingest/sas-token.ts";
import { type ExportAnswer, eventually, pathOf, rate } from "./fault-stand.ts";
import { HubProcess } from "./hub-process.ts";
import { Ledger } from "./ledger.ts";
import { MqttPublisher } from "./mqtt-publisher.ts";
import { type Breaches, ReadBack } from "./read-back.ts";
import { SmallDisk } from "./small-disk.ts";
import { SteadyFleet } from "./steady-fleet.ts";

export interface Notice {
  readonly level: string;
  readonly code: string;
  readonly message: string;
}

export class DiskStand {
  readonly disk: SmallDisk;
  readonly hub: HubProcess;
  readonly ledger = new Ledger();
  /** Where the export's container lies. */
  readonly container: string;
  readonly #directory: string;
  readonly #exportId: string;
  readonly #policyKey: string;
  #fleet: SteadyFleet | null;

  private constructor(
    parts: Pick<DiskStand, "disk" | "hub" | "container">,
    directory: string,
    exportId: string,
    policyKey: string,
  ) {
    this.disk = parts.disk;
    this.hub = parts.hub;
    this.container = parts.container;
    this.#directory = directory;
    this.#exportId = exportId;
    this.#policyKey = policyKey;
    this.#fleet = null;
  }

  /** @param what  lies on the small disk. @param perSecond  messages of each of four devices. */
  static async open(what: "data" | "destination", perSecond: number, ...flags: string[]): Promise<DiskStand> {
    const directory = mkdtempSync(join(tmpdir(), "coldpath-disk-"));
    const disk = SmallDisk.make(join(directory, "small"));
    const dataDir = join(what === "data" ? disk.path : directory, "data");
    const lake = join(what === "destination" ? disk.path : directory, "lake");
    mkdirSync(join(lake, "iot"), { recursive: true });
    const clock = `--test-clock-rate=${rate}`;
    let hub: HubProcess;
    try {
      hub = await HubProcess.start(dataDir, "--no-sample", clock, ...flags);
    } catch (error) {
      disk.remove();
      throw error;
    }
    const account = { name: "lake", settings: { kind: "folder", path: lake } };
    const { id: storageAccountId } = await hub.api<{ id: string }>("POST", "/storage-accounts", account);
    const settings = { name: "m", storageAccountId, container: "iot", types: ["measurements"], on: true };
    const { id } = await hub.api<ExportAnswer>("POST", "/exports", settings);
    const { primaryKey } = await hub.api<{ primaryKey: string }>("GET", "/policies/device/keys");
    const stand = new DiskStand({ disk, hub, container: join(lake, "iot") }, directory, id, primaryKey);
    const { ledger } = stand;
    stand.#fleet = await SteadyFleet.start({ hub: () => hub, ledger, devices: 4, perSecond, padBytesMax: 3000 });
    return stand;
  }

  async answer(): Promise<ExportAnswer> {
    return await this.hub.api<ExportAnswer>("GET", `/exports/${this.#exportId}`);
  }

  async until(what: string, isIt: (seen: ExportAnswer) => boolean): Promise<ExportAnswer> {
    return await eventually(what, () => this.answer(), isIt);
  }

  async notices(): Promise<readonly Notice[]> {
    return (await this.hub.api<{ journal: { notices: readonly Notice[] } }>("GET", "/status")).journal.notices;
  }

  async readiness(): Promise<number> {
    return (await fetch(`${this.hub.address.url}/readyz`)).status;
  }

  /** What a device that connects now is told: the code of its CONNACK. */
  async connack(): Promise<number | undefined> {
    const publisher = new MqttPublisher({
      port: this.hub.address.ports.mqtt,
      deviceId: "dev-0",
      policyKey: this.#policyKey,
      ledger: new Ledger(),
      inFlight: 0,
    });
    const connack = await eventually(
      "a CONNACK",
      () => Promise.resolve(publisher.connack),
      (code) => code !== undefined,
    );
    await publisher.stop();
    return connack;
  }

  /** What a device's HTTPS request is told: status and Retry-After. */
  async post(): Promise<readonly [number | undefined, string | undefined]> {
    return await new Promise((resolve, reject) => {
      const call = request({
        host: "localhost",
        port: this.hub.address.ports.https,
        ca: readFileSync(join(this.hub.dataDir, "tls/ca.pem")),
        method: "POST",
        path: "/devices/dev-0/messages/events?api-version=2021-04-12",
        headers: { authorization: makeSasToken("localhost", this.#policyKey, Date.now() + 3_600_000, "device") },
        agent: false,
      });
      call.once("error", reject).once("response", (response) => {
        response.resume().once("end", () => resolve([response.statusCode, response.headers["retry-after"]]));
      });
      call.end(JSON.stringify({ over: "https" }));
    });
  }

  /** Waits until the export has written what was open a moment ago. */
  async catchesUp(): Promise<void> {
    const { windowOpen } = await this.hub.api<{ windowOpen: string }>("GET", "/status");
    await this.until(
      "all files are there",
      ({ status }) => status.state === "healthy" && (status.lastFile?.path ?? "") >= pathOf(windowOpen),
    );
  }

  /** Devices publish no more; what was acknowledged is compared with what an independent reader finds. */
  async settle(): Promise<Breaches> {
    await this.#fleet?.stop();
    this.#fleet = null;
    const reading = new ReadBack(this.container);
    await eventually(
      "every message is in a file",
      async () => {
        await reading.more();
        return reading.breaches(this.ledger).lost.length;
      },
      (lost) => lost === 0,
    );
    return reading.breaches(this.ledger);
  }

  async close(): Promise<void> {
    await this.#fleet?.stop();
    await this.hub.kill();
    this.disk.remove();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
