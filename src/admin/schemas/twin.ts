// Schemas of device twins.

import { Type } from "typebox";
import { settingStates } from "../../registry/registry.ts";
import { mapOf, ref, shape, time, words } from "../schema.ts";

const anything = (description: string) =>
  Type.Unsafe<Readonly<Record<string, unknown>>>({ type: "object", description, additionalProperties: true });

export const TwinSection = shape("TwinSection", "One side of a device twin.", {
  content: anything("What stands in it now."),
  metadata: anything("The same tree: of each part `$lastUpdated`, in desired also `$lastUpdatedVersion`."),
  version: Type.Integer({ description: "Grows by one with each change; what the device sees as `$version`." }),
});
export const SettingSync = shape("SettingSync", "How far a setting got.", {
  state: words(settingStates, "pending until the device has answered to this version of it."),
  desiredVersion: Type.Integer({ description: "The version of desired at which it was set last." }),
  reported: Type.Optional(Type.Unsafe<unknown>({ description: "What the device says it has." })),
  message: Type.Optional(Type.String({ description: "In the device's words." })),
  at: Type.Optional(time("When the device answered last.")),
});
export const DeviceTwin = shape("DeviceTwin", "What is wanted of a device, and what it says of itself.", {
  deviceId: Type.String(),
  generationId: Type.String(),
  desired: ref(TwinSection),
  reported: ref(TwinSection),
  settings: mapOf(ref(SettingSync), "By the name of the setting; those without a value are left out."),
  unfit: Type.Array(Type.String(), {
    description: "Device properties whose reported value does not fit the template; it is exported as it is.",
  }),
});
export const TwinChange = shape("TwinChange", "A merge patch of what in desired is no setting; null removes.", {
  desired: anything("Settings are changed as settings of the device."),
});
