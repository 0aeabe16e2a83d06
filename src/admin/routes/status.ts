// How the hub is, in one answer.

import { rejectionReasons } from "../../ingest/ingest.ts";
import { hostNameOf } from "../connection-string.ts";
import { storageAnswer } from "./storage-accounts.ts";
import { adviceOf } from "../../export/advice.ts";
import { auditSummary, printWindowStart, statusOf } from "../export-answer.ts";
import type { StorageAccount } from "../../registry/registry.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { Status } from "../schemas/status.ts";

export function statusRoutes(api: Api, options: AdminOptions): void {
  api.get(
    "/status",
    {
      schema: {
        operationId: "getStatus",
        summary: "How the hub is: readiness, endpoints, messages, journal, exports.",
        tags: ["status"],
        access: "operator",
        response: { 200: ref(Status) },
      },
    },
    async (request) => {
      const { registry, journal, counters, connections, clock } = options;
      const endpoints = options.endpoints();
      const { ready, reasons } = options.readiness();
      // An operator has no business with exports: not even their names.
      const isAdministrator = request.principal?.role === "administrator";
      const exports = isAdministrator ? await registry.exports() : [];
      return {
        hubName: registry.installation.hubName,
        installationId: registry.installation.id,
        version: options.version,
        startedAt: options.startedAt,
        uptimeSeconds: Math.max(0, Math.floor((Date.now() - Date.parse(options.startedAt)) / 1000)),
        now: new Date(clock.nowMs()).toISOString(),
        windowOpen: printWindowStart(journal.windowNext()),
        ready,
        reasons,
        endpoints: { ...endpoints, hostName: hostNameOf(endpoints) },
        devicesConnected: connections.openCount,
        messages: {
          accepted: counters.acceptedMessages,
          acceptedBytes: counters.acceptedBytes,
          folded: counters.folded["message-id"] + counters.folded.dup,
          rejections: Object.fromEntries(
            rejectionReasons
              .filter((reason) => counters.rejections[reason] > 0)
              .map((reason) => [reason, counters.rejections[reason]]),
          ),
        },
        restored: options.restored,
        journal: journalOf(options),
        exports: !isAdministrator
          ? undefined
          : exports.map((one) => {
              const { state, trouble, owedFiles, owedBytes, lagMs, lastFile, audit } = statusOf(one, options);
              return {
                id: one.id,
                name: one.name,
                on: one.on,
                state,
                trouble,
                owedFiles,
                owedBytes,
                lagMs,
                lastFile,
                audit: auditSummary(audit),
                advice: adviceOf({ state, trouble }),
              };
            }),
        storage: isAdministrator ? (await registry.storageAccounts()).map(storageSummary) : undefined,
      };
    },
  );
}

function storageSummary(account: StorageAccount) {
  const { id, name, sasExpiresAt, warnings } = storageAnswer(account);
  return { id, name, sasExpiresAt, warnings };
}

function journalOf({ journal }: AdminOptions) {
  const { partitions, bytes, bytesMax, owedBytes, untilFullMs, notices, appendedRecords, appendedBytes } =
    journal.status();
  return {
    partitions: partitions.map(({ windowNext, ...partition }) => ({
      ...partition,
      windowOpen: printWindowStart(windowNext),
    })),
    bytes,
    bytesMax,
    owedBytes,
    untilFullMs,
    notices: notices.map(({ atMs, ...notice }) => ({ ...notice, at: new Date(atMs).toISOString() })),
    appendedRecords,
    appendedBytes,
  };
}
