// What many commands print alike.

import type { OptionTable } from "../config/option.ts";

export const jsonOption = {
  json: { group: "Options", type: "boolean", isFlagOnly: true, description: "Print JSON instead, errors too." },
} as const satisfies OptionTable;
