// What keeps pages live: a stream of what changes, and the rates of the last minutes.

import { Type } from "typebox";
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
  const readers = new Set<Stream>();

  const endSeconds = rates.onSecond((second) => {
    streams.check();
    if (readers.size === 0) return;
    changes.look();
    const status = statusText(second, options);
    for (const stream of readers) if (!stream.isBehind) stream.send("status", status);
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
      const stream = streams.open(request, reply, () => true);
      stream.onEnd(
        changes.subscribe((all) => {
          for (const change of all) if (isShownTo(change.kind)) stream.send("changed", JSON.stringify(change));
        }),
      );
      stream.onEnd(() => readers.delete(stream));
      readers.add(stream);
      stream.send("status", statusText(rates.seconds.at(-1) ?? null, options));
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

function isShownTo(_kind: ChangeKind): boolean {
  return true;
}

function statusText(second: Interval | null, options: AdminOptions): string {
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
    exports: exporter.statuses().map(({ exportId: id, state, lagMs, owedFiles, lastFile }) => ({
      id,
      state,
      lagMs,
      owedFiles,
      lastFilePath: lastFile?.path ?? null,
    })),
  });
}

function intervalAnswer({ atMs, spanMs, ...rest }: Interval) {
  return { at: new Date(atMs).toISOString(), spanMs: Math.round(spanMs), ...rest };
}
