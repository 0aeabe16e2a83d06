// The audit log, to be read.

import { Type } from "typebox";
import type { AdminOptions } from "../options.ts";
import { pageLimit } from "../page-limit.ts";
import { type Api, ref } from "../schema.ts";
import { AuditLogPage } from "../schemas/user.ts";

export function auditLogRoutes(api: Api, { registry, pageSizeMax }: AdminOptions): void {
  api.get(
    "/audit-log",
    {
      schema: {
        operationId: "listAuditLog",
        summary: "Who changed what, and who was refused; newest first.",
        tags: ["audit-log"],
        access: "administrator",
        querystring: Type.Object(
          {
            limit: Type.Optional(Type.Integer({ description: "100 when left out; at most the server's page size." })),
            before: Type.Optional(Type.Integer({ description: "The `next` of the page before." })),
            actor: Type.Optional(Type.String({ description: "Id or name of who made the call." })),
            subject: Type.Optional(Type.String({ description: "Id of what it was about." })),
            action: Type.Optional(Type.String({ description: "The call's operationId." })),
          },
          { additionalProperties: false },
        ),
        response: { 200: ref(AuditLogPage) },
      },
    },
    async (request) => {
      const { limit, ...query } = request.query;
      const length = pageLimit(limit, pageSizeMax);
      const items = await registry.auditLog({ ...query, limit: length });
      const next = items.length === length ? items.at(-1)?.number : undefined;
      return { items, ...(next === undefined ? {} : { next }) };
    },
  );
}
