// Values of a query string are text. Where the route's schema says number or boolean and the text is one, it becomes
// one; anything else is left for the validation to refuse by name.

import type { FastifyRequest } from "fastify";

export function readQuery(request: FastifyRequest): void {
  const { querystring } = (request.routeOptions.schema ?? {}) as {
    querystring?: { properties?: Record<string, { type?: string }> };
  };
  if (querystring?.properties === undefined) return;
  const { properties } = querystring;
  request.query = Object.fromEntries(
    Object.entries(request.query as Record<string, unknown>).map(([name, value]) => [
      name,
      Object.hasOwn(properties, name) ? valueOf(properties[name]?.type, value) : value,
    ]),
  );
}

function valueOf(type: string | undefined, text: unknown): unknown {
  if (type === "integer" && typeof text === "string" && /^-?\d{1,15}$/.test(text)) return Number(text);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}
