// Modules of devices: their identities, their keys and their twins.

import { Type } from "typebox";
import { connectionId } from "../../ingest/connection-table.ts";
import type { KeyPair, Module as RegistryModule } from "../../registry/registry.ts";
import { hostNameOf, moduleConnectionString } from "../connection-string.ts";
import { keyChangeOf } from "../key-change.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { DeviceKeyChange } from "../schemas/device.ts";
import { gone } from "../schemas/error.ts";
import { Module, ModuleCredentials, ModuleList, ModuleTwin, NewModule } from "../schemas/module.ts";
import { TwinChange } from "../schemas/twin.ts";

const tags = ["modules"];
const access = "operator";
const oneDevice = Type.Object({ deviceId: Type.String() });
const oneModule = Type.Object({ deviceId: Type.String(), moduleId: Type.String() });

export function moduleRoutes(api: Api, { registry, connections, endpoints }: AdminOptions): void {
  const answer = (module: RegistryModule) => ({
    ...module,
    connected: connections.isOpen(connectionId(module.deviceId, module.id)),
  });
  const credentials = (deviceId: string, moduleId: string, { primaryKey, secondaryKey }: KeyPair) => {
    const hostName = hostNameOf(endpoints());
    return {
      deviceId,
      moduleId,
      hostName,
      primaryKey,
      secondaryKey,
      primaryConnectionString: moduleConnectionString(hostName, deviceId, moduleId, primaryKey),
      secondaryConnectionString: moduleConnectionString(hostName, deviceId, moduleId, secondaryKey),
    };
  };

  api.get(
    "/devices/:deviceId/modules",
    {
      schema: {
        operationId: "listModules",
        summary: "All modules of a device.",
        tags,
        access,
        params: oneDevice,
        response: { 200: ref(ModuleList) },
        failures: [404],
      },
    },
    async (request) => ({ items: (await registry.modules(request.params.deviceId)).map(answer) }),
  );

  api.post(
    "/devices/:deviceId/modules",
    {
      schema: {
        operationId: "createModule",
        summary: "Makes a module of a device.",
        tags,
        access,
        params: oneDevice,
        body: ref(NewModule),
        response: { 201: ref(Module) },
        failures: [404, 409],
      },
    },
    async (request, reply) => {
      reply.code(201);
      return answer(await registry.createModule(request.params.deviceId, request.body));
    },
  );

  api.get(
    "/devices/:deviceId/modules/:moduleId",
    {
      schema: {
        operationId: "getModule",
        summary: "One module.",
        tags,
        access,
        params: oneModule,
        response: { 200: ref(Module) },
        failures: [404],
      },
    },
    async (request) => answer(await registry.module(request.params.deviceId, request.params.moduleId)),
  );

  api.delete(
    "/devices/:deviceId/modules/:moduleId",
    {
      schema: {
        operationId: "deleteModule",
        summary: "Deletes a module with its twin and closes its connection. What it sent stays.",
        tags,
        access,
        params: oneModule,
        response: { 204: gone },
        failures: [404],
      },
    },
    async (request, reply) => {
      await registry.deleteModule(request.params.deviceId, request.params.moduleId);
      return await reply.code(204).send(null);
    },
  );

  api.get(
    "/devices/:deviceId/modules/:moduleId/credentials",
    {
      schema: {
        operationId: "getModuleCredentials",
        summary: "Shows a module's keys and connection strings.",
        tags,
        access,
        params: oneModule,
        response: { 200: ref(ModuleCredentials) },
        failures: [404],
      },
    },
    async (request) => {
      const { deviceId, moduleId } = request.params;
      const shown = credentials(deviceId, moduleId, await registry.moduleKeys(deviceId, moduleId));
      // Who has seen a module's key can be that module.
      request.callNote = {};
      return shown;
    },
  );

  api.put(
    "/devices/:deviceId/modules/:moduleId/keys",
    {
      schema: {
        operationId: "setModuleKeys",
        summary: "Sets keys of a module, or makes one anew; its connection is closed.",
        tags,
        access,
        params: oneModule,
        body: ref(DeviceKeyChange),
        response: { 200: ref(ModuleCredentials) },
        failures: [404],
      },
    },
    async (request) => {
      const { deviceId, moduleId } = request.params;
      const keys = await registry.setModuleKeys(deviceId, moduleId, keyChangeOf(request.body));
      return credentials(deviceId, moduleId, keys);
    },
  );

  api.get(
    "/devices/:deviceId/modules/:moduleId/twin",
    {
      schema: {
        operationId: "getModuleTwin",
        summary: "A module's twin.",
        tags,
        access,
        params: oneModule,
        response: { 200: ref(ModuleTwin) },
        failures: [404],
      },
    },
    async (request) => await registry.moduleTwin(request.params.deviceId, request.params.moduleId),
  );

  api.patch(
    "/devices/:deviceId/modules/:moduleId/twin",
    {
      schema: {
        operationId: "updateModuleTwin",
        summary: "Changes desired properties of a module.",
        tags,
        access,
        params: oneModule,
        body: ref(TwinChange),
        response: { 200: ref(ModuleTwin) },
        failures: [404],
      },
    },
    async (request) => {
      const { deviceId, moduleId } = request.params;
      return await registry.patchModuleDesired(deviceId, moduleId, request.body.desired);
    },
  );
}
