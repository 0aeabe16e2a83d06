// Devices: pages of them, one, many at once, and moves to another version of their template.

import { Type } from "typebox";
import { type Device as RegistryDevice, deviceOrders } from "../../registry/registry.ts";
import { deviceFilter, filterOf } from "../device-filter.ts";
import type { AdminOptions } from "../options.ts";
import { pageLimit } from "../page-limit.ts";
import { type Api, ref, words } from "../schema.ts";
import { DeviceAuthentication, ThumbprintChange } from "../schemas/certificate.ts";
import {
  Device,
  DeviceChange,
  DeviceList,
  DeviceMigration,
  DevicePage,
  NewDevice,
  NewDeviceBatch,
} from "../schemas/device.ts";
import { gone } from "../schemas/error.ts";

const tags = ["devices"];
const oneDevice = Type.Object({ deviceId: Type.String() });

export function deviceRoutes(api: Api, { registry, connections, pageSizeMax }: AdminOptions): void {
  const answer = (device: RegistryDevice) => ({ ...device, connected: connections.isOpen(device.id) });

  api.get(
    "/devices",
    {
      schema: {
        operationId: "listDevices",
        summary: "A page of devices.",
        description:
          "Pages stay in place whatever is made or deleted between them. However many devices there are, the server goes on with its other work while it looks for them.",
        tags,
        access: "operator",
        querystring: Type.Object(
          {
            ...deviceFilter,
            sort: Type.Optional(
              words(
                deviceOrders,
                "By id when left out; by name: without regard to case; by template: its name and version.",
              ),
            ),
            descending: Type.Optional(Type.Boolean()),
            limit: Type.Optional(Type.Integer({ description: "100 when left out; at most the server's page size." })),
            after: Type.Optional(Type.String({ description: "The `next` of the page before." })),
          },
          { additionalProperties: false },
        ),
        response: { 200: ref(DevicePage) },
      },
    },
    async (request) => {
      const { limit, after, sort, descending, ...given } = request.query;
      const page = await registry.devices({
        ...filterOf(given, connections),
        sort,
        descending,
        after,
        limit: pageLimit(limit, pageSizeMax),
        isCounted: true,
      });
      return { items: page.items.map(answer), next: page.next, total: page.total ?? 0 };
    },
  );

  api.post(
    "/devices",
    {
      schema: {
        operationId: "createDevice",
        summary: "Makes a device.",
        tags,
        access: "operator",
        body: ref(NewDevice),
        response: { 201: ref(Device) },
        failures: [409],
      },
    },
    async (request, reply) => {
      reply.code(201);
      return answer(await registry.createDevice(request.body));
    },
  );

  api.post(
    "/devices/batch",
    {
      schema: {
        operationId: "createDevices",
        summary: "Makes many devices at once, all or none.",
        description: "An error's field begins with `[index].`, the index of the device in the list.",
        tags,
        access: "operator",
        body: ref(NewDeviceBatch),
        response: { 201: ref(DeviceList) },
        failures: [409],
      },
    },
    async (request, reply) => {
      reply.code(201);
      return { items: (await registry.createDevices(request.body.devices)).map(answer) };
    },
  );

  api.get(
    "/devices/:deviceId",
    {
      schema: {
        operationId: "getDevice",
        summary: "One device.",
        tags,
        access: "operator",
        params: oneDevice,
        response: { 200: ref(Device) },
        failures: [404],
      },
    },
    async (request) => answer(await registry.device(request.params.deviceId)),
  );

  api.patch(
    "/devices/:deviceId",
    {
      schema: {
        operationId: "updateDevice",
        summary: "Changes name, access, properties and settings of a device.",
        tags,
        access: "operator",
        params: oneDevice,
        body: ref(DeviceChange),
        response: { 200: ref(Device) },
        failures: [404, 409],
      },
    },
    async (request) => {
      const { etag, ...patch } = request.body;
      return answer(await registry.updateDevice(request.params.deviceId, patch, etag));
    },
  );

  api.delete(
    "/devices/:deviceId",
    {
      schema: {
        operationId: "deleteDevice",
        summary: "Deletes a device and closes its connection. What it sent stays.",
        tags,
        access: "operator",
        params: oneDevice,
        response: { 204: gone },
        failures: [404],
      },
    },
    async (request, reply) => {
      await registry.deleteDevice(request.params.deviceId);
      return await reply.code(204).send(null);
    },
  );

  api.put(
    "/devices/:deviceId/authentication",
    {
      schema: {
        operationId: "setDeviceAuthentication",
        summary: "Sets how a device proves who it is; its connection is closed.",
        tags,
        access: "operator",
        params: oneDevice,
        body: ref(DeviceAuthentication),
        response: { 200: ref(Device) },
        failures: [404],
      },
    },
    async (request) => {
      const { deviceId } = request.params;
      await registry.setDeviceAuthentication(deviceId, request.body);
      return answer(await registry.device(deviceId));
    },
  );

  api.patch(
    "/devices/:deviceId/authentication",
    {
      schema: {
        operationId: "setDeviceThumbprints",
        summary: "Replaces one certificate of a device that signs in by thumbprint; its connection is closed.",
        description:
          "Without a gap: make the next certificate the second one, put it on the device, then make it the first. The device comes back at once by whichever of them it has.",
        tags,
        access: "operator",
        params: oneDevice,
        body: ref(ThumbprintChange),
        response: { 200: ref(Device) },
        failures: [404],
      },
    },
    async (request) => {
      const { deviceId } = request.params;
      await registry.setDeviceThumbprints(deviceId, request.body);
      return answer(await registry.device(deviceId));
    },
  );

  api.post(
    "/devices/:deviceId/migrate",
    {
      schema: {
        operationId: "migrateDevice",
        summary: "Moves a device to another version of its template.",
        tags,
        access: "operator",
        params: oneDevice,
        body: ref(DeviceMigration),
        response: { 200: ref(Device) },
        failures: [404, 409],
      },
    },
    async (request) => {
      const { templateVersion, etag } = request.body;
      return answer(await registry.migrateDevice(request.params.deviceId, templateVersion, etag));
    },
  );
}
