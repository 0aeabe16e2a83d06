// Provisioning: who may come and become a device. ID scopes, enrollment groups, individual enrollments; and the calls for them.
//
// A group's device proves itself with a key that is derived from one of the group's (derived-key.ts). An individual enrollment
// stands before every group for its registration id. What became of those that came: registration.ts.

import type { KeyChange, KeyPair } from "./credentials.ts";
import type { ThumbprintChange } from "./device-authentication.ts";

/** An ID scope says which provisioning service a device means. */
export interface IdScopes {
  /** This installation's: made once, and never another's. */
  readonly idScope: string;
  /** Taken besides it, so that devices of another service (an IoT Central application) need only another host name. */
  readonly furtherIdScopes: readonly string[];
}

/** How those of an enrollment prove themselves. */
export const attestations = ["symmetric-key", "x509"] as const;
export type Attestation = (typeof attestations)[number];

/** What becomes of those that come by an enrollment. */
export interface EnrollmentTerms {
  /** The template of their devices when they name no model that a template has; null: an administrator says it. */
  readonly templateId: string | null;
  /** The newest published version when null. */
  readonly templateVersion: string | null;
  /** False: each waits until it is approved. */
  readonly autoApprove: boolean;
  /** False: none is let in any more. Devices that were made go on. */
  readonly enabled: boolean;
}

export interface EnrollmentGroup extends EnrollmentTerms {
  /** A GUID. */
  readonly id: string;
  readonly name: string;
  readonly attestation: Attestation;
  /** Of `x509`: certificates that lead to it, with the registration id as common name. Null otherwise. */
  readonly caCertificateId: string | null;
  readonly etag: number;
  readonly createdAt: string;
}

export interface Enrollment extends EnrollmentTerms {
  readonly registrationId: string;
  /** The id of its device. */
  readonly deviceId: string;
  readonly attestation: Attestation;
  /** Of `x509`: SHA-1 or SHA-256, upper case hex; null otherwise. */
  readonly primaryThumbprint: string | null;
  readonly secondaryThumbprint: string | null;
  readonly etag: number;
  readonly createdAt: string;
}

/** Left out: no template, approved by itself, enabled. */
export type TermsChange = { readonly [K in keyof EnrollmentTerms]?: EnrollmentTerms[K] | undefined };

export interface NewEnrollmentGroup extends TermsChange {
  readonly name: string;
  readonly attestation?: Attestation | undefined;
  /** For `x509`, and only for it. */
  readonly caCertificateId?: string | undefined;
  /** Base64 of 16..64 bytes; random ones when left out. */
  readonly primaryKey?: string | undefined;
  readonly secondaryKey?: string | undefined;
}

/** The thumbprints are for `x509`, and only for it; the second may be left out. */
export interface NewEnrollment extends TermsChange, ThumbprintChange {
  /** As a device id. */
  readonly registrationId: string;
  /** The registration id when left out. */
  readonly deviceId?: string | undefined;
  readonly attestation?: Attestation | undefined;
  readonly primaryKey?: string | undefined;
  readonly secondaryKey?: string | undefined;
}

export interface EnrollmentGroupPatch extends TermsChange {
  readonly name?: string | undefined;
  /** Of an `x509` group: another one. */
  readonly caCertificateId?: string | undefined;
}

/** Thumbprints of an `x509` one. Its device has the former ones until it registers again. */
export type EnrollmentPatch = TermsChange & ThumbprintChange;

/** How many there may be. */
export const provisioningLimits = { furtherIdScopes: 20, enrollmentGroups: 100, enrollments: 100_000 } as const;

export interface EnrollmentCalls {
  idScopes(): Promise<IdScopes>;
  /** Replaces the further ones. */
  setFurtherIdScopes(idScopes: readonly string[]): Promise<IdScopes>;

  createEnrollmentGroup(group: NewEnrollmentGroup): Promise<EnrollmentGroup>;
  updateEnrollmentGroup(id: string, patch: EnrollmentGroupPatch, etag?: number): Promise<EnrollmentGroup>;
  /** Its registrations go with it; devices that were made stay. */
  deleteEnrollmentGroup(id: string): Promise<void>;
  enrollmentGroup(id: string): Promise<EnrollmentGroup>;
  /** By name. */
  enrollmentGroups(): Promise<readonly EnrollmentGroup[]>;
  /** Conflict `enrollment-without-keys` when it is proved by certificates. */
  enrollmentGroupKeys(id: string): Promise<KeyPair>;
  /** Devices that were made keep their keys until they register again. */
  setEnrollmentGroupKeys(id: string, change: KeyChange): Promise<KeyPair>;

  createEnrollment(enrollment: NewEnrollment): Promise<Enrollment>;
  updateEnrollment(registrationId: string, patch: EnrollmentPatch, etag?: number): Promise<Enrollment>;
  /** Its registration goes with it; a device that was made stays. */
  deleteEnrollment(registrationId: string): Promise<void>;
  enrollment(registrationId: string): Promise<Enrollment>;
  /** By registration id. @param limit  1..1000, default 100. @param after  the last registration id of the page before. */
  enrollments(query?: { readonly limit?: number | undefined; readonly after?: string | undefined }): Promise<{
    readonly items: readonly Enrollment[];
    readonly next: string | null;
  }>;
  enrollmentKeys(registrationId: string): Promise<KeyPair>;
  setEnrollmentKeys(registrationId: string, change: KeyChange): Promise<KeyPair>;
}
