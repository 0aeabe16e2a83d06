import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { readGivenKey } from "./given-secret-key.ts";

const key = Buffer.from("0123456789abcdefghijklmnopqrstuv");
const option = "secret-key";
const none = { text: undefined, command: undefined, option };
const ask = (command: string, timeoutMs?: number) => readGivenKey({ ...none, command }, timeoutMs);

/** What everybody may see of the error. */
async function refusal(reading: Promise<unknown>): Promise<string> {
  const error: unknown = await reading.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ kind: "fatal", code: "secret-key-unusable" });
  return inspect(error, { depth: 9 });
}

describe("a secret key that is given", () => {
  test("is base64, base64url or hexadecimal text, from the environment or a command", async () => {
    expect(await readGivenKey(none)).toBeUndefined();
    for (const text of [key.toString("base64"), key.toString("base64url"), key.toString("hex").toUpperCase()]) {
      expect(await readGivenKey({ ...none, text: ` ${text}\n` })).toEqual(key);
      expect(await ask(`echo ${text}`)).toEqual(key);
    }
    await refusal(readGivenKey({ text: key.toString("hex"), command: "true", option }));
  });

  test("A2: that is none is refused, and never shown", async () => {
    for (const text of ["", "hunter2-hunter2", key.toString("base64").slice(4), `${key.toString("hex")}00`]) {
      const shown = await refusal(readGivenKey({ ...none, text }));
      if (text !== "") expect(shown).not.toContain(text);
    }
  });

  test("A2: what a command wrote, on either output, is never shown", async () => {
    for (const command of [
      "cat /dev/zero | tr '\\0' q",
      "printf hunter%s 2; printf hunter%s 2 >&2; exit 3",
      "printf hunter%s 2",
      "kill -9 $$",
      "no-such-command-here",
    ]) {
      expect(await refusal(ask(command))).not.toMatch(/hunter2|qqqq/);
    }
  });

  test("is waited for no longer than its time, whatever the command started", async () => {
    const directory = mkdtempSync(join(tmpdir(), "coldpath-key-"));
    const mark = join(directory, "mark");
    const started = performance.now();
    expect(await refusal(ask(`(sleep 3; touch ${mark}) & sleep 60`, 200))).toContain("did not end within 0.2 s");
    expect(performance.now() - started).toBeLessThan(30_000);
    await new Promise((resolve) => setTimeout(resolve, 3_300));
    expect(existsSync(mark)).toBe(false);
    rmSync(directory, { recursive: true });
  });
});
