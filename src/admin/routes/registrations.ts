// Registrations: who came to be provisioned; approving, blocking and forgetting them.

import { Type } from "typebox";
import { registrationStatuses } from "../../registry/registry.ts";
import type { AdminOptions } from "../options.ts";
import { pageLimit } from "../page-limit.ts";
import { type Api, ref, words } from "../schema.ts";
import { gone } from "../schemas/error.ts";
import { Registration, RegistrationApproval, RegistrationPage } from "../schemas/provisioning.ts";

const tags = ["registrations"];
const oneRegistration = Type.Object({ registrationId: Type.String() });
const access = "operator";

export function registrationRoutes(
  api: Api,
  { registry, pageSizeMax }: Pick<AdminOptions, "registry" | "pageSizeMax">,
): void {
  api.get(
    "/registrations",
    {
      schema: {
        operationId: "listRegistrations",
        summary: "Those that came to be provisioned, a page at a time.",
        tags,
        access,
        querystring: Type.Object({
          status: Type.Optional(words(registrationStatuses)),
          enrollmentGroupId: Type.Optional(Type.String()),
          limit: Type.Optional(Type.Integer({ minimum: 1, description: "100 when left out." })),
          after: Type.Optional(Type.String({ description: "The `next` of the page before." })),
        }),
        response: { 200: ref(RegistrationPage) },
      },
    },
    async (request) => {
      const { limit, ...query } = request.query;
      return await registry.registrations({ ...query, limit: pageLimit(limit, pageSizeMax) });
    },
  );

  api.get(
    "/registrations/:registrationId",
    {
      schema: {
        operationId: "getRegistration",
        summary: "One registration.",
        tags,
        access,
        params: oneRegistration,
        response: { 200: ref(Registration) },
        failures: [404],
      },
    },
    async (request) => await registry.registration(request.params.registrationId),
  );

  api.post(
    "/registrations/:registrationId/approve",
    {
      schema: {
        operationId: "approveRegistration",
        summary: "Makes the device of a registration that waits; the device hears of it when it asks next.",
        tags,
        access,
        params: oneRegistration,
        body: ref(RegistrationApproval),
        response: { 200: ref(Registration) },
        failures: [404, 409],
      },
    },
    async (request) => await registry.approveRegistration(request.params.registrationId, request.body),
  );

  api.post(
    "/registrations/:registrationId/block",
    {
      schema: {
        operationId: "blockRegistration",
        summary: "Lets a registration in no more, and disables its device if it has one.",
        tags,
        access,
        params: oneRegistration,
        response: { 200: ref(Registration) },
        failures: [404],
      },
    },
    async (request) => await registry.blockRegistration(request.params.registrationId),
  );

  api.post(
    "/registrations/:registrationId/unblock",
    {
      schema: {
        operationId: "unblockRegistration",
        summary: "Lets a blocked registration in again: its device is enabled, or it waits to be approved.",
        tags,
        access,
        params: oneRegistration,
        response: { 200: ref(Registration) },
        failures: [404],
      },
    },
    async (request) => await registry.unblockRegistration(request.params.registrationId),
  );

  api.delete(
    "/registrations/:registrationId",
    {
      schema: {
        operationId: "deleteRegistration",
        summary: "Forgets a registration that waits or is blocked and has no device; it may come again.",
        tags,
        access,
        params: oneRegistration,
        response: { 204: gone },
        failures: [404, 409],
      },
    },
    async (request, reply) => {
      await registry.deleteRegistration(request.params.registrationId);
      return await reply.code(204).send(null);
    },
  );
}
