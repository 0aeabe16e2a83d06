// `npm run docs:config`: writes docs/reference/config.md from the option table.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderReference } from "../src/config/help.ts";
import { serverOptions } from "../src/config/options.ts";
import { scriptArguments } from "../test/lib/script-arguments.ts";

scriptArguments(
  `npm run docs:config

Writes docs/reference/config.md again from the option table, src/config/options.ts. Takes no options.`,
  {},
);

const folder = join(import.meta.dirname, "../docs/reference");
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "config.md"), renderReference(serverOptions));
