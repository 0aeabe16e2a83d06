// Random changes of an input, after AFL's: bits, numbers, blocks, tokens, pieces of other inputs.

/** Numbers 0 ≤ n < 1. */
export type Random = () => number;

const interestingBytes = [
  0,
  1,
  2,
  3,
  0x10,
  0x20,
  0x7f,
  0x80,
  0x81,
  0xfe,
  0xff,
  ...Buffer.from("09aZ%&=;/+-._\"'{}[]:,\\\r\n #?@"),
];
const interestingNumbers = [
  0,
  1,
  2,
  7,
  8,
  16,
  31,
  32,
  63,
  64,
  100,
  127,
  128,
  255,
  256,
  257,
  1000,
  4095,
  4096,
  32_767,
  32_768,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  1e12,
  1e21,
  -1,
  -2,
  -128,
  -(2 ** 31),
  -(2 ** 53),
];

export interface MutateOptions {
  readonly random: Random;
  readonly bytesMax: number;
  readonly dictionary: readonly Buffer[];
  /** Another input of the corpus. */
  readonly other: () => Buffer;
}

export function mutate(input: Buffer, options: MutateOptions): Buffer {
  const { random, bytesMax } = options;
  // Mostly a few changes, now and then a storm.
  const changes = 1 << below(random, random() < 0.8 ? 4 : 7);
  let bytes: Buffer = Buffer.from(input);
  for (let change = 0; change < changes; change++) {
    bytes = changed(bytes, options);
    if (bytes.length > bytesMax) bytes = bytes.subarray(0, bytesMax);
  }
  return bytes;
}

function changed(bytes: Buffer, { random, dictionary, other }: MutateOptions): Buffer {
  const pick = (max: number): number => below(random, max);
  const { length } = bytes;
  if (length === 0) return Buffer.from([pick(256)]);
  const at = pick(length);
  switch (pick(16)) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << pick(8));
      return bytes;
    case 1:
      bytes[at] = pick(256);
      return bytes;
    case 2:
    case 3:
      bytes[at] = interestingBytes[pick(interestingBytes.length)] as number;
      return bytes;
    case 4:
      bytes[at] = (bytes[at] as number) + pick(71) - 35;
      return bytes;
    case 5:
      return withNumber(bytes, at, pick);
    case 6:
    case 7:
      return replaced(bytes, at, at + spanOf(pick, length - at), []);
    case 8: // twice
      return replaced(bytes, at, at, bytes.subarray(at, at + spanOf(pick, length - at)));
    case 9: {
      const fresh = Buffer.alloc(spanOf(pick, 32), random() < 0.5 ? pick(256) : 0);
      if (random() < 0.5) for (let index = 0; index < fresh.length; index++) fresh[index] = pick(256);
      return replaced(bytes, at, at, fresh);
    }
    case 10:
    case 11: {
      const token = dictionary[pick(dictionary.length)] ?? Buffer.alloc(1);
      return replaced(bytes, at, random() < 0.5 ? at : Math.min(length, at + token.length), token);
    }
    case 12: {
      const from = other();
      const start = pick(from.length + 1);
      const piece = from.subarray(start, start + spanOf(pick, from.length - start));
      return replaced(bytes, at, random() < 0.5 ? at : Math.min(length, at + piece.length), piece);
    }
    case 13: {
      const from = other(); // the one's beginning, the other's end
      return Buffer.concat([bytes.subarray(0, at), from.subarray(Math.min(pick(from.length + 1), from.length))]);
    }
    case 14: {
      const start = pick(length); // one piece over another
      const piece = Buffer.from(bytes.subarray(start, start + spanOf(pick, length - start)));
      return replaced(bytes, at, Math.min(length, at + piece.length), piece);
    }
    default:
      return withDecimal(bytes, at, pick);
  }
}

/** An integer of 1, 2, 4 or 8 bytes, either way round, is counted up or down, or set. */
function withNumber(bytes: Buffer, at: number, pick: (max: number) => number): Buffer {
  const width = 1 << pick(4);
  if (at + width > bytes.length) return bytes;
  const isLittle = pick(2) === 0;
  const number = BigInt(Math.trunc(interestingNumbers[pick(interestingNumbers.length)] as number));
  const mask = (1n << BigInt(8 * width)) - 1n;
  let value = 0n;
  for (let index = 0; index < width; index++) {
    value = (value << 8n) | BigInt(bytes[isLittle ? at + width - 1 - index : at + index] as number);
  }
  value = (pick(2) === 0 ? value + BigInt(pick(71) - 35) : number) & mask;
  for (let index = 0; index < width; index++) {
    bytes[isLittle ? at + index : at + width - 1 - index] = Number(value & 255n);
    value >>= 8n;
  }
  return bytes;
}

/** The decimal number that stands behind `at`, if any, becomes another. */
function withDecimal(bytes: Buffer, at: number, pick: (max: number) => number): Buffer {
  const isDigit = (index: number): boolean => (bytes[index] ?? 0) >= 48 && (bytes[index] ?? 0) <= 57;
  let first = at;
  while (first < bytes.length && !isDigit(first)) first++;
  let end = first;
  while (isDigit(end)) end++;
  const number = interestingNumbers[pick(interestingNumbers.length)] as number;
  return replaced(bytes, first, end, Buffer.from(String(number)));
}

function replaced(bytes: Buffer, from: number, to: number, by: Uint8Array | readonly number[]): Buffer {
  return Buffer.concat([bytes.subarray(0, from), Uint8Array.from(by), bytes.subarray(to)]);
}

/** Mostly short, 1 to `max`; 0 when there is nothing. */
function spanOf(pick: (max: number) => number, max: number): number {
  return Math.min(max, pick(4) === 0 ? 1 + pick(Math.max(1, max)) : 1 + pick(8));
}

function below(random: Random, max: number): number {
  return Math.floor(random() * max);
}
