// What the admin room is given: the rooms it fronts, and what only the server knows. server.ts makes them.

import type { StorageAccess } from "../destinations/destination.ts";
import type { StorageSettings as OpenSettings } from "../destinations/open-storage.ts";
import type { Exporter } from "../export/exporter.ts";
import type { ConnectionTable } from "../ingest/connection-table.ts";
import type { IngestCounters } from "../ingest/ingest.ts";
import type { RecentMessages } from "../live/recent-messages.ts";
import type { Rates } from "../live/rates.ts";
import type { WatchedDevices } from "../live/watched-devices.ts";
import type { Journal } from "../journal/journal.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Registry, SessionBounds } from "../registry/registry.ts";
import type { CloudMessages } from "../twins/cloud-messages.ts";
import type { Methods } from "../twins/methods.ts";

/** How devices reach this server. */
export interface Endpoints {
  /** The first stands in connection strings. */
  readonly publicHosts: readonly string[];
  /** Null when plain MQTT is off. */
  readonly mqttPort: number | null;
  readonly mqttsPort: number;
  readonly amqpsPort: number;
  readonly httpsPort: number;
  /** The authority's certificate for devices; null when a public authority signed the server's. */
  readonly caPath: string | null;
}

export interface TlsCredentials {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface AdminOptions {
  readonly registry: Registry;
  readonly journal: Pick<Journal, "windowNext" | "windowNewest" | "status">;
  readonly exporter: Pick<Exporter, "status" | "statuses" | "owesNothing" | "retry" | "discard" | "acceptViolations">;
  readonly connections: Pick<ConnectionTable, "isOpen" | "openCount">;
  readonly counters: IngestCounters;
  readonly rates: Pick<Rates, "seconds" | "minutes" | "onSecond">;
  readonly recentMessages: Pick<RecentMessages, "find">;
  readonly watchedDevices: Pick<WatchedDevices, "watch">;
  readonly methods: Pick<Methods, "invoke">;
  readonly cloudMessages: Pick<CloudMessages, "send">;

  /** Opens a saved account, new each time: the caller closes it. Throws ColdpathError. */
  readonly openStorage: (storageAccountId: string) => Promise<StorageAccess>;
  /** Opens an account that is not saved, to try it: the caller closes it. Throws ColdpathError. */
  readonly openStorageWith: (settings: OpenSettings, secret: string | undefined) => StorageAccess;

  /** Asked at each use: ports of 0 are known only after listening. */
  readonly endpoints: () => Endpoints;
  readonly readiness: () => { readonly ready: boolean; readonly reasons: readonly string[] };
  /** Prometheus text. */
  readonly metrics: () => Promise<string>;
  readonly version: string;
  /** ISO, real time. */
  readonly startedAt: string;
  /** The last restore from a backup, or null. */
  readonly restored: {
    readonly restoredAt: string;
    readonly backupAt: string;
    readonly isRegistryOnly: boolean;
    readonly gaps: number;
  } | null;
  /** What an export has where its maker leaves it out. */
  readonly exportDefaults: { readonly blockBytes: number; readonly fileBytesMax: number };

  /** Whoever shows it may do everything. At least 32 characters. */
  readonly adminToken: string;
  /** Holds the built web page, or nothing yet. */
  readonly pageDirectory: string;
  /** Holds the documents of this release, in Markdown. */
  readonly docsDirectory: string;
  readonly sessions: SessionBounds;
  readonly auditLogEntriesMax: number;
  /** As a browser on this machine, or of TLS on another, reaches the listener; asked at each use. */
  readonly webUrl: () => string;
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Further names by which browsers reach a loopback listener, e.g. those of a proxy. */
  readonly webHosts: readonly string[];
  /** Left out: plain HTTP, for loopback. */
  readonly tls?: TlsCredentials | undefined;
  readonly requestBytesMax: number;
  /** Open streams of server-sent events at a time, and what each may leave unread. */
  readonly streamsMax: number;
  readonly streamUnsentBytesMax: number;
  /** Of a file of devices. */
  readonly importBytesMax: number;
  /** Above 1,000 counts as 1,000, the registry's own bound. */
  readonly pageSizeMax: number;
  /** Of an exported file, read for a preview. */
  readonly previewBytesMax: number;
  /** Of exported files, at once. */
  readonly downloadsMax: number;
  /** Where folder accounts may lie; null: anywhere but in the data directory. */
  readonly storageFolders: readonly string[] | null;
  /** The window clock; tokens keep real time. */
  readonly clock: Clock;
  readonly log: Log;
}
