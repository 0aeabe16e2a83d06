// From anything thrown to the one form of error answers, and its status.
//
// Errors made for people pass with their words. Anything else is a fault of ours: it is logged with the request's id, and
// the answer holds only that id.

import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { DestinationError } from "../destinations/destination.ts";
import { ColdpathError, type ErrorKind, codeOf, messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { RefusedCall } from "./refused-call.ts";
import { wordsOfValidation } from "./validation-words.ts";

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly field?: string | undefined;
  readonly hint?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

const statusOfKind: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  "not-found": 404,
  conflict: 409,
  unavailable: 503,
  "no-answer": 504,
  fatal: 500,
};

export async function answerError(log: Log, thrown: unknown, request: FastifyRequest, reply: FastifyReply) {
  const requestId = request.id;
  let refusal = refusalOf(thrown, request);
  if (refusal === null) {
    const stack = thrown instanceof Error ? thrown.stack : undefined;
    const { method } = request;
    const route = request.routeOptions?.url ?? "unknown";
    log.error({ requestId, method, route, error: messageOf(thrown), stack }, "A call of the API failed.");
    refusal = {
      status: 500,
      code: "internal",
      message: `Something failed inside the server, request ${requestId}.`,
      hint: "Look for this request's id in the server's log.",
    };
  }
  const { status, code, message, field, hint, headers = {} } = refusal;
  return await reply
    .code(status)
    .headers(headers)
    .header("content-type", "application/json; charset=utf-8")
    .send({ error: { code, message, field, hint } });
}

export async function answerUnknownRoute(request: FastifyRequest, reply: FastifyReply) {
  const path = request.url.split("?", 1)[0];
  return await reply.code(404).send({
    error: {
      code: "route-not-found",
      message: `There is no ${request.method} ${path}.`,
      hint: "GET /api/v1/openapi.json lists all calls.",
    },
  });
}

/** Null when it was not made for people. */
function refusalOf(thrown: unknown, request: FastifyRequest): Refusal | null {
  if (thrown instanceof ColdpathError) {
    if (thrown.kind === "fatal") return null;
    const { kind, code, message, field, hint } = thrown;
    return { status: statusOfKind[kind], code, message, field, hint };
  }
  if (thrown instanceof RefusedCall) return thrown;
  if (thrown instanceof DestinationError) {
    const { kind, code, message, hint } = thrown.failure;
    const told = { message: `The storage account refused or failed: ${message} (${code}).`, hint };
    return kind === "temporary"
      ? { status: 503, code: "storage-unavailable", ...told }
      : { status: 409, code: "storage-refused", ...told };
  }
  const { validation, validationContext, statusCode } = (thrown ?? {}) as Partial<FastifyError>;
  if (validation !== undefined) return { status: 400, ...wordsOfValidation(validation, validationContext ?? "body") };
  return protocolRefusals[codeOf(thrown) ?? ""]?.(request) ?? otherRefusal(statusCode);
}

/** Fastify's own codes: https://fastify.dev/docs/latest/Reference/Errors/ */
const protocolRefusals: Readonly<Record<string, (request: FastifyRequest) => Refusal>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: (request) => ({
    status: 413,
    code: "request-too-large",
    message: `The request is larger than ${request.routeOptions?.bodyLimit ?? "allowed"} bytes.`,
    hint: `Send less at once, or raise the server's ${isFile(request) ? "--import-bytes-max" : "--request-bytes-max"}.`,
  }),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: (request) => ({
    status: 415,
    code: "unsupported-media-type",
    message: `The body must be ${isFile(request) ? "CSV" : "JSON"}.`,
    hint: `Send the header \`Content-Type: ${isFile(request) ? "text/csv" : "application/json"}\`.`,
  }),
  FST_ERR_CTP_INVALID_JSON_BODY: () => notJson,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => ({
    status: 400,
    code: "invalid-request",
    message: "The body's length is not what Content-Length says.",
  }),
  FST_ERR_BAD_URL: () => ({ status: 400, code: "invalid-path", message: "The path is not well-formed.", hint: encode }),
  FST_ERR_MAX_PARAM_LENGTH: () => ({ status: 400, code: "invalid-path", message: "An id in the path is too long." }),
};
/** Of devices, the only ones there are. */
function isFile(request: FastifyRequest): boolean {
  return request.routeOptions?.schema?.consumes?.includes("text/csv") === true;
}
const encode = "URL-encode the ids in it.";
const notJson = {
  status: 400,
  code: "invalid-json",
  message: "The body is not JSON.",
  hint: "Send one JSON object, in UTF-8.",
};

function otherRefusal(statusCode: number | undefined): Refusal | null {
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return null;
  return { status: statusCode, code: "invalid-request", message: "The request is not well-formed." };
}
