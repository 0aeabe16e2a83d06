// Device twins: what the operator wants of a device, and what it says of itself, with versions; and the calls for them.
//
// Desired holds the device's settings, in the form of its template (setting-sync.ts), and whatever else an administrator puts
// there. Reported is the device's own: properties that the template knows are the device's values, too (reported-value.ts).

import type { JsonObject, TwinSection } from "./twin-section.ts";

export interface DeviceTwin {
  readonly deviceId: string;
  /** D1: a device that is made anew has another twin. */
  readonly generationId: string;
  readonly desired: TwinSection;
  readonly reported: TwinSection;
}

/** What a desired section became; told to the device (`desired-changed`). */
export interface DesiredChange {
  readonly deviceId: string;
  /** Left out: the device's own twin. */
  readonly moduleId?: string | undefined;
  /** Of whose twin it is: the device, or the module. */
  readonly generationId: string;
  /** The merge patch that was applied; null removes. */
  readonly patch: JsonObject;
  /** Of desired, after it. */
  readonly version: number;
}

export interface TwinCalls {
  deviceTwin(deviceId: string): Promise<DeviceTwin>;
  /**
   * A merge patch of the reported section, by the device itself. Its properties that the template knows become the device's
   * values, so that the next snapshot has them (S1).
   *
   * @param generationId  of the device that reports: `device-not-found` when that one is gone (D1).
   * @param patch         anything: it is checked.
   * @returns reported's version after it. Throws `twin-invalid`, `twin-too-large`.
   */
  reportTwin(deviceId: string, generationId: string, patch: unknown): Promise<number>;
  /**
   * A merge patch of what in desired is no setting: settings are changed by `updateDevice`. Changes nothing, and tells nobody,
   * when all is already so. Throws `twin-invalid`, `twin-too-large`.
   */
  patchDesired(deviceId: string, patch: unknown): Promise<DeviceTwin>;
}
