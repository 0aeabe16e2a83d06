// One section of a device twin, desired or reported: a JSON object that grows by merge patches, within bounds, with a version
// and, for each of its parts, the time of its last change. Pure.
//
// Rules: IoT Hub's device twins (docs/formats.md "Device twins"). Merge patch: RFC 7396. Inside, keys of metadata that begin
// with $ cannot meet a key of the content, which has no $.

import { registryError } from "./errors.ts";
import { canonicalJson, kindOf, own, shownKey } from "./input.ts";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** The content's tree: in each part `$lastUpdated` (ISO 8601) and, in desired ones, `$lastUpdatedVersion`. */
export interface TwinMetadata {
  readonly $lastUpdated?: string;
  readonly $lastUpdatedVersion?: number;
  readonly [key: string]: TwinMetadata | string | number | undefined;
}

export interface TwinSection {
  /** Without null, but in arrays: what is set to null is removed. */
  readonly content: JsonObject;
  readonly metadata: TwinMetadata;
  /** 1 for a section that nobody has touched; one more with each patch. */
  readonly version: number;
}

export type SectionName = "desired" | "reported";

export const untouchedSection: TwinSection = { content: {}, metadata: {}, version: 1 };

/** Objects within objects, the section itself not counted. */
const depthMax = 10;
const keyBytesMax = 1024;
const textBytesMax = 4096;
const integerMax = 4_503_599_627_370_496;
/** Of keys and values; numbers count 8 bytes, booleans 4. */
const sectionBytesMax = 32 * 1024;
// oxlint-disable-next-line no-control-regex -- that is what is refused
const keyForbidden = /[\u0000-\u001f\u007f-\u009f.$ ]/;

/**
 * The section after a merge patch, one version later.
 *
 * @param patch  anything: it comes from a device.
 * @param at     ISO 8601.
 * @throws ColdpathError `twin-invalid`, `twin-too-large`: nothing is changed then.
 */
export function patchedSection(section: TwinSection, name: SectionName, patch: unknown, at: string): TwinSection {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) {
    throw registryError("twin-invalid", `${name} must be an object, not ${kindOf(patch)}.`, { field: name });
  }
  check(patch as Json, name, 0);
  const version = section.version + 1;
  const mark: TwinMetadata =
    name === "desired" ? { $lastUpdated: at, $lastUpdatedVersion: version } : { $lastUpdated: at };
  const { content, metadata } = merged(section.content, section.metadata, patch as JsonObject, mark);
  const bytes = bytesOf(content);
  if (bytes > sectionBytesMax) {
    const message = `${name} would have ${bytes} bytes, more than ${sectionBytesMax}.`;
    throw registryError("twin-too-large", message, { field: name });
  }
  return { content, metadata, version };
}

/** The merge patch that makes `wanted` of `had`, or null when they are equal. Arrays are replaced as a whole. */
export function mergeDiff(had: JsonObject, wanted: JsonObject): JsonObject | null {
  const patch: [string, Json][] = [];
  for (const key of Object.keys(had)) if (own(wanted, key) === undefined) patch.push([key, null]);
  for (const [key, value] of Object.entries(wanted)) {
    const former = own(had, key);
    if (isObject(value) && isObject(former)) {
      const inner = mergeDiff(former, value);
      if (inner !== null) patch.push([key, inner]);
    } else if (former === undefined || canonicalJson(former) !== canonicalJson(value)) patch.push([key, value]);
  }
  return patch.length === 0 ? null : Object.fromEntries(patch);
}

/**
 * What somebody may hold who has one content or the other: null where they differ, or where only one of them has something.
 * `mergeDiff` of it is a patch that makes the same of both, since no content has a null.
 */
export function eitherContent(one: JsonObject, other: JsonObject): JsonObject {
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...keys].map((key) => [key, either(own(one, key), own(other, key))]));
}

function either(one: Json | undefined, other: Json | undefined): Json {
  if (isObject(one) && isObject(other)) return eitherContent(one, other);
  if (isObject(one) || isObject(other)) {
    // What stands in it may have to be removed, one by one.
    const inner = eitherContent(isObject(one) ? one : {}, isObject(other) ? other : {});
    return Object.keys(inner).length === 0 ? null : inner;
  }
  return one !== undefined && other !== undefined && canonicalJson(one) === canonicalJson(other) ? one : null;
}

/** Of keys and values, as it counts against the bound. */
export function bytesOf(value: Json): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (typeof value === "number") return 8;
  if (typeof value === "boolean") return 4;
  if (value === null) return 0;
  if (isArray(value)) return value.reduce<number>((sum, one) => sum + bytesOf(one), 0);
  return Object.entries(value).reduce((sum, [key, one]) => sum + Buffer.byteLength(key) + bytesOf(one), 0);
}

function check(value: Json, path: string, depth: number): void {
  const refuse = (what: string): Error => registryError("twin-invalid", `${path} ${what}.`, { field: path });
  if (typeof value === "string") {
    if (Buffer.byteLength(value) > textBytesMax) throw refuse(`is text of more than ${textBytesMax} bytes`);
    if (!value.isWellFormed()) throw refuse("has half a character");
  } else if (typeof value === "number") {
    if (!Number.isFinite(value)) throw refuse("is a number too large");
    if (Number.isInteger(value) && Math.abs(value) > integerMax) {
      throw refuse(`is a whole number beyond ±${integerMax}`);
    }
  } else if (typeof value === "object" && value !== null) {
    if (depth > depthMax) throw refuse(`is nested deeper than ${depthMax}`);
    if (isArray(value)) {
      for (const [index, one] of value.entries()) check(one, `${path}[${index}]`, depth + 1);
      return;
    }
    for (const [key, one] of Object.entries(value)) {
      const keyPath = `${path}.${shownKey(key)}`;
      const refuseKey = (what: string): Error =>
        registryError("twin-invalid", `${keyPath} ${what}.`, { field: keyPath });
      if (key === "") throw refuseKey("is an empty key");
      if (Buffer.byteLength(key) > keyBytesMax) throw refuseKey(`is a key of more than ${keyBytesMax} bytes`);
      if (keyForbidden.test(key)) throw refuseKey("has a key with a dot, a $, a space or a control character");
      if (!key.isWellFormed()) throw refuseKey("has a key with half a character");
      check(one, keyPath, depth + 1);
    }
  }
}

interface Part {
  readonly content: JsonObject;
  readonly metadata: TwinMetadata;
}

/** Entries, not assignments: `__proto__` is a key like any other. */
function merged(content: JsonObject, metadata: TwinMetadata, patch: JsonObject, mark: TwinMetadata): Part {
  const values = new Map<string, Json>(Object.entries(content));
  const marks = new Map<string, TwinMetadata | string | number | undefined>(Object.entries(metadata));
  for (const [key, given] of Object.entries(patch)) {
    if (given === null) {
      values.delete(key);
      marks.delete(key);
    } else if (isObject(given)) {
      const former = own(content, key);
      const formerMarks = own(metadata as Readonly<Record<string, unknown>>, key);
      const part = isObject(former)
        ? merged(former, (formerMarks ?? {}) as TwinMetadata, given, mark)
        : merged({}, {}, given, mark);
      values.set(key, part.content);
      marks.set(key, part.metadata);
    } else {
      values.set(key, given);
      marks.set(key, mark);
    }
  }
  return {
    content: Object.fromEntries(values),
    metadata: { ...Object.fromEntries(marks), ...mark },
  };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !isArray(value);
}

/** `Array.isArray` does not narrow readonly arrays. */
function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
