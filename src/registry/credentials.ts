// Credentials: the keys of devices and of hub policies, and the calls that give them out (A2: no other call does).

import type {
  ByThumbprint,
  DeviceAuthentication,
  GivenAuthentication,
  ThumbprintChange,
} from "./device-authentication.ts";

/** Two base64 keys; either opens the door, so that keys can be changed without a gap. */
export interface KeyPair {
  readonly primaryKey: string;
  readonly secondaryKey: string;
}

/** What ingest needs to let a device in. */
export interface DeviceCredentials extends KeyPair {
  readonly deviceId: string;
  readonly enabled: boolean;
  readonly generationId: string;
  /** With another type than `sas`, the keys open nothing. */
  readonly authentication: DeviceAuthentication;
}

/** A hub-level shared access policy: its keys let any device in. */
export interface HubPolicy {
  /** `[A-Za-z0-9_-]{1,64}`. */
  readonly name: string;
  readonly createdAt: string;
}

/** What becomes of a pair of keys: new random ones for those named, or the ones given. */
export type KeyChange = Partial<KeyPair> | "regenerate-primary" | "regenerate-secondary";

/** The only calls that return keys. */
export interface CredentialCalls {
  deviceKeys(id: string): Promise<KeyPair>;
  setDeviceKeys(id: string, change: KeyChange): Promise<KeyPair>;
  /** Its connections end. Its keys stay, and open nothing unless the type is `sas`. */
  setDeviceAuthentication(id: string, authentication: GivenAuthentication): Promise<DeviceAuthentication>;
  /** Replaces a certificate of a device of the type `x509-thumbprint`. Its connections end; those by one that stays come back. */
  setDeviceThumbprints(id: string, change: ThumbprintChange): Promise<ByThumbprint>;
  /** Null when there is no such device. Fast: asked at every connection. */
  deviceCredentials(id: string): Promise<DeviceCredentials | null>;

  createPolicy(name: string, keys?: Partial<KeyPair>): Promise<HubPolicy>;
  deletePolicy(name: string): Promise<void>;
  policies(): Promise<readonly HubPolicy[]>;
  policyKeys(name: string): Promise<KeyPair | null>;
  setPolicyKeys(name: string, change: KeyChange): Promise<KeyPair>;
}
