import { describe, expect, test } from "vitest";
import { desiredOf, settingSync } from "./setting-sync.ts";
import { patchedSection, untouchedSection } from "./twin-section.ts";

const set = patchedSection(untouchedSection, "desired", { fan: { value: 3 } }, "2026-01-01T00:00:00.000Z"); // version 2
const later = patchedSection(set, "desired", { lamp: { value: true } }, "2026-01-01T00:01:00.000Z"); // version 3
const at = "2026-01-01T00:02:00.000Z";
const answered = (answer: unknown, desired = set) =>
  settingSync("fan", desired, patchedSection(untouchedSection, "reported", { fan: answer }, at));

describe("what is sent", () => {
  test.each([
    [3, "wrapped", { value: 3 }],
    [3, "bare", 3],
    [false, "bare", false],
    [{ lon: 1, lat: 2 }, "wrapped", { value: { lon: 1, lat: 2 } }],
    [undefined, "wrapped", null],
    [undefined, "bare", null],
  ] as const)("%j, %s", (value, form, sent) => {
    expect(desiredOf(value, form)).toEqual(sent);
  });
});

describe("an answer means", () => {
  test.each([
    [{ value: 3, desiredVersion: 2, statusCode: 200, status: "completed" }, "synced", "completed"],
    [{ value: 3, desiredVersion: 2, status: "completed" }, "synced", "completed"],
    [{ value: 3, desiredVersion: 2, status: "completed", message: "it turns" }, "synced", "it turns"],
    [{ value: 3, desiredVersion: 2, status: "starting" }, "pending", "starting"],
    [{ value: 3, desiredVersion: 2, status: "failed" }, "error", "failed"],
    [{ value: 1, desiredVersion: 2, statusCode: 401, status: "unauthorized" }, "error", "unauthorized"],
    [{ value: 3, av: 2, ac: 200, ad: "completed" }, "synced", "completed"],
    [{ value: 3, av: 2, ac: 202, ad: "soon" }, "pending", "soon"],
    [{ value: 3, av: 2, ac: 203 }, "synced", undefined],
    [{ value: 3, av: 2, ac: 500, ad: "stuck" }, "error", "stuck"],
    // An answer to what was set before, and one that does not say to what.
    [{ value: 2, av: 1, ac: 200 }, "pending", undefined],
    [{ value: 3, ac: 200 }, "pending", undefined],
  ] as const)("%j: %s", (answer, state, message) => {
    const { value } = answer;
    expect(answered(answer)).toEqual({ state, desiredVersion: 2, reported: value, at, ...(message && { message }) });
  });

  test("nothing yet, while the device says a bare value", () => {
    expect(answered(3)).toEqual({ state: "pending", desiredVersion: 2, reported: 3, at });
  });
});

test("another setting's change leaves an answered one answered", () => {
  expect(answered({ value: 3, av: 2, ac: 200 }, later)).toMatchObject({ state: "synced", desiredVersion: 2 });
});

test("nothing is said of what is not asked, and it is pending before the first answer", () => {
  expect(settingSync("fan", untouchedSection, untouchedSection)).toBeNull();
  expect(settingSync("fan", set, untouchedSection)).toEqual({ state: "pending", desiredVersion: 2 });
});
