// Modules of devices: identities of their own within a device, each with keys, a generation and a twin; and the calls for them.
//
// A module signs in and sends as `{deviceId}/{moduleId}`, beside its device. Its twin has no template: settings and device
// properties are the device's.

import type { KeyChange, KeyPair } from "./credentials.ts";
import type { TwinSection } from "./twin-section.ts";

export interface Module {
  readonly deviceId: string;
  /** As a device's id. */
  readonly id: string;
  /** Its own: 18 decimal digits (D1). */
  readonly generationId: string;
  readonly createdAt: string;
}

export interface NewModule {
  readonly id: string;
  /** Base64 of 16..64 bytes; 32 random bytes when left out. */
  readonly primaryKey?: string | undefined;
  readonly secondaryKey?: string | undefined;
}

/** What ingest needs to let a module in. */
export interface ModuleCredentials extends KeyPair {
  /** Its device's. */
  readonly enabled: boolean;
  readonly generationId: string;
  readonly deviceGenerationId: string;
}

export interface ModuleTwin {
  readonly deviceId: string;
  readonly moduleId: string;
  readonly generationId: string;
  readonly desired: TwinSection;
  readonly reported: TwinSection;
}

/** Whoever names a device that is not there gets `device-not-found`. */
export interface ModuleCalls {
  /** In order of id. */
  modules(deviceId: string): Promise<readonly Module[]>;
  module(deviceId: string, moduleId: string): Promise<Module>;
  /** Throws `module-exists`, `modules-too-many`. */
  createModule(deviceId: string, module: NewModule): Promise<Module>;
  deleteModule(deviceId: string, moduleId: string): Promise<void>;
  moduleKeys(deviceId: string, moduleId: string): Promise<KeyPair>;
  setModuleKeys(deviceId: string, moduleId: string, change: KeyChange): Promise<KeyPair>;
  /** Null when there is no such module. Fast: asked at every connection. */
  moduleCredentials(deviceId: string, moduleId: string): Promise<ModuleCredentials | null>;

  moduleTwin(deviceId: string, moduleId: string): Promise<ModuleTwin>;
  /**
   * A merge patch of the reported section, by the module itself.
   *
   * @param generationId  of the module that reports: `module-not-found` when that one is gone (D1).
   * @returns reported's version after it. Throws `twin-invalid`, `twin-too-large`.
   */
  reportModuleTwin(deviceId: string, moduleId: string, generationId: string, patch: unknown): Promise<number>;
  /** A merge patch of desired; told to the module. Changes nothing, and tells nobody, when all is already so. */
  patchModuleDesired(deviceId: string, moduleId: string, patch: unknown): Promise<ModuleTwin>;
}
