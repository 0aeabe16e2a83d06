// A process killed while it writes: what it was told is durable is there after.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { fridge } from "../contract/stand.ts";
import { makeDirectory, openIn } from "./sqlite-stand.contract.ts";

/** As many at a time write through the same commits. */
const writersAtOnce = 8;

const writer = (directory: string): string => `
  import { openSqliteRegistry } from ${JSON.stringify(new URL("sqlite-registry.ts", import.meta.url).href)};
  import { systemClock } from ${JSON.stringify(new URL("../../lib/clock.ts", import.meta.url).href)};
  const registry = await openSqliteRegistry({ directory: ${JSON.stringify(directory)}, clock: systemClock });
  const write = async () => {
    for (;;) {
      const { id, generationId } = await registry.createDevice({ templateId: "fridge" });
      await registry.createDevice({ templateId: "none" }).catch(() => {});
      await registry.updateDevice(id, { name: "written" });
      process.stdout.write(id + " " + generationId + "\\n");
    }
  };
  for (let count = 0; count < ${writersAtOnce}; count++) void write();`;

test("D1, D2: after SIGKILL in mid-write every change that resolved is there, and generation ids go on", async () => {
  const directory = makeDirectory();
  const registry = await openIn(directory);
  await registry.createTemplate(fridge);
  await registry.close();

  let told = "";
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", writer(directory)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    child.stdout.on("data", (chunk: Buffer) => {
      told += chunk.toString();
      if (told.split("\n").length > 20 * (round + 1)) child.kill("SIGKILL");
    });
    await once(child, "close");
    // The last line may be cut.
    told = told.slice(0, told.lastIndexOf("\n") + 1);
  }

  const after = await openIn(directory);
  const lines = told.trim().split("\n");
  expect(lines.length).toBeGreaterThanOrEqual(60);
  for (const [index, line] of lines.entries()) {
    const [id = "", generationId = ""] = line.split(" ");
    expect(await after.device(id)).toMatchObject({ name: "written", generationId });
    if (index > 0) expect(BigInt(generationId) > BigInt(lines[index - 1]!.split(" ")[1]!)).toBe(true);
  }
  const view = after.openView();
  const revisions = view.devices(0, 10_000).map(({ revision }) => revision);
  view.close();
  expect(revisions.length).toBeGreaterThanOrEqual(lines.length);
  expect(new Set(revisions).size, "S1: each has a revision of its own").toBe(revisions.length);
});
