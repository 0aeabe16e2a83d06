// What the schemas of the API are made of.
//
// Every object that has a name in the OpenAPI document is made by `shape` and used by `ref`, so that the document, and
// the page's client made from it, has it once under that name. Unknown fields are refused, so that a typo is an error.
// Value rules (patterns, bounds) are the registry's: its messages are better; schemas say shapes and allowed words.

import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyTypeProvider,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from "fastify";
import { type Static, type TProperties, type TSchema, type TUnsafe, Type } from "typebox";
import { must } from "../lib/assert.ts";

/** A named object with exactly these fields. */
export function shape<P extends TProperties>($id: string, description: string, properties: P) {
  return Type.Object(properties, { $id, description, additionalProperties: false });
}

/** Uses a named schema. */
export function ref<T extends TSchema>(schema: T, description?: string): TUnsafe<Static<T>> {
  const { $id } = schema as { $id?: string };
  const $ref = `${must($id, "only named schemas are referred to")}#`;
  return Type.Unsafe<Static<T>>(description === undefined ? { $ref } : { $ref, description });
}

/** One of these words. */
export function words<T extends string>(allowed: readonly T[], description?: string): TUnsafe<T> {
  const about = description === undefined ? {} : { description };
  return Type.Unsafe<T>({ type: "string", enum: [...allowed], ...about });
}

/** Any keys, values of one form. */
export function mapOf<T extends TSchema>(values: T, description?: string): TUnsafe<Record<string, Static<T>>> {
  const about = description === undefined ? {} : { description };
  return Type.Unsafe<Record<string, Static<T>>>({ type: "object", additionalProperties: values, ...about });
}

export function orNull<T extends TSchema>(schema: T): TUnsafe<Static<T> | null> {
  const { type } = schema as { type?: string };
  if (typeof type === "string" && !("enum" in schema)) {
    return Type.Unsafe<Static<T> | null>({ ...schema, type: [type, "null"] });
  }
  return Type.Unsafe<Static<T> | null>({ anyOf: [schema, { type: "null" }] });
}

export function time(description?: string) {
  return Type.String({ format: "date-time", ...(description === undefined ? {} : { description }) });
}

/** A window: the start of its minute. */
export function window(description: string) {
  return Type.String({ format: "date-time", description, examples: ["2026-01-02T03:04:00Z"] });
}

export const count = (description?: string) =>
  Type.Integer({ minimum: 0, ...(description === undefined ? {} : { description }) });

export const etag = Type.Integer({ description: "Grows with each change. Give it back to have a stale edit refused." });
/** In a body. */
export const givenEtag = Type.Optional(
  Type.Integer({ description: "The etag that was read: when the thing was changed since, the answer is 409." }),
);

/** Static types as handlers produce them: read-only, optional fields may be undefined. */
type Answer<T> = T extends readonly (infer U)[]
  ? readonly Answer<U>[]
  : T extends object
    ? { readonly [K in keyof T]: object extends Pick<T, K> ? Answer<T[K]> | undefined : Answer<T[K]> }
    : T;

/** Handlers' types come from the schemas of their route. */
interface SchemaTypes extends FastifyTypeProvider {
  readonly validator: this["schema"] extends TSchema ? Static<this["schema"]> : unknown;
  readonly serializer: this["schema"] extends TSchema ? Answer<Static<this["schema"]>> : unknown;
}

/** The server that routes are added to. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  SchemaTypes
>;
