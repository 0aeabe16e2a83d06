// How to connect as a device: programs for the languages that people ask for.

import { Type } from "typebox";
import { SimulatedDevice } from "../../simulator/simulated-device.ts";
import { connectionSnippets, keyPlaceholder } from "../connection-code.ts";
import { hostNameOf } from "../connection-string.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { ConnectionCode } from "../schemas/device.ts";

export function connectionCodeRoutes(api: Api, { registry, endpoints, clock }: AdminOptions): void {
  api.get(
    "/devices/:deviceId/connection-code",
    {
      schema: {
        operationId: "getDeviceConnectionCode",
        summary: "Programs that send a message as this device, for its key to be filled in.",
        tags: ["devices"],
        access: "operator",
        params: Type.Object({ deviceId: Type.String() }),
        response: { 200: ref(ConnectionCode) },
        failures: [404],
      },
    },
    async (request) => {
      const device = await registry.device(request.params.deviceId);
      const template = await registry.template(device.templateId, device.templateVersion);
      const { publicHosts, mqttsPort, caPath } = endpoints();
      // The same each time.
      const body = new SimulatedDevice(template, () => 0.5).nextBody(clock.nowMs()) ?? {};
      return {
        deviceId: device.id,
        hostName: hostNameOf({ publicHosts, mqttsPort }),
        host: publicHosts[0] ?? "localhost",
        port: mqttsPort,
        caPath,
        placeholder: keyPlaceholder,
        snippets: connectionSnippets({
          deviceId: device.id,
          endpoints: { publicHosts, mqttsPort, caPath },
          body: JSON.stringify(body),
        }),
      };
    },
  );
}
