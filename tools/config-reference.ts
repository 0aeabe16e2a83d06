// `npm run docs:config`: writes docs/reference/config.md from the option table.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderReference } from "../src/config/help.ts";
import { serverOptions } from "../src/config/options.ts";

const folder = join(import.meta.dirname, "../docs/reference");
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "config.md"), renderReference(serverOptions));
