// One flat error for everything an operator or administrator can act on: a code, not a class tree.
//
// Each room lists its own codes beside its door. `kind` says what a front end makes of it:
//   invalid      the input names something impossible; `field` says which one        (HTTP 400, exit 1)
//   not-found    the thing named does not exist                                      (HTTP 404, exit 1)
//   conflict     the input is fine, the present state forbids it                     (HTTP 409, exit 1)
//   unavailable  something outside this process does not answer; try again           (HTTP 503, exit 1)
//   no-answer    it was asked of a device, and what came of it is not known          (HTTP 504, exit 1)
//   fatal        this process cannot go on; the message says what to do              (exit 2)

const errorKinds = ["invalid", "not-found", "conflict", "unavailable", "no-answer", "fatal"] as const;
export type ErrorKind = (typeof errorKinds)[number];

export class ColdpathError extends Error {
  override readonly name = "ColdpathError";
  readonly kind: ErrorKind;
  /** Stable, kebab-case, e.g. `template-in-use`. Scripts may depend on it. */
  readonly code: string;
  /** Path of the offending input, e.g. `properties.cloud.tempThresh`. */
  readonly field: string | undefined;
  /** An imperative that an operator can follow. */
  readonly hint: string | undefined;

  constructor(
    kind: ErrorKind,
    code: string,
    message: string,
    more: { field?: string | undefined; hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.kind = kind;
    this.code = code;
    this.field = more.field;
    this.hint = more.hint;
  }
}

/** The message of anything thrown, for logs and operators. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The `code` of a Node system error (`ENOSPC`, `ECONNRESET`, …) or of ours, if there is one. */
export function codeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
