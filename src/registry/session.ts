// Sessions: what a signed-in browser shows instead of a password. Times are real time, given by the caller: the other side
// of the wire keeps it too.

import type { Role } from "./role.ts";

export interface SessionBounds {
  /** A session that is not used for so long ends. */
  readonly idleMs: number;
  /** It ends after this however much it is used. */
  readonly lengthMs: number;
  /** Of all users together; the one used longest ago ends. */
  readonly sessionsMax: number;
}

export interface Session {
  readonly id: string;
  readonly userId: string;
  readonly userName: string;
  readonly role: Role;
  /** Until it is used again. */
  readonly idleUntilMs: number;
  readonly expiresMs: number;
}

export interface NewSession {
  /** 256 random bits, base64url. Only a hash of it is kept. */
  readonly token: string;
  readonly session: Session;
}

export interface SessionCalls {
  /** Null when there is none, it has ended, or its user may not sign in. Fast: asked at every call. */
  session(token: string, nowMs: number): Session | null;
  /** Whether the session has not ended. Fast. */
  isSessionOpen(id: string, nowMs: number): boolean;
  /** It was used: it ends later, never after `expiresMs`. */
  prolongSession(id: string, idleUntilMs: number): Promise<void>;
  endSession(id: string): Promise<void>;
  /** Ends all sessions of a user but one. @returns how many. */
  endOtherSessions(userId: string, keptId: string): Promise<number>;
}
