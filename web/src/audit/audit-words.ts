// Entries of the audit log in plain words. Pure.

import type { Schema } from "../api/client.ts";
import type { Operation } from "../api/operations.ts";
import type { Tone } from "../parts/states.tsx";

export type Entry = Schema<"AuditLogEntry">;

/** The API says what a call does; the log, what it did. */
const past: Readonly<Record<string, string>> = {
  Adds: "Added",
  Changes: "Changed",
  Deletes: "Deleted",
  Edits: "Edited",
  Forgets: "Removed",
  Lets: "Let",
  Makes: "Made",
  Moves: "Moved",
  Publishes: "Published",
  Puts: "Put",
  Replaces: "Replaced",
  Sets: "Set",
  Shows: "Showed",
  Signs: "Signed",
  Takes: "Took",
  Tries: "Tried",
  Turns: "Turned",
  Writes: "Wrote",
};

/** `Made a user`. Of a call that this server does not know (any more): its operationId. */
export function actionWords(action: string, operations: ReadonlyMap<string, Operation>): string {
  const summary = operations.get(action)?.summary;
  if (summary === undefined || summary === "") return action;
  const clause = summary.split(/[.:;]/)[0] ?? summary;
  const [verb = "", ...rest] = clause.split(" ");
  return [past[verb] ?? verb, ...rest].join(" ");
}

/** A refused one did not happen. */
export function outcomeOf(status: number): { readonly tone: Tone; readonly words: string } {
  if (status < 300) return { tone: "good", words: "Done" };
  if (status === 403) return { tone: "bad", words: "Not allowed" };
  if (status === 401) return { tone: "bad", words: "Refused" };
  if (status === 429) return { tone: "warn", words: "Too many tries" };
  return { tone: "warn", words: "Failed" };
}

export function actorWords({ kind, id, name }: Entry["actor"]): string {
  switch (kind) {
    case "user":
      return name ?? id ?? "A user";
    case "token":
      return `API token ${name ?? id ?? ""}`;
    case "root":
      return "The data directory's token";
    case "nobody":
      return "Nobody known";
  }
}

/**
 * Where what it was about is shown. Null when it has no page, or when it is gone: a link to what was deleted leads nowhere.
 *
 * @param subject  ids, separated by /; an id itself contains none.
 */
export function subjectPath({ action, subject }: Pick<Entry, "action" | "subject">, tag: string): string | null {
  const [id = ""] = (subject ?? "").split("/");
  if (id === "" || /^(?:delete|revoke)(?!.*Version$)/.test(action)) return null;
  const one = encodeURIComponent(id);
  switch (tag) {
    case "devices":
      return `/devices/${one}`;
    case "device-templates":
      return `/templates/${one}`;
    case "exports":
      return `/admin/exports/${one}`;
    case "storage-accounts":
      return `/admin/storage/${one}`;
    case "users":
    case "session":
      return "/admin/users";
    case "tokens":
      return "/admin/tokens";
    case "policies":
      return "/admin/policies";
    default:
      return null;
  }
}
