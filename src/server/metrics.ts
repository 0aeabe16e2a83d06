// Prometheus metrics: read from the rooms' plain counters when they are asked for. docs/operating.md "Metrics".

import { Counter, Gauge, Registry as MetricRegistry, collectDefaultMetrics } from "prom-client";
import { sumOf } from "../export/audit/balance.ts";
import { type ExportStatus, exportStates } from "../export/export.ts";
import type { Exporter } from "../export/exporter.ts";
import type { ConnectionTable } from "../ingest/connection-table.ts";
import { type IngestCounters, foldReasons, registrationResults, rejectionReasons } from "../ingest/ingest.ts";
import type { Journal } from "../journal/journal.ts";
import { type Registry, type StorageAccount, cloudMessageEnds } from "../registry/registry.ts";
import type { CloudMessages } from "../twins/cloud-messages.ts";
import type { Methods } from "../twins/methods.ts";

export interface MetricSources {
  readonly counters: IngestCounters;
  readonly table: ConnectionTable;
  readonly journal: Journal;
  readonly exporter: Exporter;
  readonly registry: Pick<Registry, "storageAccounts" | "cloudMessageTotals">;
  readonly methods: Pick<Methods, "counters">;
  readonly cloudMessages: Pick<CloudMessages, "counters">;
  /** Real time. */
  readonly certificateEndsMs: () => number;
  readonly version: string;
}

/** @returns a function that renders the text format. */
export function openMetrics(of: MetricSources): () => Promise<string> {
  const registry = new MetricRegistry();
  collectDefaultMetrics({ register: registry });
  const { counters, journal, exporter, table } = of;
  /** Of one moment for all gauges of a page: each asks for every export. */
  let statuses: readonly ExportStatus[] = [];
  let accounts: readonly StorageAccount[] = [];

  const gauge = (name: string, help: string, read: () => number): void => {
    void new Gauge({
      name: `coldpath_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  const counter = (name: string, help: string, read: () => number): void => {
    void new Counter({
      name: `coldpath_${name}`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };

  counter("ingest_messages_total", "Messages accepted into the journal.", () => counters.acceptedMessages);
  counter("ingest_body_bytes_total", "Bytes of their bodies.", () => counters.acceptedBytes);
  counter(
    "ingest_connections_opened_total",
    "Device connections that authenticated.",
    () => counters.connectionsOpened,
  );
  counter(
    "ingest_connections_taken_over_total",
    "Connections ended by a newer one of the same device.",
    () => counters.connectionsTakenOver,
  );
  gauge("ingest_connections", "Device connections open now.", () => table.openCount);
  void new Counter({
    name: "coldpath_ingest_rejections_total",
    help: "Refused connections, packets and requests, by reason.",
    labelNames: ["reason"],
    registers: [registry],
    collect() {
      this.reset();
      for (const reason of rejectionReasons) this.inc({ reason }, counters.rejections[reason]);
    },
  });

  void new Counter({
    name: "coldpath_ingest_folded_total",
    help: "Messages that were sent again and folded into their first record, by what they were recognised by.",
    labelNames: ["by"],
    registers: [registry],
    collect() {
      this.reset();
      for (const by of foldReasons) this.inc({ by }, counters.folded[by]);
    },
  });
  counter(
    "ingest_fold_forgotten_total",
    "Messages that folding forgot before their time, for want of room.",
    () => counters.foldForgotten,
  );
  void new Counter({
    name: "coldpath_registrations_total",
    help: "Answers to devices that asked to be provisioned: created, assigned (known before) or waiting.",
    labelNames: ["result"],
    registers: [registry],
    collect() {
      this.reset();
      for (const result of registrationResults) this.inc({ result }, counters.registrations[result]);
    },
  });
  void new Counter({
    name: "coldpath_methods_total",
    help: "Calls of direct methods, by outcome; late answers are those that nobody waited for any more.",
    labelNames: ["outcome"],
    registers: [registry],
    collect() {
      this.reset();
      const { answered, unanswered, lateAnswers } = of.methods.counters;
      this.inc({ outcome: "answered" }, answered);
      this.inc({ outcome: "unanswered" }, unanswered);
      this.inc({ outcome: "late-answer" }, lateAnswers);
    },
  });
  void new Counter({
    name: "coldpath_cloud_messages_total",
    help: "Cloud-to-device messages, by what became of them.",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      this.reset();
      const { enqueued, ended } = of.cloudMessages.counters;
      this.inc({ state: "enqueued" }, enqueued);
      for (const state of cloudMessageEnds) this.inc({ state }, ended[state]);
    },
  });
  void new Gauge({
    name: "coldpath_cloud_messages_waiting",
    help: "Cloud-to-device messages that wait, for their devices or for these to complete them.",
    registers: [registry],
    async collect() {
      this.set((await of.registry.cloudMessageTotals()).messages);
    },
  });

  counter("journal_appended_records_total", "Records made durable.", () => journal.status().appendedRecords);
  counter("journal_appended_bytes_total", "Bytes of these records.", () => journal.status().appendedBytes);
  counter("journal_frames_total", "Group commits: one write and sync each.", () => journal.status().frames);
  counter("journal_frame_seconds_total", "Time spent in writes and syncs.", () => journal.status().frameMs / 1000);
  gauge("journal_bytes", "Disk the journal holds, staged snapshots included.", () => journal.status().bytes);
  gauge("journal_bytes_max", "Disk it may hold; beyond it devices are refused.", () => journal.status().bytesMax);
  gauge("journal_owed_bytes", "Of these, what exports owe.", () => journal.status().owedBytes);
  gauge(
    "journal_until_full_seconds",
    "Until devices are refused, at the rate of the last minutes; +Inf when it does not fill.",
    () => (journal.status().untilFullMs ?? Infinity) / 1000,
  );
  gauge("journal_refusing", "1 while any partition refuses records.", () =>
    journal.status().partitions.some(({ refusal }) => refusal !== null) ? 1 : 0,
  );
  gauge("journal_ahead_seconds", "How far partition time is ahead of the wall clock.", () =>
    Math.max(0, ...journal.status().partitions.map(({ aheadMs }) => aheadMs / 1000)),
  );

  const perExport = (name: string, help: string, read: (status: ExportStatus) => number): void => {
    void new Gauge({
      name: `coldpath_${name}`,
      help,
      labelNames: ["export"],
      registers: [registry],
      collect() {
        this.reset();
        for (const status of statuses) this.set({ export: status.exportId }, read(status));
      },
    });
  };
  perExport(
    "export_lag_seconds",
    "Age of the oldest window that is owed and not committed.",
    ({ lagMs }) => lagMs / 1000,
  );
  perExport("export_owed_files", "Closed windows and snapshots that are owed.", ({ owedFiles }) => owedFiles);
  const sumPerExport = (name: string, help: string, pick: keyof ReturnType<typeof sumOf>): void =>
    perExport(name, help, ({ audit }) => (audit === null ? 0 : sumOf(audit.balances)[pick]));
  sumPerExport("audit_journaled_records", "Records that the journal took for the export.", "journaled");
  sumPerExport("audit_exported_records", "Of these, in confirmed files.", "exported");
  sumPerExport("audit_waiting_records", "Of these, owed: in closed windows and in the open one.", "waiting");
  sumPerExport("audit_discarded_records", "Of these, let go with a gap on record.", "discarded");
  sumPerExport("audit_accepted_records", "Of these, missing, and accepted as that.", "accepted");
  perExport(
    "audit_violations",
    "Windows in which records are lost, doubled or miscounted; 0 or somebody must look.",
    ({ audit }) => audit?.violationCount ?? 0,
  );
  const countPerExport = (name: string, help: string, read: (status: ExportStatus) => number): void => {
    void new Counter({
      name: `coldpath_${name}`,
      help,
      labelNames: ["export"],
      registers: [registry],
      collect() {
        this.reset();
        for (const status of statuses) this.inc({ export: status.exportId }, read(status));
      },
    });
  };
  countPerExport("export_files_written_total", "Files committed.", ({ filesWritten }) => filesWritten);
  countPerExport("export_records_written_total", "Records in them.", ({ recordsWritten }) => recordsWritten);
  countPerExport("export_bytes_written_total", "Bytes of them.", ({ bytesWritten }) => bytesWritten);
  gauge(
    "certificate_expiry_seconds",
    "Until the server's certificate ends.",
    () => (of.certificateEndsMs() - Date.now()) / 1000,
  );
  void new Gauge({
    name: "coldpath_storage_sas_expiry_seconds",
    help: "Until the SAS of a storage account ends; below 0 when it has.",
    labelNames: ["storage"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { id, sas } of accounts) {
        if (typeof sas?.expiresAt === "string")
          this.set({ storage: id }, (Date.parse(sas.expiresAt) - Date.now()) / 1000);
      }
    },
  });
  void new Gauge({
    name: "coldpath_export_state",
    help: "1 for the state that an export is in.",
    labelNames: ["export", "state"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { exportId, state } of statuses) {
        for (const one of exportStates) this.set({ export: exportId, state: one }, one === state ? 1 : 0);
      }
    },
  });
  void new Gauge({
    name: "coldpath_build_info",
    help: "The version that runs.",
    labelNames: ["version"],
    registers: [registry],
    collect() {
      this.set({ version: of.version }, 1);
    },
  });
  return async () => {
    statuses = exporter.statuses();
    accounts = await of.registry.storageAccounts();
    return await registry.metrics();
  };
}
