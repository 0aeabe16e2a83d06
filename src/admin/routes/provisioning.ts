// Provisioning: ID scopes, enrollment groups and individual enrollments, with their keys. Registrations: registrations.ts.

import { Type } from "typebox";
import { derivedKeys } from "../../registry/derived-key.ts";
import { deviceIdOf } from "../../registry/device-id.ts";
import { hostNameOf } from "../connection-string.ts";
import { keyChangeOf } from "../key-change.ts";
import type { AdminOptions } from "../options.ts";
import { pageLimit } from "../page-limit.ts";
import { type Api, ref } from "../schema.ts";
import { gone } from "../schemas/error.ts";
import {
  Enrollment,
  EnrollmentChange,
  EnrollmentGroup,
  EnrollmentGroupChange,
  EnrollmentGroupList,
  EnrollmentKeyChange,
  EnrollmentKeys,
  EnrollmentPage,
  NewEnrollment,
  NewEnrollmentGroup,
  Provisioning,
  ProvisioningChange,
} from "../schemas/provisioning.ts";

const tags = ["provisioning"];
const oneGroup = Type.Object({ groupId: Type.String() });
const oneEnrollment = Type.Object({ registrationId: Type.String() });
const access = "administrator";

export function provisioningRoutes(
  api: Api,
  { registry, endpoints, pageSizeMax }: Pick<AdminOptions, "registry" | "endpoints" | "pageSizeMax">,
): void {
  const present = async () => {
    const host = hostNameOf(endpoints());
    const registrations = await registry.countRegistrations();
    return { ...(await registry.idScopes()), host, assignedHub: host, registrations };
  };

  api.get(
    "/provisioning",
    {
      schema: {
        operationId: "getProvisioning",
        summary: "Where devices are provisioned: the ID scope and the host.",
        tags,
        access,
        response: { 200: ref(Provisioning) },
      },
    },
    async () => await present(),
  );

  api.patch(
    "/provisioning",
    {
      schema: {
        operationId: "updateProvisioning",
        summary: "Takes further ID scopes, so that devices of another service need only another host name.",
        tags,
        access,
        body: ref(ProvisioningChange),
        response: { 200: ref(Provisioning) },
      },
    },
    async (request) => {
      const { furtherIdScopes } = request.body;
      if (furtherIdScopes !== undefined) await registry.setFurtherIdScopes(furtherIdScopes);
      return await present();
    },
  );

  api.get(
    "/enrollment-groups",
    {
      schema: {
        operationId: "listEnrollmentGroups",
        summary: "All enrollment groups, without their keys.",
        tags,
        access,
        response: { 200: ref(EnrollmentGroupList) },
      },
    },
    async () => ({ items: await registry.enrollmentGroups() }),
  );

  api.post(
    "/enrollment-groups",
    {
      schema: {
        operationId: "createEnrollmentGroup",
        summary: "Makes an enrollment group.",
        tags,
        access,
        body: ref(NewEnrollmentGroup),
        response: { 201: ref(EnrollmentGroup) },
        failures: [409],
      },
    },
    async (request, reply) => {
      reply.code(201);
      return await registry.createEnrollmentGroup(request.body);
    },
  );

  api.get(
    "/enrollment-groups/:groupId",
    {
      schema: {
        operationId: "getEnrollmentGroup",
        summary: "One enrollment group.",
        tags,
        access,
        params: oneGroup,
        response: { 200: ref(EnrollmentGroup) },
        failures: [404],
      },
    },
    async (request) => await registry.enrollmentGroup(request.params.groupId),
  );

  api.patch(
    "/enrollment-groups/:groupId",
    {
      schema: {
        operationId: "updateEnrollmentGroup",
        summary: "Changes an enrollment group; devices that were made are as they were.",
        tags,
        access,
        params: oneGroup,
        body: ref(EnrollmentGroupChange),
        response: { 200: ref(EnrollmentGroup) },
        failures: [404, 409],
      },
    },
    async (request) => {
      const { etag, ...patch } = request.body;
      return await registry.updateEnrollmentGroup(request.params.groupId, patch, etag);
    },
  );

  api.delete(
    "/enrollment-groups/:groupId",
    {
      schema: {
        operationId: "deleteEnrollmentGroup",
        summary: "Deletes an enrollment group with its registrations; devices that were made stay.",
        tags,
        access,
        params: oneGroup,
        response: { 204: gone },
        failures: [404],
      },
    },
    async (request, reply) => {
      await registry.deleteEnrollmentGroup(request.params.groupId);
      return await reply.code(204).send(null);
    },
  );

  api.get(
    "/enrollment-groups/:groupId/keys",
    {
      schema: {
        operationId: "getEnrollmentGroupKeys",
        summary: "Shows an enrollment group's keys: whoever has one can be any device of it.",
        tags,
        access,
        params: oneGroup,
        response: { 200: ref(EnrollmentKeys) },
        failures: [404, 409],
      },
    },
    async (request) => {
      const keys = await registry.enrollmentGroupKeys(request.params.groupId);
      request.callNote = {};
      return keys;
    },
  );

  api.put(
    "/enrollment-groups/:groupId/keys",
    {
      schema: {
        operationId: "setEnrollmentGroupKeys",
        summary: "Sets keys of an enrollment group, or makes one anew; devices get theirs when they register again.",
        tags,
        access,
        params: oneGroup,
        body: ref(EnrollmentKeyChange),
        response: { 200: ref(EnrollmentKeys) },
        failures: [404],
      },
    },
    async (request) => await registry.setEnrollmentGroupKeys(request.params.groupId, keyChangeOf(request.body)),
  );

  api.get(
    "/enrollment-groups/:groupId/device-keys/:registrationId",
    {
      schema: {
        operationId: "getEnrollmentGroupDeviceKeys",
        summary: "Derives the keys of one device from the group's: what is to be put on the device.",
        tags,
        access,
        params: Type.Object({ groupId: Type.String(), registrationId: Type.String() }),
        response: { 200: ref(EnrollmentKeys) },
        failures: [404],
      },
    },
    async (request) => {
      const { groupId, registrationId } = request.params;
      const keys = derivedKeys(
        await registry.enrollmentGroupKeys(groupId),
        deviceIdOf(registrationId, "registrationId"),
      );
      request.callNote = {};
      return keys;
    },
  );

  api.get(
    "/enrollments",
    {
      schema: {
        operationId: "listEnrollments",
        summary: "Individual enrollments, a page at a time, without their keys.",
        tags,
        access,
        querystring: Type.Object({
          limit: Type.Optional(Type.Integer({ minimum: 1, description: "100 when left out." })),
          after: Type.Optional(Type.String({ description: "The `next` of the page before." })),
        }),
        response: { 200: ref(EnrollmentPage) },
      },
    },
    async (request) => {
      const { limit, after } = request.query;
      return await registry.enrollments({ limit: pageLimit(limit, pageSizeMax), after });
    },
  );

  api.post(
    "/enrollments",
    {
      schema: {
        operationId: "createEnrollment",
        summary: "Makes an individual enrollment.",
        tags,
        access,
        body: ref(NewEnrollment),
        response: { 201: ref(Enrollment) },
        failures: [409],
      },
    },
    async (request, reply) => {
      reply.code(201);
      request.madeId = request.body.registrationId;
      return await registry.createEnrollment(request.body);
    },
  );

  api.get(
    "/enrollments/:registrationId",
    {
      schema: {
        operationId: "getEnrollment",
        summary: "One individual enrollment.",
        tags,
        access,
        params: oneEnrollment,
        response: { 200: ref(Enrollment) },
        failures: [404],
      },
    },
    async (request) => await registry.enrollment(request.params.registrationId),
  );

  api.patch(
    "/enrollments/:registrationId",
    {
      schema: {
        operationId: "updateEnrollment",
        summary: "Changes an individual enrollment; a device that was made is as it was until it registers again.",
        tags,
        access,
        params: oneEnrollment,
        body: ref(EnrollmentChange),
        response: { 200: ref(Enrollment) },
        failures: [404, 409],
      },
    },
    async (request) => {
      const { etag, ...patch } = request.body;
      return await registry.updateEnrollment(request.params.registrationId, patch, etag);
    },
  );

  api.delete(
    "/enrollments/:registrationId",
    {
      schema: {
        operationId: "deleteEnrollment",
        summary: "Deletes an individual enrollment with its registration; a device that was made stays.",
        tags,
        access,
        params: oneEnrollment,
        response: { 204: gone },
        failures: [404],
      },
    },
    async (request, reply) => {
      await registry.deleteEnrollment(request.params.registrationId);
      return await reply.code(204).send(null);
    },
  );

  api.get(
    "/enrollments/:registrationId/keys",
    {
      schema: {
        operationId: "getEnrollmentKeys",
        summary: "Shows an individual enrollment's keys.",
        tags,
        access,
        params: oneEnrollment,
        response: { 200: ref(EnrollmentKeys) },
        failures: [404],
      },
    },
    async (request) => {
      const keys = await registry.enrollmentKeys(request.params.registrationId);
      request.callNote = {};
      return keys;
    },
  );

  api.put(
    "/enrollments/:registrationId/keys",
    {
      schema: {
        operationId: "setEnrollmentKeys",
        summary:
          "Sets keys of an individual enrollment, or makes one anew; its device gets them when it registers again.",
        tags,
        access,
        params: oneEnrollment,
        body: ref(EnrollmentKeyChange),
        response: { 200: ref(EnrollmentKeys) },
        failures: [404],
      },
    },
    async (request) => await registry.setEnrollmentKeys(request.params.registrationId, keyChangeOf(request.body)),
  );
}
