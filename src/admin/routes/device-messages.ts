// What a device said: its last messages, and those to come.

import { Type } from "typebox";
import type { AdminOptions } from "../options.ts";
import { printWindowStart } from "../export-answer.ts";
import { pageLimit } from "../page-limit.ts";
import { type Api, ref } from "../schema.ts";
import { DeviceMessage, DeviceMessageList, SkippedMessages } from "../schemas/live.ts";
import type { Streams } from "../streams.ts";

const tags = ["devices"];
const oneDevice = Type.Object({ deviceId: Type.String() });
const limitDefault = 50;
const minuteMs = 60_000;

export function deviceMessageRoutes(api: Api, options: AdminOptions, streams: Streams): void {
  const { registry, clock, pageSizeMax, recentMessages, watchedDevices } = options;

  api.get(
    "/devices/:deviceId/messages",
    {
      schema: {
        operationId: "listDeviceMessages",
        summary: "The last messages of a device, newest first.",
        description:
          "Read back from the journal, as far as it goes and as much as may be read for one answer. Messages of a deleted device of the same id are among them.",
        tags,
        access: "operator",
        params: oneDevice,
        querystring: Type.Object(
          {
            limit: Type.Optional(Type.Integer({ description: "50 when left out; at most the server's page size." })),
            minutes: Type.Optional(
              Type.Integer({ minimum: 1, maximum: 5_256_000, description: "Only those of the last so many minutes." }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: ref(DeviceMessageList) },
        failures: [404, 503],
      },
    },
    async (request, reply) => {
      const { limit = limitDefault, minutes } = request.query;
      const { id: deviceId } = await registry.device(request.params.deviceId);
      const nowMs = clock.nowMs();
      const sinceMs = minutes === undefined ? null : nowMs - minutes * minuteMs;
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort());
      const found = await recentMessages.find({ deviceId, limit: pageLimit(limit, pageSizeMax), sinceMs }, gone.signal);
      const { messages, scannedFromMs, endedBy, unreadable } = found;
      return {
        items: messages,
        scannedFrom: scannedFromMs === null ? null : new Date(Math.min(scannedFromMs, nowMs)).toISOString(),
        complete: endedBy === null && unreadable.length === 0,
        endedBy,
        unreadable: unreadable.map(({ window, ...one }) => ({ ...one, window: printWindowStart(window) })),
      };
    },
  );

  api.get(
    "/devices/:deviceId/live",
    {
      exposeHeadRoute: false,
      schema: {
        operationId: "getDeviceLive",
        summary: "A stream of a device's messages as they are taken, as server-sent events.",
        description: "`message` for each, `skipped` where more came in a second than are shown.",
        tags,
        access: "operator",
        params: oneDevice,
        response: {
          200: {
            description: "The data of the events `message` and `skipped`.",
            content: { "text/event-stream": { schema: Type.Union([ref(DeviceMessage), ref(SkippedMessages)]) } },
          },
        },
        failures: [404, 503],
      },
    },
    async (request, reply) => {
      const { id } = await registry.device(request.params.deviceId);
      let send = (_event: string, _data: string): void => {};
      // Before the stream is one, so that a refusal is an answer like any other.
      const end = watchedDevices.watch(id, {
        message: (message) => send("message", JSON.stringify(message)),
        skipped: (count) => send("skipped", JSON.stringify({ count })),
      });
      try {
        const stream = streams.open(request, reply);
        stream.onEnd(end);
        send = (event, data) => stream.send(event, data);
      } catch (error) {
        end();
        throw error;
      }
      return reply;
    },
  );
}
