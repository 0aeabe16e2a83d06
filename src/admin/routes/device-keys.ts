// Keys of devices: the only answers about devices that hold any (A2).

import { Type } from "typebox";
import { makeSasToken } from "../../ingest/sas-token.ts";
import type { KeyPair } from "../../registry/registry.ts";
import { deviceConnectionString, hostNameOf, x509ConnectionString } from "../connection-string.ts";
import { keyChangeOf } from "../key-change.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { DeviceCredentials, DeviceKeyChange, DeviceToken, NewDeviceToken } from "../schemas/device.ts";

const tags = ["devices"];
const oneDevice = Type.Object({ deviceId: Type.String() });

export function deviceKeyRoutes(api: Api, { registry, endpoints }: AdminOptions): void {
  const answer = async (deviceId: string, { primaryKey, secondaryKey }: KeyPair) => {
    const hostName = hostNameOf(endpoints());
    const { authentication } = await registry.device(deviceId);
    return {
      deviceId,
      hostName,
      primaryKey,
      secondaryKey,
      primaryConnectionString: deviceConnectionString(hostName, deviceId, primaryKey),
      secondaryConnectionString: deviceConnectionString(hostName, deviceId, secondaryKey),
      x509ConnectionString: authentication.type === "sas" ? null : x509ConnectionString(hostName, deviceId),
    };
  };

  api.get(
    "/devices/:deviceId/credentials",
    {
      schema: {
        operationId: "getDeviceCredentials",
        summary: "Shows a device's keys and connection strings.",
        tags,
        access: "operator",
        params: oneDevice,
        response: { 200: ref(DeviceCredentials) },
        failures: [404],
      },
    },
    async (request) => {
      const { deviceId } = request.params;
      const credentials = await answer(deviceId, await registry.deviceKeys(deviceId));
      // Who has seen a device's key can be that device.
      request.callNote = {};
      return credentials;
    },
  );

  api.put(
    "/devices/:deviceId/keys",
    {
      schema: {
        operationId: "setDeviceKeys",
        summary: "Sets keys of a device, or makes one anew; connections of the device are closed.",
        tags,
        access: "operator",
        params: oneDevice,
        body: ref(DeviceKeyChange),
        response: { 200: ref(DeviceCredentials) },
        failures: [404],
      },
    },
    async (request) => {
      const { deviceId } = request.params;
      return await answer(deviceId, await registry.setDeviceKeys(deviceId, keyChangeOf(request.body)));
    },
  );

  api.post(
    "/devices/:deviceId/token",
    {
      schema: {
        operationId: "createDeviceToken",
        summary: "Makes a shared access signature for a device.",
        description: "Nothing is kept of it; it ends by itself, or when the key that signed it is changed.",
        tags,
        access: "operator",
        params: oneDevice,
        body: ref(NewDeviceToken),
        response: { 200: ref(DeviceToken) },
        failures: [404],
      },
    },
    async (request) => {
      const { deviceId } = request.params;
      const { ttlSeconds, key = "primary" } = request.body;
      const keys = await registry.deviceKeys(deviceId);
      // Real time: the token lives in the device's world. Whole seconds, as in the token.
      const expiresMs = (Math.floor(Date.now() / 1000) + ttlSeconds) * 1000;
      const resource = `${endpoints().publicHosts[0] ?? "localhost"}/devices/${deviceId}`;
      const token = makeSasToken(resource, key === "primary" ? keys.primaryKey : keys.secondaryKey, expiresMs);
      return { token, expiresAt: new Date(expiresMs).toISOString() };
    },
  );
}
