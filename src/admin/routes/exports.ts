// Continuous data exports: made, edited, turned on and off.

import { Type } from "typebox";
import { checkPathTemplate, defaultPathTemplate, printPath } from "../../export/path-template.ts";
import { must } from "../../lib/assert.ts";
import { registryError } from "../../registry/errors.ts";
import { exportTypesOf } from "../../registry/export-settings.ts";
import type { ExportType, Export as RegistryExport } from "../../registry/registry.ts";
import { exportAnswer, printWindowStart } from "../export-answer.ts";
import { checkExport } from "../export-checks.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, givenEtag, ref } from "../schema.ts";
import { gone } from "../schemas/error.ts";
import {
  Export,
  ExportChange,
  ExportDefaults,
  ExportList,
  NewExport,
  PathPreview,
  PathPreviewRequest,
} from "../schemas/export.ts";
import { Turns } from "../turns.ts";

const tags = ["exports"];
const oneExport = Type.Object({ exportId: Type.String() });

export function exportRoutes(api: Api, options: AdminOptions): void {
  const { registry, journal, exporter, exportDefaults } = options;
  /** Two changes at once could each pass the check for overlaps and then meet. */
  const turns = new Turns();
  // E1: what any partition has open is owed by an export that is turned on now, was on until now, or is edited now.
  const windowOpen = () => journal.windowNext();
  const windowNewest = () => journal.windowNewest();
  const defaults = {
    pathTemplate: defaultPathTemplate,
    codec: "null",
    formatRevision: "2018-07",
    ...exportDefaults,
  } as const;
  const answer = (one: RegistryExport) => exportAnswer(one, options);

  api.get(
    "/exports",
    {
      schema: {
        operationId: "listExports",
        summary: "All exports with their status.",
        tags,
        access: "administrator",
        response: { 200: ref(ExportList) },
      },
    },
    async () => ({ items: (await registry.exports()).map(answer) }),
  );

  api.post(
    "/exports",
    {
      schema: {
        operationId: "createExport",
        summary: "Makes an export and turns it on.",
        tags,
        access: "administrator",
        body: ref(NewExport),
        response: { 201: ref(Export) },
        failures: [409],
      },
    },
    async (request, reply) => {
      const { name, on = true, backlog, ...given } = request.body;
      const settings = { ...defaults, ...given };
      const made = await turns.take(async () => {
        await checkExport(settings, null, options);
        const { id, ...off } = await registry.createExport(name, settings, windowOpen, backlog);
        return on ? await registry.setExportOn(id, true, windowOpen) : { id, ...off };
      });
      reply.code(201);
      return answer(made);
    },
  );

  api.get(
    "/exports/defaults",
    {
      schema: {
        operationId: "getExportDefaults",
        summary: "What a new export gets where nothing is given.",
        tags,
        access: "administrator",
        response: { 200: ref(ExportDefaults) },
      },
    },
    async () => defaults,
  );

  api.post(
    "/exports/path-preview",
    {
      schema: {
        operationId: "previewExportPaths",
        summary: "What a path template makes of the window now open; nothing is saved.",
        tags,
        access: "administrator",
        changesNothing: true,
        body: ref(PathPreviewRequest),
        response: { 200: ref(PathPreview) },
      },
    },
    async (request) => {
      const { pathTemplate } = request.body;
      const types = exportTypesOf(request.body.types);
      checkPathTemplate(pathTemplate, types);
      const window = windowOpen();
      const partition = journal.status().partitions[0]?.partition ?? 0;
      const hub = registry.installation.hubName;
      const pathOf = (type: ExportType): string => printPath(pathTemplate, hub, { type, window, partition, part: 0 });
      const examples = Object.fromEntries(types.map((type) => [type, pathOf(type)]));
      return { window: printWindowStart(window), examples };
    },
  );

  api.get(
    "/exports/:exportId",
    {
      schema: {
        operationId: "getExport",
        summary: "One export with its status.",
        tags,
        access: "administrator",
        params: oneExport,
        response: { 200: ref(Export) },
        failures: [404],
      },
    },
    async (request) => answer(await registry.export(request.params.exportId)),
  );

  api.patch(
    "/exports/:exportId",
    {
      schema: {
        operationId: "updateExport",
        summary: "Edits an export: settings are in force from the next window on.",
        tags,
        access: "administrator",
        params: oneExport,
        body: ref(ExportChange),
        response: { 200: ref(Export) },
        failures: [404, 409],
      },
    },
    async (request) => {
      const { exportId } = request.params;
      const { name, on, etag, backlog, ...change } = request.body;
      return await turns.take(async () => {
        let one = await registry.export(exportId);
        if (etag !== undefined && etag !== one.etag) {
          throw registryError(
            "etag-stale",
            `The export ${one.name} was changed: its etag is ${one.etag}, not ${etag}.`,
          );
        }
        const {
          version: _version,
          windowFirst: _windowFirst,
          ...present
        } = must(one.definitions.at(-1), "an export is made with its first definition");
        const isEdited = Object.keys(change).length > 0;
        const settings = isEdited ? { ...present, ...change } : undefined;
        if (settings !== undefined) await checkExport(settings, one, options);
        if (isEdited || name !== undefined || backlog !== undefined) {
          one = await registry.updateExport(exportId, { name, settings, backlog }, windowNewest, one.etag);
        }
        if (on !== undefined) one = await registry.setExportOn(exportId, on, on ? windowOpen : windowNewest, one.etag);
        return answer(one);
      });
    },
  );

  api.delete(
    "/exports/:exportId",
    {
      schema: {
        operationId: "deleteExport",
        summary: "Deletes an export that is off and owes nothing. Its files stay.",
        tags,
        access: "administrator",
        params: oneExport,
        response: { 204: gone },
        failures: [404, 409],
      },
    },
    async (request, reply) => {
      const { exportId } = request.params;
      await turns.take(async () => {
        const tenure = (await registry.export(exportId)).tenures.at(-1);
        // One that was never on owes nothing, and one whose last window is still open owes that: the exporter may not
        // have looked at either yet.
        const isOver = tenure !== undefined && (tenure.windowLast ?? Infinity) < windowOpen();
        const owesNothing = tenure === undefined || (isOver && exporter.owesNothing(exportId));
        await registry.deleteExport(exportId, owesNothing);
      });
      return await reply.code(204).send(null);
    },
  );

  for (const on of [true, false]) {
    api.post(
      `/exports/:exportId/${on ? "on" : "off"}`,
      {
        schema: {
          operationId: on ? "turnExportOn" : "turnExportOff",
          summary: on
            ? "Turns an export on, from the window now open."
            : "Turns an export off; the window now open is still exported.",
          tags,
          access: "administrator",
          params: oneExport,
          body: Type.Object({ etag: givenEtag }, { additionalProperties: false }),
          response: { 200: ref(Export) },
          failures: [404, 409],
        },
      },
      async (request) => {
        const { exportId } = request.params;
        const { etag } = request.body;
        return answer(await turns.take(() => registry.setExportOn(exportId, on, on ? windowOpen : windowNewest, etag)));
      },
    );
  }
}
