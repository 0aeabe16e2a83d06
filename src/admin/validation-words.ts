// What a schema's validation found, in words: the field's path and what to do. Pure.

import type { FastifySchemaValidationError } from "fastify";

/** Ajv's error with what `verbose` adds. */
interface Finding extends FastifySchemaValidationError {
  readonly parentSchema?: { readonly properties?: Readonly<Record<string, unknown>>; readonly description?: string };
  readonly schema?: unknown;
  readonly data?: unknown;
}

export interface ValidationWords {
  readonly code: "input-invalid" | "field-unknown";
  readonly message: string;
  readonly field?: string | undefined;
  readonly hint?: string | undefined;
}

/**
 * @param findings  not empty; the last one is the outermost.
 * @param context  `body`, `querystring` or `params`.
 */
export function wordsOfValidation(findings: readonly FastifySchemaValidationError[], context: string): ValidationWords {
  const finding: Finding | undefined = findings.at(-1);
  if (finding === undefined) return { code: "input-invalid", message: "The input is not valid." };
  const { keyword, params, parentSchema } = finding;
  const path = fieldOf(finding.instancePath);
  const below = (name: unknown): string => (path === "" ? String(name) : `${path}.${String(name)}`);
  switch (keyword) {
    case "required": {
      const field = below(params["missingProperty"]);
      return { code: "input-invalid", message: `${field} is missing.`, field, hint: `Give ${field}.` };
    }
    case "additionalProperties": {
      const field = below(params["additionalProperty"]);
      const known = Object.keys(parentSchema?.properties ?? {});
      const message = `${field} does not exist; known: ${known.join(", ") || "none"}.`;
      return { code: "field-unknown", message, field, hint: "Remove it, or use one of the fields named." };
    }
    case "discriminator": {
      const field = below(params["tag"]);
      return refused(field, "is missing or not one of the kinds there are", parentSchema?.description);
    }
    default:
      return refused(path, `must be ${expected(finding)}${cameInstead(finding)}`, undefined, context);
  }
}

function refused(path: string, what: string, hint?: string, context = "body"): ValidationWords {
  const subject = path === "" ? `The ${context === "querystring" ? "query" : context}` : path;
  return { code: "input-invalid", message: `${subject} ${what}.`, field: path === "" ? undefined : path, hint };
}

/** `/types/0` → `types[0]`. */
function fieldOf(instancePath: string): string {
  return instancePath
    .split("/")
    .slice(1)
    .map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce((path, segment) => {
      if (/^\d+$/.test(segment)) return `${path}[${segment}]`;
      return path === "" ? segment : `${path}.${segment}`;
    }, "");
}

const typeWords: Readonly<Record<string, string>> = {
  object: "an object",
  array: "a list",
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  null: "null",
};

function expected({ keyword, params, message, schema, parentSchema }: Finding): string {
  switch (keyword) {
    case "type":
      return [params["type"]]
        .flat()
        .map((type) => typeWords[String(type)] ?? String(type))
        .join(" or ");
    case "enum":
      return `one of ${(schema as readonly unknown[]).map(String).join(", ")}`;
    case "anyOf":
    case "oneOf":
      return parentSchema?.description ?? "one of the forms that the API document describes";
    case "format":
      return `a ${String(params["format"])} such as 2026-01-02T03:04:00Z`;
    case "minimum":
      return `at least ${String(params["limit"])}`;
    case "maximum":
      return `at most ${String(params["limit"])}`;
    case "minLength":
    case "minItems":
    case "maxLength":
    case "maxItems": {
      const bound = keyword.startsWith("min") ? "at least" : "at most";
      return `${bound} ${String(params["limit"])} ${keyword.endsWith("Length") ? "characters long" : "entries long"}`;
    }
    default:
      return (message ?? "valid").replace(/^must be /, "");
  }
}

/** What came instead, without its content: it may be a secret. */
function cameInstead({ keyword, data }: Finding): string {
  if (keyword !== "type" && keyword !== "enum" && keyword !== "anyOf") return "";
  if (keyword === "enum" && typeof data === "string") return "";
  const kind = data === null ? "null" : Array.isArray(data) ? "array" : typeof data;
  return `, not ${typeWords[kind] ?? (kind === "array" ? "a list" : kind)}`;
}
