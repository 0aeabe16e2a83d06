// People and scripts that call the API of a bench: users who sign in as a browser does, and tokens of each role.

import type { Role } from "../../src/registry/registry.ts";
import type { AdminBench } from "./admin-bench.ts";

export const password = "a long enough sentence";

/** A signed-in browser: its cookie, and the token for unsafe calls. */
export interface Browser {
  readonly cookie: string;
  readonly csrfToken: string;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- answers of any route
  readonly body: any;
}

/** One request with exactly these headers. A stream is not read. */
export async function request(
  bench: AdminBench,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: unknown,
): Promise<RawAnswer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const response = await fetch(`${bench.url}/api/v1${path}`, {
    method,
    headers: { ...headers, ...(text === undefined ? {} : { "content-type": "application/json" }) },
    ...(text === undefined ? {} : { body: text }),
  });
  const isJson = (response.headers.get("content-type") ?? "").startsWith("application/json");
  if (!isJson) await response.body?.cancel();
  const answer = isJson ? await response.text() : "";
  bench.answers.push(`${method} ${path} ${answer}`);
  return { status: response.status, headers: response.headers, body: answer === "" ? null : JSON.parse(answer) };
}

/** Makes a user; the first must be an administrator. @returns the id. */
export async function makeUser(bench: AdminBench, name: string, role: Role): Promise<string> {
  return (await bench.expect(201, "POST", "/users", { name, password, role })).id as string;
}

export async function signIn(bench: AdminBench, name: string, secret = password): Promise<Browser> {
  const answer = await request(bench, "POST", "/session", {}, { name, password: secret });
  if (answer.status !== 200) throw new Error(`${name} cannot sign in: ${answer.status} ${JSON.stringify(answer.body)}`);
  return browserOf(answer);
}

export function browserOf({ headers, body }: RawAnswer): Browser {
  return { cookie: (headers.get("set-cookie") ?? "").split(";")[0] ?? "", csrfToken: body.csrfToken as string };
}

export function headersOf({ cookie, csrfToken }: Browser): Record<string, string> {
  return { cookie, "x-csrf-token": csrfToken };
}

/** @returns the token itself. */
export async function makeToken(bench: AdminBench, role: Role): Promise<string> {
  return (await bench.expect(201, "POST", "/tokens", { name: `of ${role}`, role, expiresInDays: 1 })).token as string;
}
