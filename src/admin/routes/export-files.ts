// The files of an export: browsed, looked into, downloaded, and how to read them elsewhere.

import { Readable } from "node:stream";
import { Type } from "typebox";
import type { Destination, StorageAccess } from "../../destinations/destination.ts";
import { DestinationError } from "../../destinations/destination.ts";
import {
  type FilePlace,
  fileLevel,
  filePlace,
  filePlaces,
  requireFileName,
} from "../../export/files/exported-files.ts";
import { previewFile } from "../../export/files/file-preview.ts";
import { type FileLocation, blobUrl, localName, readingOf } from "../../export/files/reading.ts";
import { ColdpathError } from "../../lib/errors.ts";
import type { ExportRun, StorageSettings } from "../../registry/registry.ts";
import { fileRunAnswer, printWindowStart } from "../export-answer.ts";
import type { AdminOptions } from "../options.ts";
import { pageLimit } from "../page-limit.ts";
import { Places } from "../places.ts";
import { type Api, ref } from "../schema.ts";
import { BrowsedLevel, FilePreviewAnswer, FileReading } from "../schemas/exported-file.ts";
import { shownRecord } from "../shown-record.ts";
import { withStorage } from "../storage-use.ts";

const tags = ["exports"];
const oneExport = Type.Object({ exportId: Type.String() });
const version = Type.Optional(
  Type.Integer({ description: "A definition version, for files in a former container; left out: the newest." }),
);
const path = Type.String({ maxLength: 1024, description: "A file's path in the container." });

/** Each may hold a block, packed and unpacked. */
const previewsMax = 3;
const previewsWaitingMax = 50;
const previewRecordBytes = 4 * 1024 * 1024;
const previewLimitMax = 1000;
/** A download that nobody takes bytes of for so long is ended. */
const downloadIdleMs = 120_000;

export function exportFileRoutes(api: Api, options: AdminOptions): void {
  const { registry, openStorage, pageSizeMax, previewBytesMax, downloadsMax } = options;
  const hub = registry.installation.hubName;
  const previews = new Places("previews", previewsMax, previewsWaitingMax);
  const downloads = new Places("downloads", downloadsMax, 0);
  /** Ends the downloads when the server stops: it waits for answers that are under way. */
  const stopping = new AbortController();
  api.addHook("preClose", async () => stopping.abort());

  const placeOf = async (exportId: string, given: number | undefined) => {
    const one = await registry.export(exportId);
    return { one, place: filePlace(one, given) };
  };
  const within = async <T>(
    { storageAccountId, container }: FilePlace,
    use: (destination: Destination, signal: AbortSignal) => Promise<T>,
  ): Promise<T> =>
    await withStorage(
      () => openStorage(storageAccountId),
      async (storage, signal) => await use(await storage.container(container, signal), signal),
    );

  api.get(
    "/exports/:exportId/files",
    {
      schema: {
        operationId: "listExportFiles",
        summary: "The files of an export in its destination, level by level.",
        tags,
        access: "administrator",
        params: oneExport,
        querystring: Type.Object(
          {
            prefix: Type.Optional(Type.String({ maxLength: 1024, description: "A folder; left out: the top." })),
            limit: Type.Optional(Type.Integer({ description: "100 when left out; at most the server's page size." })),
            after: Type.Optional(Type.String({ maxLength: 4096, description: "The `next` of the page before." })),
            version,
          },
          { additionalProperties: false },
        ),
        response: { 200: ref(BrowsedLevel) },
        failures: [404, 409, 503],
      },
    },
    async (request) => {
      const { prefix = "", after } = request.query;
      const limit = pageLimit(request.query.limit, pageSizeMax);
      const { one, place } = await placeOf(request.params.exportId, request.query.version);
      const level = await within(
        place,
        async (destination, signal) => await fileLevel(place, destination, hub, { prefix, limit, after, signal }),
      );
      const paths = level.files.map((file) => file.path);
      const runs = new Map((await registry.runsOf(one.id, paths)).map((run) => [run.path, run]));
      return {
        ...level,
        files: level.files.map(({ path: filePath, bytes }) => {
          const { type, window } = requireFileName(place, hub, filePath);
          return {
            path: filePath,
            name: filePath.slice(filePath.lastIndexOf("/") + 1),
            bytes,
            type,
            window: printWindowStart(window),
            run: runOf(runs.get(filePath), bytes),
          };
        }),
        place: placeAnswer(place),
        places: filePlaces(one).map(placeAnswer),
      };
    },
  );

  api.get(
    "/exports/:exportId/files/preview",
    {
      schema: {
        operationId: "previewExportFile",
        summary: "Some records of an exported file, decoded.",
        tags,
        access: "administrator",
        params: oneExport,
        querystring: Type.Object(
          {
            path,
            offset: Type.Optional(Type.Integer({ minimum: 0, description: "Records to pass over." })),
            limit: Type.Optional(Type.Integer({ description: "50 when left out; at most 1,000." })),
            version,
          },
          { additionalProperties: false },
        ),
        response: { 200: ref(FilePreviewAnswer) },
        failures: [404, 409, 503],
      },
    },
    async (request) => {
      const { path: filePath, offset = 0 } = request.query;
      const limit = pageLimit(request.query.limit ?? 50, previewLimitMax);
      const { place } = await placeOf(request.params.exportId, request.query.version);
      const { type } = requireFileName(place, hub, filePath);
      const release = await previews.take();
      try {
        return await within(place, async (destination, signal) => {
          const bytes = await sizeOf(destination, filePath, signal);
          const bounds = { fileBytes: previewBytesMax, recordBytes: previewRecordBytes };
          const found = await previewFile(destination, filePath, { offset, limit, bounds, signal });
          const records = found.records.map(shownRecord);
          return {
            path: filePath,
            type,
            bytes,
            codec: found.codec,
            schema: JSON.parse(found.schemaText) as unknown,
            records,
            offset,
            next: found.next,
            recordsSeen: found.recordsPassed,
            complete: found.isAtEnd,
            damage: found.damage,
            isCut: found.isCut,
          };
        });
      } finally {
        release();
      }
    },
  );

  api.get(
    "/exports/:exportId/files/content",
    {
      schema: {
        operationId: "downloadExportFile",
        summary: "The bytes of an exported file, as a download.",
        tags,
        access: "administrator",
        params: oneExport,
        querystring: Type.Object({ path, version }, { additionalProperties: false }),
        response: {
          200: {
            description: "An Avro object container file.",
            content: {
              "application/octet-stream": { schema: Type.Unsafe<Readable>({ type: "string", format: "binary" }) },
            },
          },
        },
        failures: [404, 409, 503],
      },
    },
    async (request, reply) => {
      const { path: filePath } = request.query;
      const { place } = await placeOf(request.params.exportId, request.query.version);
      requireFileName(place, hub, filePath);
      const ended = new AbortController();
      const signal = AbortSignal.any([ended.signal, stopping.signal]);
      const closers: (() => Promise<void> | void)[] = [await downloads.take()];
      // However it ends: read, aborted, failed, or never begun.
      const close = async (): Promise<void> => {
        ended.abort();
        for (const one of closers.splice(0).toReversed()) await one();
      };
      try {
        const storage: StorageAccess = await openStorage(place.storageAccountId);
        closers.push(() => storage.close());
        const destination = await storage.container(place.container, signal);
        const bytes = await sizeOf(destination, filePath, signal);
        const body = Readable.from(exactly(destination.read(filePath, signal), bytes), { objectMode: false });
        body.once("close", () => void close().catch(() => {})); // a store that cannot be closed harms no reader
        reply.raw.once("close", () => ended.abort());
        reply.raw.setTimeout(downloadIdleMs, () => reply.raw.destroy());
        return await reply
          .header("content-type", "application/octet-stream")
          // Whatever becomes of it, no other answer follows on this connection.
          .header("connection", "close")
          .header("content-length", bytes)
          .header("content-disposition", `attachment; filename="${localName(filePath)}"`)
          .send(body);
      } catch (error) {
        await close();
        throw error;
      }
    },
  );

  api.get(
    "/exports/:exportId/reading",
    {
      schema: {
        operationId: "getExportFileReading",
        summary: "How to read an exported file with Python, C#, Node.js and the command line.",
        tags,
        access: "administrator",
        params: oneExport,
        querystring: Type.Object({ path, version }, { additionalProperties: false }),
        response: { 200: ref(FileReading) },
        failures: [404, 409],
      },
    },
    async (request) => {
      const { path: filePath } = request.query;
      const { place } = await placeOf(request.params.exportId, request.query.version);
      const { type } = requireFileName(place, hub, filePath);
      const { settings } = await registry.storageAccount(place.storageAccountId);
      const location = locationOf(settings, place.container, filePath);
      const shown = location.kind === "folder" ? location.file : location.url;
      return { path: filePath, type, location: shown, ...readingOf(location, filePath, type) };
    },
  );
}

function placeAnswer({ version: newest, storageAccountId, container }: FilePlace) {
  return { version: newest, storageAccountId, container };
}

/** A file of another size is not the one that this run wrote. */
function runOf(run: (ExportRun & { readonly number: number }) | undefined, bytes: number) {
  return run === undefined || run.bytes !== bytes ? null : fileRunAnswer(run);
}

function locationOf(settings: StorageSettings, container: string, filePath: string): FileLocation {
  if (settings.kind === "folder")
    return { kind: "folder", file: `${settings.path.replace(/\/+$/, "")}/${container}/${filePath}` };
  return { kind: "azure-blob", url: blobUrl(settings.endpoint, container, filePath) };
}

/** @throws ColdpathError `file-not-found`; DestinationError. */
async function sizeOf(destination: Destination, filePath: string, signal: AbortSignal): Promise<number> {
  const head = await destination.head(filePath, signal);
  if (head.kind === "found") return head.bytes;
  if (head.kind !== "absent") throw new DestinationError(head);
  throw new ColdpathError("not-found", "file-not-found", `There is no file ${filePath} in the destination.`, {
    field: "path",
    hint: "It was not written yet, or somebody removed it. The export's list of files shows what is there.",
  });
}

/** As many bytes as were promised: what is longer by now would be taken for the next answer. */
async function* exactly(bytes: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array, void, void> {
  let left = count;
  for await (const chunk of bytes) {
    left -= chunk.length;
    if (left < 0) throw new Error(`the file is longer than the ${count} bytes that it had`);
    yield chunk;
  }
  if (left > 0) throw new Error(`the file is shorter than the ${count} bytes that it had`);
}
