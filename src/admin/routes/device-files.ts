// Devices as CSV files: imported and exported, with the columns that IoT Central had in 2018.

import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { Type } from "typebox";
import { ColdpathError } from "../../lib/errors.ts";
import type { DeviceFilter, Registry } from "../../registry/registry.ts";
import { deviceFilter, filterOf } from "../device-filter.ts";
import { importDevices } from "../device-import.ts";
import { sheetHeading, sheetLine } from "../device-sheet.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { DeviceImportReport } from "../schemas/device.ts";

const tags = ["devices"];
/** Each holds its file in memory. */
const importsMax = 2;
const pageDevices = 500;
/** Lines made in one turn. */
const turnDevices = 50;

export async function deviceFileRoutes(api: Api, options: AdminOptions): Promise<void> {
  const { registry, connections, importBytesMax } = options;
  const underWay = new Set<string>();

  await api.register(async (scope: Api) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("text/csv", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    scope.addHook("onRequest", async (request, reply) => {
      if (underWay.size >= importsMax) throw busy();
      underWay.add(request.id);
      // What was being imported when its connection broke goes on, and counts.
      reply.raw.once("close", () => {
        if (request.body === undefined) underWay.delete(request.id);
      });
    });
    scope.post(
      "/devices/import",
      {
        bodyLimit: importBytesMax,
        schema: {
          operationId: "importDevices",
          summary: "Makes devices from a CSV file, each good row for itself.",
          description:
            "Columns: IOTC_DeviceID, IOTC_DeviceName, and those of an exported file; case does not matter. Devices that exist are left as they are, so a file can be imported again after a failure.",
          tags,
          access: "operator",
          consumes: ["text/csv"],
          querystring: Type.Object(
            {
              templateId: Type.String(),
              templateVersion: Type.Optional(
                Type.String({ description: "The newest published version when left out." }),
              ),
              simulated: Type.Optional(Type.Boolean({ description: "The server sends in their place." })),
              dryRun: Type.Optional(Type.Boolean({ description: "Makes nothing, and says what would be." })),
            },
            { additionalProperties: false },
          ),
          body: { content: { "text/csv": { schema: Type.Unsafe<Buffer>({}) } } },
          response: { 200: ref(DeviceImportReport) },
          failures: [409, 503],
        },
      },
      async (request) => {
        try {
          const { dryRun = false, ...given } = request.query;
          const file = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
          return await importDevices(registry, file, { ...given, dryRun });
        } finally {
          underWay.delete(request.id);
        }
      },
    );
  });

  api.get(
    "/devices.csv",
    {
      schema: {
        operationId: "exportDevices",
        summary: "Writes devices into a CSV file, by id.",
        description: "Safe to open in a spreadsheet, and importDevices takes it.",
        tags,
        access: "operator",
        querystring: Type.Object(
          {
            ...deviceFilter,
            keys: Type.Optional(
              Type.Boolean({ description: "With their keys: keep such a file as safe as the keys." }),
            ),
          },
          { additionalProperties: false },
        ),
        response: {
          200: {
            description: "The file.",
            content: { "text/csv": { schema: Type.Unsafe<Readable>({ type: "string" }) } },
          },
        },
      },
    },
    async (request, reply) => {
      const { keys = false, ...given } = request.query;
      if (keys) request.callNote = { detail: { with: "keys", ...given } };
      reply.header("content-type", "text/csv; charset=utf-8");
      reply.header("content-disposition", 'attachment; filename="devices.csv"');
      return await reply.send(Readable.from(sheetOf(registry, filterOf(given, connections), keys)));
    },
  );
}

async function* sheetOf(registry: Registry, filter: DeviceFilter, withKeys: boolean): AsyncGenerator<string> {
  yield sheetHeading;
  let after: string | undefined;
  do {
    const page = await registry.devices({ ...filter, limit: pageDevices, after });
    for (let first = 0; first < page.items.length; first += turnDevices) {
      let lines = "";
      for (const device of page.items.slice(first, first + turnDevices)) {
        lines += sheetLine(device, withKeys ? await registry.deviceKeys(device.id) : null);
      }
      yield lines;
      await setImmediate();
    }
    after = page.next ?? undefined;
  } while (after !== undefined);
}

function busy(): ColdpathError {
  return new ColdpathError("unavailable", "import-busy", `${importsMax} files are being imported already.`, {
    hint: "Try again when they are done.",
  });
}
