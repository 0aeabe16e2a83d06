// The OpenAPI document: whole, named, and true to the routes. The page's client is made from it.

import { afterAll, beforeAll, expect, test } from "vitest";
import { AdminBench } from "../lib/admin-bench.ts";

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Record<string, { readonly schema: object }> };
  readonly responses: Record<string, { readonly description: string; readonly content?: object }>;
}
interface OpenApi {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, object>; readonly securitySchemes: object };
  readonly security: readonly object[];
}

let bench: AdminBench;
let text: string;
let document: OpenApi;
let operations: (readonly [string, Operation])[];

beforeAll(async () => {
  bench = await AdminBench.open();
  ({ text } = await bench.call("GET", "/openapi.json"));
  document = JSON.parse(text) as OpenApi;
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
  );
});
afterAll(async () => await bench.close());

test("has every route", () => {
  expect(operations.map(([route]) => route.replace("/api/v1", "")).toSorted()).toEqual(
    [
      "GET /status",
      "GET /status/history",
      "GET /live",
      "GET /authority.pem",
      "GET /devices/{deviceId}/twin",
      "PATCH /devices/{deviceId}/twin",
      "POST /devices/{deviceId}/methods",
      "GET /devices/{deviceId}/cloud-messages",
      "POST /devices/{deviceId}/cloud-messages",
      "DELETE /devices/{deviceId}/cloud-messages",
      "DELETE /devices/{deviceId}/cloud-messages/{messageId}",
      "GET /devices/{deviceId}/messages",
      "GET /devices/{deviceId}/live",
      "GET /session",
      "POST /session",
      "PUT /policies/{name}/keys",
      "POST /session/end-others",
      "DELETE /session",
      "PUT /session/password",
      "POST /setup",
      "GET /setup-link",
      "GET /users",
      "POST /users",
      "GET /users/{userId}",
      "PATCH /users/{userId}",
      "DELETE /users/{userId}",
      "GET /tokens",
      "POST /tokens",
      "DELETE /tokens/{tokenId}",
      "GET /audit-log",
      "GET /device-templates",
      "POST /device-templates",
      "GET /device-templates/{templateId}",
      "DELETE /device-templates/{templateId}",
      "GET /device-templates/{templateId}/versions",
      "POST /device-templates/{templateId}/versions",
      "GET /device-templates/{templateId}/versions/{version}",
      "PUT /device-templates/{templateId}/versions/{version}",
      "DELETE /device-templates/{templateId}/versions/{version}",
      "POST /device-templates/{templateId}/versions/{version}/publish",
      "POST /device-templates/{templateId}/versions/{version}/check",
      "GET /device-templates/{templateId}/versions/{version}/export",
      "GET /device-templates/{templateId}/versions/{version}/record",
      "GET /devices",
      "POST /devices",
      "POST /devices/delete",
      "POST /devices/migrate",
      "POST /devices/access",
      "POST /devices/import",
      "GET /devices.csv",
      "GET /devices/{deviceId}/connection-code",
      "POST /devices/batch",
      "GET /devices/{deviceId}",
      "PATCH /devices/{deviceId}",
      "DELETE /devices/{deviceId}",
      "POST /devices/{deviceId}/migrate",
      "GET /devices/{deviceId}/credentials",
      "PUT /devices/{deviceId}/keys",
      "POST /devices/{deviceId}/token",
      "PUT /devices/{deviceId}/authentication",
      "PATCH /devices/{deviceId}/authentication",
      "GET /ca-certificates",
      "POST /ca-certificates",
      "GET /ca-certificates/{caCertificateId}",
      "DELETE /ca-certificates/{caCertificateId}",
      "POST /ca-certificates/{caCertificateId}/verification-code",
      "POST /ca-certificates/{caCertificateId}/verify",
      "GET /devices/{deviceId}/modules",
      "POST /devices/{deviceId}/modules",
      "GET /devices/{deviceId}/modules/{moduleId}",
      "DELETE /devices/{deviceId}/modules/{moduleId}",
      "GET /devices/{deviceId}/modules/{moduleId}/credentials",
      "PUT /devices/{deviceId}/modules/{moduleId}/keys",
      "GET /devices/{deviceId}/modules/{moduleId}/twin",
      "PATCH /devices/{deviceId}/modules/{moduleId}/twin",
      "POST /devices/{deviceId}/modules/{moduleId}/methods",
      "GET /policies",
      "POST /policies",
      "GET /policies/{name}/keys",
      "DELETE /policies/{name}",
      "GET /provisioning",
      "PATCH /provisioning",
      "GET /enrollment-groups",
      "POST /enrollment-groups",
      "GET /enrollment-groups/{groupId}",
      "PATCH /enrollment-groups/{groupId}",
      "DELETE /enrollment-groups/{groupId}",
      "GET /enrollment-groups/{groupId}/keys",
      "PUT /enrollment-groups/{groupId}/keys",
      "GET /enrollment-groups/{groupId}/device-keys/{registrationId}",
      "GET /enrollments",
      "POST /enrollments",
      "GET /enrollments/{registrationId}",
      "PATCH /enrollments/{registrationId}",
      "DELETE /enrollments/{registrationId}",
      "GET /enrollments/{registrationId}/keys",
      "PUT /enrollments/{registrationId}/keys",
      "GET /registrations",
      "GET /registrations/{registrationId}",
      "POST /registrations/{registrationId}/approve",
      "POST /registrations/{registrationId}/block",
      "POST /registrations/{registrationId}/unblock",
      "DELETE /registrations/{registrationId}",
      "GET /storage-accounts",
      "POST /storage-accounts",
      "POST /storage-accounts/test",
      "GET /storage-accounts/{storageAccountId}",
      "PUT /storage-accounts/{storageAccountId}",
      "DELETE /storage-accounts/{storageAccountId}",
      "POST /storage-accounts/{storageAccountId}/test",
      "GET /storage-accounts/{storageAccountId}/containers",
      "POST /storage-accounts/{storageAccountId}/containers",
      "GET /exports",
      "POST /exports",
      "GET /exports/{exportId}",
      "PATCH /exports/{exportId}",
      "DELETE /exports/{exportId}",
      "POST /exports/{exportId}/on",
      "POST /exports/{exportId}/off",
      "POST /exports/{exportId}/retry",
      "POST /exports/{exportId}/discard",
      "GET /exports/{exportId}/runs",
      "GET /exports/{exportId}/gaps",
      "GET /exports/{exportId}/files",
      "GET /exports/{exportId}/files/preview",
      "GET /exports/{exportId}/files/content",
      "GET /exports/{exportId}/reading",
      "GET /exports/defaults",
      "POST /exports/path-preview",
      "GET /exports/{exportId}/audit",
      "POST /exports/{exportId}/audit/accept",
    ].toSorted(),
  );
});

test("names every operation and its error answers", () => {
  const ids = operations.map(([, { operationId }]) => operationId);
  expect(new Set(ids).size).toBe(operations.length);
  for (const [route, operation] of operations) {
    expect(operation.operationId, route).toMatch(/^[a-z][A-Za-z]+$/);
    expect(operation.summary, route).toMatch(/\.$/);
    expect(operation.tags, route).toHaveLength(1);
    const statuses = Object.keys(operation.responses);
    expect(statuses, route).toEqual(expect.arrayContaining(["400", "401", "500"]));
    expect(
      statuses.filter((status) => status.startsWith("2")),
      route,
    ).toHaveLength(1);
    for (const status of statuses.filter((one) => one >= "400")) {
      expect(operation.responses[status]?.content, `${route} ${status}`).toEqual({
        "application/json": { schema: { $ref: "#/components/schemas/Error" } },
      });
    }
    const inPath = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(operation.parameters?.filter((one) => one.in === "path").map(({ name }) => name) ?? []).toEqual(inPath);
    if (inPath.length > 0) expect(statuses, route).toContain("404");
  }
});

test("asks for a body only where one is needed", () => {
  const optional = operations
    .filter(([, { requestBody }]) => requestBody !== undefined && requestBody.required !== true)
    .map(([, { operationId }]) => String(operationId));
  expect(optional.toSorted()).toEqual(["publishDeviceTemplateVersion", "turnExportOff", "turnExportOn"]);
});

test("is OpenAPI 3.1 with names for all schemas, and every reference leads somewhere", () => {
  expect(document.openapi).toBe("3.1.0");
  expect(text).not.toMatch(/def-\d|unnamed-\d/);
  expect(document.security).toEqual([{ token: [] }]);
  const names = Object.keys(document.components.schemas);
  const used = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference));
  for (const reference of used) {
    expect(names).toContain(/^#\/components\/schemas\/(\w+)$/.exec(reference ?? "")?.[1]);
  }
  // Nothing is listed that no call uses.
  expect(names.filter((name) => !used.has(`#/components/schemas/${name}`))).toEqual([]);
  expect(text).not.toContain('"discriminator"');
  expect(text).not.toContain('"$id"');
});

test("is the same however often it is asked for, and from a second server", async () => {
  expect((await bench.call("GET", "/openapi.json")).text).toBe(text);
  const second = await AdminBench.open();
  try {
    expect((await second.call("GET", "/openapi.json")).text).toBe(text);
    expect(await second.refused(400, "POST", "/storage-accounts", { name: "a", settings: {} })).toMatchObject({
      field: "settings.kind",
    });
  } finally {
    await second.close();
  }
});
