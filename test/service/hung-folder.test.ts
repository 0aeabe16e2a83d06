// A folder whose file server hangs, under the exporter: that export waits and says so, the others go on, and stopping does
// not wait for it.

import { afterEach, expect, test } from "vitest";
import { nodeFiles, type Files } from "../../src/destinations/folder/files.ts";
import { openStorage } from "../../src/destinations/open-storage.ts";
import { ExportBench } from "../lib/export-bench.ts";

let bench: ExportBench;
let isAway = false;
let back = Promise.withResolvers<void>();
let begun = 0;
afterEach(async () => {
  isAway = false;
  back.resolve();
  await bench.close();
});

const looksHang: Files = {
  ...nodeFiles,
  lstat: (async (...given: Parameters<typeof nodeFiles.lstat>) => {
    begun++;
    if (isAway) await back.promise;
    return await nodeFiles.lstat(...given);
  }) as typeof nodeFiles.lstat,
};

/** An export into a folder that hangs from now on, beside one into a folder that is well. */
async function open(requestTimeoutMs: number): Promise<{ hanging: string; well: string }> {
  back = Promise.withResolvers<void>();
  bench = await ExportBench.open({
    openStorage: async (id) => {
      const { name, settings } = await bench.registry.storageAccount(id);
      return openStorage(settings, undefined, name === "hanging" ? { files: looksHang, requestTimeoutMs } : {});
    },
  });
  const [hanging, well] = [await bench.folder("hanging"), await bench.folder("well")];
  const measurements = { types: ["measurements"] as const };
  const ids = {
    hanging: (await bench.createExport("hanging", bench.settings(hanging, measurements))).id,
    well: (await bench.createExport("well", bench.settings(well, measurements))).id,
  };
  isAway = true;
  begun = 0;
  return ids;
}

test("an export into a folder that hangs is retrying with timeout, the other goes on, and what waited comes when it is back", async () => {
  const { hanging, well } = await open(200);
  const sent = await bench.send(3);
  await bench.pass(1);
  await bench.until(() => bench.exporter.status(hanging)?.trouble?.code === "timeout");
  expect(bench.exporter.status(hanging)).toMatchObject({ state: "retrying" });
  sent.push(...(await bench.send(2)));
  await bench.pass(6);
  expect(bench.exporter.status(well)).toMatchObject({ state: "healthy", owedFiles: 0 });
  expect(await bench.bodies("well")).toEqual(sent);
  expect(bench.exporter.status(hanging)?.trouble?.message).toMatch(/^4 file operations in .* hang/);
  expect(begun).toBe(4);

  isAway = false;
  back.resolve();
  for (let window = 0; window < 10 && bench.exporter.status(hanging)?.state !== "healthy"; window++)
    await bench.pass(1);
  expect(await bench.bodies("hanging")).toEqual(sent);
});

test("stopping does not wait for a folder that hangs", async () => {
  await open(3_600_000);
  await bench.send(1);
  await bench.clock.pass(60_000);
  await bench.until(() => begun > 0);
  await bench.exporter.stop();
  expect(isAway).toBe(true);
});
