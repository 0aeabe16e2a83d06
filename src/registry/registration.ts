// Registrations: what became of those that came to be provisioned, and the calls for them.
//
// A registration is a device's word that it wants in, proved by its enrollment (enrollment.ts). It is assigned when it has a
// device. One that waits has none: nothing of it is exported, and nothing is lost, for it cannot send yet.

import type { Certificate } from "../lib/certificate.ts";
import type { KeyPair } from "./credentials.ts";
import type { Attestation } from "./enrollment.ts";

/**
 *   waiting   for an administrator
 *   assigned  it has a device
 *   blocked   an administrator wants none of it; its device, if it had one, is disabled
 */
export const registrationStatuses = ["waiting", "assigned", "blocked"] as const;
export type RegistrationStatus = (typeof registrationStatuses)[number];

/** `template`: nobody said which template its device is to have. `approval`: its enrollment wants each approved. */
export const registrationWaits = ["template", "approval"] as const;
export type RegistrationWait = (typeof registrationWaits)[number];

export interface Registration {
  readonly registrationId: string;
  readonly status: RegistrationStatus;
  /** Null unless it waits. */
  readonly waitsFor: RegistrationWait | null;
  /** Null: an individual enrollment. */
  readonly enrollmentGroupId: string | null;
  /** Null while it has none. */
  readonly deviceId: string | null;
  /** What the device said it is, e.g. `dtmi:com:example:Thermostat;1`. */
  readonly modelId: string | null;
  /** The template that it would get when approved without one; null: none. */
  readonly templateId: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** An enrollment by which a registration may come in, and what proves it. */
export type EnrollmentProof = {
  /** Null: the individual enrollment of this registration id. */
  readonly enrollmentGroupId: string | null;
} & (
  | {
      readonly kind: "keys";
      /** Of this registration id: a group's are derived. */
      readonly keys: KeyPair;
    }
  /** A certificate that leads to this one, with the registration id as its common name. */
  | { readonly kind: "authority"; readonly authority: Certificate }
  /** A certificate of one of these thumbprints. */
  | { readonly kind: "thumbprints"; readonly thumbprints: readonly string[] }
);

/** What a proved claim comes to. */
export interface RegistrationClaim {
  readonly registrationId: string;
  readonly enrollmentGroupId: string | null;
  /** The key that the device proved to have; null: it showed a certificate. */
  readonly key: string | null;
  /** What it says to be; left out: as it said before. */
  readonly modelId?: string | undefined;
  /** True: only asked how it stands. Nothing begins. */
  readonly isPoll?: boolean | undefined;
}

/**
 *   assigned  with the device's id; `isNew` when it was made just now
 *   waiting   for an administrator
 *   blocked   by an administrator, or its device or enrollment is disabled
 *   taken     a device of this id is there that the claim does not open: it was made another way, or its keys were changed
 *   unknown   the enrollment is gone, or is another's by now; or a poll of what never registered
 *   too-many  wait already
 */
export type RegistrationOutcome =
  | {
      readonly kind: "assigned";
      readonly deviceId: string;
      readonly isNew: boolean;
      readonly createdAt: string;
      readonly updatedAt: string;
    }
  | {
      readonly kind: "waiting";
      readonly waitsFor: RegistrationWait;
      readonly createdAt: string;
      readonly waiting: number;
    }
  | { readonly kind: "blocked" | "taken" | "unknown" | "too-many" };

export interface RegistrationApproval {
  readonly templateId?: string | undefined;
  readonly templateVersion?: string | undefined;
}

export interface RegistrationQuery {
  readonly status?: RegistrationStatus | undefined;
  readonly enrollmentGroupId?: string | undefined;
  /** 1..1000, default 100. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

/** How many registrations may wait. */
export const registrationsWaitingMax = 10_000;

export interface RegistrationCalls {
  /** Whether a device may name it. Fast: asked at every connection. */
  isIdScope(idScope: string): boolean;
  /**
   * The enrollments by which this registration id may come in: the individual one first, and where there is one it is the only
   * one that counts; then the groups that are proved so, the likeliest first. Fast, and whoever goes through all of them does the
   * same work for an id that nobody knows (A1).
   */
  enrollmentProofs(registrationId: string, attestation: Attestation): Iterable<EnrollmentProof>;
  /**
   * Makes the device of a registration, or says how it stands. One that is known costs no change. The device gets the keys of
   * its enrollment, and those of a later one when it registers again with them.
   *
   * @throws `input-invalid`: no device can be called so.
   */
  register(claim: RegistrationClaim): Promise<RegistrationOutcome>;

  /** Makes the device of one that waits; with the template given, or what it would get. */
  approveRegistration(registrationId: string, approval?: RegistrationApproval): Promise<Registration>;
  /** Its device, if it has one, is disabled. */
  blockRegistration(registrationId: string): Promise<Registration>;
  /** Its device, if it has one, is enabled; one without waits again. */
  unblockRegistration(registrationId: string): Promise<Registration>;
  /** One that waits or is blocked; it may come again. Conflict `registration-assigned` while it has a device. */
  deleteRegistration(registrationId: string): Promise<void>;
  registration(registrationId: string): Promise<Registration>;
  /** By registration id. */
  registrations(query?: RegistrationQuery): Promise<{
    readonly items: readonly Registration[];
    readonly next: string | null;
  }>;
  countRegistrations(): Promise<Readonly<Record<RegistrationStatus, number>>>;
}
