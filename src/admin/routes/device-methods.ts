// Direct methods: a connected device is asked to do something, and its answer is this call's.

import { Type } from "typebox";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { MethodAnswer, MethodRequest } from "../schemas/method.ts";

export function deviceMethodRoutes(api: Api, { registry, methods }: Pick<AdminOptions, "registry" | "methods">): void {
  api.post(
    "/devices/:deviceId/methods",
    {
      schema: {
        operationId: "callDeviceMethod",
        summary: "Calls a direct method of a connected device and waits for its answer.",
        tags: ["devices"],
        access: "operator",
        params: Type.Object({ deviceId: Type.String() }),
        body: ref(MethodRequest),
        response: { 200: ref(MethodAnswer) },
        failures: [404, 503, 504],
      },
    },
    async (request) => {
      const { deviceId } = request.params;
      const { name, payload = null, responseTimeoutSeconds = 30, connectTimeoutSeconds = 0 } = request.body;
      const { generationId } = await registry.device(deviceId);
      // Whatever comes out, the device may have done it. What it was given may be a secret.
      request.callNote = { detail: { name } };
      const answer = await methods.invoke(
        { deviceId, generationId },
        {
          name,
          payload: JSON.stringify(payload),
          responseTimeoutMs: responseTimeoutSeconds * 1000,
          connectTimeoutMs: connectTimeoutSeconds * 1000,
        },
      );
      return { status: answer.status, payload: answer.payload };
    },
  );
}
