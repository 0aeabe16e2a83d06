// The frame of the OpenAPI document; paths and schemas come from the routes.

import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import { failureResponse, failuresOfAll } from "./schemas/error.ts";

const description = `Devices, device templates, hub policies, storage accounts and exports of one Coldpath hub.

Every call needs a session (a cookie, see signIn), or a token: \`Authorization: Bearer TOKEN\`, with an API token or that of the
file \`admin.token\` in the data directory. Each says in \`x-access\` which role it needs: an administrator may do all that a
builder may, a builder all that an operator may. Unsafe calls by cookie need the header \`x-csrf-token\`, see getSession. An answer means that the change is durable. Errors have one form, see the schema \`Error\`. Times are ISO 8601 in UTC; a
window is given by the start of its minute. Ids in paths are URL-encoded.

**Etags**: what can be edited carries an \`etag\`. Give it back in the body of a change to have it refused with 409 when
somebody else was faster; leave it out to change whatever is there.`;

export function documentOptions(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Coldpath", description, version },
      servers: [{ url: "/", description: "This server." }],
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
      tags: [
        { name: "session", description: "Signing in and out." },
        { name: "status", description: "How the hub is." },
        { name: "live", description: "What keeps pages live." },
        { name: "device-templates", description: "What devices of a kind send and have, in versions." },
        { name: "devices", description: "Devices, their properties and their keys." },
        { name: "policies", description: "Hub policies: keys that let any device in." },
        { name: "provisioning", description: "ID scopes, enrollment groups and enrollments: who may become a device." },
        { name: "registrations", description: "Those that came to be provisioned." },
        { name: "storage-accounts", description: "Where exports write to." },
        { name: "exports", description: "Continuous data exports." },
        { name: "users", description: "Who may sign in, and their roles." },
        { name: "tokens", description: "API tokens, for scripts." },
        { name: "audit-log", description: "Who changed what." },
      ],
    },
    convertConstToEnum: false,
    // Without it schemas are called def-0, def-1, …
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) =>
        typeof json["$id"] === "string" ? json["$id"] : `unnamed-${index}`,
    },
    transform: ({ schema, url }) => {
      const failures = [...failuresOfAll, ...(schema.failures ?? [])].map((status) => [
        status,
        failureResponse(status),
      ]);
      const { access = "administrator" } = schema;
      return {
        schema: {
          ...schema,
          "x-access": access,
          ...(access === "anyone" ? { security: [] } : {}),
          response: { ...(schema.response as object), ...Object.fromEntries(failures) },
        },
        url,
      };
    },
    transformObject: (document) => finished("openapiObject" in document ? document.openapiObject : {}),
  };
}

/** Corrects what the plugin cannot know. */
function finished<T extends Frame>(document: T): T {
  for (const path of Object.values<object>({ ...document.paths })) {
    for (const { requestBody: body } of Object.values<{ requestBody?: RequestBody }>({ ...path })) {
      const schema = body?.content?.["application/json"]?.schema;
      // A body that is only `{ etag? }` may be left out.
      if (schema !== undefined && schema.$ref === undefined && schema.required === undefined) delete body?.required;
    }
  }
  for (const schema of Object.values<{ discriminator?: unknown }>({ ...document.components?.schemas })) {
    // Ours to validate by; OpenAPI wants it beside references only, and each form says its `kind` itself.
    delete schema.discriminator;
  }
  if (document.components?.schemas !== undefined) {
    // In one order however the modules were loaded: the page's types, made from it, are compared as text.
    const byName = Object.entries(document.components.schemas).toSorted(([a], [b]) => (a < b ? -1 : 1));
    document.components.schemas = Object.fromEntries(byName);
  }
  return document;
}

interface Frame {
  readonly paths?: object | undefined;
  readonly components?: { schemas?: object | undefined } | undefined;
}

interface RequestBody {
  required?: boolean;
  readonly content?: Readonly<
    Record<string, { readonly schema?: { readonly $ref?: string; readonly required?: readonly string[] } }>
  >;
}
