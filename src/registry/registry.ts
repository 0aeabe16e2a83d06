// The registry: device templates, devices, credentials, storage accounts, exports and how far each export got.
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
//   A2  Keys and storage secrets are encrypted at rest; only the calls named for it return them.
//
// Bad input throws ColdpathError with `field` and `hint` (a reference inside it to nothing is bad input too); the id of
// a call's own subject, unknown, throws kind `not-found`, a stale `etag` or a thing in use kind `conflict`. Codes:
// errors.ts. Which windows an export owes, under which definition: tenure.ts (pure). Adapters: sqlite/. Contract:
// registry.contract.ts.

import type { Window } from "../lib/window.ts";

// ---- device templates ----

export const dataTypes = ["double", "string", "boolean", "dateTime", "enum", "location"] as const;
export type DataType = (typeof dataTypes)[number];

export const eventCategories = ["informational", "warning", "error"] as const;
export type EventCategory = (typeof eventCategories)[number];

/** `lon` -180..180, `lat` -90..90, `alt` in metres. */
export interface Location {
  readonly lon: number;
  readonly lat: number;
  readonly alt?: number | undefined;
}

/** A value of a property or setting. Numbers are finite; a dateTime is an ISO 8601 string with milliseconds and Z. */
export type PropertyValue = null | boolean | number | string | Location;

export interface TelemetryDefinition {
  readonly name: string;
  readonly dataType: DataType;
  readonly unit?: string | undefined;
  readonly minValue?: number | undefined;
  readonly maxValue?: number | undefined;
}

export interface EnumValue {
  readonly value: string;
  readonly name: string;
}

export interface StateDefinition {
  readonly name: string;
  /** 1..100, values distinct. */
  readonly values: readonly EnumValue[];
}

export interface EventDefinition {
  readonly name: string;
  readonly category: EventCategory;
}

/** A setting or a cloud property. */
export interface FieldDefinition {
  readonly name: string;
  readonly dataType: DataType;
  readonly unit?: string | undefined;
  readonly minValue?: number | undefined;
  readonly maxValue?: number | undefined;
  /** Required for dataType `enum`, forbidden otherwise. */
  readonly values?: readonly EnumValue[] | undefined;
  readonly initialValue?: PropertyValue | undefined;
}

/** A property that the device reports: it has no initial value. */
export interface DevicePropertyDefinition {
  readonly name: string;
  readonly dataType: DataType;
  readonly values?: readonly EnumValue[] | undefined;
}

/** Keys are field names: what stands in the device's JSON, `[A-Za-z_][A-Za-z0-9_]*`, at most 64 characters. */
export interface TemplateContent {
  readonly measurements: {
    readonly telemetry: Readonly<Record<string, TelemetryDefinition>>;
    readonly states: Readonly<Record<string, StateDefinition>>;
    readonly events: Readonly<Record<string, EventDefinition>>;
  };
  readonly settings: { readonly device: Readonly<Record<string, FieldDefinition>> };
  readonly properties: {
    readonly cloud: Readonly<Record<string, FieldDefinition>>;
    readonly device: Readonly<Record<string, DevicePropertyDefinition>>;
  };
}

/** One version of one template. A published one never changes; drafts are neither exported nor used by devices. */
export interface DeviceTemplate extends TemplateContent {
  readonly id: string;
  /** `major.minor.patch`. */
  readonly version: string;
  readonly name: string;
  readonly published: boolean;
  /** Grows with each change of this row; given back to detect a stale edit. */
  readonly etag: number;
  readonly createdAt: string;
}

export interface NewTemplate extends TemplateContent {
  /** A GUID when left out. */
  readonly id?: string | undefined;
  readonly name: string;
  /** "1.0.0" when left out. */
  readonly version?: string | undefined;
  /** Left as a draft unless true. */
  readonly publish?: boolean | undefined;
}

// ---- devices ----

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

/** A hub-level shared access policy: its keys let any device in. */
export interface HubPolicy {
  /** `[A-Za-z0-9_-]{1,64}`. */
  readonly name: string;
  readonly createdAt: string;
}

// ---- storage accounts ----

export const azureAuths = ["connection-string", "account-key", "sas", "entra"] as const;
export type AzureAuth = (typeof azureAuths)[number];

export type StorageSettings =
  | { readonly kind: "folder"; readonly path: string }
  | {
      readonly kind: "azure-blob";
      readonly auth: AzureAuth;
      /** The blob service endpoint, e.g. `https://acct.blob.core.windows.net`; taken from a connection string. */
      readonly endpoint: string;
      readonly accountName?: string | undefined;
      /** Entra ID. With a secret, both name a service principal; without, they narrow the default credential. */
      readonly tenantId?: string | undefined;
      readonly clientId?: string | undefined;
    };

export interface StorageAccount {
  readonly id: string;
  readonly name: string;
  readonly settings: StorageSettings;
  readonly hasSecret: boolean;
  readonly etag: number;
  readonly createdAt: string;
}

export interface NewStorageAccount {
  readonly name: string;
  readonly settings: StorageSettings;
  /** Connection string, account key, SAS or client secret, as `auth` says. Goes in and never comes out (A2). */
  readonly secret?: string | undefined;
}

// ---- exports ----

export const exportTypes = ["measurements", "devices", "deviceTemplates"] as const;
export type ExportType = (typeof exportTypes)[number];
export const codecs = ["null", "deflate"] as const;
export type Codec = (typeof codecs)[number];
export const formatRevisions = ["2018-07", "2018-09"] as const;
export type FormatRevision = (typeof formatRevisions)[number];

/** Everything a file's name and bytes depend on, besides the sealed segment (E2). */
export interface ExportSettings {
  readonly storageAccountId: string;
  readonly container: string;
  readonly types: readonly ExportType[];
  readonly pathTemplate: string;
  readonly codec: Codec;
  readonly formatRevision: FormatRevision;
  readonly blockBytes: number;
  readonly fileBytesMax: number;
}

/** An immutable version of an export's settings, in force from `windowFirst` until the next version's. */
export interface ExportDefinition extends ExportSettings {
  readonly version: number;
  readonly windowFirst: Window;
}

/**
 * What becomes of a backlog that does not shrink. Both null: it is held, and when the journal is full devices are refused.
 * Otherwise the oldest owed windows are let go, with a gap on record.
 */
export interface BacklogPolicy {
  /** While the export cannot write: windows older than this. Above 0. */
  readonly letGoAfterHours: number | null;
  /** At any time: the oldest windows beyond this many bytes of records. Above 0. */
  readonly letGoAfterBytes: number | null;
}
export const holdBacklog: BacklogPolicy = { letGoAfterHours: null, letGoAfterBytes: null };

/** A time the export was on. Both ends inclusive; `windowLast` is null while it is on. */
export interface Tenure {
  readonly number: number;
  readonly windowFirst: Window;
  readonly windowLast: Window | null;
}

/** Windows above the one now open that were used by mistake: from the lowest with records to the highest. */
export interface WindowsAhead {
  readonly windowLowest: Window;
  readonly windowHighest: Window;
}

export interface Export {
  readonly id: string;
  readonly name: string;
  /** An open tenure exists. */
  readonly on: boolean;
  /** Ascending by version; the last is the one an administrator sees. */
  readonly definitions: readonly ExportDefinition[];
  readonly tenures: readonly Tenure[];
  readonly backlog: BacklogPolicy;
  readonly etag: number;
  readonly createdAt: string;
}

/** What the exporter moves through: records of one partition, or snapshots of one type (partition 0). */
export interface StreamKey {
  readonly type: ExportType;
  readonly partition: number;
}

/** One exported file, for the run history. */
export interface ExportRun extends StreamKey {
  readonly exportId: string;
  readonly definitionVersion: number;
  readonly window: Window;
  readonly part: number;
  readonly path: string;
  readonly records: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly attempts: number;
  /** ISO times, by the window clock. */
  readonly startedAt: string;
  readonly committedAt: string;
  /** `created` by this attempt, or found there and ours (`adopted`). */
  readonly outcome: "created" | "adopted";
}

/** Owed windows that an administrator or a backlog policy let go, so that the loss is on record. */
export interface ExportGap extends StreamKey {
  readonly exportId: string;
  readonly windowFirst: Window;
  readonly windowLast: Window;
  readonly reason: string;
  readonly at: string;
  /** As a cut record's `[first, next)`. Null when nobody knows: the journal was lost, or the gap is of the first format. */
  readonly offsets: { readonly first: number; readonly next: number } | null;
  /** How many records were let go; null when nobody knows. */
  readonly records: number | null;
}

// ---- what was committed, for the proof that nothing is lost ----

/** A file of a committed window. Its path follows from the definition, its number from its place. */
export interface CutPart {
  readonly records: number;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * A window of a stream as it was committed. A function of the window and the definition (E2), so a file that is found and
 * adopted after a restore gives the same record again. Kept for a stated time.
 */
export interface CutRecord extends StreamKey {
  readonly exportId: string;
  readonly window: Window;
  readonly definitionVersion: number;
  /** Offsets `[first, next)` of measurements; revisions `(first, next]` of a snapshot. */
  readonly first: number;
  readonly next: number;
  readonly parts: readonly CutPart[];
}

/** Windows owed without a break: in one tenure, under definitions that all toggle the type. See `spanAt`. */
export interface Span {
  readonly tenure: number;
  readonly windowFirst: Window;
  readonly windowLast: Window | null;
}

/**
 * What was settled of a stream without a break, in a few numbers that are kept for ever: a sum of cut records and gaps.
 *
 * Measurements: a tally goes on while each window starts at the offset where the last one ended, within a span. Where it
 * does not, another is opened, and whoever audits asks why. Snapshots have one tally a type.
 */
export interface ExportTally extends StreamKey {
  /** Grows: the order in which they were opened. */
  readonly number: number;
  /** Null until something is settled, and for snapshots, whose tally goes over all tenures. */
  readonly tenure: number | null;
  /** Every owed window from here on is in this tally or a later one. */
  readonly windowFirst: Window;
  /** The first and the last settled window; null before the first. */
  readonly settled: { readonly first: Window; readonly last: Window } | null;
  /** Offsets `[first, next)` of all that was settled; null before the first, and for snapshots. */
  readonly offsets: { readonly first: number; readonly next: number } | null;
  readonly windows: number;
  readonly files: number;
  /** Snapshots: records in all cuts that the export was ever given to write. Null for measurements: offsets tell. */
  readonly given: number | null;
  readonly exported: number;
  readonly discarded: number;
}

/**
 * A violation that the audit found and an administrator accepted: it alarms no more. Never changed or removed; sums,
 * checkpoints and gaps stay as they are.
 */
export interface AcceptedViolation extends StreamKey {
  readonly exportId: string;
  /** The audit's word for it. */
  readonly kind: string;
  readonly windowFirst: Window;
  readonly windowLast: Window;
  readonly offsets: { readonly first: number; readonly next: number } | null;
  /** By how many records; below 0 when there are too many. */
  readonly records: number;
  readonly reason: string;
  readonly at: string;
}

/** All that an audit of one export needs of the registry, of one moment. */
export interface AuditFacts {
  readonly export: Export;
  /** In the order in which they were opened. */
  readonly tallies: readonly ExportTally[];
  readonly gaps: readonly ExportGap[];
  /** In the order in which they were accepted. */
  readonly accepted: readonly AcceptedViolation[];
  readonly checkpoints: readonly (StreamKey & { readonly windowNext: Window })[];
  /** Snapshots that are owed. */
  readonly owed: readonly OwedSnapshot[];
}

// ---- snapshots ----

export const snapshotTypes = ["devices", "deviceTemplates"] as const;
export type SnapshotType = (typeof snapshotTypes)[number];

/** A snapshot's cut: the states at `revisionTo` of all that changed after `revisionFrom`. Full when that is 0. */
export interface SnapshotCut {
  readonly type: SnapshotType;
  readonly window: Window;
  /** `full` holds everything, `delta` what changed since the last cut of this type. */
  readonly scope: "full" | "delta";
  readonly revisionFrom: number;
  readonly revisionTo: number;
  readonly records: number;
  /** Size of the staged file. */
  readonly bytes: number;
}

/** A snapshot that an export has yet to write. */
export interface OwedSnapshot {
  readonly exportId: string;
  readonly definitionVersion: number;
  readonly cut: SnapshotCut;
}

/** What must be cut when windows close, per type: see `snapshotDemand`. */
export interface SnapshotDemand {
  readonly type: SnapshotType;
  /** Where the next delta starts: `revisionTo` of the last cut. */
  readonly revisionFrom: number;
  /** Exports whose next snapshot of this type must be full, with the definition version that will write it. */
  readonly full: readonly SnapshotReceiver[];
  readonly delta: readonly SnapshotReceiver[];
}

export interface SnapshotReceiver {
  readonly exportId: string;
  readonly definitionVersion: number;
}

/** A consistent, read-only view of devices and templates at one revision (S2). Long-lived: close it. */
export interface RegistryView {
  readonly revision: number;
  /** Devices with `revisionAfter < revision ≤ this.revision`, ascending by revision, at most `limit`. */
  devices(revisionAfter: number, limit: number): readonly { readonly revision: number; readonly device: Device }[];
  /** As `devices`, for published template versions. */
  deviceTemplates(
    revisionAfter: number,
    limit: number,
  ): readonly { readonly revision: number; readonly template: DeviceTemplate }[];
  close(): void;
}

// ---- events ----

/** Told after the change is durable, in order of commit. Listeners must not throw. */
export type RegistryEvent =
  | { readonly kind: "device-created"; readonly deviceId: string }
  /** `access` is true when the device was disabled or a key changed: its connections must be authenticated again. */
  | { readonly kind: "device-changed"; readonly deviceId: string; readonly access: boolean }
  | { readonly kind: "device-deleted"; readonly deviceId: string }
  | { readonly kind: "policy-changed"; readonly name: string }
  | { readonly kind: "storage-changed"; readonly storageAccountId: string }
  | { readonly kind: "export-changed"; readonly exportId: string };

// ---- the port ----

export interface Installation {
  /** A GUID made at first start. */
  readonly id: string;
  /** Fixed once made. */
  readonly hubName: string;
  /** 32 bytes: sync markers are an HMAC with it. Encrypted at rest. */
  readonly secret: Buffer;
}

export interface Registry {
  readonly installation: Installation;

  createTemplate(template: NewTemplate): Promise<DeviceTemplate>;
  /** Replaces a draft's name and content. A published version: conflict `template-published`, hint: a new version. */
  updateTemplate(id: string, version: string, content: NewTemplate, etag?: number): Promise<DeviceTemplate>;
  publishTemplate(id: string, version: string, etag?: number): Promise<DeviceTemplate>;
  /** A new version (draft unless `publish`) of an existing template. */
  createTemplateVersion(id: string, template: NewTemplate & { readonly version: string }): Promise<DeviceTemplate>;
  /** All versions when `version` is left out. Conflict `template-in-use` while a device uses it. */
  deleteTemplate(id: string, version?: string): Promise<void>;
  /** The newest published version (else the newest draft) when `version` is left out. */
  template(id: string, version?: string): Promise<DeviceTemplate>;
  /** All versions of all templates, by id, then version. */
  templates(): Promise<readonly DeviceTemplate[]>;

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
  deviceKeys(id: string): Promise<KeyPair>;
  /** Makes new random keys for those named, or takes the ones given. */
  setDeviceKeys(id: string, keys: Partial<KeyPair> | "regenerate-primary" | "regenerate-secondary"): Promise<KeyPair>;
  /** Null when there is no such device. Fast: asked at every connection. */
  deviceCredentials(id: string): Promise<DeviceCredentials | null>;

  createPolicy(name: string, keys?: Partial<KeyPair>): Promise<HubPolicy>;
  deletePolicy(name: string): Promise<void>;
  policies(): Promise<readonly HubPolicy[]>;
  policyKeys(name: string): Promise<KeyPair | null>;

  createStorageAccount(account: NewStorageAccount): Promise<StorageAccount>;
  /**
   * `secret` left out keeps the present one, while `kind` and `auth` stay. The place (folder path, endpoint) is fixed
   * while an export names the account: conflict `storage-in-use`.
   */
  updateStorageAccount(id: string, account: NewStorageAccount, etag?: number): Promise<StorageAccount>;
  /** Conflict `storage-in-use` while an export names it, in any of its definitions. */
  deleteStorageAccount(id: string): Promise<void>;
  storageAccount(id: string): Promise<StorageAccount>;
  storageAccounts(): Promise<readonly StorageAccount[]>;
  /** Only for opening the store. Null when there is none. */
  storageSecret(id: string): Promise<string | null>;

  /**
   * @param windowOpen  asked inside the transaction: the window now open.
   * The export starts off, its definition in force from the open window; `setExportOn` opens its first tenure. Names of
   * exports are unique. The path template's syntax and overlaps are the export room's to check before.
   */
  createExport(
    name: string,
    settings: ExportSettings,
    windowOpen: () => Window,
    /** Held when left out. Not a part of the definition: it changes no file. */
    backlog?: BacklogPolicy,
  ): Promise<Export>;
  /**
   * Makes definition version n+1, in force from the window after the open one; from the open one when no tenure covers
   * that yet. A second edit before it came into force replaces nothing: it makes a further version with the same
   * `windowFirst`, and the highest version wins. Marks the snapshot types that must be full again, compared with the
   * definition now in force: newly toggled on, or all after a change of account, container, path template or format
   * revision. Settings equal to the last version's make no version.
   */
  updateExport(
    id: string,
    change: {
      readonly name?: string | undefined;
      readonly settings?: ExportSettings | undefined;
      readonly backlog?: BacklogPolicy | undefined;
    },
    windowOpen: () => Window,
    etag?: number,
  ): Promise<Export>;
  /**
   * Opens or closes a tenure at the open window, inclusive. Where partitions differ, the caller gives the oldest open one
   * to turn on, and the newest to turn off or edit. On what is already so: no change. Turned on in the window it
   * was turned off in, the last tenure goes on (no window twice, no further full snapshot); otherwise a new one starts,
   * with full snapshots.
   */
  setExportOn(id: string, on: boolean, windowOpen: () => Window, etag?: number): Promise<Export>;
  /** Conflict `export-on` unless it is off and owes nothing (no snapshot, and `owesNothing`: the exporter's word). */
  deleteExport(id: string, owesNothing: boolean): Promise<void>;
  /**
   * As all calls made before left it: whoever saw a window closed and then asks sees every tenure and definition that
   * concerns that window.
   */
  export(id: string): Promise<Export>;
  /** As `export`; by name. */
  exports(): Promise<readonly Export[]>;

  /** All checkpoints of an export: every owed window below `windowNext` is committed. Absent = nothing yet. */
  checkpoints(exportId: string): Promise<readonly (StreamKey & { readonly windowNext: Window })[]>;
  /**
   * Moves a measurements checkpoint by compare-and-set (E3), with the runs that made it true, the cut record, and the gap
   * if any, in one transaction. False when it was not at `from` (null = absent) or the export is gone: another exporter
   * was faster.
   */
  advanceCheckpoint(move: {
    readonly exportId: string;
    readonly stream: StreamKey;
    readonly from: Window | null;
    readonly to: Window;
    /** Where the settled windows lie. */
    readonly span: Span;
    readonly runs: readonly ExportRun[];
    readonly cut?: CutRecord | undefined;
    readonly gap?: ExportGap | undefined;
  }): Promise<boolean>;

  /**
   * What to cut for `window`, which must be closed: each snapshot type that an export owes there (a tenure covers
   * `window` and the definition in force at it toggles the type), with its receivers. An export receives a full snapshot
   * when a full mark at or before `window` is pending, else the delta; marks of later windows wait.
   *
   * Durable state, asked again after a crash, with the same answer until `recordCuts(window)`: changes concern open
   * windows only. Nothing at or below `snapshotWindow()`. Windows may be passed over, for a cut holds all since the cut
   * before; `snapshotWindowNext` in tenure.ts says which must not be.
   */
  snapshotDemand(window: Window): Promise<readonly SnapshotDemand[]>;
  /**
   * Records what was staged for a window in one transaction: the cuts, what each export now owes, full marks cleared,
   * and where the next delta starts. False when that window, or a later one, was recorded before (then nothing changes).
   *
   * @param cuts    at most one full and one delta a type, all of the view at `revisionTo`; none where it had no record.
   *                An empty full one counts as given: all that comes after is in the deltas.
   * @param demand  what `snapshotDemand(window)` answered. Exports deleted since owe nothing.
   */
  recordCuts(
    window: Window,
    revisionTo: number,
    cuts: readonly SnapshotCut[],
    demand: readonly SnapshotDemand[],
  ): Promise<boolean>;
  /**
   * After `journal reset-clock`: windows start again at `windowOpen`, far below some that were used by mistake (`ahead`;
   * null when there is no record in any). Exports that are on stay on without a break: what was owed up there stays
   * owed, and from `windowOpen` on everything is owed under the last definition, snapshots in full. Exports that are off
   * stay off. Changes nothing that lies below.
   */
  windowsWentBack(windowOpen: Window, ahead: WindowsAhead | null): Promise<void>;
  /** The last window recorded, or null. */
  snapshotWindow(): Promise<Window | null>;
  /** In window order. */
  owedSnapshots(exportId?: string): Promise<readonly OwedSnapshot[]>;
  /**
   * Removes the debt and adds the runs with their cut record, or the gap, in one transaction. False when it was not owed
   * any more.
   */
  settleSnapshot(owed: OwedSnapshot, runs: readonly ExportRun[], gap?: ExportGap): Promise<boolean>;
  /** Cuts with no debtor left; their staged files may go. `forgetCut` after the file is gone. */
  settledCuts(): Promise<readonly SnapshotCut[]>;
  forgetCut(cut: SnapshotCut): Promise<void>;
  /** Opens a consistent view for cutting snapshots (S2). */
  openView(): RegistryView;

  /** Newest first; `limit` 1..1000. */
  runs(query: {
    readonly exportId: string;
    readonly limit: number;
    readonly before?: number;
  }): Promise<readonly (ExportRun & { readonly number: number })[]>;
  gaps(exportId: string): Promise<readonly ExportGap[]>;
  /** Removes the oldest runs beyond `keep` of each export. */
  pruneRuns(keep: number): Promise<void>;

  /** Cut records of a stream, ascending by window; `limit` 1..1000. */
  cuts(query: {
    readonly exportId: string;
    readonly stream: StreamKey;
    readonly windowFirst: Window;
    readonly windowLast?: Window | undefined;
    readonly limit: number;
  }): Promise<readonly CutRecord[]>;
  /**
   * Removes cut records of windows below `windowBefore`: at most some thousands a call, so that nothing else waits long.
   * Tallies and gaps stay.
   *
   * @returns how many went; 0 when there are no more.
   */
  pruneCuts(windowBefore: Window): Promise<number>;
  auditFacts(exportId: string): Promise<AuditFacts>;
  /**
   * Puts a gap on record beside the checkpoints, which do not move: records that are known to be lost (`offsets` of the
   * hole), or windows of which nobody knows what they held (`offsets` null: the journal was lost and replaced). After the
   * latter, offsets may start anywhere. False when the export is gone.
   */
  recordGap(gap: ExportGap): Promise<boolean>;
  /** All of them, of one export, in one transaction. False when the export is gone. */
  acceptViolations(accepted: readonly AcceptedViolation[]): Promise<boolean>;

  /** Returns a function that ends the subscription. */
  subscribe(listener: (event: RegistryEvent) => void): () => void;
  close(): Promise<void>;
}
