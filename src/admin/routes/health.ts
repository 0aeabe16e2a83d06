// For load balancers, containers and Prometheus: outside /api/v1, not in the OpenAPI document.

import type { Authorization } from "../authorization.ts";
import type { AdminOptions } from "../options.ts";
import type { Api } from "../schema.ts";

/** @param authorization  for /metrics; null where it is open. */
export function healthRoutes(
  app: Api,
  { readiness, metrics }: AdminOptions,
  authorization: Authorization | null,
): void {
  app.get("/healthz", async () => ({ status: "alive" }));

  app.get("/readyz", async (_request, reply) => {
    const { ready, reasons } = readiness();
    return await reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not ready", reasons });
  });

  app.get("/metrics", async (request, reply) => {
    authorization?.admit(request, "administrator");
    return await reply.header("content-type", "text/plain; version=0.0.4; charset=utf-8").send(await metrics());
  });
}
