import { expect, test } from "vitest";
import { contentOf } from "./parsed-content.ts";

const text = (name: string, more = ""): string => JSON.stringify({ settings: { device: { [name]: { name: more } } } });

test("the same text is parsed once, another one by itself; nobody can change what is everybody's", () => {
  const content = contentOf(text("fan"));
  expect(content).toEqual(JSON.parse(text("fan")));
  expect(contentOf(text("fan"))).toBe(content);
  expect(contentOf(text("pump"))).not.toEqual(content);
  expect(() => Object.assign(content.settings.device["fan"] ?? {}, { name: "other" })).toThrow(TypeError);
});

test("M1: those that were asked for last stay, the others are parsed again", () => {
  const long = (name: string): string => text(name, "x".repeat(1_000_000));
  const first = contentOf(long("a"));
  const second = contentOf(long("b"));
  for (const name of ["c", "d"]) contentOf(long(name));
  expect(contentOf(long("a"))).toBe(first);
  contentOf(long("e"));
  expect(contentOf(long("a"))).toBe(first);
  expect(contentOf(long("b"))).not.toBe(second);
});
