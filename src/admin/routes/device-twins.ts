// Device twins: looked at, and what is no setting changed. Settings are changed with the device.

import { Type } from "typebox";
import { type DeviceTwin as RegistryTwin, type Registry, reportedValue, settingSync } from "../../registry/registry.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { DeviceTwin, TwinChange } from "../schemas/twin.ts";

const tags = ["devices"];
const oneDevice = Type.Object({ deviceId: Type.String() });

export function deviceTwinRoutes(api: Api, { registry }: Pick<AdminOptions, "registry">): void {
  api.get(
    "/devices/:deviceId/twin",
    {
      schema: {
        operationId: "getDeviceTwin",
        summary: "A device's twin, and how far its settings got.",
        tags,
        access: "operator",
        params: oneDevice,
        response: { 200: ref(DeviceTwin) },
        failures: [404],
      },
    },
    async (request) => await answer(registry, await registry.deviceTwin(request.params.deviceId)),
  );

  api.patch(
    "/devices/:deviceId/twin",
    {
      schema: {
        operationId: "updateDeviceTwin",
        summary: "Changes what in a device's desired properties is no setting.",
        tags,
        access: "operator",
        params: oneDevice,
        body: ref(TwinChange),
        response: { 200: ref(DeviceTwin) },
        failures: [404],
      },
    },
    async (request) =>
      await answer(registry, await registry.patchDesired(request.params.deviceId, request.body.desired)),
  );
}

async function answer(registry: Registry, twin: RegistryTwin) {
  const { templateId, templateVersion } = await registry.device(twin.deviceId);
  const { settings, properties } = await registry.template(templateId, templateVersion);
  const syncs = Object.keys(settings.device).map(
    (name) => [name, settingSync(name, twin.desired, twin.reported)] as const,
  );
  const { content } = twin.reported;
  return {
    ...twin,
    settings: Object.fromEntries(syncs.flatMap(([name, sync]) => (sync === null ? [] : [[name, sync]]))),
    unfit: Object.entries(properties.device)
      .filter(
        ([name, definition]) =>
          !reportedValue(definition, Object.hasOwn(content, name) ? content[name] : undefined).fits,
      )
      .map(([name]) => name),
  };
}
