// Reading at the hub's pace, with a device, a gate and a clock in hand.

import { EventEmitter } from "node:events";
import { beforeEach, describe, expect, test } from "vitest";
import type { PartitionWriter } from "../journal/journal.ts";
import type { DeviceStream } from "./device-stream.ts";
import { PacedReading } from "./paced-reading.ts";
import { ReadGate, letThroughMax } from "./read-gate.ts";
import { Turns } from "./turns.ts";

const packetBytes = 100;
const heavyBytes = 5000;

class SimulatedStream extends EventEmitter {
  isPaused = false;
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
}

let nowMs: number;
let readers: PacedReading[];
let gate: ReadGate;

/** A connection of packets of a hundred bytes; `take` may stop reading. */
class Connection {
  readonly stream = new SimulatedStream();
  readonly reading: PacedReading;
  isOpen = true;
  isEnded = false;
  packets = 0;
  take: () => boolean = () => true;

  constructor(turns = new Turns(() => 0)) {
    this.reading = new PacedReading({
      stream: this.stream as unknown as DeviceStream,
      gate,
      turns,
      coarseMs: () => nowMs,
      use: (bytes) => {
        let used = 0;
        while (!this.reading.isPaused && used + packetBytes <= bytes.length && this.take()) {
          used += packetBytes;
          this.packets++;
        }
        return { used, wanted: bytes.length - used < packetBytes ? packetBytes : 0 };
      },
      isOpen: () => this.isOpen,
      tooSlow: () => this.end(),
    });
    readers.push(this.reading);
  }

  /** What a device sends is read, unless reading is stopped. */
  send(bytes: number): boolean {
    if (this.stream.isPaused) return false;
    this.stream.emit("data", Buffer.alloc(bytes, 1));
    return true;
  }

  end(): void {
    this.isEnded = true;
    readers.splice(readers.indexOf(this.reading), 1);
    this.reading.end();
  }
}

beforeEach(() => {
  nowMs = 1_000_000;
  readers = [];
  gate = new ReadGate(
    10_000,
    () => readers,
    () => nowMs,
  );
});

test("Reading stops before the packet that cannot be taken, and goes on there, each packet once", () => {
  const connection = new Connection();
  let room = 3;
  let call = (): void => {};
  const writer = { onRoom: (calls: () => void) => ((call = calls), () => {}) } as unknown as PartitionWriter;
  connection.take = () => {
    if (room === 0) connection.reading.untilRoom(writer, packetBytes);
    return room-- > 0;
  };
  connection.send(550);
  expect([connection.packets, connection.stream.isPaused, gate.bytes]).toEqual([3, true, 250]);
  room = 10;
  call();
  expect([connection.packets, connection.stream.isPaused, gate.bytes]).toEqual([5, false, 50]);
  connection.send(50);
  expect([connection.packets, gate.bytes]).toEqual([6, 0]);
});

test("What comes behind an awaited outcome is read when it is known, whatever else stopped reading and ended", () => {
  const connection = new Connection();
  connection.reading.pause("unsent");
  connection.reading.pause("authenticating");
  connection.reading.pause("in-flight"); // says nothing new
  connection.reading.resume("unsent");
  connection.reading.resume("in-flight");
  expect(connection.stream.isPaused).toBe(true);
  connection.reading.pause("take-over");
  connection.reading.resume("authenticating");
  expect(connection.stream.isPaused).toBe(true);
  connection.reading.resume("take-over");
  expect(connection.stream.isPaused).toBe(false);
});

describe("A device's silence", () => {
  test.each(["session", "journal", "in-flight", "rate", "take-over", "authenticating"] as const)(
    "is not seen while the hub does not read (%s), and counts from then on",
    (why) => {
      const { reading } = new Connection();
      nowMs += 5_000;
      expect(reading.silentMs).toBe(5_000);
      reading.pause(why);
      nowMs += 60_000;
      expect(reading.silentMs).toBe(0);
      reading.resume(why);
      nowMs += 1_000;
      expect(reading.silentMs).toBe(1_000);
    },
  );

  test("counts while it is the device that does not read", () => {
    const connection = new Connection();
    connection.reading.pause("unsent");
    nowMs += 60_000;
    expect(connection.reading.silentMs).toBe(60_000);
  });

  test("counts from the beginning until it was let in, however steadily it drips and however long its sign-in takes", () => {
    const connection = new Connection();
    connection.isOpen = false;
    for (let second = 0; second < 20; second++) {
      nowMs += 1_000;
      connection.send(1);
    }
    expect(connection.reading.silentMs).toBe(20_000);
    connection.reading.pause("authenticating");
    nowMs += 1_000;
    expect(connection.reading.silentMs).toBe(21_000);
    expect(connection.reading.heardMs).toBe(0);
  });
});

describe("M1: At the gate", () => {
  test("nothing is left of a connection that has ended, whatever still comes of it", async () => {
    // The time of this turn is used up: a large chunk would wait for the next.
    let turnMs = 0;
    const turns = new Turns(() => (turnMs += 10));
    const connection = new Connection(turns);
    connection.send(heavyBytes + 50);
    connection.send(heavyBytes);
    expect(gate.bytes).toBeGreaterThan(0);
    connection.end();
    connection.stream.emit("data", Buffer.alloc(heavyBytes));
    connection.stream.emit("data", Buffer.alloc(heavyBytes));
    await new Promise((resolve) => setImmediate(resolve));
    expect(gate.bytes).toBe(0);
  });

  /** Above the bound by what others hold; `bytes` of them are part of a packet each. */
  const close = (): void => gate.count(20_000);

  test("a message of several packets is read to its end, and then the others are first", () => {
    const one = new Connection();
    one.send(50);
    const others = Array.from({ length: 2 * letThroughMax }, () => new Connection());
    for (const other of others) other.send(50);
    // Its packets are parts of messages of three.
    one.take = () => {
      one.reading.countParts((one.packets + 1) % 3 === 0 ? -2 * packetBytes : packetBytes);
      return true;
    };
    close();
    const isRead = (connection: Connection): boolean => !connection.stream.isPaused;
    expect(isRead(one)).toBe(true);
    expect(others.filter(isRead)).toHaveLength(letThroughMax - 1);
    for (let packet = 0; packet < 2; packet++) one.send(packetBytes);
    expect([one.packets, isRead(one)]).toEqual([2, true]); // not yet whole
    one.send(packetBytes);
    expect([one.packets, isRead(one)]).toEqual([3, false]); // a part of the next is there
    expect(others.filter(isRead)).toHaveLength(letThroughMax);
  });

  test("each comes to its turn, though the others begin their next packet at once", () => {
    const all = Array.from({ length: 4 * letThroughMax }, () => new Connection());
    for (const connection of all) connection.send(50);
    close();
    for (let round = 0; round < 8; round++) for (const connection of all) connection.send(packetBytes);
    expect(Math.min(...all.map(({ packets }) => packets))).toBeGreaterThan(0);
  });

  test("who waits for the journal is not among those that are read alone, nor ended for being slow", () => {
    const one = new Connection();
    one.send(50);
    close();
    one.take = () => {
      one.reading.countParts(packetBytes);
      one.reading.pause("journal");
      return true;
    };
    one.send(packetBytes);
    for (let second = 0; second < 60; second++) {
      nowMs += 1_000;
      gate.sweep();
    }
    expect(one.isEnded).toBe(false);
  });
});
