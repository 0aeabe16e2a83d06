// A hub to send to: both front ends over a journal in memory and a real registry, with a hand on the journal.
//
// The test may hold back the word "durable" (J1), refuse for any reason the journal has, and read what was taken.

import { CloudMessages } from "../../src/twins/cloud-messages.ts";
import { Methods } from "../../src/twins/methods.ts";
import { Twins } from "../../src/twins/twins.ts";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import avro from "avsc";
import { AmqpServer } from "../../src/ingest/amqp/amqp-server.ts";
import { Accept } from "../../src/ingest/accept.ts";
import type { AuthRegistry } from "../../src/ingest/authenticate.ts";
import { ConnectionTable } from "../../src/ingest/connection-table.ts";
import { hostNames } from "../../src/ingest/host-names.ts";
import type { HttpsBounds } from "../../src/ingest/https/context.ts";
import { DeviceRates } from "../../src/ingest/device-rates.ts";
import type { DeviceStream } from "../../src/ingest/device-stream.ts";
import { Folding } from "../../src/ingest/folding.ts";
import { HttpsServer } from "../../src/ingest/https/https-server.ts";
import { type IngestCounters, type IngestLimits, type RejectionReason, newCounters } from "../../src/ingest/ingest.ts";
import { MqttServer } from "../../src/ingest/mqtt/mqtt-server.ts";
import { KeptSessions } from "../../src/ingest/kept-sessions.ts";
import { Unacknowledged } from "../../src/ingest/mqtt/unacknowledged.ts";
import { Handshakes } from "../../src/ingest/handshakes.ts";
import { TakeOvers } from "../../src/ingest/take-overs.ts";
import { Provisioning } from "../../src/ingest/provisioning/provisioning.ts";
import { SocketPlaces } from "../../src/ingest/socket-places.ts";
import { Turns } from "../../src/ingest/turns.ts";
import { WebSocketDoor } from "../../src/ingest/websocket/websocket-door.ts";
import { makeSasToken } from "../../src/ingest/sas-token.ts";
import type { DurableWaiter, Journal, PartitionWriter, RecordBatch, Refusal } from "../../src/journal/journal.ts";
import { MemoryJournal } from "../../src/journal/memory/memory-journal.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { type Log, silentLog } from "../../src/lib/log.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { openSqliteRegistry } from "../../src/registry/sqlite/sqlite-registry.ts";
import { emptyTemplate } from "./plain-devices.ts";

const schemaPath = new URL("../../src/avro/schemas/measurements.avsc", import.meta.url);
const recordType = avro.Type.forSchema(JSON.parse(readFileSync(schemaPath, "utf8")));

export interface TakenRecord {
  readonly EnqueuedTimeUtc: string;
  readonly Properties: Readonly<Record<string, string>>;
  readonly SystemProperties: Readonly<Record<string, string>>;
  readonly Body: Buffer;
}

/** A partition writer with a hand on it. */
export class HandledWriter implements PartitionWriter {
  readonly #inner: PartitionWriter;
  #held: DurableWaiter[] = [];
  #roomCalls: (() => void)[] = [];
  isHolding = false;
  #refuses: Refusal | null = null;

  constructor(inner: PartitionWriter) {
    this.#inner = inner;
  }
  get partition(): number {
    return this.#inner.partition;
  }
  get refusal(): Refusal | null {
    return this.#refuses === "wait" ? this.#inner.refusal : (this.#refuses ?? this.#inner.refusal);
  }
  get reserveBytesMax(): number {
    return this.#inner.reserveBytesMax;
  }
  get buffer(): Buffer {
    return this.#inner.buffer;
  }
  get position(): number {
    return this.#inner.position;
  }
  get timeMs(): number {
    return this.#inner.timeMs;
  }
  /** Callers that wait for room. */
  get waitingForRoom(): number {
    return this.#roomCalls.length;
  }
  reserve(bytesMax: number, records?: number): Refusal | null {
    return this.#refuses ?? this.#inner.reserve(bytesMax, records);
  }
  commit(end: number): void {
    this.#inner.commit(end);
  }
  onDurable(waiter: DurableWaiter): void {
    this.#inner.onDurable({
      durable: () => {
        if (this.isHolding) this.#held.push(waiter);
        else waiter.durable();
      },
    });
  }
  onRoom(call: () => void, bytes: number): () => void {
    if (this.#refuses === null) return this.#inner.onRoom(call, bytes);
    this.#roomCalls.push(call);
    return () => {
      this.#roomCalls = this.#roomCalls.filter((one) => one !== call);
    };
  }
  flush(): Promise<void> {
    return this.#inner.flush();
  }
  /** Storage is slow: nobody is told until `release`. */
  hold(): void {
    this.isHolding = true;
  }
  release(): void {
    this.isHolding = false;
    for (const waiter of this.#held.splice(0)) waiter.durable();
  }
  /** Refuses everything, or with null takes again. */
  refuseWith(refusal: Refusal | null): void {
    this.#refuses = refusal;
    if (refusal === null) for (const call of this.#roomCalls.splice(0)) call();
  }
}

export interface HubOptions {
  readonly limits?: Partial<IngestLimits>;
  readonly bounds?: Partial<HttpsBounds>;
  readonly clock?: Clock;
  readonly bytesMax?: number;
  readonly frameBytesMax?: number;
  /** Leaves the journal closed, as while the server recovers. */
  readonly isStarting?: boolean;
  /** Re-sends are folded by their message id. */
  readonly folding?: { readonly windowMs: number; readonly messagesMax?: number };
  /** Bounds of what ended MQTT connections leave; wide ones when left out. */
  readonly dup?: { readonly windowMs: number; readonly messagesMax: number } | null;
  /** Hears of take-overs. */
  readonly log?: Log;
  readonly takeOversWaitingMax?: number;
  /** How often a device may sign in; as often as it likes when left out. */
  readonly signInsPerSecondMax?: number;
  /** A push counts as told when the device says something so long after it. */
  readonly toldAfterMs?: number;
  /** What a device may send a second; as much as it can when left out. */
  readonly rates?: { readonly messagesPerSecondMax: number; readonly bytesPerSecondMax: number };
  /** What the AMQP front end says it waits for a sign of life; two minutes when left out. */
  readonly idleTimeOutMs?: number;
  /** Puts something between the front ends and the registry. */
  readonly wrap?: (registry: AuthRegistry) => AuthRegistry;
}

export class IngestHub {
  readonly directory: string;
  readonly counters: IngestCounters = newCounters();
  readonly table = new ConnectionTable();
  readonly accept: Accept;
  readonly folding: Folding | null;
  readonly unacknowledged: Unacknowledged | null;
  readonly limits: IngestLimits;
  readonly memory: MemoryJournal;
  readonly writer: HandledWriter;
  readonly registry: Registry;
  readonly methods = new Methods({ clock: systemClock, callsMax: 1000 });
  readonly sessions: KeptSessions;
  readonly cloudMessages: CloudMessages;
  readonly mqtt: MqttServer;
  readonly amqp: AmqpServer;
  readonly https: HttpsServer;
  mqttPort = 0;
  amqpPort = 0;
  httpPort = 0;
  policyKey = "";
  readonly #keys = new Map<string, string>();
  readonly #decoded = new WeakMap<RecordBatch, readonly TakenRecord[]>();

  static async open(options: HubOptions = {}): Promise<IngestHub> {
    const directory = mkdtempSync(join(tmpdir(), "coldpath-ingest-"));
    const clock = options.clock ?? systemClock;
    const registry = await openSqliteRegistry({ directory, clock });
    const hub = new IngestHub(directory, registry, options);
    await registry.createTemplate(emptyTemplate);
    hub.policyKey = (await registry.policyKeys("device"))?.primaryKey ?? "";
    hub.mqttPort = await hub.mqtt.listenPlain(0, "127.0.0.1");
    hub.amqpPort = await hub.amqp.listenPlain(0, "127.0.0.1");
    hub.httpPort = await hub.https.listenPlain(0, "127.0.0.1");
    return hub;
  }

  private constructor(directory: string, registry: Registry, options: HubOptions) {
    this.directory = directory;
    this.registry = registry;
    registry.subscribe((event) => this.table.hear(event));
    this.memory = new MemoryJournal({
      clock: options.clock ?? systemClock,
      ...(options.bytesMax === undefined ? {} : { bytesMax: options.bytesMax }),
      ...(options.frameBytesMax === undefined ? {} : { frameBytesMax: options.frameBytesMax }),
    });
    this.writer = new HandledWriter(this.memory.partitions[0] as PartitionWriter);
    const clock = options.clock ?? systemClock;
    this.folding =
      options.folding === undefined
        ? null
        : new Folding({ messagesMax: 1000, ...options.folding, counters: this.counters, clock, log: silentLog });
    const rates = options.rates === undefined ? null : new DeviceRates({ ...options.rates, clock });
    this.accept = new Accept(this.counters, this.folding, rates);
    if (options.isStarting !== true) this.openJournal();
    this.limits = {
      messageBytesMax: 256 * 1024,
      connectionsMax: 1000,
      connectTimeoutMs: 5_000,
      keepAliveSecondsMax: 1177,
      connectionBytesInFlightMax: 1024 * 1024,
      unreadBytesMax: 64 * 1024 * 1024,
      connectionUnsentBytesMax: 256 * 1024,
      ...options.limits,
    };
    const front = {
      accept: this.accept,
      registry: options.wrap?.(registry) ?? registry,
      table: this.table,
      counters: this.counters,
      limits: this.limits,
      sockets: new SocketPlaces(Infinity),
      handshakes: new Handshakes(),
      turns: new Turns(),
      isOurHost: hostNames(["localhost", "hub.example.test"]),
      provisioning: new Provisioning({
        registry,
        counters: this.counters,
        assignedHub: () => "hub.example.test",
        log: options.log ?? silentLog,
      }),
      log: silentLog,
    };
    const dup = options.dup === undefined ? { windowMs: 60_000, messagesMax: 1000 } : options.dup;
    this.unacknowledged = dup === null ? null : new Unacknowledged(dup);
    this.sessions = new KeptSessions({
      registry,
      expiryMs: 7 * 86_400_000,
      log: options.log ?? silentLog,
      toldAfterMs: options.toldAfterMs,
    });
    const twins = new Twins(registry);
    registry.subscribe((event) => twins.hear(event));
    registry.subscribe((event) => this.methods.hear(event));
    this.cloudMessages = new CloudMessages({ registry, clock, log: silentLog, bytesMax: 1024 * 1024 });
    registry.subscribe((event) => this.cloudMessages.hear(event));
    const signInRates =
      options.signInsPerSecondMax === undefined
        ? null
        : new DeviceRates({ messagesPerSecondMax: options.signInsPerSecondMax, bytesPerSecondMax: 0, clock });
    const takeOvers = new TakeOvers({
      clock,
      log: options.log ?? silentLog,
      waitingMax: options.takeOversWaitingMax,
    });
    const live = { ...front, twins, methods: this.methods, cloudMessages: this.cloudMessages, signInRates, takeOvers };
    this.mqtt = new MqttServer({ ...live, sessions: this.sessions, unacknowledged: this.unacknowledged });
    this.amqp = new AmqpServer({ ...live, sessions: this.sessions, idleTimeOutMs: options.idleTimeOutMs });
    const frontEnds = {
      mqtt: (stream: DeviceStream) => this.mqtt.take(stream),
      AMQPWSB10: (stream: DeviceStream) => this.amqp.take(stream),
    };
    const webSockets = new WebSocketDoor(frontEnds, front);
    this.https = new HttpsServer({ ...front, cloudMessages: this.cloudMessages, webSockets, bounds: options.bounds });
  }

  /** The journal is recovered. */
  openJournal(): void {
    this.accept.open({ partitions: [this.writer] } as unknown as Journal);
  }

  async createDevice(id: string, templateId: string = emptyTemplate.id): Promise<string> {
    await this.registry.createDevice({ id, templateId });
    const { primaryKey } = await this.registry.deviceKeys(id);
    this.#keys.set(id, primaryKey);
    return primaryKey;
  }

  /** A token of the device's own primary key. */
  token(deviceId: string, expiresMs: number = Date.now() + 3_600_000): string {
    return makeSasToken(`localhost/devices/${deviceId}`, this.#keys.get(deviceId) ?? "", expiresMs);
  }

  /** All that the journal holds, in order. */
  records(deviceId?: string): readonly TakenRecord[] {
    const batches = this.memory.partitions.flatMap((partition) => [
      ...partition.segments.flatMap((segment) => segment.batches),
      ...partition.batches,
    ]);
    const all = batches.flatMap((batch) => this.#decode(batch));
    return all.filter((one) => deviceId === undefined || one.SystemProperties["connectionDeviceId"] === deviceId);
  }

  /** Once a batch: tests look often. */
  #decode(batch: RecordBatch): readonly TakenRecord[] {
    const known = this.#decoded.get(batch);
    if (known !== undefined) return known;
    let at = 0;
    const records = Array.from(batch.lengths, (length) => {
      at += length;
      return recordType.fromBuffer(batch.bytes.subarray(at - length, at)) as TakenRecord;
    });
    this.#decoded.set(batch, records);
    return records;
  }

  bodies(deviceId?: string): readonly string[] {
    return this.records(deviceId).map(({ Body }) => Body.toString());
  }

  rejections(reason: RejectionReason): number {
    return this.counters.rejections[reason];
  }

  async close(): Promise<void> {
    this.mqtt.close();
    this.amqp.close();
    this.writer.release();
    await this.https.close();
    await this.memory.close();
    await this.registry.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Waits until it is so; fails after `withinMs`. */
export async function until(isSo: () => boolean, what: string, withinMs = 5_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`It did not happen within ${withinMs} ms: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Long enough for what must not happen to have happened. */
export async function aWhile(ms = 40): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
