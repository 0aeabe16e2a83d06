// Twins and registrations, as devices and administrators say them: JSON of anyone, taken as RFC 7396 wants it, or refused in words.
//
// The input: texts with a NUL between them. The first byte of each says what the rest is: a report of the device, a patch of desired,
// settings, or what a device says when it registers. `@long` stands for 4000 letters.
//
//   D2  after a patch the section is what a second reading of the rules says, within its bounds; a refused one changes nothing
//       what a device is told of two states makes the one of the other

import fc from "fast-check";
import { isUtf8 } from "node:buffer";
import { deviceEncoder } from "../../../src/avro/avro.ts";
import { readRegistrationRequest } from "../../../src/ingest/provisioning/request.ts";
import { ColdpathError } from "../../../src/lib/errors.ts";
import { canonicalJson } from "../../../src/registry/input.ts";
import { reportedPropertiesOf } from "../../../src/registry/reported-value.ts";
import { settingStates, settingSync, settingsPatch } from "../../../src/registry/setting-sync.ts";
import {
  type Json,
  type JsonObject,
  type SectionName,
  type TwinMetadata,
  type TwinSection,
  eitherContent,
  mergeDiff,
  patchedSection,
  untouchedSection,
} from "../../../src/registry/twin-section.ts";
import { Twins, desiredPatchText } from "../../../src/twins/twins.ts";
import { type Target, claim } from "../engine/target.ts";

const kinds = ["report", "desired", "settings", "registration"] as const;
const owner = { deviceId: "dev-1", generationId: "1" };
const encodeDevice = deviceEncoder("2018-09");
const textBytesMax = 4096;
const sectionBytesMax = 32 * 1024;

/** The sections of one device, as a registry has them. */
class Sections {
  desired: TwinSection = untouchedSection;
  reported: TwinSection = untouchedSection;
  #changes = 0;
  readonly twins = new Twins({
    deviceTwin: async (deviceId) => ({ ...owner, deviceId, desired: this.desired, reported: this.reported }),
    reportTwin: async (_deviceId, _generationId, patch) => this.patch("reported", patch),
    moduleTwin: () => Promise.reject(new Error("there are no modules")),
    reportModuleTwin: () => Promise.reject(new Error("there are no modules")),
  });

  patch(name: SectionName, patch: unknown): number {
    const at = new Date(1_800_000_000_000 + this.#changes++).toISOString();
    const before = this[name];
    const after = taken(() => patchedSection(before, name, patch, at));
    const merged = isFit(patch) ? (slowMerge(before.content, patch as Json) as JsonObject) : null;
    const isSmall = merged !== null && slowBytes(merged) <= sectionBytesMax;
    claim((after !== null) === isSmall, () => `${JSON.stringify(patch)?.slice(0, 200)}: taken is ${after !== null}`);
    if (after === null) throw new Refused();
    claim(canonicalJson(after.content) === canonicalJson(merged), "D2: the section is another than RFC 7396 makes it");
    claim(after.version === before.version + 1, "D2: a patch is not one version");
    checkMetadata(after.content, after.metadata, name, after.version);
    const diff = mergeDiff(before.content, after.content);
    const again = diff === null ? before.content : slowMerge(before.content, diff);
    claim(canonicalJson(again) === canonicalJson(after.content), "D2: the difference does not make one of the other");
    // One that was told, or was not.
    const either = mergeDiff(eitherContent(before.content, after.content), after.content);
    for (const held of [before.content, after.content]) {
      const told = either === null ? held : slowMerge(held, either);
      claim(canonicalJson(told) === canonicalJson(after.content), "D2: a device that is told again has something else");
    }
    const text = JSON.parse(desiredPatchText(patch as JsonObject, after.version)) as JsonObject;
    claim(text["$version"] === after.version, "D2: a patch has another version than it is told");
    this[name] = after;
    return after.version;
  }
}

/** It was refused as it should be. */
class Refused extends Error {}

function taken<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof ColdpathError)) throw error;
    claim(error.kind === "invalid" && error.field !== undefined, () => `it names no field: ${error.message}`);
    claim(error.message.length < 1500 && error.message.isWellFormed(), "M1: an error as long as its input");
    return null;
  }
}

/** docs/formats.md, "Device twins", without recursion. */
function isFit(patch: unknown): boolean {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return false;
  const open: { readonly value: unknown; readonly level: number }[] = [{ value: patch, level: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, level } = next;
    if (typeof value === "string") {
      if (Buffer.byteLength(value) > textBytesMax || !value.isWellFormed()) return false;
    } else if (typeof value === "number") {
      if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) > 4_503_599_627_370_496)) return false;
    } else if (typeof value === "object" && value !== null) {
      if (level > 10) return false;
      for (const [key, inner] of Object.entries(value)) {
        if (!Array.isArray(value) && !isKey(key)) return false;
        open.push({ value: inner, level: level + 1 });
      }
    }
  }
  return true;
}

function isKey(key: string): boolean {
  const isAllowed = (char: string): boolean => !/^\p{Cc}$/u.test(char) && char !== "." && char !== "$" && char !== " ";
  return key !== "" && key.isWellFormed() && Buffer.byteLength(key) <= 1024 && Array.from(key).every(isAllowed);
}

/** RFC 7396, §2, in its own words. */
function slowMerge(target: Json | undefined, patch: Json): Json {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const isMap = typeof target === "object" && target !== null && !Array.isArray(target);
  const result = new Map<string, Json>(isMap ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, slowMerge(result.get(name), value));
  }
  return Object.fromEntries(result);
}

function slowBytes(value: Json): number {
  if (value === null) return 0;
  if (typeof value === "object") {
    const entries = Object.entries(value as JsonObject);
    const keys = Array.isArray(value) ? 0 : entries.reduce((sum, [key]) => sum + Buffer.byteLength(key), 0);
    return entries.reduce((sum, [, inner]) => sum + slowBytes(inner), keys);
  }
  return typeof value === "string" ? Buffer.byteLength(value) : typeof value === "number" ? 8 : 4;
}

/** The same tree, each part with its time. */
function checkMetadata(content: Json, metadata: TwinMetadata, name: SectionName, version: number): void {
  claim(/^\d{4}-.*Z$/.test(metadata.$lastUpdated ?? ""), "a part has no time");
  const of = metadata.$lastUpdatedVersion;
  claim(name === "desired" ? of !== undefined && of <= version : of === undefined, "a part has another version");
  const isMap = typeof content === "object" && content !== null && !Array.isArray(content);
  const keys = isMap ? Object.keys(content) : [];
  const marked = Object.keys(metadata).filter((key) => !key.startsWith("$"));
  claim(keys.toSorted().join("\n") === marked.toSorted().join("\n"), "metadata is another tree");
  const inner = new Map(Object.entries(metadata));
  for (const key of keys) {
    checkMetadata((content as JsonObject)[key] as Json, inner.get(key) as TwinMetadata, name, version);
  }
}

/** Properties of each type under the names that devices use in seeds. */
const definitions = {
  a: { dataType: "double", minValue: 0 },
  b: { dataType: "string" },
  c: { dataType: "boolean" },
  d: { dataType: "dateTime" },
  e: { dataType: "location" },
  f: { dataType: "enum", values: [{ value: "x", name: "X" }] },
  constructor: { dataType: "string" },
} as const;

function checkProperties({ content }: TwinSection): void {
  const device = reportedPropertiesOf(definitions, { b: "before" }, content, Object.keys(content));
  for (const [name, value] of Object.entries(device)) {
    claim(Object.hasOwn(definitions, name) && value !== undefined, "a property that the template does not know");
    claim(typeof value !== "string" || value.isWellFormed(), "S2: half a character in an export");
  }
  const state = { id: "d", name: "D", simulated: false, templateId: "t", templateVersion: "1.0.0" };
  encodeDevice({ ...state, properties: { cloud: {}, device }, settings: { device: {} } });
}

function checkRegistration(body: Buffer): void {
  const request = readRegistrationRequest(body, "dev-1");
  if (typeof request === "string") {
    claim(request.length < 200, "M1: an error as long as its input");
    return;
  }
  claim(isUtf8(body), "what is no text was read");
  const { modelId } = request;
  if (modelId === undefined) return;
  claim(/^\P{Cc}{1,256}$/u.test(modelId) && modelId.isWellFormed(), "a model id that none can have");
  claim(JSON.stringify(JSON.parse(body.toString())).includes(JSON.stringify(modelId)), "a model id that nobody said");
}

async function said(sections: Sections, kind: (typeof kinds)[number], body: Buffer): Promise<void> {
  if (kind === "registration") return checkRegistration(body);
  if (kind === "report") {
    await sections.twins.report(owner, body);
    return;
  }
  const given = JSON.parse(body.toString("utf8")) as JsonObject;
  if (kind === "desired") {
    sections.patch("desired", given);
    return;
  }
  if (!isFit(given)) return;
  const names = { a: 1, b: 1, n: 1 };
  const form = body.length % 2 === 0 ? ("bare" as const) : ("wrapped" as const);
  const { content } = sections.desired;
  const patch = settingsPatch(content, { device: names }, { form, device: names }, given as never);
  if (patch !== null) sections.patch("desired", patch);
}

function texts(...list: readonly (readonly [(typeof kinds)[number], unknown])[]): Buffer {
  const parts = list.map(
    ([kind, value]) => `${String.fromCharCode(0x30 + kinds.indexOf(kind))}${JSON.stringify(value)}`,
  );
  return Buffer.from(parts.join("\0"));
}

const nested = (levels: number): unknown => (levels === 0 ? 1 : { n: nested(levels - 1) });
const key = fc.constantFrom("a", "b", "e", "n", "__proto__", "constructor", "$x", "x.y", "", "é", "\u0080");
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, true, -0, 1.5, 2 ** 52, 2 ** 53, "", "@long", "\ud800", "completed"),
    fc.dictionary(key, tie("value"), { maxKeys: 4 }),
    fc.array(tie("value"), { maxLength: 3 }),
  ),
})).value;

export const target: Target = {
  bytesMax: 3000,
  seeds: () => [
    texts(["report", { a: 1, b: "x", e: { lon: 1, lat: 2 } }], ["report", { a: null, e: { lat: null } }]),
    texts(["desired", { a: { value: 3 }, n: { m: [1, { x: null }] } }], ["desired", { n: 1 }], ["desired", { n: {} }]),
    texts(
      ["settings", { a: 3, b: "x" }],
      ["report", { a: { value: 3, desiredVersion: 2, statusCode: 200, status: "completed" } }],
      ["settings", { a: 4 }],
      ["report", { a: { value: 4, av: 3, ac: 500, ad: "failed" }, b: "x" }],
    ),
    texts(["report", nested(11)], ["report", nested(10)], ["desired", { x: [[[[[[[[[[[1]]]]]]]]]]] }]),
    texts(["report", { "a.b": 1 }], ["report", { $x: 1 }], ["report", { "": 1 }], ["report", { n: 2 ** 53 }]),
    texts(...Array.from({ length: 9 }, (_, at) => ["report", { [`l${at}`]: "@long" }] as const)),
    texts(["registration", { registrationId: "dev-1", payload: { modelId: "dtmi:a;1" } }]),
    texts(["registration", { payload: { "__iot:interfaces": { CapabilityModelId: "urn:a" } } }], ["registration", []]),
    texts(["registration", { registrationId: "dev-2" }], ["registration", { payload: { iotcModelId: 7 } }]),
    Buffer.from("0{\xff\x003 \x003null", "latin1"),
  ],
  grammar: fc
    .array(fc.tuple(fc.constantFrom(...kinds), json), { minLength: 1, maxLength: 5 })
    .map((list) => texts(...list)),
  dictionary: ['{"', '":', "null", '"@long"', '"__proto__":', "\x000", "\x001", "1e400", "-0", "\\ud800", "[[[[[["],
  run: async (input) => {
    const sections = new Sections();
    for (const text of input.toString("latin1").split("\0").slice(0, 12)) {
      const kind = kinds[text.charCodeAt(0) & 3] ?? "report";
      const body = Buffer.from(text.slice(1).replaceAll("@long", "x".repeat(4000)), "latin1");
      const before = [sections.desired, sections.reported];
      try {
        await said(sections, kind, body);
      } catch (error) {
        const isRefused = error instanceof Refused || error instanceof SyntaxError;
        if (!isRefused) taken(() => rethrow(error));
        claim(
          sections.desired === before[0] && sections.reported === before[1],
          "D2: what is refused changes something",
        );
      }
    }
    const { desired, reported } = sections;
    checkProperties(reported);
    for (const name of Object.keys(desired.content)) {
      const sync = settingSync(name, desired, reported);
      claim(sync !== null && settingStates.includes(sync.state), "a setting has no state");
      claim(sync.desiredVersion <= desired.version, "a setting of a version to come");
    }
    const shown = JSON.parse(await sections.twins.read(owner)) as Record<SectionName, JsonObject>;
    for (const name of ["desired", "reported"] as const) {
      const { $version, ...content } = shown[name];
      claim($version === sections[name].version, "D2: a device reads another version");
      claim(canonicalJson(content) === canonicalJson(sections[name].content), "D2: a device reads another twin");
    }
  },
};

function rethrow(error: unknown): never {
  throw error;
}
