// What stands behind the ? of the audit log's path. Pure.

export interface AuditSearch {
  /** Id or name of who made the calls. */
  readonly actor?: string | undefined;
  /** Id of what they were about. */
  readonly subject?: string | undefined;
  /** Their operationId. */
  readonly action?: string | undefined;
}

export function auditSearch({ actor, subject, action }: Record<string, unknown>): AuditSearch {
  // Said even when there is none: the router keeps whatever a page does not speak of.
  return { actor: textOf(actor), subject: textOf(subject), action: textOf(action) };
}

/** A name of digits only is read from the address as a number. */
function textOf(value: unknown): string | undefined {
  const text = typeof value === "number" ? String(value) : value;
  return typeof text === "string" && text.trim() !== "" ? text.trim() : undefined;
}

export function isFiltered({ actor, subject, action }: AuditSearch): boolean {
  return actor !== undefined || subject !== undefined || action !== undefined;
}
