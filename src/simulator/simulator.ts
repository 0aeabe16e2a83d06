// The simulator room: devices that exist only here and send what their templates define.
//
// Owns:      which simulated devices are active, when each of them speaks, and what it says.
// Does not:  write to the journal by a way of its own (it passes Accept like every device), keep what could not be sent.
//
// A simulated device's message looks as in Azure's own sample: auth scope "hub", no properties, no content type.
//
//   D1  A device that is deleted, disabled or re-created stops at once.
//   M1  At most `devicesMax` devices are active; the others stay silent until there is room.

import { crc32 } from "node:zlib";
import type { Accept } from "../ingest/accept.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { noProperties } from "../message/message.ts";
import { type RecordHead, recordHead } from "../message/record-encoder.ts";
import type { Device, DeviceTemplate, JsonObject, Registry } from "../registry/registry.ts";
import { Fleet, type FleetRegistry } from "./fleet.ts";
import { randomOf } from "./random.ts";
import { settingAnswers } from "./setting-answers.ts";
import { SimulatedDevice } from "./simulated-device.ts";

export interface SimulatorOptions {
  readonly registry: FleetRegistry & Pick<Registry, "deviceTwin" | "reportTwin">;
  readonly accept: Accept;
  readonly clock: Clock;
  readonly log: Log;
  /** Between two messages of a device, in the clock's time. */
  readonly intervalMs: number;
  /** 1000 when left out. */
  readonly devicesMax?: number | undefined;
  /** For tests: with the same seed the same devices say the same. */
  readonly seed?: number | undefined;
}

export interface SimulatorStatus {
  readonly devices: number;
  /** Messages that the journal took. */
  readonly sent: number;
  /** Turns without a message because the journal refused, or the device may not send so much. */
  readonly skipped: number;
}

interface Active {
  readonly deviceId: string;
  readonly generationId: string;
  readonly templateKey: string;
  readonly template: DeviceTemplate;
  readonly head: RecordHead;
  readonly device: SimulatedDevice;
  /** What it reported so far. */
  known: Readonly<Record<string, unknown>>;
  /** One report at a time. */
  isReporting: boolean;
  /** Its settings may have changed: they are looked at, and answered. */
  hasNews: boolean;
  /** The clock's monotonic time of its next turn. */
  turnMs: number;
  cancel: () => void;
}

const devicesMaxUsual = 1_000;

export class Simulator {
  readonly #options: SimulatorOptions;
  readonly #devicesMax: number;
  readonly #active = new Map<string, Active>();
  readonly #reports = new Set<Promise<void>>();
  readonly #fleet: Fleet;
  /** A device was left out because there was no room. */
  #hasMore = false;
  #sent = 0;
  #skipped = 0;

  /** Resolves when the simulated devices of the registry are active. */
  static async start(options: SimulatorOptions): Promise<Simulator> {
    const simulator = new Simulator(options);
    await simulator.#fleet.settle();
    return simulator;
  }

  private constructor(options: SimulatorOptions) {
    this.#options = options;
    this.#devicesMax = options.devicesMax ?? devicesMaxUsual;
    const listener = {
      present: (device: Device, template: DeviceTemplate): void => this.#present(device, template),
      absent: (deviceId: string): void => this.#absent(deviceId),
    };
    this.#fleet = new Fleet(options.registry, listener, options.log);
  }

  status(): SimulatorStatus {
    return { devices: this.#active.size, sent: this.#sent, skipped: this.#skipped };
  }

  /** Nothing is sent after this call; resolves when reports under way have ended. Safe to call twice. */
  async stop(): Promise<void> {
    for (const active of this.#active.values()) active.cancel();
    this.#active.clear();
    await this.#fleet.stop();
    await Promise.all(this.#reports);
  }

  #present(device: Device, template: DeviceTemplate): void {
    const { clock, log, seed = 0, intervalMs } = this.#options;
    // With the etag: an edit in place is another template to it.
    const templateKey = `${template.id} ${template.version} ${template.etag}`;
    const present = this.#active.get(device.id);
    if (present?.generationId === device.generationId && present.templateKey === templateKey) {
      present.known = device.properties.device;
      this.#answer(present);
      return;
    }
    present?.cancel();
    this.#active.delete(device.id);
    if (this.#active.size >= this.#devicesMax) {
      if (!this.#hasMore) {
        log.warn({ devicesMax: this.#devicesMax }, "There are more simulated devices than may be active.");
      }
      this.#hasMore = true;
      return;
    }
    const { id: deviceId, generationId } = device;
    const active: Active = {
      deviceId,
      generationId,
      templateKey,
      template,
      head: recordHead({ deviceId, authScope: "hub", generationId }, noProperties),
      device: new SimulatedDevice(template, randomOf(seed, deviceId)),
      known: device.properties.device,
      isReporting: false,
      hasNews: false,
      // Spread over the interval by their ids, so that a thousand devices do not speak at once.
      turnMs: clock.monotonicMs() + (crc32(deviceId) / 2 ** 32) * intervalMs,
      cancel: () => {},
    };
    this.#active.set(deviceId, active);
    this.#answer(active);
    this.#await(active);
  }

  #absent(deviceId: string): void {
    const active = this.#active.get(deviceId);
    if (active === undefined) return;
    active.cancel();
    this.#active.delete(deviceId);
    if (!this.#hasMore) return;
    this.#hasMore = false;
    this.#fleet.refresh();
  }

  #await(active: Active): void {
    const { clock } = this.#options;
    active.cancel = clock.timer(Math.max(0, active.turnMs - clock.monotonicMs()), () => {
      this.#turn(active);
      const nowMs = clock.monotonicMs();
      active.turnMs += this.#options.intervalMs;
      // After a standstill it goes on from now; missed turns are not made up for.
      if (active.turnMs < nowMs) active.turnMs = nowMs + this.#options.intervalMs;
      this.#await(active);
    });
  }

  #turn(active: Active): void {
    const timeMs = this.#options.clock.nowMs();
    const body = active.device.nextBody(timeMs);
    if (body !== null) this.#send(active, Buffer.from(JSON.stringify(body)));
    const report = active.isReporting ? null : active.device.nextReport(timeMs, active.known);
    if (report !== null) this.#report(active, () => Promise.resolve(report as JsonObject));
  }

  #send(active: Active, body: Buffer): void {
    const { accept } = this.#options;
    // While the journal is starting there are no paths yet.
    if (accept.refusal !== null) {
      this.#skipped++;
      return;
    }
    const bucket = accept.rates?.bucketOf(active.deviceId);
    if (bucket?.hasRoom === false) {
      accept.counters.rejections.throttled++;
      this.#skipped++;
      return;
    }
    const path = accept.pathOf(active.deviceId);
    if (path.accept(active.head, body, 0, body.length) !== null) {
      this.#skipped++;
      return;
    }
    bucket?.spend(1, body.length);
    path.writer.onDurable({
      durable: () => {
        this.#sent++;
      },
    });
  }

  /** Settings that were sent and not answered yet. */
  #answer(active: Active): void {
    const { deviceId, generationId, template } = active;
    if (Object.keys(template.settings.device).length === 0) return;
    active.hasNews = true;
    if (active.isReporting) return;
    this.#report(active, async () => {
      active.hasNews = false;
      const twin = await this.#options.registry.deviceTwin(deviceId);
      return twin.generationId === generationId ? settingAnswers(template, twin) : null;
    });
  }

  #report(active: Active, of: () => Promise<JsonObject | null>): void {
    const { registry, log } = this.#options;
    const { deviceId, generationId } = active;
    active.isReporting = true;
    const work = (async () => {
      const report = await of();
      if (report !== null) await registry.reportTwin(deviceId, generationId, report);
    })()
      .catch((error: unknown) =>
        log.debug({ error: messageOf(error), deviceId }, "A simulated device could not report."),
      )
      .finally(() => {
        active.isReporting = false;
        this.#reports.delete(work);
        if (active.hasNews && this.#active.get(deviceId) === active) this.#answer(active);
      });
    this.#reports.add(work);
  }
}
