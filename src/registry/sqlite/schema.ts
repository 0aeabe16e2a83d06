// The tables as Kysely sees them. What they mean stands in the migration that makes them.

import type { Generated } from "kysely";
import type { AuthenticationType } from "../device-authentication.ts";
import type { CloudMessageState } from "../registry.ts";

/** 0 or 1. */
export type Flag = 0 | 1;

export interface Tables {
  installation: InstallationRow;
  counters: CountersRow;
  device_templates: TemplateRow;
  devices: DeviceRow;
  device_twins: DeviceTwinRow;
  cloud_messages: CloudMessageRow;
  cloud_message_totals: CloudMessageTotalsRow;
  mqtt_sessions: MqttSessionRow;
  modules: ModuleRow;
  hub_policies: PolicyRow;
  id_scopes: IdScopeRow;
  enrollment_groups: EnrollmentGroupRow;
  enrollments: EnrollmentRow;
  registrations: RegistrationRow;
  ca_certificates: CaCertificateRow;
  storage_accounts: StorageAccountRow;
  exports: ExportRow;
  export_definitions: DefinitionRow;
  export_tenures: TenureRow;
  export_full_marks: FullMarkRow;
  export_checkpoints: CheckpointRow;
  export_runs: RunRow;
  export_gaps: GapRow;
  export_cuts: CutRecordRow;
  export_tallies: TallyRow;
  export_accepted_violations: AcceptedViolationRow;
  snapshot_positions: PositionRow;
  snapshot_cuts: CutRow;
  snapshot_debts: DebtRow;
  users: UserRow;
  sessions: SessionRow;
  api_tokens: ApiTokenRow;
  audit_log: AuditLogRow;
}

export interface InstallationRow {
  id: string;
  hub_name: string;
  secret: Uint8Array;
  created_at: string;
}

export interface CountersRow {
  /** Always 1: there is one row. */
  id: number;
  revision: number;
  generation: string;
  snapshot_window: number | null;
}

export interface TemplateRow {
  id: string;
  version: string;
  version_rank: number;
  name: string;
  content: string;
  published: Flag;
  /** Null while it is a draft. */
  revision: number | null;
  etag: number;
  created_at: string;
}

export interface DeviceRow {
  id: string;
  name: string;
  simulated: Flag;
  template_id: string;
  template_version: string;
  enabled: Flag;
  generation_id: string;
  /** JSON of DeviceValues. */
  property_values: string;
  /** Id and name in lower case, for the search. */
  search_text: string;
  /** Both keys, sealed. */
  access_keys: Uint8Array;
  authentication: AuthenticationType;
  thumbprint_primary: string | null;
  thumbprint_secondary: string | null;
  revision: number;
  etag: number;
  created_at: string;
}

export interface DeviceTwinRow {
  device_id: string;
  /** JSON of TwinSection, both. */
  desired: string;
  reported: string;
}

export interface IdScopeRow {
  id_scope: string;
}

/** The columns of EnrollmentTerms, and what proves those that come by it. */
interface EnrollmentColumns {
  attestation: string;
  /** Both keys, sealed. */
  access_keys: Uint8Array | null;
  template_id: string | null;
  template_version: string | null;
  auto_approve: Flag;
  enabled: Flag;
  etag: number;
  created_at: string;
}

export interface EnrollmentGroupRow extends EnrollmentColumns {
  id: string;
  name: string;
  ca_certificate_id: string | null;
}

export interface EnrollmentRow extends EnrollmentColumns {
  registration_id: string;
  device_id: string;
  /** JSON. */
  thumbprints: string | null;
}

export interface RegistrationRow {
  registration_id: string;
  status: string;
  waits_for: string | null;
  enrollment_group_id: string | null;
  device_id: string | null;
  keys_digest: string | null;
  model_id: string | null;
  created_at: string;
  updated_at: string;
}

export interface CloudMessageRow {
  device_id: string;
  number: number;
  message_id: string;
  /** JSON of CloudMessageProperties. */
  properties: string;
  body: Uint8Array;
  body_bytes: number;
  bytes: number;
  state: CloudMessageState;
  delivery_count: number;
  lock_token: string | null;
  lock_ends_ms: number | null;
  enqueued_ms: number;
  expires_ms: number;
  ended_ms: number | null;
}

/** There is one row. */
export interface CloudMessageTotalsRow {
  messages: number;
  bytes: number;
}

export interface MqttSessionRow {
  device_id: string;
  /** Empty for the device itself. */
  module_id: string;
  generation_id: string;
  /** JSON: topic filter to granted QoS. */
  subscriptions: string;
  /** With `told`; null while desired is not followed. */
  told_version: number | null;
  /** JSON of desired's content in that version; null within it where it may be another one by now. */
  told: string | null;
  used_ms: number;
}

export interface ModuleRow {
  device_id: string;
  id: string;
  generation_id: string;
  /** Both keys, sealed. */
  access_keys: Uint8Array;
  /** JSON of TwinSection, both; null: as it was made. */
  desired: string | null;
  reported: string | null;
  created_at: string;
}

export interface PolicyRow {
  name: string;
  access_keys: Uint8Array;
  created_at: string;
}

export interface CaCertificateRow {
  id: string;
  name: string;
  /** DER. */
  certificate: Uint8Array;
  thumbprint: string;
  /** Null while nobody has proven to have its key. */
  verified_at: string | null;
  /** To be signed. */
  code: string | null;
  code_expires_ms: number | null;
  created_at: string;
}

export interface StorageAccountRow {
  id: string;
  name: string;
  settings: string;
  secret: Uint8Array | null;
  etag: number;
  created_at: string;
}

export interface ExportRow {
  id: string;
  name: string;
  let_go_after_hours: number | null;
  let_go_after_bytes: number | null;
  etag: number;
  created_at: string;
}

export interface DefinitionRow {
  export_id: string;
  version: number;
  window_first: number;
  storage_account_id: string;
  settings: string;
}

export interface TenureRow {
  export_id: string;
  number: number;
  window_first: number;
  window_last: number | null;
}

export interface FullMarkRow {
  export_id: string;
  type: string;
  window_first: number;
}

export interface CheckpointRow {
  export_id: string;
  type: string;
  partition: number;
  window_next: number;
}

export interface RunRow {
  number: Generated<number>;
  export_id: string;
  type: string;
  partition: number;
  definition_version: number;
  window: number;
  part: number;
  path: string;
  records: number;
  bytes: number;
  sha256: string;
  attempts: number;
  started_at: string;
  committed_at: string;
  outcome: string;
}

export interface GapRow {
  number: Generated<number>;
  export_id: string;
  type: string;
  partition: number;
  window_first: number;
  window_last: number;
  reason: string;
  at: string;
  offset_first: number | null;
  offset_next: number | null;
  records: number | null;
}

export interface AcceptedViolationRow {
  number: Generated<number>;
  export_id: string;
  kind: string;
  type: string;
  partition: number;
  window_first: number;
  window_last: number;
  offset_first: number | null;
  offset_next: number | null;
  records: number;
  reason: string;
  at: string;
}

export interface CutRecordRow {
  export_id: string;
  type: string;
  partition: number;
  window: number;
  definition_version: number;
  first: number;
  next: number;
  /** JSON of [records, bytes, sha256][]. */
  parts: string;
}

export interface TallyRow {
  number: Generated<number>;
  export_id: string;
  type: string;
  partition: number;
  tenure: number | null;
  span_first: number | null;
  window_first: number;
  settled_first: number | null;
  settled_last: number | null;
  offset_first: number | null;
  offset_next: number | null;
  windows: number;
  files: number;
  records_given: number | null;
  records_exported: number;
  records_discarded: number;
}

export interface PositionRow {
  type: string;
  revision_to: number;
}

export interface CutRow {
  type: string;
  window: number;
  scope: string;
  revision_from: number;
  revision_to: number;
  records: number;
  bytes: number;
}

export interface DebtRow {
  export_id: string;
  type: string;
  window: number;
  scope: string;
  definition_version: number;
}

export interface UserRow {
  id: string;
  name: string;
  name_key: string;
  role: string;
  disabled: Flag;
  password: string;
  etag: number;
  created_at: string;
  last_sign_in_at: string | null;
}

export interface SessionRow {
  id: string;
  hash: string;
  user_id: string;
  idle_until_ms: number;
  expires_ms: number;
}

export interface ApiTokenRow {
  id: string;
  hash: string;
  name: string;
  role: string;
  created_at: string;
  created_by: string;
  expires_ms: number;
  last_used_at: string | null;
}

export interface AuditLogRow {
  number: Generated<number>;
  at: string;
  actor_kind: string;
  actor_id: string | null;
  actor_name: string | null;
  role: string | null;
  action: string;
  subject: string | null;
  outcome: number;
  refused: Flag;
  /** JSON. */
  detail: string;
  address: string;
}
