// Direct methods: a connected device, or a module of it, is asked to do something, and its answer is this call's.

import { type Static, Type } from "typebox";
import { ColdpathError } from "../../lib/errors.ts";
import { isNestedBeyond } from "../../lib/nesting.ts";
import { type MethodOwner, methodPayloadLevelsMax } from "../../twins/methods.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { MethodAnswer, MethodRequest } from "../schemas/method.ts";

const tags = ["devices"];

export function deviceMethodRoutes(api: Api, { registry, methods }: Pick<AdminOptions, "registry" | "methods">): void {
  const call = async (owner: MethodOwner, request: Static<typeof MethodRequest>) => {
    const { name, payload = null, responseTimeoutSeconds = 30, connectTimeoutSeconds = 0 } = request;
    if (isNestedBeyond(payload, methodPayloadLevelsMax)) {
      const message = `The payload is nested deeper than ${methodPayloadLevelsMax} levels.`;
      throw new ColdpathError("invalid", "input-invalid", message, { field: "payload" });
    }
    const answer = await methods.invoke(owner, {
      name,
      payload: JSON.stringify(payload),
      responseTimeoutMs: responseTimeoutSeconds * 1000,
      connectTimeoutMs: connectTimeoutSeconds * 1000,
    });
    return { status: answer.status, payload: answer.payload };
  };

  api.post(
    "/devices/:deviceId/methods",
    {
      schema: {
        operationId: "callDeviceMethod",
        summary: "Calls a direct method of a connected device and waits for its answer.",
        tags,
        access: "operator",
        params: Type.Object({ deviceId: Type.String() }),
        body: ref(MethodRequest),
        response: { 200: ref(MethodAnswer) },
        failures: [404, 503, 504],
      },
    },
    async (request) => {
      const { deviceId } = request.params;
      const { generationId } = await registry.device(deviceId);
      // Whatever comes out, the device may have done it. What it was given may be a secret.
      request.callNote = { detail: { name: request.body.name } };
      return await call({ deviceId, generationId }, request.body);
    },
  );

  api.post(
    "/devices/:deviceId/modules/:moduleId/methods",
    {
      schema: {
        operationId: "callModuleMethod",
        summary: "Calls a direct method of a connected module and waits for its answer.",
        tags: ["modules"],
        access: "operator",
        params: Type.Object({ deviceId: Type.String(), moduleId: Type.String() }),
        body: ref(MethodRequest),
        response: { 200: ref(MethodAnswer) },
        failures: [404, 503, 504],
      },
    },
    async (request) => {
      const { deviceId, moduleId } = request.params;
      const { generationId } = await registry.module(deviceId, moduleId);
      request.callNote = { detail: { name: request.body.name } };
      return await call({ deviceId, moduleId, generationId }, request.body);
    },
  );
}
