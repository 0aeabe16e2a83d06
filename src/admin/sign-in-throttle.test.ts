import { expect, test } from "vitest";
import { SignInThrottle } from "./sign-in-throttle.ts";

const startMs = 1_000_000;

/** How many of `tries` are let through. */
function letThrough(
  throttle: SignInThrottle,
  tries: number,
  name: (one: number) => string,
  address: (one: number) => string,
) {
  let count = 0;
  for (let one = 0; one < tries; one++) if (throttle.take(name(one), address(one), startMs) === 0) count++;
  return count;
}

test("a name has ten tries from anywhere, and one more each half minute", () => {
  const throttle = new SignInThrottle();
  expect(
    letThrough(
      throttle,
      50,
      () => "ada",
      (one) => `10.0.0.${one}`,
    ),
  ).toBe(10);
  expect(throttle.take("ada", "10.9.9.9", startMs)).toBe(30_000);
  expect(throttle.take("ada", "10.9.9.9", startMs + 29_999)).toBe(1);
  expect(throttle.take("ada", "10.9.9.9", startMs + 30_000)).toBe(0);
  expect(throttle.take("ada", "10.9.9.9", startMs + 30_000)).toBe(30_000);
  expect(throttle.take("bob", "10.9.9.9", startMs)).toBe(0);
});

test.each([
  ["an address", (_one: number) => "10.0.0.1"],
  ["an IPv4 address, however it is written", (one: number) => (one % 2 === 0 ? "10.0.0.1" : "::ffff:10.0.0.1")],
  ["a network of IPv6", (one: number) => `2001:db8:1:2:${one.toString(16)}::1`],
  ["a network of IPv6, shortened", (one: number) => (one % 2 === 0 ? `2001:db8::${one}` : `2001:db8:0:0:1::${one}`)],
])("%s has a hundred tries, whatever the names", (_what, address) => {
  const throttle = new SignInThrottle();
  expect(letThrough(throttle, 300, (one) => `name ${one}`, address)).toBe(100);
});

test("a try that succeeded does not count, and gives no tries of others back", () => {
  const throttle = new SignInThrottle();
  for (let one = 0; one < 200; one++) {
    expect(throttle.take("ada", "10.0.0.1", startMs)).toBe(0);
    throttle.giveBack("ada", "10.0.0.1", startMs);
    throttle.succeeded("ada", "10.0.0.1");
  }
  // Whoever has a user of their own does not get more tries at others by signing in between.
  let count = 0;
  for (let one = 0; one < 300; one++) {
    if (throttle.take(`name ${one}`, "10.0.0.1", startMs) === 0) count++;
    if (throttle.take("ada", "10.0.0.1", startMs) === 0) throttle.giveBack("ada", "10.0.0.1", startMs);
  }
  expect(count).toBe(100);
});

test("a stranger's guesses do not lock the owner out who signed in from there before", () => {
  const throttle = new SignInThrottle();
  throttle.take("ada", "10.0.0.1", startMs);
  throttle.giveBack("ada", "10.0.0.1", startMs);
  throttle.succeeded("ada", "10.0.0.1");
  expect(
    letThrough(
      throttle,
      50,
      () => "ada",
      (one) => `10.1.0.${one}`,
    ),
  ).toBe(10);
  expect(throttle.take("ada", "10.0.0.1", startMs)).toBe(0);
  // Nor has that address more than its ten.
  expect(
    letThrough(
      throttle,
      50,
      () => "ada",
      () => "10.0.0.1",
    ),
  ).toBe(9);
});

test("M1: what is remembered is bounded, and a flood of names forgets no address", () => {
  const throttle = new SignInThrottle();
  expect(
    letThrough(
      throttle,
      300,
      (one) => `name ${one}`,
      () => "10.0.0.1",
    ),
  ).toBe(100);
  letThrough(
    throttle,
    30_000,
    (one) => `flood ${one}`,
    () => "10.0.0.2",
  );
  expect(throttle.take("another", "10.0.0.1", startMs)).toBeGreaterThan(0);
  const before = process.memoryUsage().heapUsed;
  letThrough(
    throttle,
    200_000,
    (one) => `name ${one}`,
    (one) => `10.${one >> 16}.${(one >> 8) & 255}.${one & 255}`,
  );
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(60 * 2 ** 20);
});
