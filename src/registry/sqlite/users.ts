// Users in SQLite: rows, hashes of passwords, and the rule that an enabled administrator remains.
//
// Passwords are hashed before a change begins and verified before it; the change then looks whether the row still is the
// one that was verified. So the queue of changes never waits for a hash.

import { randomUUID } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { isSameSecret } from "../../lib/secret-equality.ts";
import { registryError } from "../errors.ts";
import { booleanOf, objectOf } from "../input.ts";
import { PasswordHashes } from "../password-hash.ts";
import type { NewUser, Role, User, UserCalls } from "../registry.ts";
import { passwordOf, roleOf, userNameKey, userNameOf } from "../user-input.ts";
import type { Change, Database, Reader, Tell } from "./database.ts";
import { checkEtag } from "./etag.ts";
import type { UserRow } from "./schema.ts";
import { endSessionsOf, startSession } from "./sessions.ts";

const usersMax = 1000;

export function usersIn(database: Database, clock: Clock): UserCalls {
  const hashes = new PasswordHashes();
  const anyUser = database.rawReader.prepare("select 1 from users limit 1");

  const newRow = async (user: NewUser): Promise<UserRow> => {
    const name = userNameOf(user.name);
    const role = roleOf(user.role);
    const password = passwordOf(user.password, name);
    return {
      id: randomUUID(),
      name,
      name_key: userNameKey(name),
      role,
      disabled: 0,
      password: await hashes.make(password),
      etag: 1,
      created_at: new Date(clock.nowMs()).toISOString(),
      last_sign_in_at: null,
    };
  };

  return {
    async users() {
      const rows = await database.reader.selectFrom("users").selectAll().orderBy("name_key").execute();
      return rows.map(userFromRow);
    },

    async user(id) {
      return userFromRow(await requireUser(database.reader, id));
    },

    hasUsers() {
      return anyUser.get() !== undefined;
    },

    async createUser(user) {
      const row = await newRow(user);
      return await database.change(async (change, tell) => await insertUser(change, tell, row));
    },

    async createFirstUser(user) {
      if (anyUser.get() !== undefined) throw setupOver();
      const row = await newRow({ ...user, role: "administrator" });
      return await database.change(async (change, tell) => {
        if ((await countUsers(change)) > 0) throw setupOver();
        return await insertUser(change, tell, row);
      });
    },

    async updateUser(id, change, etag) {
      const given = objectOf(change, "", ["name", "password", "role", "disabled"]);
      const before = await requireUser(database.reader, id);
      const name = given["name"] === undefined ? before.name : userNameOf(given["name"]);
      const role = given["role"] === undefined ? undefined : roleOf(given["role"]);
      const disabled = given["disabled"] === undefined ? undefined : booleanOf(given["disabled"], "disabled");
      const password =
        given["password"] === undefined ? undefined : await hashes.make(passwordOf(given["password"], name));
      return await database.change(async (work, tell) => {
        const row = await requireUser(work, id);
        checkEtag(row, etag, `user ${row.name}`);
        const next: UserRow = {
          ...row,
          name: given["name"] === undefined ? row.name : name,
          name_key: given["name"] === undefined ? row.name_key : userNameKey(name),
          role: role ?? row.role,
          disabled: disabled === undefined ? row.disabled : disabled ? 1 : 0,
          password: password ?? row.password,
        };
        const isAccess = next.role !== row.role || next.disabled !== row.disabled || password !== undefined;
        if (!isAccess && next.name === row.name) return userFromRow(row);
        if (next.name_key !== row.name_key) await refuseName(work, next);
        next.etag = row.etag + 1;
        const { id: _id, ...set } = next;
        await work.updateTable("users").set(set).where("id", "=", id).execute();
        await requireAdministrator(work, row);
        if (isAccess) await endSessionsOf(work, tell, id);
        tell({ kind: "user-changed", userId: id });
        return userFromRow(next);
      });
    },

    async deleteUser(id) {
      await database.change(async (change, tell) => {
        const row = await requireUser(change, id);
        await endSessionsOf(change, tell, id);
        await change.deleteFrom("users").where("id", "=", id).execute();
        await requireAdministrator(change, row);
        tell({ kind: "user-changed", userId: id });
      });
    },

    async signIn(name, password, nowMs, bounds) {
      const found = await database.reader
        .selectFrom("users")
        .selectAll()
        .where("name_key", "=", userNameKey(name))
        .executeTakeFirst();
      const isRight = await hashes.verify(password, found?.password ?? null);
      if (found === undefined) return { kind: "refused", user: null };
      if (!isRight || found.disabled === 1) return { kind: "refused", user: userFromRow(found) };
      const renewed = hashes.isDated(found.password) ? await hashes.make(password) : found.password;
      return await database.change(async (change, tell) => {
        const row = await change.selectFrom("users").selectAll().where("id", "=", found.id).executeTakeFirst();
        // Changed while its password was being verified: that no longer counts.
        if (row === undefined || row.disabled === 1 || !isSameSecret(row.password, found.password)) {
          return { kind: "refused", user: userFromRow(row ?? found) };
        }
        const set = { password: renewed, last_sign_in_at: new Date(nowMs).toISOString() };
        await change.updateTable("users").set(set).where("id", "=", row.id).execute();
        const user = userFromRow({ ...row, ...set });
        return { kind: "signed-in", user, session: await startSession(change, tell, user, nowMs, bounds) };
      });
    },

    async changePassword(id, { current, next }, nowMs, bounds) {
      const found = await requireUser(database.reader, id);
      if (!(await hashes.verify(current, found.password))) return null;
      const password = await hashes.make(passwordOf(next, found.name, "newPassword"));
      return await database.change(async (change, tell) => {
        const row = await requireUser(change, id);
        if (!isSameSecret(row.password, found.password) || row.disabled === 1) return null;
        const set = { password, etag: row.etag + 1 };
        await change.updateTable("users").set(set).where("id", "=", id).execute();
        await endSessionsOf(change, tell, id);
        tell({ kind: "user-changed", userId: id });
        return await startSession(change, tell, userFromRow(row), nowMs, bounds);
      });
    },
  };
}

async function insertUser(change: Change, tell: Tell, row: UserRow): Promise<User> {
  const count = await countUsers(change);
  if (count === 0 && row.role !== "administrator") {
    throw registryError("last-administrator", "The first user must be an administrator.", {
      field: "role",
      hint: "Make an administrator first.",
    });
  }
  if (count >= usersMax) throw registryError("users-too-many", `There are ${count} users, and no more may be.`);
  await refuseName(change, row);
  await change.insertInto("users").values(row).execute();
  tell({ kind: "user-changed", userId: row.id });
  return userFromRow(row);
}

async function countUsers(db: Reader): Promise<number> {
  const { count } = await db
    .selectFrom("users")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return count;
}

async function requireUser(db: Reader, id: string): Promise<UserRow> {
  const row = await db.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst();
  if (row !== undefined) return row;
  throw registryError("user-not-found", `There is no user ${JSON.stringify(id)}.`);
}

/** Inside the change, after it: throwing undoes it. Changes run one at a time, so two of them cannot take the last two. */
async function requireAdministrator(change: Change, { name }: UserRow): Promise<void> {
  const row = await change
    .selectFrom("users")
    .select("id")
    .where("role", "=", "administrator")
    .where("disabled", "=", 0)
    .limit(1)
    .executeTakeFirst();
  if (row !== undefined) return;
  throw registryError("last-administrator", `${name} is the last administrator who can sign in.`);
}

async function refuseName(db: Reader, { id, name, name_key }: UserRow): Promise<void> {
  const other = await db
    .selectFrom("users")
    .select("name")
    .where("name_key", "=", name_key)
    .where("id", "<>", id)
    .executeTakeFirst();
  if (other === undefined) return;
  const same = other.name === name ? "" : `, which is taken for ${name}`;
  throw registryError("user-exists", `There is a user ${other.name}${same}.`, { field: "name" });
}

function setupOver() {
  return registryError("setup-over", "The first administrator was made already.");
}

function userFromRow(row: UserRow): User {
  return {
    id: row.id,
    name: row.name,
    role: row.role as Role,
    disabled: row.disabled === 1,
    createdAt: row.created_at,
    lastSignInAt: row.last_sign_in_at,
    etag: row.etag,
  };
}
