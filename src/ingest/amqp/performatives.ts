// AMQP's frames and what they say (AMQP 1.0, parts 2 and 5), read and written. Pure.

import { AmqpMap, type AmqpValue, Described, Malformed, ValueReader, encode, textOf } from "./values.ts";

export const protocolHeaders = {
  amqp: Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 1, 0, 0]),
  sasl: Buffer.from([0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0]),
} as const;

export const frameHeadBytes = 8;
export const frameTypes = { amqp: 0, sasl: 1 } as const;

export const codes = {
  open: 0x10,
  begin: 0x11,
  attach: 0x12,
  flow: 0x13,
  transfer: 0x14,
  disposition: 0x15,
  detach: 0x16,
  end: 0x17,
  close: 0x18,
  error: 0x1d,
  accepted: 0x24,
  rejected: 0x25,
  released: 0x26,
  modified: 0x27,
  source: 0x28,
  target: 0x29,
  saslMechanisms: 0x40,
  saslInit: 0x41,
  saslOutcome: 0x44,
} as const;

/** What a peer is told is wrong. */
export interface AmqpError {
  /** Of AMQP's, or Microsoft's own; SDKs choose their errors by it. */
  readonly condition: string;
  readonly description: string;
}

/** The fields of a performative, in order; those at the end may be missing. */
export class Fields {
  readonly code: number;
  readonly #values: readonly AmqpValue[];

  constructor(code: number, values: readonly AmqpValue[]) {
    this.code = code;
    this.#values = values;
  }

  at(index: number): AmqpValue {
    return this.#values[index] ?? null;
  }
  /** A whole number that is not negative, or null. */
  uint(index: number): number | null {
    const value = this.at(index);
    if (value === null) return null;
    if (typeof value !== "number" || value < 0 || !Number.isInteger(value))
      throw new Malformed(`field ${index} is no uint`);
    return value;
  }
  mandatoryUint(index: number): number {
    const value = this.uint(index);
    if (value === null) throw new Malformed(`field ${index} is missing`);
    return value;
  }
  /** False when it is missing. */
  bool(index: number): boolean {
    const value = this.at(index);
    if (value !== null && typeof value !== "boolean") throw new Malformed(`field ${index} is no boolean`);
    return value ?? false;
  }
  text(index: number): string | null {
    const value = this.at(index);
    const text = textOf(value);
    if (value !== null && text === null) throw new Malformed(`field ${index} is no text`);
    return text;
  }
  map(index: number): AmqpMap | null {
    const value = this.at(index);
    if (value !== null && !(value instanceof AmqpMap)) throw new Malformed(`field ${index} is no map`);
    return value;
  }
  /** The address of a source or target; null for none. */
  address(index: number): string | null {
    const terminus = this.at(index);
    if (terminus === null) return null;
    if (!(terminus instanceof Described) || !Array.isArray(terminus.value))
      throw new Malformed("a terminus is malformed");
    return textOf((terminus.value as readonly AmqpValue[])[0]);
  }
}

/** The performative at `bytes[at, end)`, and where its payload begins. */
export function readPerformative(bytes: Buffer, at: number, end: number): { fields: Fields; payloadAt: number } {
  const reader = new ValueReader(bytes, at, end);
  const code = reader.readDescriptor();
  const values = reader.read();
  if (!Array.isArray(values)) throw new Malformed("a performative is a list");
  return { fields: new Fields(code, values as readonly AmqpValue[]), payloadAt: reader.at };
}

export function performative(code: number, fields: readonly (Buffer | null)[]): Buffer {
  return encode.described(code, encode.list(fields));
}

export function frame(channel: number, content: Buffer, payload?: Buffer, type: number = frameTypes.amqp): Buffer {
  const head = Buffer.alloc(frameHeadBytes);
  head.writeUInt32BE(frameHeadBytes + content.length + (payload?.length ?? 0), 0);
  head[4] = 2;
  head[5] = type;
  head.writeUInt16BE(channel, 6);
  return Buffer.concat(payload === undefined ? [head, content] : [head, content, payload]);
}

export const emptyFrame = Buffer.from([0, 0, 0, frameHeadBytes, 2, 0, 0, 0]);

export function errorValue({ condition, description }: AmqpError): Buffer {
  return performative(codes.error, [encode.symbol(condition), encode.string(description)]);
}
