// For load balancers, containers and Prometheus: outside /api/v1, not in the OpenAPI document.

import type { FastifyReply, FastifyRequest } from "fastify";
import type { AdminOptions } from "../options.ts";
import type { Api } from "../schema.ts";

/** @param authorize  for /metrics; null where it is open. */
export function healthRoutes(
  app: Api,
  { readiness, metrics }: AdminOptions,
  authorize: ((request: FastifyRequest, reply: FastifyReply) => Promise<unknown>) | null,
): void {
  app.get("/healthz", async () => ({ status: "alive" }));

  app.get("/readyz", async (_request, reply) => {
    const { ready, reasons } = readiness();
    return await reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not ready", reasons });
  });

  app.get("/metrics", authorize === null ? {} : { onRequest: authorize }, async (_request, reply) => {
    return await reply.header("content-type", "text/plain; version=0.0.4; charset=utf-8").send(await metrics());
  });
}
