// Which devices a list, or a file, is of: the query's words, and what they mean to the registry.

import { type Static, Type } from "typebox";
import type { DeviceFilter } from "../registry/registry.ts";
import type { AdminOptions } from "./options.ts";

export const deviceFilter = {
  search: Type.Optional(Type.String({ description: "Part of id or name, without regard to case." })),
  templateId: Type.Optional(Type.String()),
  templateVersion: Type.Optional(Type.String()),
  simulated: Type.Optional(Type.Boolean()),
  enabled: Type.Optional(Type.Boolean()),
  connected: Type.Optional(Type.Boolean({ description: "Whether it has a connection open now." })),
};
const filterObject = Type.Object(deviceFilter);

export function filterOf(
  { connected, ...filter }: Static<typeof filterObject>,
  connections: AdminOptions["connections"],
): DeviceFilter {
  if (connected === undefined) return filter;
  return { ...filter, isIncluded: (deviceId) => connections.isOpen(deviceId) === connected };
}
