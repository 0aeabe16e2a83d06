// The session's calls, until the server's OpenAPI document has them.

import { ApiError, ConnectionLost } from "../api/api-error.ts";
import { connection } from "../api/connection.ts";

export interface Session {
  readonly signedIn: boolean;
  readonly user: {
    readonly id: string;
    readonly name: string;
    readonly role: "operator" | "builder" | "administrator";
  } | null;
  readonly via: "session" | "token" | "root" | null;
  readonly csrfToken: string | null;
  readonly setupNeeded: boolean;
  readonly expiresAt: string | null;
}

async function call<T>(method: string, path: string, body?: unknown, csrfToken?: string | null): Promise<T> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (csrfToken) headers["x-csrf-token"] = csrfToken;
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
  } catch (error) {
    connection.lost();
    throw new ConnectionLost(error);
  }
  connection.reached();
  const text = await response.text();
  let content: unknown = null;
  try {
    content = text === "" ? null : JSON.parse(text);
  } catch {
    // a proxy's page
  }
  if (!response.ok) throw ApiError.of(response, content);
  return content as T;
}

let csrf: string | null = null;
const kept = (session: Session): Session => {
  csrf = session.csrfToken;
  return session;
};

export const sessionCalls = {
  get: async () => kept(await call<Session>("GET", "/session")),
  start: async (name: string, password: string) => kept(await call<Session>("POST", "/session", { name, password })),
  end: async () => await call<null>("DELETE", "/session", undefined, csrf),
  setUp: async (setupToken: string, name: string, password: string) =>
    kept(await call<Session>("POST", "/setup", { setupToken, name, password })),
  changePassword: async (currentPassword: string, newPassword: string) =>
    await call<unknown>("PUT", "/session/password", { currentPassword, newPassword }, csrf),
};
