// Where the secret key is, for commands that open a registry without a server: the server's own two options.

import { serverOptions } from "../config/options.ts";
import type { OptionTable } from "../config/option.ts";

export const secretKeyOptions = {
  "secret-key": { ...serverOptions["secret-key"], group: "Options" },
  "secret-key-command": { ...serverOptions["secret-key-command"], group: "Options" },
} as const satisfies OptionTable;
