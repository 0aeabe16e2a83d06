// Hub policies and their keys.

import { Type } from "typebox";
import { registryError } from "../../registry/errors.ts";
import type { KeyPair } from "../../registry/registry.ts";
import { hostNameOf, policyConnectionString } from "../connection-string.ts";
import { keyChangeOf } from "../key-change.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { NewPolicy, Policy, PolicyKeyChange, PolicyKeys, PolicyList } from "../schemas/device.ts";
import { gone } from "../schemas/error.ts";

const tags = ["policies"];
const onePolicy = Type.Object({ name: Type.String() });

export function policyRoutes(api: Api, { registry, endpoints }: AdminOptions): void {
  const answer = (name: string, { primaryKey, secondaryKey }: KeyPair) => {
    const hostName = hostNameOf(endpoints());
    return {
      name,
      primaryKey,
      secondaryKey,
      primaryConnectionString: policyConnectionString(hostName, name, primaryKey),
      secondaryConnectionString: policyConnectionString(hostName, name, secondaryKey),
    };
  };

  api.get(
    "/policies",
    {
      schema: {
        operationId: "listPolicies",
        summary: "All hub policies, without their keys.",
        tags,
        access: "administrator",
        response: { 200: ref(PolicyList) },
      },
    },
    async () => ({ items: await registry.policies() }),
  );

  api.post(
    "/policies",
    {
      schema: {
        operationId: "createPolicy",
        summary: "Makes a hub policy.",
        tags,
        access: "administrator",
        body: ref(NewPolicy),
        response: { 201: ref(Policy) },
        failures: [409],
      },
    },
    async (request, reply) => {
      const { name, ...keys } = request.body;
      reply.code(201);
      return await registry.createPolicy(name, keys);
    },
  );

  api.get(
    "/policies/:name/keys",
    {
      schema: {
        operationId: "getPolicyKeys",
        summary: "Shows a hub policy's keys and connection strings.",
        tags,
        access: "administrator",
        params: onePolicy,
        response: { 200: ref(PolicyKeys) },
        failures: [404],
      },
    },
    async (request) => {
      const { name } = request.params;
      const keys = await registry.policyKeys(name);
      if (keys === null) throw registryError("policy-not-found", `There is no hub policy ${JSON.stringify(name)}.`);
      // Who has seen a policy's key can be any device.
      request.callNote = {};
      return answer(name, keys);
    },
  );

  api.put(
    "/policies/:name/keys",
    {
      schema: {
        operationId: "setPolicyKeys",
        summary: "Sets keys of a hub policy, or makes one anew; connections that came in by it are closed.",
        tags,
        access: "administrator",
        params: onePolicy,
        body: ref(PolicyKeyChange),
        response: { 200: ref(PolicyKeys) },
        failures: [404],
      },
    },
    async (request) => {
      const { name } = request.params;
      return answer(name, await registry.setPolicyKeys(name, keyChangeOf(request.body)));
    },
  );

  api.delete(
    "/policies/:name",
    {
      schema: {
        operationId: "deletePolicy",
        summary: "Deletes a hub policy; connections that came in by it are closed.",
        tags,
        access: "administrator",
        params: onePolicy,
        response: { 204: gone },
        failures: [404],
      },
    },
    async (request, reply) => {
      await registry.deletePolicy(request.params.name);
      return await reply.code(204).send(null);
    },
  );
}
