import fc from "fast-check";
import { expect, test } from "vitest";
import { deviceIdOf, isDeviceId, templateIdOf, templateVersionOf, versionRank } from "./device-id.ts";

test("a device id is what IoT Hub takes", () => {
  for (const id of ["a", "2383d8ba-c98c-403a-b4d5-8963859643bb", "-:.+%_#*?!(),=@$'", "x".repeat(128)]) {
    expect(deviceIdOf(id, "id")).toBe(id);
  }
});

test.each(["", "x".repeat(129), "a b", "a/b", "ä", "a\n", "a&b"])("R8: %j is no device id", (id) => {
  expect(isDeviceId(id)).toBe(false);
  expect(() => deviceIdOf(id, "id")).toThrow(/128 characters/);
});

test.each([".", ".."])("R8: %j is no id of a new device: clients of HTTP take it for a step in a path", (id) => {
  expect(new URL(`http://hub/api/v1/devices/${encodeURIComponent(id)}`).pathname).not.toContain("devices/.");
  expect(() => deviceIdOf(id, "id")).toThrow(/no address could name/);
  expect(deviceIdOf(`${id}.x`, "id")).toBe(`${id}.x`);
});

test("a template id is at most 50 characters that need no encoding", () => {
  expect(templateIdOf("c318d580-39fc-4aca-b995-843719821049", "id")).toHaveLength(36);
  for (const id of ["", "a b", "-a", "x".repeat(51), "a/b"]) expect(() => templateIdOf(id, "id")).toThrow(/50/);
});

test("versions rank as their three numbers do", () => {
  const part = fc.integer({ min: 0, max: 99_999 });
  const version = fc.tuple(part, part, part);
  fc.assert(
    fc.property(version, version, (a, b) => {
      const order = a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
      expect(Math.sign(versionRank(a.join("."))! - versionRank(b.join("."))!)).toBe(Math.sign(order));
    }),
  );
});

test.each(["1", "1.0", "1.0.0.0", "01.0.0", "1.0.x", "1.0.100000", "v1.0.0", ""])("R8: %j is no version", (text) => {
  expect(() => templateVersionOf(text, "version")).toThrow(/major.minor.patch/);
});
