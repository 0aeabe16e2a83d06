// The registry: device templates, devices, credentials, provisioning, storage accounts, exports and how far each export got; users, their
// sessions, API tokens and the audit log.
//
// Owns:      what an administrator decided and what the exporter must not forget; validation of values against
//            templates; the change feed that snapshots are cut from; encryption of secrets at rest.
// Does not:  hold messages (journal), talk to devices (ingest) or to storage (destinations).
//
// Invariants (tests cite the numbers; the full list is in ARCHITECTURE.md):
//   S1  Every change of what is exported gets a revision of its own, above all revisions committed before it; a view
//       sees all changes up to its revision and none after.
//   S2  A view shows states that the registry really had: all at one moment.
//   D1  Generation ids strictly increase, also over delete and re-create and over a clock that steps back.
//   D2  A call resolves after its change is durable (synchronous=FULL).
//   E3  Checkpoints move by compare-and-set and never back.
//   A2  Keys and storage secrets are encrypted at rest; only the calls named for it return them. Of passwords, sessions and
//       API tokens only hashes are kept.
//   A1  An enabled administrator remains once there was one.
//
// Bad input throws ColdpathError with `field` and `hint` (a reference inside it to nothing is bad input too); the id of
// a call's own subject, unknown, throws kind `not-found`, a stale `etag` or a thing in use kind `conflict`. Codes:
// errors.ts. Which windows an export owes, under which definition: tenure.ts (pure). Adapters: sqlite/. Contract:
// registry.contract.ts.

import type { ApiTokenCalls } from "./api-token.ts";
import type { AuditCalls } from "./audit-facts.ts";
import type { AuditLogCalls } from "./audit-log.ts";
import type { CaCertificateCalls } from "./ca-certificate.ts";
import type { CloudMessageCalls, CloudMessageChange } from "./cloud-message.ts";
import type { CredentialCalls } from "./credentials.ts";
import type { DeviceCalls } from "./device.ts";
import type { TemplateCalls } from "./device-template.ts";
import type { EnrollmentCalls } from "./enrollment.ts";
import type { ExportCalls } from "./export.ts";
import type { MqttSessionCalls } from "./mqtt-session.ts";
import type { ModuleCalls } from "./module.ts";
import type { ProgressCalls } from "./progress.ts";
import type { RegistrationCalls } from "./registration.ts";
import type { SessionCalls } from "./session.ts";
import type { RegistryView, SnapshotCalls } from "./snapshot.ts";
import type { StorageAccountCalls } from "./storage-account.ts";
import type { DesiredChange, TwinCalls } from "./twin.ts";
import type { UserCalls } from "./user.ts";

// The words, a file a noun, each with the calls for it.
export * from "./device-template.ts";
export * from "./device.ts";
export * from "./twin.ts";
export * from "./module.ts";
export * from "./twin-section.ts";
export * from "./mqtt-session.ts";
export * from "./setting-sync.ts";
export * from "./reported-value.ts";
export * from "./device-authentication.ts";
export * from "./cloud-message.ts";
export * from "./credentials.ts";
export * from "./enrollment.ts";
export * from "./registration.ts";
export * from "./ca-certificate.ts";
export * from "./storage-account.ts";
export * from "./export.ts";
export * from "./progress.ts";
export * from "./snapshot.ts";
export * from "./audit-facts.ts";
export * from "./role.ts";
export * from "./user.ts";
export * from "./session.ts";
export * from "./api-token.ts";
export * from "./audit-log.ts";

/** Told after the change is durable, in order of commit. Listeners must not throw. */
export type RegistryEvent =
  | { readonly kind: "device-created"; readonly deviceId: string }
  /** `access` is true when the device was disabled, or a key or its authentication changed: its connections must be authenticated again. */
  | { readonly kind: "device-changed"; readonly deviceId: string; readonly access: boolean }
  | { readonly kind: "device-deleted"; readonly deviceId: string }
  /** Made, deleted, given keys, or it reported; `access` is true when its connection must be authenticated again. */
  | {
      readonly kind: "module-changed";
      readonly deviceId: string;
      readonly moduleId: string;
      readonly access: boolean;
    }
  /** For the device, or its module, too, when it is connected. */
  | ({ readonly kind: "desired-changed" } & DesiredChange)
  /** Its queue of cloud-to-device messages. */
  | ({ readonly kind: "cloud-messages-changed" } & CloudMessageChange)
  /** Made, edited, published or deleted, in one version or all. */
  | { readonly kind: "template-changed"; readonly templateId: string }
  | { readonly kind: "policy-changed"; readonly name: string }
  /** An enrollment group, an enrollment (by its registration id), or `id-scopes`. */
  | { readonly kind: "provisioning-changed"; readonly id: string }
  | { readonly kind: "registration-changed"; readonly registrationId: string }
  /** Added, given a code, verified; or deleted: devices get in by it no more. */
  | { readonly kind: "ca-certificate-changed"; readonly caCertificateId: string; readonly isGone: boolean }
  | { readonly kind: "storage-changed"; readonly storageAccountId: string }
  | { readonly kind: "export-changed"; readonly exportId: string }
  | { readonly kind: "user-changed"; readonly userId: string }
  /** Signed out, or its user was changed or deleted. Not told when it merely expires. */
  | { readonly kind: "session-ended"; readonly sessionId: string }
  /** Made or deleted. */
  | { readonly kind: "api-token-changed"; readonly apiTokenId: string };

export interface Installation {
  /** A GUID made at first start. */
  readonly id: string;
  /** Fixed once made. */
  readonly hubName: string;
  /** 32 bytes: sync markers are an HMAC with it. Encrypted at rest. */
  readonly secret: Buffer;
}

/** The port. */
export interface Registry
  extends
    TemplateCalls,
    DeviceCalls,
    TwinCalls,
    CloudMessageCalls,
    MqttSessionCalls,
    ModuleCalls,
    CredentialCalls,
    EnrollmentCalls,
    RegistrationCalls,
    CaCertificateCalls,
    StorageAccountCalls,
    ExportCalls,
    ProgressCalls,
    SnapshotCalls,
    AuditCalls,
    UserCalls,
    SessionCalls,
    ApiTokenCalls,
    AuditLogCalls {
  readonly installation: Installation;
  /** Opens a consistent view for cutting snapshots (S2). */
  openView(): RegistryView;
  /** Returns a function that ends the subscription. */
  subscribe(listener: (event: RegistryEvent) => void): () => void;
  close(): Promise<void>;
}
