// Where a record ends, found without building anything of it.
//
// avsc believes what a record says about itself: a map of 2^40 entries in a record of ten bytes keeps it busy for hours, and
// an array of as many nulls takes all memory (found by test/fuzz). So every count and length is first held against the bytes
// that are there. What has an extent is safe to decode.

import type { Type, types } from "avsc";

/** The position after the value that starts at `at`; throws RangeError when the bytes hold no whole value. */
export type Extent = (bytes: Buffer, at: number) => number;

type Step = (bytes: Buffer, at: number, depth: number) => number;

/** A list in a list in a list …: more would overflow the stack. */
const depthMax = 100;

/** Values that take no bytes (nulls, records of nothing but nulls) could be there any number of times: so many of a block. */
const emptiesMax = 10_000;
const emptiesMoreMax = 1_000_000;

export function extentOf(type: Type): Extent {
  const empties: Empties = { left: 0 };
  const step = stepOf(type, new Map(), empties);
  let block: Buffer | null = null;
  return (bytes, at) => {
    if (bytes !== block) empties.left = emptiesMax + Math.min(bytes.length, emptiesMoreMax);
    block = bytes;
    return step(bytes, at, 0);
  };
}

interface Empties {
  left: number;
}

function stepOf(type: Type, known: Map<Type, Step>, empties: Empties): Step {
  const present = known.get(type);
  if (present !== undefined) return present;
  // A type may hold itself: what is known of it now finds the step later.
  const holder: { step: Step | null } = { step: null };
  known.set(type, (bytes, at, depth) => (holder.step as Step)(bytes, at, depth));
  holder.step = makeStep(type, (inner) => stepOf(inner, known, empties), empties);
  return holder.step;
}

function makeStep(type: Type, of: (inner: Type) => Step, empties: Empties): Step {
  switch (type.typeName) {
    case "null":
      return empty(empties);
    case "boolean":
      return fixed(1);
    case "int":
    case "long":
      return (bytes, at) => longAt(bytes, at).next;
    case "float":
      return fixed(4);
    case "double":
      return fixed(8);
    case "bytes":
    case "string":
      return (bytes, at) => {
        const { value, next } = longAt(bytes, at);
        return within(bytes, next, value);
      };
    case "fixed":
      return (type as types.FixedType).size === 0 ? empty(empties) : fixed((type as types.FixedType).size);
    case "enum": {
      const { length } = (type as types.EnumType).symbols;
      return (bytes, at) => choiceAt(bytes, at, length).next;
    }
    case "record": {
      const steps = (type as types.RecordType).fields.map((field) => of(field.type));
      if (steps.length === 0) return empty(empties);
      return nested((bytes, at, depth) => steps.reduce((position, step) => step(bytes, position, depth), at));
    }
    case "array":
      return nested(blocks(of((type as types.ArrayType).itemsType)));
    case "map": {
      const key = fixedString;
      const value = of((type as types.MapType).valuesType);
      return nested(blocks((bytes, at, depth) => value(bytes, key(bytes, at), depth)));
    }
    case "union:unwrapped":
    case "union:wrapped": {
      const steps = (type as types.UnwrappedUnionType).types.map(of);
      return nested((bytes, at, depth) => {
        const { value, next } = choiceAt(bytes, at, steps.length);
        return (steps[value] as Step)(bytes, next, depth);
      });
    }
    default:
      throw new RangeError(`values of the type ${type.typeName} cannot be read`);
  }
}

function empty(empties: Empties): Step {
  return (_, at) => {
    empties.left--;
    if (empties.left < 0) throw new RangeError("too many values take no bytes");
    return at;
  };
}

function fixed(size: number): Step {
  return (bytes, at) => within(bytes, at, size);
}

function fixedString(bytes: Buffer, at: number): number {
  const { value, next } = longAt(bytes, at);
  return within(bytes, next, value);
}

function nested(step: Step): Step {
  return (bytes, at, depth) => {
    if (depth >= depthMax) throw new RangeError(`values are nested more than ${depthMax} deep`);
    return step(bytes, at, depth + 1);
  };
}

/** Blocks of items, each with its count; a negative one is followed by the block's length in bytes. */
function blocks(item: Step): Step {
  return (bytes, at, depth) => {
    let position = at;
    for (;;) {
      const { value: count, next } = longAt(bytes, position);
      if (count === 0) return next;
      position = count < 0 ? longAt(bytes, next).next : next;
      // Each item takes a byte at least; nulls, which take none, are refused from here on.
      if (Math.abs(count) > bytes.length - position) throw new RangeError(`${Math.abs(count)} items cannot be there`);
      for (let index = Math.abs(count); index > 0; index--) position = item(bytes, position, depth);
    }
  };
}

function within(bytes: Buffer, at: number, count: number): number {
  if (count < 0 || count > bytes.length - at) throw new RangeError("it ends in the middle");
  return at + count;
}

function choiceAt(bytes: Buffer, at: number, choices: number): { value: number; next: number } {
  const found = longAt(bytes, at);
  if (found.value < 0 || found.value >= choices) throw new RangeError(`there is no choice ${found.value}`);
  return found;
}

/** An integer of up to ten bytes; beyond 2^53 it is not exact, and then out of every range. */
function longAt(bytes: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  let factor = 1;
  for (let next = at; next < at + 10;) {
    const byte = bytes[next++];
    if (byte === undefined) break;
    value += (byte & 127) * factor;
    if (byte < 128) return { value: value % 2 === 0 ? value / 2 : -(value + 1) / 2, next };
    factor *= 128;
  }
  throw new RangeError("an integer ends in the middle, or is out of range");
}
