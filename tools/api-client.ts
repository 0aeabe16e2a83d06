// `npm run api:client`: writes web/src/api/schema.d.ts, the page's types of the API, from the server's own OpenAPI document.
//
// test/api-client.test.ts says when it is stale.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdminBench } from "../test/lib/admin-bench.ts";
import { scriptArguments } from "../test/lib/script-arguments.ts";

const root = join(import.meta.dirname, "..");
export const schemaPath = join(root, "web/src/api/schema.d.ts");

/** The types as they should be. */
export async function apiTypes(): Promise<string> {
  const bench = await AdminBench.open();
  const directory = mkdtempSync(join(tmpdir(), "coldpath-api-client-"));
  try {
    const { text } = await bench.call("GET", "/openapi.json");
    writeFileSync(join(directory, "openapi.json"), text);
    // A process of its own: it needs another TypeScript than ours (web/package.json).
    const script = join(root, "web/node_modules/openapi-typescript/bin/cli.js");
    const parameters = [script, join(directory, "openapi.json"), "--output", join(directory, "schema.d.ts")];
    const child = spawn(process.execPath, parameters, { stdio: ["ignore", "ignore", "inherit"] });
    const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
    if (code !== 0) throw new Error(`openapi-typescript ended with code ${String(code)}`);
    return readFileSync(join(directory, "schema.d.ts"), "utf8");
  } finally {
    rmSync(directory, { recursive: true });
    await bench.close();
  }
}

if (import.meta.main) {
  scriptArguments(
    `npm run api:client

Writes web/src/api/schema.d.ts again from the routes and their schemas. Takes no options.`,
    {},
  );
  writeFileSync(schemaPath, await apiTypes());
}
