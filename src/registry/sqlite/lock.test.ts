import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, onTestFinished, test } from "vitest";
import { handClock } from "../contract/stand.ts";
import { openSqliteRegistry } from "./sqlite-registry.ts";
import { makeDirectory, openIn } from "./sqlite-stand.contract.ts";

describe("one server per data directory", () => {
  const inUse = { kind: "fatal", code: "data-dir-in-use", message: /Another Coldpath server/ };

  test("a second one in this process is refused until the first closes", async () => {
    const directory = makeDirectory();
    const first = await openIn(directory);
    await expect(openSqliteRegistry({ directory, clock: handClock() })).rejects.toMatchObject(inUse);
    await first.close();
    await openIn(directory);
  });

  test("another process holds it until it is killed, and nothing is left to clean up", async () => {
    const directory = makeDirectory();
    const lock = JSON.stringify(new URL("lock.ts", import.meta.url).href);
    const script = `import { lockDirectory } from ${lock};
      lockDirectory(${JSON.stringify(directory)}); console.log("held"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout, "data");
    await expect(openSqliteRegistry({ directory, clock: handClock() })).rejects.toMatchObject(inUse);
    child.kill("SIGKILL");
    await once(child, "exit");
    await openIn(directory);
  });
});
