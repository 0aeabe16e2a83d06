// Users: people who sign in with a name and a password, and what their role lets them do. Checks: user-input.ts.

import type { Role } from "./role.ts";
import type { NewSession, SessionBounds } from "./session.ts";

export interface User {
  readonly id: string;
  /** Unique without regard to case. */
  readonly name: string;
  readonly role: Role;
  readonly disabled: boolean;
  readonly createdAt: string;
  readonly lastSignInAt: string | null;
  readonly etag: number;
}

export interface NewUser {
  readonly name: string;
  /** Goes in and never comes out (A2): a hash of it is kept. */
  readonly password: string;
  readonly role: Role;
}

export interface UserChange {
  readonly name?: string | undefined;
  readonly password?: string | undefined;
  readonly role?: Role | undefined;
  readonly disabled?: boolean | undefined;
}

export type SignIn =
  | { readonly kind: "signed-in"; readonly user: User; readonly session: NewSession }
  /** `user` is null when nobody has that name. Whoever signs in must not learn which it was. */
  | { readonly kind: "refused"; readonly user: User | null };

/**
 * Users by id. A change of role, password or `disabled`, and a deletion, ends the user's sessions in the same change.
 *
 * Calls with a password throw `sign-in-busy` (unavailable) when too many passwords wait to be hashed.
 */
export interface UserCalls {
  users(): Promise<readonly User[]>;
  user(id: string): Promise<User>;
  /** Fast: whether anybody can sign in at all. */
  hasUsers(): boolean;
  /** Conflict `user-exists`; the first one must be an administrator: `last-administrator`. */
  createUser(user: NewUser): Promise<User>;
  /** Makes the first administrator. Conflict `setup-over` when there is any user. */
  createFirstUser(user: Omit<NewUser, "role">): Promise<User>;
  /** Conflict `last-administrator` when no enabled administrator would remain. */
  updateUser(id: string, change: UserChange, etag?: number): Promise<User>;
  deleteUser(id: string): Promise<void>;
  /**
   * Starts a session when name and password are right and the user is not disabled. Takes as long for a name that nobody has.
   */
  signIn(name: string, password: string, nowMs: number, bounds: SessionBounds): Promise<SignIn>;
  /**
   * Sets a user's own password: all sessions end and a new one starts. Null when `current` is wrong.
   */
  changePassword(
    id: string,
    change: { readonly current: string; readonly next: string },
    nowMs: number,
    bounds: SessionBounds,
  ): Promise<NewSession | null>;
}
