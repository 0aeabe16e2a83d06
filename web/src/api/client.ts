// The one way from the page to the server: a client whose paths, inputs and answers are typed by the server's own OpenAPI document.
//
//     const device = await answerOf(api.GET("/api/v1/devices/{deviceId}", { params: { path: { deviceId } } }));
//
// `answerOf` gives the content of a good answer and throws ApiError for any other; a server that cannot be reached throws
// ConnectionLost, and the bar at the top of the page says so until it can (connection.ts).

import createClient from "openapi-fetch";
import { ApiError, ConnectionLost } from "./api-error.ts";
import { connection } from "./connection.ts";
import type { components, paths } from "./schema.d.ts";

/** A named schema of the API: `Schema<"Device">`. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

let csrfToken: string | null = null;

/** Of the session; calls that change something carry it. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

async function watchedFetch(request: Request): Promise<Response> {
  if (csrfToken !== null && request.method !== "GET" && request.method !== "HEAD") {
    request.headers.set("x-csrf-token", csrfToken);
  }
  let response: Response;
  try {
    response = await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    connection.lost();
    throw new ConnectionLost(error);
  }
  // A proxy in between answers for a server that is away, in no JSON of ours.
  if (response.status >= 502 && response.status <= 504 && !isJson(response)) {
    connection.lost();
    throw new ConnectionLost(new Error(`status ${response.status}`));
  }
  connection.reached();
  return response;
}

function isJson(response: Response): boolean {
  return (response.headers.get("content-type") ?? "").startsWith("application/json");
}

export const api = createClient<paths>({ baseUrl: "", fetch: watchedFetch });

/** The content of a good answer. Throws ApiError or ConnectionLost. */
export async function answerOf<Content>(
  call: Promise<{ readonly data?: Content | undefined; readonly error?: unknown; readonly response: Response }>,
): Promise<Content> {
  const { data, error, response } = await call;
  if (!response.ok) throw ApiError.of(response, error);
  return data as Content;
}
