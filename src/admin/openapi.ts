// The frame of the OpenAPI document; paths and schemas come from the routes.

import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";

const description = `Devices, device templates, hub policies, storage accounts and exports of one Coldpath hub.

Every call needs the administrator token (\`Authorization: Bearer TOKEN\`; the file \`admin.token\` in the data directory).
An answer means that the change is durable. Errors have one form, see the schema \`Error\`. Times are ISO 8601 in UTC; a
window is given by the start of its minute. Ids in paths are URL-encoded.

**Etags**: what can be edited carries an \`etag\`. Give it back in the body of a change to have it refused with 409 when
somebody else was faster; leave it out to change whatever is there.`;

export function documentOptions(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Coldpath", description, version },
      servers: [{ url: "/", description: "This server." }],
      components: { securitySchemes: { administrator: { type: "http", scheme: "bearer" } } },
      security: [{ administrator: [] }],
      tags: [
        { name: "status", description: "How the hub is." },
        { name: "device-templates", description: "What devices of a kind send and have, in versions." },
        { name: "devices", description: "Devices, their properties and their keys." },
        { name: "policies", description: "Hub policies: keys that let any device in." },
        { name: "storage-accounts", description: "Where exports write to." },
        { name: "exports", description: "Continuous data exports." },
      ],
    },
    convertConstToEnum: false,
    // Without it schemas are called def-0, def-1, …
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) =>
        typeof json["$id"] === "string" ? json["$id"] : `unnamed-${index}`,
    },
  };
}
