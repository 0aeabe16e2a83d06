// Devices: what an administrator says of one, its values, and the calls for them. Keys: credentials.ts.

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

export interface DeviceQuery {
  readonly templateId?: string | undefined;
  readonly simulated?: boolean | undefined;
  /** Matches part of id or name, without regard to case. */
  readonly search?: string | undefined;
  /** 1..1000, default 100. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Null on the last page. */
  readonly next: string | null;
}

/** Devices by id, and pages of them. */
export interface DeviceCalls {
  createDevice(device: NewDevice): Promise<Device>;
  /** All or none, in one transaction; at most 10,000. An error's `field` starts with `[index].`. */
  createDevices(devices: readonly NewDevice[]): Promise<readonly Device[]>;
  /** Changes nothing, and tells nobody, when all is already so. */
  updateDevice(id: string, patch: DevicePatch, etag?: number): Promise<Device>;
  /**
   * Keeps values whose field exists with the same data type, adds initial values for new ones, drops the rest. A kept
   * value that the new version does not allow (bounds, enum) counts as a new field's.
   */
  migrateDevice(id: string, templateVersion: string, etag?: number): Promise<Device>;
  deleteDevice(id: string): Promise<void>;
  device(id: string): Promise<Device>;
  devices(query: DeviceQuery): Promise<Page<Device>>;
  countDevices(query?: Pick<DeviceQuery, "templateId" | "simulated" | "search">): Promise<number>;
}
