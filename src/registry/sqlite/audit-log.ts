// The audit log in SQLite: entries that come in while one commit runs go into the next together.

import type { AuditLogCalls, AuditLogEntry, NewAuditLogEntry } from "../registry.ts";
import type { Actor, Role } from "../registry.ts";
import type { Change, Database } from "./database.ts";
import type { AuditLogRow } from "./schema.ts";

/** Every so many entries the oldest are looked for. */
const trimEvery = 100;
const refusedShare = 10;

export function auditLogIn(database: Database): AuditLogCalls {
  let batch: { readonly entries: NewAuditLogEntry[]; readonly written: Promise<void> } | null = null;

  const write = async (entries: readonly NewAuditLogEntry[], entriesMax: number): Promise<void> => {
    await database.change(async (change) => {
      batch = null; // what comes from here on goes into the next
      for (const entry of entries) {
        const { number } = await change
          .insertInto("audit_log")
          .values(rowOf(entry))
          .returning("number")
          .executeTakeFirstOrThrow();
        if (number % trimEvery === 0) await trim(change, entriesMax);
      }
    });
  };

  return {
    async recordAuditLog(entry, entriesMax) {
      if (batch === null) {
        const entries: NewAuditLogEntry[] = [];
        const one = { entries, written: write(entries, entriesMax) };
        batch = one;
        // A transaction that could not begin took nothing: the next entry must not wait for it.
        one.written.catch(() => {
          if (batch === one) batch = null;
        });
      }
      batch.entries.push(entry);
      await batch.written;
    },

    async auditLog({ limit, before, actor, subject, action }) {
      let query = database.reader.selectFrom("audit_log").selectAll().orderBy("number", "desc").limit(limit);
      if (before !== undefined) query = query.where("number", "<", before);
      if (actor !== undefined) {
        query = query.where((where) => where.or([where("actor_id", "=", actor), where("actor_name", "=", actor)]));
      }
      if (subject !== undefined) query = query.where("subject", "=", subject);
      if (action !== undefined) query = query.where("action", "=", action);
      return (await query.execute()).map(fromRow);
    },
  };
}

/** A tenth is for refusals: who makes many of them must not push out what was changed. */
async function trim(change: Change, entriesMax: number): Promise<void> {
  const refusedMax = Math.floor(entriesMax / refusedShare);
  for (const [refused, max] of [
    [1, refusedMax],
    [0, entriesMax - refusedMax],
  ] as const) {
    const oldest = await change
      .selectFrom("audit_log")
      .select("number")
      .where("refused", "=", refused)
      .orderBy("number", "desc")
      .offset(max)
      .limit(1)
      .executeTakeFirst();
    if (oldest === undefined) continue;
    await change.deleteFrom("audit_log").where("refused", "=", refused).where("number", "<=", oldest.number).execute();
  }
}

function rowOf({ at, actor, role, action, subject, outcome, detail, address }: NewAuditLogEntry) {
  return {
    at,
    actor_kind: actor.kind,
    actor_id: actor.id,
    actor_name: actor.name,
    role,
    action,
    subject,
    outcome,
    refused: outcome >= 400 ? (1 as const) : (0 as const),
    detail: JSON.stringify(detail ?? null),
    address,
  };
}

function fromRow(row: { [K in keyof AuditLogRow]: K extends "number" ? number : AuditLogRow[K] }): AuditLogEntry {
  return {
    number: row.number,
    at: row.at,
    actor: { kind: row.actor_kind as Actor["kind"], id: row.actor_id, name: row.actor_name },
    role: row.role as Role | null,
    action: row.action,
    subject: row.subject,
    outcome: row.outcome,
    detail: JSON.parse(row.detail) as unknown,
    address: row.address,
  };
}
