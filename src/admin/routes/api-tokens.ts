// API tokens, for scripts.

import { Type } from "typebox";
import { must } from "../../lib/assert.ts";
import { requireRole } from "../authorization.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { gone } from "../schemas/error.ts";
import { ApiTokenList, MadeApiToken, NewApiToken } from "../schemas/user.ts";

const tags = ["tokens"];

export function apiTokenRoutes(api: Api, { registry }: AdminOptions): void {
  api.get(
    "/tokens",
    {
      schema: {
        operationId: "listApiTokens",
        summary: "All API tokens, without what a script shows.",
        tags,
        access: "administrator",
        response: { 200: ref(ApiTokenList) },
      },
    },
    async () => ({ items: await registry.apiTokens() }),
  );

  api.post(
    "/tokens",
    {
      schema: {
        operationId: "createApiToken",
        summary: "Makes an API token. The answer shows it, and nothing does again.",
        tags,
        access: "administrator",
        body: ref(NewApiToken),
        response: { 201: ref(MadeApiToken) },
        failures: [409],
      },
    },
    async (request, reply) => {
      const maker = must(request.principal, "the route is for administrators");
      requireRole(maker, request.body.role);
      reply.code(201);
      return await registry.createApiToken({ ...request.body, createdBy: maker.name }, Date.now());
    },
  );

  api.delete(
    "/tokens/:tokenId",
    {
      schema: {
        operationId: "deleteApiToken",
        summary: "Deletes an API token: what shows it is refused from now on.",
        tags,
        access: "administrator",
        params: Type.Object({ tokenId: Type.String() }),
        response: { 204: gone },
        failures: [404],
      },
    },
    async (request, reply) => {
      await registry.deleteApiToken(request.params.tokenId);
      return await reply.code(204).send(null);
    },
  );
}
