// A client of the server's REST API: JSON in, JSON out, errors as the server worded them.

import http from "node:http";
import https from "node:https";
import { codeOf, ColdpathError, type ErrorKind, messageOf } from "../lib/errors.ts";
import { type ServerEvent, readServerEvents } from "./server-events.ts";

export interface ClientOptions {
  /** Without a slash at the end. */
  readonly url: string;
  readonly token: string;
  /** PEM; null: the public ones. */
  readonly authorities: readonly string[] | null;
  /** What to do when nobody answers. */
  readonly absence: string;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Trying a storage account takes a while. */
const timeoutMs = 120_000;
/** A stream says something at least every 15 seconds. */
const silenceMs = 60_000;
const answerBytesMax = 256 * 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly text: string;
}

export class Client {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get url(): string {
    return this.#options.url;
  }

  async get<T>(path: string, query: Query = {}): Promise<T> {
    return (await this.#call("GET", withQuery(path, query))) as T;
  }

  /** What is no JSON. */
  async getText(path: string, query: Query = {}): Promise<string> {
    const { url } = this.#options;
    const { status, text } = await this.#send("GET", `${url}/api/v1${withQuery(path, query)}`, null);
    if (status < 300) return text;
    throw errorOf(status, parsed(text), url);
  }

  async postText<T>(path: string, query: Query, type: string, content: string | Buffer): Promise<T> {
    return (await this.#call("POST", withQuery(path, query), { type, content: Buffer.from(content) })) as T;
  }

  /** @param workMs  what the server may need beyond the usual. */
  async post<T>(path: string, body?: unknown, workMs = 0): Promise<T> {
    return (await this.#call("POST", path, json(body ?? {}), workMs)) as T;
  }

  async put<T>(path: string, body: unknown): Promise<T> {
    return (await this.#call("PUT", path, json(body))) as T;
  }

  async patch<T>(path: string, body: unknown): Promise<T> {
    return (await this.#call("PATCH", path, json(body))) as T;
  }

  async delete(path: string): Promise<void> {
    await this.#call("DELETE", path);
  }

  /**
   * The events of a stream, from when this resolves. They end when the stream ends.
   *
   * @throws as all calls; also while events are read, when the connection breaks.
   */
  async events(path: string): Promise<AsyncIterable<ServerEvent>> {
    const { url, absence } = this.#options;
    const response = await this.#open("GET", `${url}/api/v1${path}`, "text/event-stream", null, silenceMs);
    if (response.statusCode !== 200) {
      const { status, text } = await answerOf(response);
      throw errorOf(status, parsed(text), url);
    }
    return (async function* () {
      try {
        yield* readServerEvents(response.setEncoding("utf8") as AsyncIterable<string>);
      } catch (error) {
        throw absent(error instanceof Error ? error : new Error(String(error)), url, absence);
      }
    })();
  }

  /**
   * @param path  below /api/v1, ids escaped: see `segment`.
   * @throws ColdpathError: the server's own; `server-absent` when nobody answers, `server-untrusted`, `server-answer` for nonsense.
   */
  async #call(method: string, path: string, body: Payload | null = null, workMs = 0): Promise<unknown> {
    const { url } = this.#options;
    const { status, text } = await this.#send(method, `${url}/api/v1${path}`, body, workMs);
    if (status === 204 || (status < 300 && text === "")) return undefined;
    const content = parsed(text);
    if (status < 300 && content !== null) return content;
    throw errorOf(status, content, url);
  }

  async #send(method: string, address: string, body: Payload | null, workMs = 0): Promise<Answer> {
    const { url, absence } = this.#options;
    const response = await this.#open(method, address, "application/json, text/csv", body, timeoutMs + workMs);
    try {
      return await answerOf(response);
    } catch (error) {
      throw absent(error as Error, url, absence);
    }
  }

  /** The answer's head; its body is still to be read. */
  #open(
    method: string,
    address: string,
    accept: string,
    body: Payload | null,
    waitMs: number,
  ): Promise<http.IncomingMessage> {
    const { token, authorities, url, absence } = this.#options;
    return new Promise((resolve, reject) => {
      const options = {
        method,
        timeout: waitMs,
        headers: {
          authorization: `Bearer ${token}`,
          accept,
          ...(body === null ? {} : { "content-type": body.type, "content-length": body.content.length }),
        },
        ...(authorities === null ? {} : { ca: [...authorities] }),
      };
      const request = (address.startsWith("https:") ? https : http).request(address, options, resolve);
      request.on("timeout", () => request.destroy(new Error(`no answer within ${waitMs / 1000} seconds`)));
      request.on("error", (cause) => {
        reject(absent(cause, url, absence));
      });
      request.end(body?.content);
    });
  }
}

interface Payload {
  readonly type: string;
  readonly content: Buffer;
}

function json(body: unknown): Payload {
  return { type: "application/json", content: Buffer.from(JSON.stringify(body)) };
}

async function answerOf(response: http.IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw new Error(`an answer of more than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") };
}

/** Null when it is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  const text = parameters.toString();
  return text === "" ? path : `${path}?${text}`;
}

function absent(cause: Error, url: string, absence: string): ColdpathError {
  const code = codeOf(cause) ?? "";
  if (/CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)|ERR_TLS/.test(code)) {
    return new ColdpathError("invalid", "server-untrusted", `The certificate of ${url} is not trusted (${code}).`, {
      hint: "Give the authority that signed it with --tls-ca; for one made by the server it is {data-dir}/tls/ca.pem there.",
      cause,
    });
  }
  const why = code === "ECONNREFUSED" ? "" : ` (${messageOf(cause)})`;
  return new ColdpathError("unavailable", "server-absent", `No Coldpath server answers at ${url}${why}.`, {
    hint: absence,
    cause,
  });
}

/** An id as a part of a path. */
export function segment(id: string): string {
  return encodeURIComponent(id);
}

const kindOfStatus: Readonly<Record<number, ErrorKind>> = {
  404: "not-found",
  409: "conflict",
  503: "unavailable",
  504: "no-answer",
};

function errorOf(status: number, content: unknown, url: string): ColdpathError {
  const error =
    typeof content === "object" && content !== null && "error" in content
      ? (content.error as {
          readonly code?: string;
          readonly message?: string;
          readonly field?: string;
          readonly hint?: string;
        })
      : undefined;
  if (error?.message === undefined) {
    const message = `${url} answered ${status}, and not as a Coldpath server does.`;
    return new ColdpathError("unavailable", "server-answer", message, {
      hint: "See that --url (COLDPATH_URL) names the web port of a server of this version.",
    });
  }
  const { code = "server-answer", message, field, hint } = error;
  if (status === 401) {
    return new ColdpathError("invalid", code, message, {
      hint: "Give an API token, or the token in {data-dir}/admin.token of that server, with --data-dir or COLDPATH_TOKEN.",
    });
  }
  return new ColdpathError(kindOfStatus[status] ?? "invalid", code, message, { field, hint });
}
