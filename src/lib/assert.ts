// Assertions that stay on in production: a broken invariant must stop the program before it corrupts data.

export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/**
 * Throws when `condition` is false.
 *
 * @param why  why the condition always holds; what a developer reads when it does not.
 */
export function assert(condition: unknown, why: string): asserts condition {
  if (!condition) throw new AssertionError(`assertion failed: ${why}`);
}

/** The value, when it is neither null nor undefined; otherwise as `assert`. */
export function must<T>(value: T | null | undefined, why: string): T {
  assert(value !== null && value !== undefined, why);
  return value;
}
