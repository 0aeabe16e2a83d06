// What the audit log gets of a call: who, what, with what outcome. Written before the answer is sent, so that nothing was
// changed and answered that is not in it.
//
// In it: calls that changed something or showed keys, sign-ins, refused sign-ins, and what a role or a foreign page was refused.
// Not in it: other looking, calls that failed, and requests of nobody (they would fill it).

import type { FastifyReply, FastifyRequest } from "fastify";
import type { TSchema } from "typebox";
import { type Log } from "../lib/log.ts";
import { messageOf } from "../lib/errors.ts";
import type { Actor, Registry, Role } from "../registry/registry.ts";
import { actorOf } from "./principal.ts";

/** What a route knows better than its request shows. */
export interface CallNote {
  readonly actor?: Actor;
  readonly role?: Role | null;
  readonly subject?: string | null;
  readonly detail?: unknown;
}

declare module "fastify" {
  interface FastifySchema {
    /** An unsafe method that changes nothing is not in the audit log. */
    readonly changesNothing?: boolean;
  }
  interface FastifyRequest {
    /** Set by a route: the call is in the audit log whatever comes out, with this. */
    callNote: CallNote | null;
    /** The id of what was made. */
    madeId: string | null;
  }
}

const detailCharsMax = 8192;

export class CallLog {
  readonly #registry: Pick<Registry, "recordAuditLog">;
  readonly #entriesMax: number;
  readonly #mask: Mask;
  readonly #log: Log;

  constructor(options: {
    readonly registry: Pick<Registry, "recordAuditLog">;
    readonly entriesMax: number;
    /** Their properties marked writeOnly are masked. */
    readonly schemas: readonly TSchema[];
    readonly log: Log;
  }) {
    this.#registry = options.registry;
    this.#entriesMax = options.entriesMax;
    this.#mask = new Mask(options.schemas);
    this.#log = options.log;
  }

  /** The hook before an answer's serialization. */
  seeAnswer(request: FastifyRequest, answer: unknown): void {
    if (typeof answer !== "object" || answer === null) return;
    const { id, name } = answer as { readonly id?: unknown; readonly name?: unknown };
    const made = id ?? name;
    if (typeof made === "string") request.madeId = made;
  }

  /** The hook before an answer is sent. @returns the answer, or another when the log could not be written. */
  async record(request: FastifyRequest, reply: FastifyReply, answer: unknown): Promise<unknown> {
    if (!isWorthIt(request, reply.statusCode)) return answer;
    const note = request.callNote ?? {};
    const { principal } = request;
    const ids = Object.values((request.params ?? {}) as Record<string, string>);
    const subject = note.subject ?? (ids.length > 0 ? ids.join("/") : reply.statusCode < 400 ? request.madeId : null);
    try {
      await this.#registry.recordAuditLog(
        {
          at: new Date().toISOString(),
          actor: note.actor ?? actorOf(principal),
          role: note.role ?? principal?.role ?? null,
          action: request.routeOptions.schema?.operationId ?? `${request.method} ${request.routeOptions.url ?? ""}`,
          subject,
          outcome: reply.statusCode,
          detail: this.#detailOf(note.detail ?? given(request)),
          address: request.ip,
        },
        this.#entriesMax,
      );
      return answer;
    } catch (error) {
      const requestId = request.id;
      this.#log.error({ requestId, error: messageOf(error) }, "The audit log could not be written.");
      reply.code(500).removeHeader("set-cookie").header("content-type", "application/json; charset=utf-8");
      const message = "The call was carried out, but the audit log could not be written.";
      const hint = "See that the data directory's disk has room; the server's log says more.";
      return JSON.stringify({ error: { code: "audit-log-failed", message, hint } });
    }
  }

  #detailOf(sent: unknown): unknown {
    if (typeof sent !== "object" || sent === null) return null;
    const detail = this.#mask.masked(sent);
    const { length } = JSON.stringify(detail);
    return length <= detailCharsMax ? detail : { length, fields: Object.keys(sent).slice(0, 20) };
  }
}

/** What was sent: the body and what stands in the query. A body that is no JSON is only told to be there. */
function given({ body, query }: FastifyRequest): unknown {
  const isFile = typeof body === "string" || Buffer.isBuffer(body);
  const sent = isFile ? { length: body.length } : body;
  const asked = Object.keys(query ?? {}).length === 0 ? null : query;
  return asked === null ? (sent ?? null) : { query: asked, body: sent ?? null };
}

function isWorthIt(request: FastifyRequest, status: number): boolean {
  if (request.callNote !== null) return true;
  if (request.principal === null) return false;
  if (status === 403) return true;
  const isSafe = ["GET", "HEAD", "OPTIONS"].includes(request.method);
  const isTrial =
    request.routeOptions.schema?.changesNothing === true ||
    (request.query as { dryRun?: unknown } | null)?.dryRun === true;
  return !isSafe && status < 400 && !isTrial;
}

/** Hides what must not be kept: by the schema's word, and by the name where a schema says nothing. */
class Mask {
  readonly #names: ReadonlySet<string>;

  constructor(schemas: readonly TSchema[]) {
    const names = new Set<string>();
    for (const schema of schemas) collectWriteOnly(schema, names);
    this.#names = names;
  }

  masked(value: unknown, depth = 0): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (depth > 20) return "(deep)";
    if (Array.isArray(value)) return value.map((one) => this.masked(one, depth + 1));
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [
        name,
        this.#isSecret(name) ? "(hidden)" : this.masked(one, depth + 1),
      ]),
    );
  }

  #isSecret(name: string): boolean {
    return (
      this.#names.has(name) ||
      /pass(?:word|phrase)|secret|token|key|credential|connection-?_?string|signature|\bsas\b/i.test(name)
    );
  }
}

function collectWriteOnly(schema: unknown, names: Set<string>): void {
  if (typeof schema !== "object" || schema === null) return;
  const { properties } = schema as { readonly properties?: Readonly<Record<string, { readonly writeOnly?: boolean }>> };
  for (const [name, property] of Object.entries(properties ?? {})) if (property.writeOnly === true) names.add(name);
  for (const part of Object.values(schema)) collectWriteOnly(part, names);
}
