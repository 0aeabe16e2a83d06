// `coldpath check`: tries what `serve` with the same options needs, and what a running server's exports need.

import { loadConfig, type Config } from "../config/config.ts";
import { serverOptions } from "../config/options.ts";
import { ColdpathError, messageOf } from "../lib/errors.ts";
import type { Command } from "./command.ts";
import { checkCertificate, checkDataDirectory, checkPorts, type CheckResult } from "./check-machine.ts";
import { checkServer } from "./check-server.ts";
import { UsageError } from "./errors.ts";
import { jsonOption, stateText } from "./output.ts";
import { settingsOf } from "./settings.ts";
import { renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const own = {
  show: {
    group: "Options of check",
    type: "boolean",
    isFlagOnly: true,
    description: "Also list every option with its value and where that came from; secrets are masked.",
  },
  json: { ...jsonOption.json, group: "Options of check" },
} as const;

export const checkCommand: Command = {
  kind: "command",
  name: "check",
  purpose: "try the configuration, this machine and a running server's destinations",
  details:
    "Takes the options of serve, from the same places, and changes nothing: data directory, ports and certificate are tried. When a server runs on the data directory, it is asked to try every place that its exports write to.",
  options: { ...own, ...serverOptions },
  examples: [
    ["coldpath check --data-dir /var/lib/coldpath --public-host hub.example.com", "before the first start"],
    ["coldpath check --show", "what every option is, and why"],
  ],
  exitCodes: { 0: "All is well.", 1: "A check failed; it is printed with what to do." },
  run: async (flags, terminal, environment) => {
    const end = flags.includes("--") ? flags.indexOf("--") : flags.length;
    const isOwn = (flag: string, at: number): boolean => at < end && (flag === "--show" || flag === "--json");
    const rest = flags.filter((flag, at) => !isOwn(flag, at));
    const show = flags.slice(0, end).includes("--show");
    const json = flags.slice(0, end).includes("--json");

    const results: CheckResult[] = [];
    const tell = (result: CheckResult): void => {
      results.push(result);
      if (!json) printResult(result, terminal);
    };
    const config = checkConfiguration(rest, environment, tell);
    if (config !== null) {
      tell(await checkDataDirectory(config));
      tell(await checkCertificate(config));
      const server = await checkServer(config);
      if (server.isRunning) {
        tell({ name: "ports", state: "skipped", detail: "held by the running server, as they should be" });
      } else {
        for (const port of await checkPorts(config)) tell(port);
      }
      for (const result of server.results) tell(result);
    }

    const settings = show && config !== null ? settingsOf(config, rest, environment) : [];
    if (json) terminal.print(JSON.stringify(show ? { checks: results, settings } : { checks: results }, null, 2));
    else if (settings.length > 0) {
      const rows = settings.map(({ option, value, source }) => [option, value, source]);
      terminal.print(`\n${renderTable(["option", "value", "from"], rows, terminal)}`);
    }
    return results.some(({ state }) => state === "failed") ? 1 : 0;
  },
};

/** The configuration when it is one; each fault is a result of its own. */
function checkConfiguration(
  flags: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  tell: (result: CheckResult) => void,
): Config | null {
  try {
    const { values, notices, positionals } = loadConfig({ flags, environment });
    if (positionals.length > 0) {
      throw new UsageError("check", `check takes no argument; ${JSON.stringify(positionals[0])} is one too many.`);
    }
    const given = settingsOf(values, flags, environment).filter(({ source }) => source !== "default");
    const detail =
      given.length === 0 ? "all options at their defaults" : given.map(({ option, value }) => `${option}=${value}`);
    tell({ name: "configuration", state: "ok", detail: typeof detail === "string" ? detail : detail.join(" ") });
    for (const notice of notices) tell({ name: "configuration", state: "warning", detail: notice });
    return values;
  } catch (error) {
    if (!(error instanceof ColdpathError) || error instanceof UsageError) throw error;
    for (const detail of messageOf(error).split("\n")) {
      tell({ name: "configuration", state: "failed", detail, hint: error.hint });
    }
    return null;
  }
}

function printResult({ name, state, detail, hint }: CheckResult, terminal: Terminal): void {
  terminal.print(`${stateText(state, terminal)}${" ".repeat(9 - state.length)}${name}: ${detail}`);
  if (hint !== undefined) terminal.print(`${" ".repeat(9)}→ ${hint}`);
}
