import { readFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { fridge } from "../contract/stand.ts";
import { makeDirectory, openIn } from "./sqlite-stand.contract.ts";
import { viewQueries } from "./view.ts";

describe("a fleet of 100,000 devices", () => {
  test("X6: the cost of a delta follows the 100 changed, not the 100,000", { timeout: 60_000 }, async () => {
    const directory = makeDirectory();
    const registry = await openIn(directory);
    await registry.createTemplate(fridge);
    for (let batch = 0; batch < 10; batch++) {
      const ids = Array.from({ length: 10_000 }, (_, at) => ({ id: `d${batch}-${at}`, templateId: "fridge" }));
      await registry.createDevices(ids);
    }
    const before = registry.openView();
    const full = readBytes(() => expect(before.devices(0, 100_001)).toHaveLength(100_000));
    before.close();
    for (let at = 0; at < 100; at++) await registry.updateDevice(`d${at % 10}-${at * 97}`, { name: `changed ${at}` });
    const view = registry.openView();
    const delta = readBytes(() => expect(view.devices(before.revision, 1000)).toHaveLength(100));
    view.close();
    // Each view has a page cache of its own, so bytes read count the pages looked at.
    if (full !== null && delta !== null) {
      expect(full).toBeGreaterThan(20_000_000);
      expect(delta).toBeLessThan(full / 20);
    }
    expect((await registry.devices({ search: "CHANGED 99" })).items).toHaveLength(1);
    expect(await registry.deviceCredentials("d9-9999")).not.toBeNull();
  });

  test("X6: a view's pages are found by the revision index, without a sort", async () => {
    const directory = makeDirectory();
    await (await openIn(directory)).close();
    const database = new DatabaseSync(path.join(directory, "registry.db"), { readOnly: true });
    onTestFinished(() => database.close());
    for (const [name, query] of Object.entries(viewQueries)) {
      const plan = database.prepare(`explain query plan ${query}`).all(1, 2, 3);
      expect(plan, name).toHaveLength(1);
      expect(plan[0]?.["detail"], name).toMatch(
        /^SEARCH \w+ USING INDEX \w+_by_revision \(revision>\? AND revision<\?\)$/,
      );
    }
  });
});

/** Bytes this process reads from files during `work`; null where the system does not count them. */
function readBytes(work: () => void): number | null {
  const count = (): number | null => {
    try {
      return Number(/^rchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1] ?? Number.NaN);
    } catch {
      return null;
    }
  };
  const before = count();
  work();
  const after = count();
  return before === null || after === null ? null : after - before;
}
