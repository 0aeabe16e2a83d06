// `coldpath version`: which program this is.

import { version } from "../lib/version.ts";
import { command } from "./command.ts";

export const versionCommand = command({
  name: "version",
  purpose: "print the version",
  options: {
    json: { group: "Options", type: "boolean", isFlagOnly: true, description: "Print JSON." },
  },
  examples: [
    ["coldpath version", "prints e.g. coldpath 0.1.0 (node 24.21.0, linux-x64)"],
    ["coldpath --version", "the same"],
  ],
  run: async ({ values, terminal }) => {
    const platform = `${process.platform}-${process.arch}`;
    if (values.json === true) terminal.print(JSON.stringify({ version, node: process.versions.node, platform }));
    else terminal.print(`coldpath ${version} (node ${process.versions.node}, ${platform})`);
  },
});
