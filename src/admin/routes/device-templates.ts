// Device templates and their versions.

import { type Static, Type } from "typebox";
import { recordReader, schemaName, templateEncoder } from "../../avro/avro.ts";
import { ColdpathError } from "../../lib/errors.ts";
import { nextVersion } from "../../registry/device-id.ts";
import type { NewTemplate } from "../../registry/registry.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, givenEtag, ref } from "../schema.ts";
import {
  DeviceTemplate,
  DeviceTemplateChange,
  DeviceTemplateFile,
  DeviceTemplateList,
  NewDeviceTemplate,
  NewDeviceTemplateVersion,
  TemplateEditCheck,
  TemplateRecord,
} from "../schemas/device-template.ts";
import { gone } from "../schemas/error.ts";

const tags = ["device-templates"];
const oneTemplate = Type.Object({ templateId: Type.String() });
const oneVersion = Type.Object({ templateId: Type.String(), version: Type.String() });

/** All revisions of the format have the same records of device templates. */
const formatRevision = "2018-07";
const encodeRecord = templateEncoder(formatRevision);
const readRecord = recordReader(schemaName("deviceTemplates", formatRevision));

export function deviceTemplateRoutes(api: Api, { registry }: AdminOptions): void {
  api.get(
    "/device-templates",
    {
      schema: {
        operationId: "listDeviceTemplates",
        summary: "All versions of all device templates.",
        tags,
        access: "operator",
        response: { 200: ref(DeviceTemplateList) },
      },
    },
    async () => ({ items: await registry.templates() }),
  );

  api.post(
    "/device-templates",
    {
      schema: {
        operationId: "createDeviceTemplate",
        summary: "Makes a device template with its first version.",
        tags,
        access: "builder",
        body: ref(NewDeviceTemplate),
        response: { 201: ref(DeviceTemplate) },
        failures: [409],
      },
    },
    async (request, reply) => {
      reply.code(201);
      const { whenExists, simulatedDevice = false, ...template } = request.body;
      if (simulatedDevice && template.publish !== true) {
        throw new ColdpathError("invalid", "input-invalid", "A draft has no devices, so no simulated one either.", {
          field: "simulatedDevice",
          hint: "Give publish: true with it, or leave it out.",
        });
      }
      const made = await registry.createTemplate(contentOf(template), whenExists);
      if (simulatedDevice) {
        const name = `${made.name} (simulated)`.slice(-200).toWellFormed();
        await registry.createDevice({ name, templateId: made.id, templateVersion: made.version, simulated: true });
      }
      return made;
    },
  );

  api.get(
    "/device-templates/:templateId",
    {
      schema: {
        operationId: "getDeviceTemplate",
        summary: "The version that new devices get: the newest published one, else the newest draft.",
        tags,
        access: "operator",
        params: oneTemplate,
        response: { 200: ref(DeviceTemplate) },
        failures: [404],
      },
    },
    async (request) => await registry.template(request.params.templateId),
  );

  api.delete(
    "/device-templates/:templateId",
    {
      schema: {
        operationId: "deleteDeviceTemplate",
        summary: "Deletes a device template with all its versions; refused while a device uses it.",
        tags,
        access: "builder",
        params: oneTemplate,
        response: { 204: gone },
        failures: [404, 409],
      },
    },
    async (request, reply) => {
      await registry.deleteTemplate(request.params.templateId);
      return await reply.code(204).send(null);
    },
  );

  api.get(
    "/device-templates/:templateId/versions",
    {
      schema: {
        operationId: "listDeviceTemplateVersions",
        summary: "All versions of one device template, oldest first.",
        tags,
        access: "operator",
        params: oneTemplate,
        response: { 200: ref(DeviceTemplateList) },
        failures: [404],
      },
    },
    async (request) => {
      const { templateId } = request.params;
      await registry.template(templateId); // not found is an error, not an empty list
      return { items: (await registry.templates()).filter(({ id }) => id === templateId) };
    },
  );

  api.post(
    "/device-templates/:templateId/versions",
    {
      schema: {
        operationId: "createDeviceTemplateVersion",
        summary: "Makes a further version of a device template.",
        tags,
        access: "builder",
        params: oneTemplate,
        body: ref(NewDeviceTemplateVersion),
        response: { 201: ref(DeviceTemplate) },
        failures: [404, 409],
      },
    },
    async (request, reply) => {
      const { templateId } = request.params;
      const { version } = request.body;
      reply.code(201);
      return await registry.createTemplateVersion(templateId, { ...contentOf(request.body), version });
    },
  );

  api.get(
    "/device-templates/:templateId/versions/:version",
    {
      schema: {
        operationId: "getDeviceTemplateVersion",
        summary: "One version of a device template.",
        tags,
        access: "operator",
        params: oneVersion,
        response: { 200: ref(DeviceTemplate) },
        failures: [404],
      },
    },
    async (request) => await registry.template(request.params.templateId, request.params.version),
  );

  api.put(
    "/device-templates/:templateId/versions/:version",
    {
      schema: {
        operationId: "updateDeviceTemplateVersion",
        summary: "Replaces the content of a version; of a published one only where nothing breaks.",
        description:
          "Of a published version names, units, wider bounds, further values and measurements are edited in place, and the next snapshot has it. What would break a device or a reader of its data is refused (409 `template-edit-breaking`): make a new version.",
        tags,
        access: "builder",
        params: oneVersion,
        body: ref(DeviceTemplateChange),
        response: { 200: ref(DeviceTemplate) },
        failures: [404, 409],
      },
    },
    async (request) => {
      const { templateId, version } = request.params;
      const { etag, ...template } = request.body;
      return await registry.updateTemplate(templateId, version, contentOf(template), etag);
    },
  );

  api.post(
    "/device-templates/:templateId/versions/:version/check",
    {
      schema: {
        operationId: "checkDeviceTemplateEdit",
        summary: "Says what an edit of a version would break, and changes nothing.",
        tags,
        access: "builder",
        changesNothing: true,
        params: oneVersion,
        body: ref(DeviceTemplateChange),
        response: { 200: ref(TemplateEditCheck) },
        failures: [404],
      },
    },
    async (request) => {
      const { templateId, version } = request.params;
      const breaks = await registry.templateBreaks(templateId, version, contentOf(request.body));
      const versions = (await registry.templates()).filter(({ id }) => id === templateId).map((one) => one.version);
      return { breaks, nextVersion: nextVersion(versions) };
    },
  );

  api.get(
    "/device-templates/:templateId/versions/:version/export",
    {
      schema: {
        operationId: "exportDeviceTemplateVersion",
        summary: "A version as a file that createDeviceTemplate takes, here or on another server.",
        tags,
        access: "operator",
        params: oneVersion,
        response: { 200: ref(DeviceTemplateFile) },
        failures: [404],
      },
    },
    async (request, reply) => {
      const { templateId, version } = request.params;
      const { published: _, etag: _etag, createdAt: _at, ...file } = await registry.template(templateId, version);
      reply.header("content-disposition", `attachment; filename="${fileNameOf(file.name)}-${version}.json"`);
      return file;
    },
  );

  api.get(
    "/device-templates/:templateId/versions/:version/record",
    {
      schema: {
        operationId: "previewDeviceTemplateRecord",
        summary:
          "The record of a version as files of device templates hold it; of a draft, as they will once it is published.",
        tags,
        access: "operator",
        params: oneVersion,
        response: { 200: ref(TemplateRecord) },
        failures: [404],
      },
    },
    async (request) => {
      const { templateId, version } = request.params;
      // There and back: what the file's own encoding makes of it, not what one hopes.
      return { record: readRecord(encodeRecord(await registry.template(templateId, version))) };
    },
  );

  api.delete(
    "/device-templates/:templateId/versions/:version",
    {
      schema: {
        operationId: "deleteDeviceTemplateVersion",
        summary: "Deletes one version of a device template; refused while a device uses it.",
        tags,
        access: "builder",
        params: oneVersion,
        response: { 204: gone },
        failures: [404, 409],
      },
    },
    async (request, reply) => {
      await registry.deleteTemplate(request.params.templateId, request.params.version);
      return await reply.code(204).send(null);
    },
  );

  api.post(
    "/device-templates/:templateId/versions/:version/publish",
    {
      schema: {
        operationId: "publishDeviceTemplateVersion",
        summary:
          "Publishes a draft: devices can use it, and from now on only edits that break nothing are made in place.",
        tags,
        access: "builder",
        params: oneVersion,
        body: Type.Object({ etag: givenEtag }, { additionalProperties: false }),
        response: { 200: ref(DeviceTemplate) },
        failures: [404, 409],
      },
    },
    async (request) => {
      const { templateId, version } = request.params;
      return await registry.publishTemplate(templateId, version, request.body.etag);
    },
  );
}

/** Letters and digits of a name, for a header. */
function fileNameOf(name: string): string {
  return (
    name
      .replaceAll(/[^A-Za-z0-9]+/g, "-")
      .replaceAll(/^-|-$/g, "")
      .slice(0, 60) || "device-template"
  );
}

/** Sections left out are empty. */
function contentOf(given: Omit<Static<typeof NewDeviceTemplate>, "whenExists" | "simulatedDevice">): NewTemplate {
  return {
    ...given,
    measurements: { telemetry: {}, states: {}, events: {}, ...given.measurements },
    settings: { device: {}, ...given.settings },
    properties: { cloud: {}, device: {}, ...given.properties },
  };
}
