// What the device pages ask of the server.

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { type Schema, answerOf, api } from "../api/client.ts";
import { templatesQuery as allTemplatesQuery } from "../templates/template-queries.ts";
import { type DeviceSearch, filterOf } from "./device-search.ts";

export type Device = Schema<"Device">;
export type DeviceTemplate = Schema<"DeviceTemplate">;

/** The name, or the id where the name shows nothing. */
export function shownName({ id, name }: Pick<Device, "id" | "name">): string {
  return name.trim() === "" ? id : name;
}

export const pageDevices = 50;
/** Connections open and close without telling; who looks at them is told this often. */
export const connectedMs = 15_000;

export const templatesQuery = { ...allTemplatesQuery, staleTime: 30_000 };

export function devicesQuery(search: DeviceSearch) {
  const query = {
    ...filterOf(search),
    limit: pageDevices,
    ...(search.sort === undefined ? {} : { sort: search.sort }),
    ...(search.descending === true ? { descending: true } : {}),
    ...(search.after === undefined ? {} : { after: search.after }),
  };
  return queryOptions({
    queryKey: ["devices", "list", query],
    queryFn: async ({ signal }) => await answerOf(api.GET("/api/v1/devices", { params: { query }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: connectedMs,
  });
}

export function deviceQuery(deviceId: string) {
  return queryOptions({
    queryKey: ["devices", "one", deviceId],
    queryFn: async () => await answerOf(api.GET("/api/v1/devices/{deviceId}", { params: { path: { deviceId } } })),
    refetchInterval: connectedMs,
  });
}

export function twinQuery(deviceId: string) {
  return queryOptions({
    queryKey: ["devices", "twin", deviceId],
    queryFn: async () => await answerOf(api.GET("/api/v1/devices/{deviceId}/twin", { params: { path: { deviceId } } })),
  });
}

export function templateQuery(templateId: string, version: string) {
  return queryOptions({
    queryKey: ["device-templates", "version", templateId, version],
    queryFn: async () =>
      await answerOf(
        api.GET("/api/v1/device-templates/{templateId}/versions/{version}", {
          params: { path: { templateId, version } },
        }),
      ),
    staleTime: 30_000,
  });
}

/** Whether there is any device at all: a list may be empty for its filter only. */
export const anyDeviceQuery = queryOptions({
  queryKey: ["devices", "any"],
  queryFn: async () => (await answerOf(api.GET("/api/v1/devices", { params: { query: { limit: 1 } } }))).total > 0,
});
