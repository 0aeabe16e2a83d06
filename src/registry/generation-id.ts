// Generation ids: which incarnation of a device id a message came from (D1).
//
// 18 decimal digits, .NET ticks (100 ns since 0001-01-01 UTC) at creation, as IoT Hub's. Ticks do not fit a double:
// they are BigInt here and text everywhere else.

/** From 0001-01-01 to 1970-01-01, in milliseconds. */
const epochMs = 62_135_596_800_000n;

/**
 * The next `count` generation ids, ascending.
 *
 * @param generationLast  the last one given out, "0" if none. What follows is above it whatever the clock says (D1).
 */
export function nextGenerationIds(generationLast: string, nowMs: number, count: number): readonly string[] {
  const now = (BigInt(Math.floor(nowMs)) + epochMs) * 10_000n;
  const after = BigInt(generationLast) + 1n;
  const first = now > after ? now : after;
  return Array.from({ length: count }, (_, index) => String(first + BigInt(index)).padStart(18, "0"));
}
