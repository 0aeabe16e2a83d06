// Avro's variable-length zig-zag integers, and the strings they are the lengths of.
// https://avro.apache.org/docs/1.11.1/specification/#binary-encoding

/** Bytes that `writeLong` needs for `value`. */
export function longBytes(value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let bytes = 1;
  while (rest >= 128) {
    rest = Math.floor(rest / 128);
    bytes++;
  }
  return bytes;
}

/**
 * Writes an Avro `long` or `int`.
 *
 * @param value  an integer within ±2^52.
 * @returns the position after it.
 */
export function writeLong(target: Uint8Array, position: number, value: number): number {
  let at = position;
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  while (rest >= 0x1_0000_0000) {
    target[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  // Below 2^32 the bit operators apply: this is the hot path.
  while (rest >= 128) {
    target[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}

/** The Avro `long` in bytes of its own. */
export function longBuffer(value: number): Buffer {
  const buffer = Buffer.alloc(longBytes(value));
  writeLong(buffer, 0, value);
  return buffer;
}

/** The Avro `string` in bytes of its own. */
export function stringBuffer(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([longBuffer(bytes.length), bytes]);
}
