// What device templates say, parsed: asked with each report of a device, and some have hundreds of fields.
//
// By the very text that stands in the row, so that nothing has to be told here when a version is edited, or taken back.
//
//   M1  Texts of so many characters are kept, those that were asked for last.

import type { TemplateContent } from "../registry.ts";

const charsMax = 4 * 1024 * 1024;

const parsed = new Map<string, TemplateContent>();
let chars = 0;

/** @returns the same for the same text; frozen, for it is everybody's. */
export function contentOf(text: string): TemplateContent {
  const known = parsed.get(text);
  const content = known ?? frozen(JSON.parse(text) as TemplateContent);
  if (known === undefined) chars += text.length;
  else parsed.delete(text);
  parsed.set(text, content);
  for (const [oldest] of parsed) {
    if (chars <= charsMax) break;
    parsed.delete(oldest);
    chars -= oldest.length;
  }
  return content;
}

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const part of Object.values(value)) frozen(part);
  return Object.freeze(value);
}
