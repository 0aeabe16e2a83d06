// Schemas of modules of devices.

import { Type } from "typebox";
import { ref, shape, time } from "../schema.ts";
import { TwinSection } from "./twin.ts";

const key = Type.Optional(Type.String({ description: "Base64 of 16 to 64 bytes; made at random when left out." }));

export const Module = shape("Module", "An identity of its own within a device: `{deviceId}/{moduleId}`.", {
  deviceId: Type.String(),
  id: Type.String(),
  generationId: Type.String({ description: "Of this incarnation of the module." }),
  connected: Type.Boolean({ description: "Whether it has a connection open now." }),
  createdAt: time(),
});
export const ModuleList = shape("ModuleList", "Modules of a device, in order of id.", {
  items: Type.Array(ref(Module)),
});
export const NewModule = shape("NewModule", "A module to be made.", {
  id: Type.String({ description: "As a device's id." }),
  primaryKey: key,
  secondaryKey: key,
});
export const ModuleCredentials = shape("ModuleCredentials", "Either key opens the door.", {
  deviceId: Type.String(),
  moduleId: Type.String(),
  hostName: Type.String({ description: "With the port when it is not MQTT's 8883." }),
  primaryKey: Type.String(),
  secondaryKey: Type.String(),
  primaryConnectionString: Type.String(),
  secondaryConnectionString: Type.String(),
});
export const ModuleTwin = shape("ModuleTwin", "What is wanted of a module, and what it says of itself.", {
  deviceId: Type.String(),
  moduleId: Type.String(),
  generationId: Type.String(),
  desired: ref(TwinSection),
  reported: ref(TwinSection),
});
