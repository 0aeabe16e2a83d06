// The audit log: who changed what, and who was refused. (The audit of exports is another thing: audit-facts.ts.)

import type { Role } from "./role.ts";

export const actorKinds = ["user", "token", "root", "nobody"] as const;

export interface Actor {
  readonly kind: (typeof actorKinds)[number];
  /** Of the user or API token. */
  readonly id: string | null;
  /** As it was then. */
  readonly name: string | null;
}

export interface NewAuditLogEntry {
  /** ISO, real time. */
  readonly at: string;
  readonly actor: Actor;
  readonly role: Role | null;
  /** The call's operationId. */
  readonly action: string;
  /** The id, or ids, of what was changed; null when the call names none. */
  readonly subject: string | null;
  /** The answer's HTTP status. */
  readonly outcome: number;
  /** What the caller sent, secrets masked: JSON. */
  readonly detail: unknown;
  /** Where the call came from. */
  readonly address: string;
}

export interface AuditLogEntry extends NewAuditLogEntry {
  /** Grows with each entry, also over restarts. */
  readonly number: number;
}

export interface AuditLogQuery {
  readonly limit: number;
  /** Only entries with a smaller number. */
  readonly before?: number | undefined;
  /** Id or name of the actor. */
  readonly actor?: string | undefined;
  readonly subject?: string | undefined;
  readonly action?: string | undefined;
}

export interface AuditLogCalls {
  /**
   * Resolves when the entry is durable. The oldest go beyond `entriesMax` (a few more may stay for a while); refusals have a
   * tenth of it for themselves, so that a flood of them takes no change out of the log.
   */
  recordAuditLog(entry: NewAuditLogEntry, entriesMax: number): Promise<void>;
  /** Newest first. */
  auditLog(query: AuditLogQuery): Promise<readonly AuditLogEntry[]>;
}
