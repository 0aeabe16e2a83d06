import { expect, test } from "vitest";
import { decodeSegmentHeader, encodeSegmentHeader, hubBytesMax } from "./segment-format.ts";

test("J3: the header of a segment is read back whatever the hub's name, from one letter to the longest", () => {
  for (let length = 1; length <= hubBytesMax; length++) {
    const identity = {
      hub: "h".repeat(length),
      partition: 7,
      window: 29_000_000,
      offsetFirst: 2 ** 40,
      nonce: Buffer.alloc(16, length),
    };
    expect(decodeSegmentHeader(encodeSegmentHeader(identity))).toEqual({ kind: "header", identity });
  }
});
