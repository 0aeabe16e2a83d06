// Stories of random length about folding, on a simulated disk and a clock that misbehave, against a model that fits a
// page: devices send and send again, the power is cut and the process killed before and after acknowledgements, the
// server restarts with more partitions, minutes pass, exported segments are trimmed.
//
//   COLDPATH_PROPERTY_RUNS=20000 npx vitest run --project unit src/ingest/folding.property
//
// runs longer.

import { readFileSync } from "node:fs";
import avro from "avsc";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SimulatedMachine } from "../journal/file/machine.simulated.ts";
import type { FileJournalOptions } from "../journal/file/file-journal.ts";
import { silentLog } from "../lib/log.ts";
import { windowMs } from "../lib/window.ts";
import { recordHead } from "../message/record-encoder.ts";
import { Accept } from "./accept.ts";
import { Folding } from "./folding.ts";
import { newCounters } from "./ingest.ts";

const runs = Number(process.env["COLDPATH_PROPERTY_RUNS"] ?? 120);
const foldWindowMs = 3 * windowMs;
const schemaPath = new URL("../avro/schemas/measurements.avsc", import.meta.url);
const recordType = avro.Type.forSchema(JSON.parse(readFileSync(schemaPath, "utf8")));

interface Message {
  readonly deviceId: string;
  readonly generationId: string;
  readonly messageId: string | null;
  readonly body: string;
}

const message: fc.Arbitrary<Message> = fc.record({
  deviceId: fc.constantFrom("a", "b"),
  generationId: fc.constantFrom(...Array.from({ length: 4 }, () => "639000000000000000"), "639000000000000001"),
  messageId: fc.oneof(
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 6, arbitrary: fc.constantFrom("1", "1", "2") },
  ),
  body: fc.constantFrom("x", "x", "x", "y"),
});

type Action =
  | { readonly do: "send"; readonly messages: readonly Message[]; readonly isOneBatch: boolean }
  | { readonly do: "settle" | "kill" | "cut" | "restart" | "release" }
  | { readonly do: "more-partitions" }
  | { readonly do: "pass" | "step"; readonly ms: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("send" as const),
      messages: fc.array(message, { minLength: 1, maxLength: 4 }),
      isOneBatch: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("settle" as const, "release" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("kill" as const, "cut" as const, "restart" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("more-partitions" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("pass" as const),
      ms: fc.constantFrom(1, 1500, windowMs, foldWindowMs - 1, foldWindowMs),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("step" as const), ms: fc.constantFrom(-200_000, 200_000) }) },
);

const keyOf = ({ deviceId, generationId, messageId, body }: Message): string =>
  JSON.stringify([deviceId, generationId, messageId, body]);

class Story {
  readonly #options: { -readonly [Name in keyof FileJournalOptions]?: FileJournalOptions[Name] };
  readonly #machine: SimulatedMachine;
  readonly #messagesMax: number;
  #accept = new Accept(newCounters());
  /** All that is in the journal, as far as is known, by key: the times of its records. */
  #records = new Map<string, number[]>();
  /** By key: when the newest of those was stamped that an acknowledgement stands for. */
  readonly #acknowledged = new Map<string, number>();
  /** The latest time there was: what is older than that by the retention may be trimmed. */
  #latestMs = 0;
  folded = 0;

  constructor(seed: number, messagesMax: number) {
    this.#options = { partitions: 1, retentionMs: foldWindowMs };
    this.#machine = new SimulatedMachine(seed, this.#options);
    this.#messagesMax = messagesMax;
  }

  get #hasRoom(): boolean {
    return this.#messagesMax > 100;
  }

  async start(): Promise<void> {
    const machine = this.#machine;
    if (!(await machine.start())) throw machine.refusedToStart;
    const found = new Map<string, number[]>();
    for await (const { bytes, lengths } of machine.running.recovered(0, Number.MAX_SAFE_INTEGER)) {
      let at = 0;
      for (const length of lengths) {
        const record = recordType.fromBuffer(bytes.subarray(at, (at += length)));
        const system = record.SystemProperties;
        const key = keyOf({
          deviceId: system.connectionDeviceId,
          generationId: system.connectionDeviceGenerationId,
          messageId: system.messageId ?? null,
          body: record.Body.toString(),
        });
        const times = found.get(key) ?? [];
        found.set(key, [...times, Date.parse(system.enqueuedTime)]);
      }
    }
    // J1: no acknowledged message is lost, folded or not, while the journal keeps what is so old.
    const keptMs = this.#latestMs - foldWindowMs;
    for (const [key, timeMs] of this.#acknowledged) {
      if (timeMs >= keptMs) expect(found.get(key) ?? [], key).toContain(timeMs);
    }
    this.#records = found;
    const counters = newCounters();
    const { clock } = machine;
    const folding = new Folding({
      windowMs: foldWindowMs,
      messagesMax: this.#messagesMax,
      counters,
      clock,
      log: silentLog,
    });
    await folding.rebuild(machine.running);
    this.#accept = new Accept(counters, folding);
    this.#accept.open(machine.running);
  }

  #send(messages: readonly Message[]): void {
    const accept = this.#accept;
    const { journal } = this.#machine;
    const path = accept.pathOf(messages[0]?.deviceId ?? "");
    const taken = messages.map((one) => ({
      head: recordHead(
        { deviceId: one.deviceId, generationId: one.generationId, authScope: "device" },
        {
          application: new Map(),
          system: new Map(one.messageId === null ? [] : [["messageId", one.messageId] as const]),
        },
      ),
      body: Buffer.from(one.body),
    }));
    const before = { accepted: accept.counters.acceptedMessages, folded: accept.counters.folded["message-id"] };
    const [first] = taken;
    const refusal =
      taken.length === 1 && first !== undefined
        ? path.accept(first.head, first.body, 0, first.body.length)
        : path.acceptAll(taken);
    if (refusal !== null) return;
    const { timeMs } = path.writer;
    const folded = accept.counters.folded["message-id"] - before.folded;
    let mustFold = 0;
    const stamps: [string, number][] = [];
    for (const one of messages) {
      const key = keyOf(one);
      const times = this.#records.get(key) ?? [];
      // Its newest record: an older one ended its window before.
      const newest = Math.max(-Infinity, ...times);
      const isKnown = one.messageId !== null && timeMs - newest < foldWindowMs;
      // With too little room less often than it might, and never elsewhere.
      const isFolded = isKnown && (this.#hasRoom || folded === 1);
      if (isFolded) mustFold++;
      else this.#records.set(key, [...times, timeMs]);
      stamps.push([key, isFolded ? newest : timeMs]);
    }
    expect(folded).toBe(mustFold);
    expect(accept.counters.acceptedMessages - before.accepted).toBe(messages.length - folded);
    this.folded += folded;
    path.writer.onDurable({
      durable: () => {
        if (this.#machine.journal !== journal) return;
        for (const [key, stampMs] of stamps) this.#acknowledged.set(key, stampMs);
      },
    });
  }

  async act(one: Action): Promise<void> {
    const machine = this.#machine;
    this.#latestMs = Math.max(this.#latestMs, machine.clock.nowMs());
    switch (one.do) {
      case "send": {
        const [first] = one.messages;
        const { deviceId = "", generationId = "" } = first ?? {};
        // One at a time it is known which of them was folded.
        if (one.isOneBatch && this.#hasRoom)
          this.#send(one.messages.map((each) => ({ ...each, deviceId, generationId })));
        else for (const each of one.messages) this.#send([each]);
        return;
      }
      case "settle":
        return await machine.settle();
      case "release":
        for (const partition of machine.running.partitionNumbers()) {
          machine.running.release(partition, machine.running.closedBelow(partition));
        }
        return await machine.settle();
      case "kill":
        machine.kill();
        return await this.start();
      case "cut":
        machine.powerCut();
        return await this.start();
      case "restart":
        await machine.running.close();
        machine.kill();
        return await this.start();
      case "more-partitions":
        this.#options.partitions = 3;
        machine.kill();
        return await this.start();
      case "pass":
        return await machine.clock.pass(one.ms);
      case "step":
        machine.clock.wallMs += one.ms;
        return;
    }
  }
}

for (const messagesMax of [1000, 3]) {
  test(`J1, D1: folded exactly where it is stated, and nothing acknowledged is lost, with room for ${messagesMax}`, async () => {
    let folded = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.array(action, { minLength: 5, maxLength: 60, size: "max" }),
        async (seed, actions) => {
          const story = new Story(seed, messagesMax);
          await story.start();
          for (const one of actions) await story.act(one);
          await story.act({ do: "kill" });
          folded += story.folded;
        },
      ),
      { numRuns: runs },
    );
    expect(folded).toBeGreaterThan(runs); // the stories are about something
  }, 120_000);
}
