// What every reader that users have demands of the schemas, and that the texts are the ones we promised.
//
// The rules are Microsoft.Hadoop.Avro 1.5.6's (the C# snippet of the documentation; read in its source, as NuGet cannot
// be run here) and npm avsc's. Each rule is proven able to fail by a schema that breaks it and nothing else.

import avro from "avsc";
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { codecs, exportTypes, formatRevisions } from "../registry/registry.ts";
import { schemaName, schemaNames, schemaText } from "./schemas.ts";

const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;
const primitives = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

/** Kinds that avsc tells apart by looking at a value; two branches of one kind, and it wraps every value of the union. */
const avscKinds: Readonly<Record<string, string>> = {
  int: "number",
  long: "number",
  float: "number",
  double: "number",
  map: "object",
  record: "object",
  error: "object",
  string: "string",
  enum: "string",
  bytes: "buffer",
  fixed: "buffer",
};

/** Every rule that `schema` breaks, as `where: what`; empty when all documented readers can read it. */
function breaches(schema: unknown): string[] {
  const found: string[] = [];
  const kinds = new Map<string, string>(); // full name → kind, in order of definition

  /** @returns the kind of the type: a primitive's name, or record, map, array, enum, fixed, union. */
  function visit(type: unknown, path: string, namespace: string): string {
    if (typeof type === "string") return visitName(type, path);
    if (Array.isArray(type)) return visitUnion(type, path, namespace);
    const definition = type as Record<string, unknown>;
    const kind = definition["type"];
    if (typeof kind !== "string") {
      found.push(`${path}: a type object whose type is again an object`);
      return visit(kind, path, namespace);
    }
    if (kind === "map") visit(definition["values"], `${path}.values`, namespace);
    else if (kind === "array") visit(definition["items"], `${path}.items`, namespace);
    else if (kind === "record" || kind === "error" || kind === "enum" || kind === "fixed") {
      visitNamed(definition, kind, path, namespace);
    } else visitName(kind, path);
    return kind;
  }

  function visitName(name: string, path: string): string {
    if (primitives.includes(name)) return name;
    if (!name.includes(".")) found.push(`${path}: the reference ${name} is no full name`);
    const kind = kinds.get(name);
    if (kind === undefined) found.push(`${path}: the reference ${name} is not defined before`);
    return kind ?? "record";
  }

  function visitUnion(branches: readonly unknown[], path: string, namespace: string): string {
    const inside = branches.map((branch, index) => visit(branch, `${path}[${index}]`, namespace));
    const times = (kind: string): number => inside.filter((one) => one === kind).length;
    if (times("union") > 0) found.push(`${path}: a union in a union`);
    if (times("record") > 1) found.push(`${path}: two records in a union`);
    if (times("map") > 1) found.push(`${path}: two maps in a union`);
    const buckets = inside.map((kind) => avscKinds[kind] ?? kind);
    if (new Set(buckets).size < buckets.length) found.push(`${path}: avsc wraps the values of this union`);
    return "union";
  }

  function visitNamed(definition: Record<string, unknown>, kind: string, path: string, outer: string): void {
    const name = definition["name"] as string;
    const namespace = (definition["namespace"] ?? outer) as string;
    if (!namePattern.test(name)) found.push(`${path}: the name ${name}`);
    if (!namespace.split(".").every((part) => namePattern.test(part)))
      found.push(`${path}: the namespace ${namespace}`);
    if (kinds.has(`${namespace}.${name}`)) found.push(`${path}: ${name} is defined twice`);
    kinds.set(`${namespace}.${name}`, kind);
    for (const field of (definition["fields"] ?? []) as Record<string, unknown>[]) {
      const fieldName = field["name"] as string;
      const fieldPath = `${path}.${fieldName}`;
      if (!namePattern.test(fieldName)) found.push(`${fieldPath}: the field's name`);
      visit(field["type"], fieldPath, namespace);
      if ("default" in field && field["default"] === null && Array.isArray(field["type"])) {
        if (field["type"][0] !== "null")
          found.push(`${fieldPath}: a default of null whose union does not begin with null`);
      } else if ("default" in field) {
        found.push(`${fieldPath}: a default other than the null of a union`);
      }
    }
  }

  if (visit(schema, "", "") !== "record") found.push("the file's schema is no record");
  return found;
}

/** Whether avsc itself, as the documentation's snippet calls it, would wrap the values of any union. */
function isWrappedByAvsc(schema: unknown): boolean {
  let isWrapped = false;
  const look = (type: avro.Type, seen: Set<avro.Type>): void => {
    if (seen.has(type)) return;
    seen.add(type);
    if (type.typeName === "union:wrapped") isWrapped = true;
    const { fields, valuesType, itemsType, types } = type as unknown as {
      fields?: readonly { readonly type: avro.Type }[];
      valuesType?: avro.Type;
      itemsType?: avro.Type;
      types?: readonly avro.Type[];
    };
    const inner = [...(fields ?? []).map((field) => field.type), valuesType, itemsType, ...(types ?? [])];
    for (const one of inner) if (one !== undefined) look(one, seen);
  };
  look(avro.Type.forSchema(schema as avro.Schema), new Set());
  return isWrapped;
}

/** A record with one field of a type, in a namespace. */
function record(type: unknown, more: object = {}): object {
  return { type: "record", name: "R", namespace: "N.s", fields: [{ name: "f", type, ...more }] };
}

test.each(schemaNames)("The schema %s keeps every rule of the readers", (name) => {
  const schema = JSON.parse(schemaText(name));
  expect(breaches(schema)).toEqual([]);
  expect(isWrappedByAvsc(schema)).toBe(false);
});

test("Each rule fails on a schema that breaks it", () => {
  const map = { type: "map", values: "string" };
  const inner = { type: "record", name: "I", fields: [] };
  const other = { type: "record", name: "J", fields: [] };
  const bad: readonly (readonly [object | string, RegExp])[] = [
    ["string", /no record/],
    [record(["null", inner, other]), /two records/],
    [record(["null", map, { type: "map", values: "long" }]), /two maps/],
    [record(["null", ["string", "long"]]), /a union in a union/],
    [record({ type: { type: "string" } }), /type is again an object/],
    [record({ type: "map", values: { type: { type: "array", items: "string" } } }), /type is again an object/],
    [{ ...record("string"), name: "a-b" }, /the name a-b/],
    [{ ...record("string"), name: "N.R" }, /the name N.R/],
    [{ ...record("string"), namespace: "a..b" }, /the namespace/],
    [{ ...record("string"), fields: [{ name: "1st", type: "string" }] }, /the field's name/],
    [
      {
        ...record(inner),
        fields: [
          { name: "a", type: inner },
          { name: "b", type: "I" },
        ],
      },
      /I is no full name/,
    ],
    [record("N.s.Later"), /not defined before/],
    [
      {
        ...record(inner),
        fields: [
          { name: "a", type: inner },
          { name: "b", type: inner },
        ],
      },
      /defined twice/,
    ],
    [record(["double", "null"], { default: null }), /does not begin with null/],
    [record("double", { default: 0 }), /a default other than/],
    [record(["null", "int", "double"]), /avsc wraps/],
    [record(["null", map, inner]), /avsc wraps/],
    [record(["string", { type: "enum", name: "E", symbols: ["A"] }]), /avsc wraps/],
    [record(["bytes", { type: "fixed", name: "F", size: 4 }]), /avsc wraps/],
  ];
  for (const [schema, why] of bad) expect(breaches(schema).join("; "), JSON.stringify(schema)).toMatch(why);
});

test("A schema like ours that breaks nothing passes, so the rules do not fail on everything", () => {
  const values = ["null", "boolean", "double", "string", { type: "map", values: "double" }];
  expect(breaches(record({ type: "map", values }))).toEqual([]);
  expect(breaches(record(values, { default: null }))).toEqual([]);
  const inner = { type: "record", name: "I", fields: [{ name: "x", type: "string" }] };
  const fields = [
    { name: "a", type: { type: "array", items: inner } },
    { name: "b", type: "N.s.I" },
  ];
  expect(breaches({ ...record(inner), fields })).toEqual([]);
});

test("The rule about avsc's wrapping is avsc's own", () => {
  const branches = ["null", "boolean", "int", "double", "string", "bytes", { type: "map", values: "string" }];
  const named = [
    { type: "record", name: "I", fields: [] },
    { type: "enum", name: "E", symbols: ["A"] },
    { type: "array", items: "string" },
  ];
  const all = [...branches, ...named];
  for (const one of all) {
    for (const two of all) {
      if (one === two) continue;
      const schema = record([one, two]);
      expect(
        breaches(schema).some((why) => why.includes("avsc wraps")),
        JSON.stringify(schema),
      ).toBe(isWrappedByAvsc(schema));
    }
  }
});

test("The codecs are the two that every reader has", () => {
  expect(codecs).toEqual(["null", "deflate"]);
});

test("Every text is, byte for byte, the one that was released", () => {
  const released = {
    measurements: "829897d530c251ed9169ae75a0da4ab6f3634d5c4e2779af12f339cdb76da8f2",
    "devices-2018-07": "aebabe68b510e0a6d23fcc18da2f454fe8492cd190257170c99af8930ae82bfb",
    "devices-2018-09": "08411fc5d052438602578c7019b54cb37ce266092083374f1adedce4eb66a027",
    "device-templates": "a00539511ca150f101cb1c66633107c048bde8b56106061b53e1d5b6aa37cd1e",
  };
  const present = schemaNames.map((name) => [name, createHash("sha256").update(schemaText(name)).digest("hex")]);
  expect(Object.fromEntries(present)).toEqual(released);
});

test("Every type of export has a schema in every format revision", () => {
  const used = exportTypes.flatMap((type) => formatRevisions.map((revision) => schemaName(type, revision)));
  expect([...new Set(used)].toSorted()).toEqual([...schemaNames].toSorted());
});
