// Devices: what an administrator says of one, its values, and the calls for them. Keys: credentials.ts.

import type { ColdpathError } from "../lib/errors.ts";
import type { DeviceAuthentication, GivenAuthentication } from "./device-authentication.ts";
import type { PropertyValue } from "./device-template.ts";

export interface DeviceValues {
  readonly properties: {
    readonly cloud: Readonly<Record<string, PropertyValue>>;
    readonly device: Readonly<Record<string, PropertyValue>>;
  };
  readonly settings: { readonly device: Readonly<Record<string, PropertyValue>> };
}

export interface Device extends DeviceValues {
  /** `[A-Za-z0-9\-:.+%_#*?!(),=@$']`, 1..128 characters: IoT Hub's rule for device ids. */
  readonly id: string;
  readonly name: string;
  readonly simulated: boolean;
  readonly templateId: string;
  readonly templateVersion: string;
  readonly enabled: boolean;
  readonly authentication: DeviceAuthentication;
  /** 18 decimal digits: .NET ticks at creation (D1). */
  readonly generationId: string;
  readonly etag: number;
  readonly createdAt: string;
}

export interface NewDevice {
  /** A GUID when left out. */
  readonly id?: string | undefined;
  /** The id when left out. */
  readonly name?: string | undefined;
  readonly simulated?: boolean | undefined;
  readonly templateId: string;
  /** The newest published version when left out. */
  readonly templateVersion?: string | undefined;
  readonly enabled?: boolean | undefined;
  /** Keys when left out. */
  readonly authentication?: GivenAuthentication | undefined;
  /** Base64 of 16..64 bytes; 32 random bytes when left out. */
  readonly primaryKey?: string | undefined;
  readonly secondaryKey?: string | undefined;
  readonly properties?: { readonly cloud?: Values | undefined; readonly device?: Values | undefined } | undefined;
  readonly settings?: { readonly device?: Values | undefined } | undefined;
}
type Values = Readonly<Record<string, PropertyValue>>;

/** Merge patch: fields left out stay, a null value clears that property. */
export interface DevicePatch {
  readonly name?: string | undefined;
  readonly enabled?: boolean | undefined;
  readonly properties?: { readonly cloud?: Values | undefined; readonly device?: Values | undefined } | undefined;
  readonly settings?: { readonly device?: Values | undefined } | undefined;
}

/** What a list of devices shows; all that is given must hold. */
export interface DeviceFilter {
  readonly templateId?: string | undefined;
  readonly templateVersion?: string | undefined;
  readonly simulated?: boolean | undefined;
  readonly enabled?: boolean | undefined;
  /** Matches part of id or name, without regard to case. */
  readonly search?: string | undefined;
  /** What only the caller knows of a device, e.g. whether it is connected. */
  readonly isIncluded?: ((deviceId: string) => boolean) | undefined;
}

/** By name: without regard to case. By template: its name, then its version. What is equal is in order of id. */
export const deviceOrders = ["id", "name", "template", "createdAt"] as const;
export type DeviceOrder = (typeof deviceOrders)[number];

export interface DeviceQuery extends DeviceFilter {
  /** `id` when left out. */
  readonly sort?: DeviceOrder | undefined;
  readonly descending?: boolean | undefined;
  /** 1..1000, default 100. */
  readonly limit?: number | undefined;
  /** The `next` of the page before, of the same list: filter and order. */
  readonly after?: string | undefined;
  /** Asks for `total`. */
  readonly isCounted?: boolean | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Opaque: where the next page starts, whatever was made or deleted meanwhile. Null on the last page. */
  readonly next: string | null;
}

export interface DevicePage extends Page<Device> {
  /** Devices on all pages, when asked for. Under changes, of no single moment. */
  readonly total: number | null;
}

/** A device, or why it is none. */
export type DeviceOutcome = Device | ColdpathError;

/** Devices by id, and pages of them. */
export interface DeviceCalls {
  createDevice(device: NewDevice): Promise<Device>;
  /** All or none, in one transaction; at most 10,000. An error's `field` starts with `[index].`. */
  createDevices(devices: readonly NewDevice[]): Promise<readonly Device[]>;
  /**
   * Those that can be made, in one transaction, at most 1,000; an outcome each, in their order. One that exists is as it was:
   * `device-exists`.
   *
   * @param isTrial  nothing is made; the outcomes are what they would have been.
   */
  createEachDevice(devices: readonly NewDevice[], isTrial?: boolean): Promise<readonly DeviceOutcome[]>;
  /** Changes nothing, and tells nobody, when all is already so. */
  updateDevice(id: string, patch: DevicePatch, etag?: number): Promise<Device>;
  /**
   * Keeps values whose field exists with the same data type, adds initial values for new ones, drops the rest. A kept
   * value that the new version does not allow (bounds, enum) counts as a new field's.
   */
  migrateDevice(id: string, templateVersion: string, etag?: number): Promise<Device>;
  deleteDevice(id: string): Promise<void>;
  /** Each as `updateDevice`, `migrateDevice`, `deleteDevice`, in one transaction: at most 1,000, an outcome each. */
  updateEachDevice(ids: readonly string[], patch: DevicePatch): Promise<readonly DeviceOutcome[]>;
  migrateEachDevice(ids: readonly string[], templateVersion: string): Promise<readonly DeviceOutcome[]>;
  /** Null where it was deleted. */
  deleteEachDevice(ids: readonly string[]): Promise<readonly (ColdpathError | null)[]>;
  device(id: string): Promise<Device>;
  /** However many devices there are, the server does other things meanwhile: it reads them in slices. */
  devices(query: DeviceQuery): Promise<DevicePage>;
  countDevices(filter?: DeviceFilter): Promise<number>;
}
