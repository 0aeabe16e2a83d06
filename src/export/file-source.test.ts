import fc from "fast-check";
import { expect, test } from "vitest";
import { type FileSource, type PartEnd, partRuns } from "./file-source.ts";

function sourceOf(records: readonly Uint8Array[], runSizes: readonly number[]): FileSource {
  return {
    // oxlint-disable-next-line require-await -- the port is asynchronous
    async *runs() {
      let at = 0;
      for (let turn = 0; at < records.length; turn++) {
        const take = records.slice(at, at + (runSizes[turn % runSizes.length] ?? 1));
        at += take.length;
        yield { bytes: Buffer.concat(take), lengths: Uint32Array.from(take, ({ length }) => length) };
      }
    },
  };
}

test("E1: the parts of a window hold every record once, in order, each within the limit or one record alone", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 40 }),
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 100 }),
      async (records, runSizes, bytesMax) => {
        const found: string[] = [];
        let recordFirst = 0;
        for (let isLast = false; !isLast;) {
          let end: PartEnd | null = null;
          const part: string[] = [];
          for await (const run of partRuns(sourceOf(records, runSizes), recordFirst, bytesMax, (at) => (end = at))) {
            let at = 0;
            for (const length of run.lengths) {
              part.push(Buffer.from(run.bytes.subarray(at, at + length)).toString("hex"));
              at += length;
            }
            expect(at).toBe(run.bytes.length);
          }
          if (end === null) throw new Error("a part tells its end");
          const bytes = part.reduce((sum, hex) => sum + hex.length / 2, 0);
          expect(part.length).toBeGreaterThan(0);
          expect(bytes <= bytesMax || part.length === 1).toBe(true);
          found.push(...part);
          ({ recordNext: recordFirst, isLast } = end);
          expect(recordFirst).toBe(found.length);
        }
        expect(found).toEqual(records.map((record) => Buffer.from(record).toString("hex")));
      },
    ),
  );
});
