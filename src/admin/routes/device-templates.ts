// Device templates and their versions.

import { type Static, Type } from "typebox";
import type { NewTemplate } from "../../registry/registry.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, givenEtag, ref } from "../schema.ts";
import {
  DeviceTemplate,
  DeviceTemplateChange,
  DeviceTemplateList,
  NewDeviceTemplate,
  NewDeviceTemplateVersion,
} from "../schemas/device-template.ts";
import { gone } from "../schemas/error.ts";

const tags = ["device-templates"];
const oneTemplate = Type.Object({ templateId: Type.String() });
const oneVersion = Type.Object({ templateId: Type.String(), version: Type.String() });

export function deviceTemplateRoutes(api: Api, { registry }: AdminOptions): void {
  api.get(
    "/device-templates",
    {
      schema: {
        operationId: "listDeviceTemplates",
        summary: "All versions of all device templates.",
        tags,
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
        body: ref(NewDeviceTemplate),
        response: { 201: ref(DeviceTemplate) },
        failures: [409],
      },
    },
    async (request, reply) => {
      reply.code(201);
      return await registry.createTemplate(contentOf(request.body));
    },
  );

  api.get(
    "/device-templates/:templateId",
    {
      schema: {
        operationId: "getDeviceTemplate",
        summary: "The version that new devices get: the newest published one, else the newest draft.",
        tags,
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
        summary: "Replaces the content of a draft; a published version never changes.",
        tags,
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

  api.delete(
    "/device-templates/:templateId/versions/:version",
    {
      schema: {
        operationId: "deleteDeviceTemplateVersion",
        summary: "Deletes one version of a device template; refused while a device uses it.",
        tags,
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
        summary: "Publishes a draft: from now on it never changes, and devices can use it.",
        tags,
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

/** Sections left out are empty. */
function contentOf(given: Static<typeof NewDeviceTemplate>): NewTemplate {
  return {
    ...given,
    measurements: { telemetry: {}, states: {}, events: {}, ...given.measurements },
    settings: { device: {}, ...given.settings },
    properties: { cloud: {}, device: {}, ...given.properties },
  };
}
