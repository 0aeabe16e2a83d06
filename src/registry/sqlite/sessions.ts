// Sessions in SQLite: started by a sign-in, found at every call, ended with all that hangs on them.

import { randomUUID } from "node:crypto";
import { hashOfToken, newBearerToken } from "../bearer-token.ts";
import type { NewSession, Role, SessionBounds, SessionCalls, User } from "../registry.ts";
import type { Change, Database, Tell } from "./database.ts";

/** Browsers and machines of one person; the one used longest ago ends. */
const sessionsPerUserMax = 20;

interface FoundRow {
  readonly id: string;
  readonly user_id: string;
  readonly name: string;
  readonly role: string;
  readonly idle_until_ms: number;
  readonly expires_ms: number;
}

export function sessionsIn(database: Database): SessionCalls {
  // Raw and prepared: asked at every call of the API.
  const isLive = "idle_until_ms > ? and expires_ms > ? and disabled = 0";
  const lookUp = database.rawReader.prepare(
    `select sessions.id, user_id, name, role, idle_until_ms, expires_ms from sessions
      join users on users.id = user_id where hash = ? and ${isLive}`,
  );
  const lookUpId = database.rawReader.prepare(
    `select 1 from sessions join users on users.id = user_id where sessions.id = ? and ${isLive}`,
  );

  return {
    session(token, nowMs) {
      const row = lookUp.get(hashOfToken(token), nowMs, nowMs) as FoundRow | undefined;
      if (row === undefined) return null;
      return {
        id: row.id,
        userId: row.user_id,
        userName: row.name,
        role: row.role as Role,
        idleUntilMs: row.idle_until_ms,
        expiresMs: row.expires_ms,
      };
    },

    isSessionOpen(id, nowMs) {
      return lookUpId.get(id, nowMs, nowMs) !== undefined;
    },

    async prolongSession(id, idleUntilMs) {
      await database.change(async (change) => {
        await change
          .updateTable("sessions")
          .set({ idle_until_ms: idleUntilMs })
          .where("id", "=", id)
          .where("idle_until_ms", "<", idleUntilMs)
          .execute();
      });
    },

    async endSession(id) {
      await database.change(async (change, tell) => {
        const { numDeletedRows } = await change.deleteFrom("sessions").where("id", "=", id).executeTakeFirst();
        if (numDeletedRows > 0n) tell({ kind: "session-ended", sessionId: id });
      });
    },

    async endOtherSessions(userId, keptId) {
      return await database.change(async (change, tell) => await endSessionsOf(change, tell, userId, keptId));
    },
  };
}

/** In the change of the sign-in. The token is new each time: nobody can have fixed it beforehand. */
export async function startSession(
  change: Change,
  tell: Tell,
  user: Pick<User, "id" | "name" | "role">,
  nowMs: number,
  { idleMs, lengthMs, sessionsMax }: SessionBounds,
): Promise<NewSession> {
  await change
    .deleteFrom("sessions")
    .where((where) => where.or([where("expires_ms", "<=", nowMs), where("idle_until_ms", "<=", nowMs)]))
    .execute();
  const oldest = await change
    .selectFrom("sessions")
    .select(["id", "user_id"])
    .orderBy("idle_until_ms", "desc")
    .execute();
  const own = oldest.filter(({ user_id }) => user_id === user.id).slice(sessionsPerUserMax - 1);
  for (const { id } of new Set([...own, ...oldest.slice(sessionsMax - 1)])) await end(change, tell, id);
  const token = newBearerToken("");
  const expiresMs = nowMs + lengthMs;
  const session = {
    id: randomUUID(),
    userId: user.id,
    userName: user.name,
    role: user.role,
    idleUntilMs: Math.min(nowMs + idleMs, expiresMs),
    expiresMs,
  };
  await change
    .insertInto("sessions")
    .values({
      id: session.id,
      hash: hashOfToken(token),
      user_id: user.id,
      idle_until_ms: session.idleUntilMs,
      expires_ms: expiresMs,
    })
    .execute();
  return { token, session };
}

/** All but `keptId`. @returns how many. */
export async function endSessionsOf(change: Change, tell: Tell, userId: string, keptId = ""): Promise<number> {
  const rows = await change
    .selectFrom("sessions")
    .select("id")
    .where("user_id", "=", userId)
    .where("id", "!=", keptId)
    .execute();
  for (const { id } of rows) await end(change, tell, id);
  return rows.length;
}

async function end(change: Change, tell: Tell, id: string): Promise<void> {
  await change.deleteFrom("sessions").where("id", "=", id).execute();
  tell({ kind: "session-ended", sessionId: id });
}
