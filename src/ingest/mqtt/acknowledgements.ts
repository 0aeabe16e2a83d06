// The acknowledgements of a chunk: what is written when the journal says that its packets are durable (J1). While they wait
// they tell whether a message that comes again is one of them.

import { type ReadPackets, type SentPublish, isSamePublish, publishesOf } from "./unacknowledged.ts";

/** The connection that they go out over. */
interface Acknowledging {
  durable(acknowledgements: Acknowledgements): void;
}

export class Acknowledgements {
  readonly #connection: Acknowledging;
  readonly bytes: Buffer;
  /** The packets they answer are `chunk[first, next)`; null where nobody will ask for them. */
  readonly chunk: Buffer | null;
  readonly first: number;
  readonly next: number;
  /** Of the packets, by packet id; made when it is first asked. */
  #publishes: ReadonlyMap<number, SentPublish> | null = null;

  constructor(connection: Acknowledging, bytes: Buffer, chunk: Buffer | null, first: number, next: number) {
    this.#connection = connection;
    this.bytes = bytes;
    this.chunk = chunk;
    this.first = first;
    this.next = next;
  }

  durable(): void {
    this.#connection.durable(this);
  }

  get packets(): readonly ReadPackets[] {
    const { chunk, first, next } = this;
    return chunk === null ? [] : [{ chunk, first, next }];
  }

  /** Whether it answers the same PUBLISH. */
  holds(chunk: Buffer, one: SentPublish): boolean {
    const [packets] = this.packets;
    if (packets === undefined) return false;
    this.#publishes ??= new Map(Array.from(publishesOf(packets), (publish) => [publish.packetId, publish]));
    const found = this.#publishes.get(one.packetId);
    return found !== undefined && isSamePublish(packets.chunk, found, chunk, one);
  }
}
