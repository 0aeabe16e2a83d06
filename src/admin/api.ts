// The API's server: Fastify with its bounds, the error form, authorization, the OpenAPI document and all routes.

import { randomUUID } from "node:crypto";
import http from "node:http";
import https from "node:https";
import swagger from "@fastify/swagger";
import { fastify } from "fastify";
import { secureTransport } from "../lib/secure-transport.ts";
import { Authorization, isLoopback } from "./authorization.ts";
import { CallLog } from "./call-log.ts";
import { answerError, answerUnknownRoute } from "./error-answer.ts";
import { documentOptions } from "./openapi.ts";
import type { AdminOptions } from "./options.ts";
import { readQuery } from "./query-values.ts";
import { apiTokenRoutes } from "./routes/api-tokens.ts";
import { auditLogRoutes } from "./routes/audit-log.ts";
import { authorityRoutes } from "./routes/authority.ts";
import { caCertificateRoutes } from "./routes/ca-certificates.ts";
import { cloudMessageRoutes } from "./routes/cloud-messages.ts";
import { connectionCodeRoutes } from "./routes/connection-code.ts";
import { deviceFileRoutes } from "./routes/device-files.ts";
import { deviceKeyRoutes } from "./routes/device-keys.ts";
import { deviceListRoutes } from "./routes/device-lists.ts";
import { deviceTemplateRoutes } from "./routes/device-templates.ts";
import { deviceMessageRoutes } from "./routes/device-messages.ts";
import { deviceMethodRoutes } from "./routes/device-methods.ts";
import { deviceRoutes } from "./routes/devices.ts";
import { deviceTwinRoutes } from "./routes/device-twins.ts";
import { exportFileRoutes } from "./routes/export-files.ts";
import { exportRunRoutes } from "./routes/export-runs.ts";
import { exportRoutes } from "./routes/exports.ts";
import { healthRoutes } from "./routes/health.ts";
import { liveRoutes } from "./routes/live.ts";
import { moduleRoutes } from "./routes/modules.ts";
import { pageRoutes } from "./routes/page.ts";
import { policyRoutes } from "./routes/policies.ts";
import { provisioningRoutes } from "./routes/provisioning.ts";
import { registrationRoutes } from "./routes/registrations.ts";
import { knownHosts, secureAnswers } from "./secure-answers.ts";
import { sessionRoutes } from "./routes/session.ts";
import { statusRoutes } from "./routes/status.ts";
import { storageAccountRoutes } from "./routes/storage-accounts.ts";
import { userRoutes } from "./routes/users.ts";
import type { Api } from "./schema.ts";
import { namedSchemas } from "./schemas/schemas.ts";
import { SessionCookie } from "./session-cookie.ts";
import { SetUp } from "./set-up.ts";
import { Streams } from "./streams.ts";

/** A client that is slower than this is cut off. */
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 60_000;
/** How often Node looks for such clients. */
const connectionsCheckingInterval = 2_000;
const keepAliveTimeoutMs = 30_000;
const connectionsMax = 512;
const requestsPerConnectionMax = 10_000;
/** A device id of 128 characters, each of them escaped. */
const parameterCharsMax = 512;

/** Everything ready, nothing listening yet. */
export async function makeApi(
  options: AdminOptions,
): Promise<{ app: Api; server: http.Server | https.Server; setUp: SetUp }> {
  const { log, tls, registry, adminToken, sessions } = options;
  const cookie = new SessionCookie(registry.installation.id, tls !== undefined);
  const proxyNames = new Set(options.webHosts.map((name) => name.toLowerCase()));
  const isOurName = (name: string) => proxyNames.has(name);
  const authorization = new Authorization({ registry, adminToken, sessions, cookie, isOurName, log });
  const setUp = new SetUp(registry, options.webUrl);
  const app: Api = fastify({
    serverFactory: (handler) => {
      // Before Fastify, so that no answer is without them, not even to what it cannot route.
      const secured = secureAnswers(handler, { isTls: tls !== undefined, isKnownHost: knownHosts(options) });
      const server =
        tls === undefined
          ? http.createServer({ connectionsCheckingInterval }, secured)
          : https.createServer({ connectionsCheckingInterval, ...secureTransport, ...tls }, secured);
      server.headersTimeout = headersTimeoutMs;
      server.requestTimeout = requestTimeoutMs;
      server.keepAliveTimeout = keepAliveTimeoutMs;
      server.maxConnections = connectionsMax;
      server.maxRequestsPerSocket = requestsPerConnectionMax;
      return server;
    },
    bodyLimit: options.requestBytesMax,
    routerOptions: { maxParamLength: parameterCharsMax },
    forceCloseConnections: "idle",
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    ajv: {
      // A typo is an error that names it, and "5" is no number: only query strings are read as values (query-values.ts).
      customOptions: { removeAdditional: false, coerceTypes: false, discriminator: true, verbose: true },
    },
    frameworkErrors: (error, request, reply) => {
      void answerError(log, error, request, reply);
    },
  }).withTypeProvider();

  app.setErrorHandler(async (error, request, reply) => await answerError(log, error, request, reply));
  app.decorateRequest("principal", null);
  app.decorateRequest("callNote", null);
  app.decorateRequest("madeId", null);
  await pageRoutes(app, options);
  healthRoutes(app, options, isLoopback(options.host) ? null : authorization);
  await app.register(
    async (api: Api) => {
      await addApi(api, options, authorization);
      sessionRoutes(api, options, cookie, setUp);
    },
    { prefix: "/api/v1" },
  );
  await app.ready();
  return { app, server: app.server, setUp };
}

async function addApi(api: Api, options: AdminOptions, authorization: Authorization): Promise<void> {
  const { log, registry, auditLogEntriesMax: entriesMax } = options;
  const callLog = new CallLog({ registry, entriesMax, schemas: namedSchemas, log });
  const parseJson = api.getDefaultJsonParser("error", "error");
  api.removeAllContentTypeParsers();
  api.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    // Clients that always send the header mean "no body".
    if (body === "") done(null, undefined);
    else void parseJson(request, body as string, done);
  });
  for (const schema of namedSchemas) api.addSchema(schema);
  await api.register(swagger, documentOptions(options.version));

  api.addHook("onRoute", (route) => authorization.checkRoute(route));
  // Hooks of this scope run for its unknown routes too: nobody learns without a credential what exists.
  api.addHook("onRequest", async (request) => authorization.admit(request));
  api.addHook("preSerialization", async (request, _reply, answer) => {
    callLog.seeAnswer(request, answer);
    return answer;
  });
  api.addHook("onSend", async (request, reply, answer) => await callLog.record(request, reply, answer));
  api.addHook("preValidation", async (request) => {
    readQuery(request);
    // Left out is empty: then what is missing is named, and calls without any input need no body.
    if (request.routeOptions.schema?.body !== undefined) request.body ??= {};
  });
  api.addHook("onResponse", async (request, reply) => {
    const { method, id: requestId } = request;
    const route = request.routeOptions.url ?? "unknown";
    const fields = { method, route, status: reply.statusCode, durationMs: Math.round(reply.elapsedTime), requestId };
    log.debug(fields, "A call of the API was answered.");
  });
  api.setNotFoundHandler(answerUnknownRoute);

  const streams = new Streams({
    registry,
    streamsMax: options.streamsMax,
    unsentBytesMax: options.streamUnsentBytesMax,
  });
  // Before the server waits for all answers to end: these would not.
  api.addHook("preClose", async () => streams.close());
  statusRoutes(api, options);
  liveRoutes(api, options, streams);
  authorityRoutes(api, options);
  deviceTemplateRoutes(api, options);
  deviceRoutes(api, options);
  deviceListRoutes(api, options);
  await deviceFileRoutes(api, options);
  deviceTwinRoutes(api, options);
  deviceMethodRoutes(api, options);
  cloudMessageRoutes(api, options);
  deviceKeyRoutes(api, options);
  moduleRoutes(api, options);
  deviceMessageRoutes(api, options, streams);
  connectionCodeRoutes(api, options);
  policyRoutes(api, options);
  provisioningRoutes(api, options);
  registrationRoutes(api, options);
  caCertificateRoutes(api, options);
  storageAccountRoutes(api, options);
  exportRoutes(api, options);
  exportRunRoutes(api, options);
  exportFileRoutes(api, options);
  userRoutes(api, options);
  apiTokenRoutes(api, options);
  auditLogRoutes(api, options);
  api.get("/openapi.json", { schema: { hide: true, access: "operator" } }, async () => api.swagger());
}
