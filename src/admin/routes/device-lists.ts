// Many devices by their ids: deleted, moved to another version of their template, let in or no more.

import { ColdpathError } from "../../lib/errors.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { DeviceIds, DevicesAccess, DevicesMigration, DevicesReport } from "../schemas/device.ts";

const tags = ["devices"];
const description = "Each by itself: what cannot be done to one does not keep it from the others.";

export function deviceListRoutes(api: Api, { registry }: AdminOptions): void {
  api.post(
    "/devices/delete",
    {
      schema: {
        operationId: "deleteDevices",
        summary: "Deletes devices and closes their connections. What they sent stays.",
        description,
        tags,
        access: "operator",
        body: ref(DeviceIds),
        response: { 200: ref(DevicesReport) },
      },
    },
    async (request) => {
      const { ids } = request.body;
      return reportOf(ids, await registry.deleteEachDevice(ids));
    },
  );

  api.post(
    "/devices/migrate",
    {
      schema: {
        operationId: "migrateDevices",
        summary: "Moves devices to another version of their template.",
        description,
        tags,
        access: "operator",
        body: ref(DevicesMigration),
        response: { 200: ref(DevicesReport) },
      },
    },
    async (request) => {
      const { ids, templateVersion } = request.body;
      return reportOf(ids, await registry.migrateEachDevice(ids, templateVersion));
    },
  );

  api.post(
    "/devices/access",
    {
      schema: {
        operationId: "setDevicesAccess",
        summary: "Lets devices in, or blocks them and closes their connections.",
        description,
        tags,
        access: "operator",
        body: ref(DevicesAccess),
        response: { 200: ref(DevicesReport) },
      },
    },
    async (request) => {
      const { ids, enabled } = request.body;
      return reportOf(ids, await registry.updateEachDevice(ids, { enabled }));
    },
  );
}

function reportOf(ids: readonly string[], outcomes: readonly (ColdpathError | object | null)[]) {
  const refused = outcomes.flatMap((outcome, index) => {
    if (!(outcome instanceof ColdpathError)) return [];
    const { code, message, field, hint } = outcome;
    return [{ id: ids[index] ?? "", code, message, field, hint }];
  });
  return { done: outcomes.length - refused.length, refused };
}
