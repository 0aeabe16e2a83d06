// What keeps pages live: a stream of what changes, and the rates of the last minutes.

import { Type } from "typebox";
import { must } from "../../lib/assert.ts";
import { isAtLeast, type Role } from "../../registry/registry.ts";
import { type ChangeKind, Changes } from "../changes.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { LiveChange, LiveStatus, StatusHistory } from "../schemas/live.ts";
import type { Interval } from "../../live/rates.ts";
import type { Stream, Streams } from "../streams.ts";

const tags = ["live"];
const secondMs = 1000;

export function liveRoutes(api: Api, options: AdminOptions, streams: Streams): void {
  const { rates, registry, exporter } = options;
  const changes = new Changes({ registry, exporter });
  /** With what their roles let them see. */
  const readers = new Map<Stream, Role>();

  const endSeconds = rates.onSecond((second) => {
    if (readers.size === 0) return;
    changes.look();
    const [forAdministrators, forOthers] = [statusText(second, options, true), statusText(second, options, false)];
    for (const [stream, role] of readers) {
      if (!stream.isBehind) stream.send("status", role === "administrator" ? forAdministrators : forOthers);
    }
  });
  api.addHook("onClose", async () => {
    endSeconds();
    changes.close();
  });

  api.get(
    "/live",
    {
      exposeHeadRoute: false,
      schema: {
        operationId: "getLive",
        summary: "A stream of what changes, as server-sent events.",
        description:
          "`status` once a second, and at once; `changed` when something may look different, gathered four times a second. After a lost connection ask again for all that is shown.",
        tags,
        access: "operator",
        response: {
          200: {
            description: "The data of the events `status` and `changed`.",
            content: { "text/event-stream": { schema: Type.Union([ref(LiveStatus), ref(LiveChange)]) } },
          },
        },
        failures: [503],
      },
    },
    async (request, reply) => {
      const { role } = must(request.principal, "the route is for known callers");
      const stream = streams.open(request, reply);
      stream.onEnd(
        changes.subscribe((all) => {
          for (const change of all) if (isShownTo(change.kind, role)) stream.send("changed", JSON.stringify(change));
        }),
      );
      stream.onEnd(() => readers.delete(stream));
      readers.set(stream, role);
      stream.send("status", statusText(rates.seconds.at(-1) ?? null, options, role === "administrator"));
      return reply;
    },
  );

  api.get(
    "/status/history",
    {
      schema: {
        operationId: "getStatusHistory",
        summary: "Messages, bytes, rejections and connections of the last seconds and minutes.",
        tags,
        access: "operator",
        response: { 200: ref(StatusHistory) },
      },
    },
    async () => ({
      secondMs,
      seconds: rates.seconds.map(intervalAnswer),
      minutes: rates.minutes.map(intervalAnswer),
    }),
  );
}

/** What a role may not look at it does not hear of. */
function isShownTo(kind: ChangeKind, role: Role): boolean {
  const isForAll = kind === "device" || kind === "template" || kind === "registration";
  return isAtLeast(role, isForAll ? "operator" : "administrator");
}

function statusText(second: Interval | null, options: AdminOptions, isAdministrator: boolean): string {
  const { journal, counters, connections, exporter } = options;
  const { bytes, bytesMax, owedBytes, untilFullMs } = journal.status();
  const { ready, reasons } = options.readiness();
  const perSecond = (amount: number): number =>
    second === null ? 0 : Math.round((amount * secondMs * 10) / second.spanMs) / 10;
  return JSON.stringify({
    at: new Date(second?.atMs ?? Date.now()).toISOString(),
    messagesPerSecond: perSecond(second?.messages ?? 0),
    bytesPerSecond: perSecond(second?.bytes ?? 0),
    rejectionsPerSecond: perSecond(second?.rejections ?? 0),
    devicesConnected: connections.openCount,
    acceptedTotal: counters.acceptedMessages,
    journalBytes: bytes,
    journalBytesMax: bytesMax,
    owedBytes,
    untilFullMs,
    ready,
    reasons,
    ...(isAdministrator ? { exports: exportsOf(exporter) } : {}),
  });
}

function exportsOf(exporter: AdminOptions["exporter"]) {
  return exporter.statuses().map(({ exportId: id, state, lagMs, owedFiles, lastFile }) => ({
    id,
    state,
    lagMs,
    owedFiles,
    lastFilePath: lastFile?.path ?? null,
  }));
}

function intervalAnswer({ atMs, spanMs, ...rest }: Interval) {
  return { at: new Date(atMs).toISOString(), spanMs: Math.round(spanMs), ...rest };
}
