import { scryptSync } from "node:crypto";
import { expect, test } from "vitest";
import { PasswordHashes } from "./password-hash.ts";

const salt = Buffer.alloc(16, 7);
const cheap = { N: 1024, r: 8, p: 1 };
const stored = `scrypt:1024:8:1:${salt.toString("base64url")}:${scryptSync("right", salt, 32, cheap).toString("base64url")}`;

test("M1: so many wait for their turn, one is computed at a time, and the others are told to come back", async () => {
  const hashes = new PasswordHashes();
  const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => hashes.verify("right", stored)));
  expect(outcomes.filter((one) => one.status === "fulfilled" && one.value)).toHaveLength(32);
  const busy = outcomes.filter(({ status }) => status === "rejected");
  expect(busy).toHaveLength(8);
  expect(busy[0]).toMatchObject({ reason: { kind: "unavailable", code: "sign-in-busy" } });
  expect(await hashes.verify("right", stored)).toBe(true);
  expect(await hashes.verify("Right", stored)).toBe(false);
});

test("a hash made now verifies, is salted, and is not dated; one of another cost is", async () => {
  const hashes = new PasswordHashes();
  const made = await hashes.make("right");
  expect(made).toMatch(/^scrypt:32768:8:3:[\w-]{22}:[\w-]{43}$/);
  expect(await hashes.verify("right", made)).toBe(true);
  expect(hashes.isDated(made)).toBe(false);
  expect(hashes.isDated(stored)).toBe(true);
  expect(await hashes.make("right")).not.toBe(made);
});

test("nobody's password is never right, and takes the work of somebody's", async () => {
  const hashes = new PasswordHashes();
  const made = await hashes.make("right");
  const cpuMsOf = async (hash: string | null): Promise<number> => {
    const before = process.cpuUsage();
    expect(await hashes.verify("wrong", hash)).toBe(false);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  await cpuMsOf(null);
  // The work, not the time: a machine that is busy with other things takes any time.
  const [nobodys, somebodys] = [await cpuMsOf(null), await cpuMsOf(made)];
  expect(nobodys / somebodys).toBeGreaterThan(0.4);
  expect(nobodys / somebodys).toBeLessThan(2.5);
});

test.each(["bcrypt:1:2:3:a:b", "scrypt:1073741824:8:1:a:b", "plain", ""])(
  "a hash that this version does not know is an error of the registry: %s",
  async (hash) => {
    await expect(new PasswordHashes().verify("x", hash)).rejects.toMatchObject({ code: "registry-unreadable" });
  },
);
