// Users, by administrators.

import { Type } from "typebox";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { gone } from "../schemas/error.ts";
import { NewUser, User, UserChange, UserList } from "../schemas/user.ts";

const tags = ["users"];
const oneUser = Type.Object({ userId: Type.String() });

export function userRoutes(api: Api, { registry }: AdminOptions): void {
  api.get(
    "/users",
    {
      schema: {
        operationId: "listUsers",
        summary: "All users.",
        tags,
        access: "administrator",
        response: { 200: ref(UserList) },
      },
    },
    async () => ({ items: await registry.users() }),
  );

  api.post(
    "/users",
    {
      schema: {
        operationId: "createUser",
        summary: "Makes a user.",
        tags,
        access: "administrator",
        body: ref(NewUser),
        response: { 201: ref(User) },
        failures: [409, 503],
      },
    },
    async (request, reply) => {
      reply.code(201);
      return await registry.createUser(request.body);
    },
  );

  api.get(
    "/users/:userId",
    {
      schema: {
        operationId: "getUser",
        summary: "One user.",
        tags,
        access: "administrator",
        params: oneUser,
        response: { 200: ref(User) },
        failures: [404],
      },
    },
    async (request) => await registry.user(request.params.userId),
  );

  api.patch(
    "/users/:userId",
    {
      schema: {
        operationId: "updateUser",
        summary: "Changes name, role, password or access of a user.",
        description: "A change of role, password or access ends the user's sessions, one's own too.",
        tags,
        access: "administrator",
        params: oneUser,
        body: ref(UserChange),
        response: { 200: ref(User) },
        failures: [404, 409, 503],
      },
    },
    async (request) => {
      const { etag, ...change } = request.body;
      return await registry.updateUser(request.params.userId, change, etag);
    },
  );

  api.delete(
    "/users/:userId",
    {
      schema: {
        operationId: "deleteUser",
        summary: "Deletes a user and ends the user's sessions. API tokens that the user made stay.",
        tags,
        access: "administrator",
        params: oneUser,
        response: { 204: gone },
        failures: [404, 409],
      },
    },
    async (request, reply) => {
      await registry.deleteUser(request.params.userId);
      return await reply.code(204).send(null);
    },
  );
}
