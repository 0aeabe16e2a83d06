// What stands behind the ? of the audit log's path. Pure.

export interface AuditSearch {
  /** Id or name of who made the calls. */
  readonly actor?: string;
  /** Id of what they were about. */
  readonly subject?: string;
  /** Their operationId. */
  readonly action?: string;
}

export function auditSearch(search: Record<string, unknown>): AuditSearch {
  const { actor, subject, action } = search;
  return { ...textOf("actor", actor), ...textOf("subject", subject), ...textOf("action", action) };
}

/** A name of digits only is read from the address as a number. */
function textOf(key: keyof AuditSearch, value: unknown): AuditSearch {
  const text = typeof value === "number" ? String(value) : value;
  return typeof text === "string" && text !== "" ? { [key]: text } : {};
}
