// The page's types of the API are those of the server that it comes with.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { apiTypes, schemaPath } from "../tools/api-client.ts";

test("web/src/api/schema.d.ts is what the server's OpenAPI document says", async () => {
  const isCurrent = readFileSync(schemaPath, "utf8") === (await apiTypes());
  expect(isCurrent, "web/src/api/schema.d.ts is stale: run npm run api:client and commit the result").toBe(true);
});
