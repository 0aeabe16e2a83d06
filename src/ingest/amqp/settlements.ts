// What was accepted and is to be settled when it is durable: the deliveries of one chunk, as ranges.
//
//   J1  `accepted` is written when the journal calls `durable`, and by nobody else.

import type { DurableWaiter, PartitionWriter } from "../../journal/journal.ts";
import type { Delivery, Settling } from "./links.ts";
import { codes, performative } from "./performatives.ts";

const acceptedState = performative(codes.accepted, []);
/** Around a transfer's message, and what is kept of it here. */
const deliveryBytes = 64;

interface Range {
  readonly session: Settling;
  readonly first: number;
  last: number;
}

class Waiting implements DurableWaiter {
  readonly ranges: Range[] = [];
  bytes = 0;
  readonly #durable: (waiting: Waiting) => void;

  constructor(durable: (waiting: Waiting) => void) {
    this.#durable = durable;
  }

  durable(): void {
    this.#durable(this);
  }
}

export class Settlements {
  /** Of deliveries that were accepted and are not durable yet. */
  bytesInFlight = 0;
  readonly #changed: () => void;
  #writer: PartitionWriter | null = null;
  #waiting: Waiting | null = null;
  #isOver = false;

  /** @param changed  called when there are fewer bytes in flight. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** The delivery was committed to `writer` in this turn. */
  add(writer: PartitionWriter, { session, id, isSettled, message }: Delivery): void {
    if (writer !== this.#writer) this.register();
    this.#writer = writer;
    const waiting = (this.#waiting ??= new Waiting((one) => this.#durable(one)));
    waiting.bytes += message.length + deliveryBytes;
    this.bytesInFlight += message.length + deliveryBytes;
    if (isSettled) return;
    const range = waiting.ranges.at(-1);
    if (range?.session === session && range.last + 1 === id) range.last = id;
    else waiting.ranges.push({ session, first: id, last: id });
  }

  /** Behind the last delivery of a chunk. */
  register(): void {
    if (this.#writer !== null && this.#waiting !== null) this.#writer.onDurable(this.#waiting);
    this.#writer = null;
    this.#waiting = null;
  }

  end(): void {
    this.#isOver = true;
  }

  #durable({ ranges, bytes }: Waiting): void {
    this.bytesInFlight -= bytes;
    if (this.#isOver) return;
    for (const { session, first, last } of ranges) session.settle(first, last, acceptedState);
    this.#changed();
  }
}
