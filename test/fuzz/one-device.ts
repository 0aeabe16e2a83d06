// A hub of one device, `dev-1`, in a target's hand: what front ends are given where there is no registry, no journal and no clock.

import type { AmqpContext } from "../../src/ingest/amqp/context.ts";
import type { MqttServerContext } from "../../src/ingest/mqtt/context.ts";
import { Accept } from "../../src/ingest/accept.ts";
import type { AuthRegistry } from "../../src/ingest/authenticate.ts";
import { ConnectionTable } from "../../src/ingest/connection-table.ts";
import { type IngestLimits, newCounters } from "../../src/ingest/ingest.ts";
import { KeptSessions } from "../../src/ingest/kept-sessions.ts";
import { ReadGate } from "../../src/ingest/read-gate.ts";
import { makeSasToken } from "../../src/ingest/sas-token.ts";
import { TakeOvers } from "../../src/ingest/take-overs.ts";
import { Turns } from "../../src/ingest/turns.ts";
import type { DurableWaiter, Journal, PartitionWriter, Refusal } from "../../src/journal/journal.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { ColdpathError } from "../../src/lib/errors.ts";
import { silentLog } from "../../src/lib/log.ts";
import { recordReader } from "../../src/avro/record-reader.ts";
import { type Subscriptions, patchedSection, untouchedSection } from "../../src/registry/registry.ts";
import { CloudMessages } from "../../src/twins/cloud-messages.ts";
import { Methods } from "../../src/twins/methods.ts";
import { Twins } from "../../src/twins/twins.ts";
import { CloudQueue } from "../lib/cloud-queue.ts";
import { enrolledProvisioning } from "../lib/enrolled.ts";
import { SimulatedClock } from "../../src/journal/clock.simulated.ts";
import { claim } from "./engine/target.ts";

const key = Buffer.from("0123456789abcdef0123456789abcdef").toString("base64");
const policyKey = Buffer.from("fedcba9876543210fedcba9876543210").toString("base64");
const expiresMs = Date.parse("2200-01-01T00:00:00Z");
/** Opens `dev-1`, for long. */
export const token = makeSasToken("hub.test/devices/dev-1", key, expiresMs);
/** Opens every device of the hub. */
export const hubToken = makeSasToken("hub.test", policyKey, expiresMs, "device");
const generationId = "639000000000000000";
const at = "2026-01-02T03:04:05.678Z";

export const readRecord = recordReader("measurements") as (bytes: Buffer) => {
  readonly Body: Buffer;
  readonly SystemProperties: Readonly<Record<string, string>>;
};

/** A partition that says "durable" when it is told to. */
export class SimulatedWriter implements PartitionWriter {
  readonly partition = 0;
  readonly reserveBytesMax: number;
  readonly buffer: Buffer;
  readonly timeMs = Date.parse(at);
  refusal: Refusal | null = null;
  position = 0;
  readonly records: Buffer[] = [];
  durableRecords = 0;
  /** Waiters that were told. */
  told = 0;
  #waiters: DurableWaiter[] = [];
  #roomCalls: (() => void)[] = [];

  /** @param reserveBytesMax  what no message or batch may go beyond. */
  constructor(reserveBytesMax: number) {
    this.reserveBytesMax = reserveBytesMax;
    this.buffer = Buffer.alloc(reserveBytesMax * 2);
  }

  reserve(bytesMax: number): Refusal | null {
    if (this.refusal !== null) return this.refusal;
    claim(bytesMax <= this.reserveBytesMax, "M1: it reserves more than there can be");
    this.position = 0;
    return null;
  }

  commit(end: number): void {
    this.records.push(Buffer.from(this.buffer.subarray(this.position, end)));
    this.position = end;
  }

  onDurable(waiter: DurableWaiter): void {
    this.#waiters.push(waiter);
  }

  onRoom(call: () => void): () => void {
    this.#roomCalls.push(call);
    return () => {
      this.#roomCalls = this.#roomCalls.filter((one) => one !== call);
    };
  }

  async flush(): Promise<void> {}

  sync(): void {
    this.durableRecords = this.records.length;
    for (const waiter of this.#waiters.splice(0)) {
      this.told++;
      waiter.durable();
    }
  }

  makeRoom(): void {
    this.refusal = null;
    for (const call of this.#roomCalls.splice(0)) call();
  }
}

const registry: AuthRegistry = {
  deviceCredentials: async (deviceId) =>
    deviceId === "dev-1"
      ? {
          deviceId,
          primaryKey: key,
          secondaryKey: key,
          enabled: true,
          generationId,
          authentication: { type: "sas" as const },
        }
      : null,
  moduleCredentials: async () => null,
  policyKeys: async (name) => (name === "device" ? { primaryKey: policyKey, secondaryKey: policyKey } : null),
  trustedCaCertificates: async () => [],
};

const twin = { desired: untouchedSection, reported: untouchedSection };
const noModules = (): Promise<never> => Promise.reject(new Error("nobody signs in as a module"));
function newTwins(): Twins {
  return new Twins({
    deviceTwin: async (deviceId) => ({ deviceId, generationId, ...twin }),
    reportTwin: async (_deviceId, _generationId, patch) =>
      patchedSection(untouchedSection, "reported", patch, at).version,
    moduleTwin: noModules,
    reportModuleTwin: noModules,
  });
}

/**
 * Sessions as devices find them: kept or not, always with something that the device was not told.
 *
 * @param kept  what a device subscribed to over the connection before; null: nothing.
 */
function keptSessions(kept: Subscriptions | null): KeptSessions {
  const done = async (): Promise<void> => await Promise.resolve();
  return new KeptSessions({
    registry: {
      mqttSession: async () => (kept === null ? null : { subscriptions: kept, usedMs: Date.now() }),
      // Each subscription is kept by the next turn, or there is none to keep.
      keepMqttSession: done,
      followDesired: done,
      endMqttSession: done,
      untoldDesired: async () => ({ patch: { a: null }, version: 2 }),
      desiredSent: async () => null,
      desiredTold: done,
      useMqttSessions: done,
      expireMqttSessions: async () => 0,
    },
    expiryMs: 60_000,
    log: silentLog,
  });
}

interface HubOptions {
  readonly limits?: Partial<IngestLimits>;
  readonly reserveBytesMax: number;
  /** What the device subscribed to over the connection before; null: nothing. */
  readonly kept?: Subscriptions | null;
}

/** What the front ends have in common, and what is behind it. */
export interface HubOfOne {
  readonly writer: SimulatedWriter;
  /** Three messages that wait for the device. */
  readonly queue: CloudQueue;
  readonly front: AmqpContext & Omit<MqttServerContext, "left">;
}

export function hubOfOne({ limits, reserveBytesMax, kept = null }: HubOptions): HubOfOne {
  const counters = newCounters();
  const accept = new Accept(counters);
  const writer = new SimulatedWriter(reserveBytesMax);
  accept.open({ partitions: [writer] } as unknown as Journal);
  const table = new ConnectionTable();
  const queue = new CloudQueue(3);
  const allLimits: IngestLimits = {
    messageBytesMax: 600,
    connectionsMax: 10,
    connectTimeoutMs: 30_000,
    keepAliveSecondsMax: 1767,
    connectionBytesInFlightMax: 1500,
    unreadBytesMax: 1024 * 1024,
    connectionUnsentBytesMax: 64,
    ...limits,
  };
  const clock = systemClock;
  return {
    writer,
    queue,
    front: {
      accept,
      counters,
      table,
      limits: allLimits,
      log: silentLog,
      registry,
      twins: newTwins(),
      methods: new Methods({ clock: new SimulatedClock(0, async () => {}), callsMax: 10 }),
      cloudMessages: new CloudMessages({ registry: queue, clock, log: silentLog, bytesMax: 1024 }),
      takeOvers: new TakeOvers({ clock, log: silentLog }),
      sessions: keptSessions(kept),
      turns: new Turns(() => 0),
      gate: new ReadGate(
        allLimits.unreadBytesMax,
        () => [],
        () => 0,
      ),
      signInRates: null,
      signIns: { count: 0 },
      moreSessions: { count: 0 },
      idleTimeOutMs: 120_000,
      provisioned: { count: 0 },
      provisioning: enrolledProvisioning(counters),
      unacknowledged: null, // the targets have a record for each PUBLISH, DUP or not
      isOurHost: (host) => host === "hub.test",
      refusal: () => null,
      openCount: () => table.openCount,
      coarseMs: () => 0,
      reject: (reason) => counters.rejections[reason]++,
    },
  };
}

/** The hub wants something of the device: it calls a method, and sets what is desired. */
export function stir({ methods, twins }: HubOfOne["front"], version: number): void {
  const owner = { deviceId: "dev-1", generationId };
  const request = { name: "m", payload: '{"a":1}', responseTimeoutMs: 5000, connectTimeoutMs: 0 };
  methods.invoke(owner, request).then(
    (answer) => claim(Number.isInteger(answer.status), "a method is answered without a status"),
    (error: unknown) => claim(error instanceof ColdpathError, () => `a method fails with ${String(error)}`),
  );
  twins.hear({ kind: "desired-changed", ...owner, patch: { a: version }, version });
}
