// What the page asks about the modules of a device.

import { queryOptions } from "@tanstack/react-query";
import { type Schema, answerOf, api } from "../api/client.ts";
import { connectedMs } from "./device-queries.ts";

export type Module = Schema<"Module">;

export function modulesQuery(deviceId: string) {
  return queryOptions({
    queryKey: ["devices", "modules", deviceId],
    queryFn: async () =>
      (await answerOf(api.GET("/api/v1/devices/{deviceId}/modules", { params: { path: { deviceId } } }))).items,
    refetchInterval: connectedMs,
  });
}

export function moduleQuery(deviceId: string, moduleId: string) {
  return queryOptions({
    queryKey: ["devices", "module", deviceId, moduleId],
    queryFn: async () =>
      await answerOf(
        api.GET("/api/v1/devices/{deviceId}/modules/{moduleId}", { params: { path: { deviceId, moduleId } } }),
      ),
    refetchInterval: connectedMs,
  });
}

export function moduleTwinQuery(deviceId: string, moduleId: string) {
  return queryOptions({
    queryKey: ["devices", "module-twin", deviceId, moduleId],
    queryFn: async () =>
      await answerOf(
        api.GET("/api/v1/devices/{deviceId}/modules/{moduleId}/twin", { params: { path: { deviceId, moduleId } } }),
      ),
  });
}
