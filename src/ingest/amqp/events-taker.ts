// The link on which a device sends messages: `/devices/{id}/messages/events`. Each goes the one path (accept.ts).
//
//   J1  A message is `pending` until its record is durable; settlements.ts tells the device then.
//   D1  The device is the link's, whatever the message says.

import { type MessageProperties, countedBytes } from "../../message/message.ts";
import { type RecordHead, recordHead } from "../../message/record-encoder.ts";
import type { Refusal } from "../../journal/journal.ts";
import { errorOf } from "./conditions.ts";
import { type AmqpContext, bounds, partBytesMax } from "./context.ts";
import type { AmqpDevice } from "./device.ts";
import type { Delivery, Taken, Taker } from "./links.ts";
import { type AmqpMessage, batchFormat, readBatch, readMessage, recordedProperties } from "./message.ts";
import type { AmqpError } from "./performatives.ts";
import type { Settlements } from "./settlements.ts";
import { Malformed } from "./values.ts";

/** What a message may have beside what is counted: names of sections, annotations, the header. */
const overheadBytes = 64 * 1024;

export interface EventsHost {
  readonly context: AmqpContext;
  readonly settlements: Settlements;
  /** Reading stops until the journal has room. */
  stopReading(device: AmqpDevice, refusal: Refusal, bytes: number): void;
  /** Reading stops until the device may send again. */
  throttle(device: AmqpDevice, waitMs: number): void;
}

interface Read {
  readonly properties: MessageProperties;
  readonly body: AmqpMessage["body"];
}

export class EventsTaker implements Taker {
  readonly credit = bounds.messageCredit;
  readonly bytesMax: number;
  /** The SDK for C fills an envelope up to `bytesMax`, and does not count the 5 or 8 bytes that are around each message in it. */
  readonly takenBytesMax: number;
  readonly #host: EventsHost;
  readonly #device: AmqpDevice;

  constructor(host: EventsHost, device: AmqpDevice) {
    this.#host = host;
    this.#device = device;
    this.bytesMax = host.context.limits.messageBytesMax + overheadBytes;
    this.takenBytesMax = partBytesMax(host.context.limits);
  }

  mayTake(): boolean {
    const bucket = this.#host.context.accept.rates?.bucketOf(this.#device.deviceId);
    if (bucket === undefined || bucket.hasRoom) return true;
    this.#host.throttle(this.#device, bucket.waitMs);
    return false;
  }

  take(delivery: Delivery): Taken {
    const { context, settlements } = this.#host;
    const { deviceId, path } = this.#device;
    const messages = this.#read(delivery);
    if ("condition" in messages) return messages;
    const refusal = this.#append(messages);
    if (refusal === "too-large") return errorOf("message-too-large");
    if (refusal !== null) {
      this.#host.stopReading(this.#device, refusal, delivery.message.length);
      return "stopped";
    }
    context.accept.rates?.bucketOf(deviceId).spend(messages.length, delivery.message.length);
    settlements.add(path.writer, delivery);
    return "pending";
  }

  #read({ message, format }: Delivery): readonly Read[] | AmqpError {
    const { messageBytesMax } = this.#host.context.limits;
    try {
      const texts = format === batchFormat ? readBatch(message) : [message];
      const read = texts.map((text) => {
        const one = readMessage(text);
        return { properties: recordedProperties(one), body: one.body };
      });
      const isTooLarge = read.some(
        ({ properties, body }) => countedBytes(properties, body.next - body.first) > messageBytesMax,
      );
      return isTooLarge ? errorOf("message-too-large") : read;
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      return { condition: "amqp:decode-error", description: `The message cannot be read: ${error.message}.` };
    }
  }

  #append(messages: readonly Read[]): Refusal | "too-large" | null {
    const { path, sender } = this.#device;
    const headOf = ({ properties }: Read): RecordHead => recordHead(sender, properties);
    const [only, ...others] = messages;
    if (only !== undefined && others.length === 0) {
      const { source, first, next } = only.body;
      return path.accept(headOf(only), source, first, next);
    }
    return path.acceptAll(
      messages.map((one) => ({ head: headOf(one), body: one.body.source.subarray(one.body.first, one.body.next) })),
    );
  }
}
