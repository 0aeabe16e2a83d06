// `coldpath secret`: the key that secrets at rest are encrypted with.

import type { CommandFamily } from "./command.ts";
import { secretRotateCommand } from "./secret-rotate.ts";

export const secretCommands: CommandFamily = {
  kind: "family",
  name: "secret",
  purpose: "change the key that secrets are encrypted with",
  details:
    "Device keys, policy keys and storage secrets are encrypted in the registry. These commands work without a server.",
  commands: [secretRotateCommand],
  examples: [["coldpath secret rotate --data-dir /var/lib/coldpath", "a new key in secret.key"]],
};
