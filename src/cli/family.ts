// Commands that ask the server: what every one of them has, so that each file says only what is its own.

import type { OptionTable, Values } from "../config/option.ts";
import type { Client } from "./client.ts";
import { command, type Call, type Command, type CommandSpec } from "./command.ts";
import { connect, connectionOptions, type Connection } from "./connection.ts";
import type { ExitCode } from "./errors.ts";
import { jsonOption } from "./output.ts";

type Shared = typeof jsonOption & typeof connectionOptions;

export interface ServerCall<T extends OptionTable> extends Omit<Call<T>, "values"> {
  readonly values: Values<T> & { readonly json: boolean | undefined };
  readonly client: Client;
}

interface ServerCommandSpec<T extends OptionTable> extends Omit<CommandSpec<T>, "run"> {
  readonly run: (call: ServerCall<T>) => Promise<ExitCode | void>;
}

/** A command with the options to find the server, and `--json`. */
export function serverCommand<const T extends OptionTable>(spec: ServerCommandSpec<T>): Command {
  const { run, options, ...rest } = spec;
  return command<T & Shared>({
    ...(rest as Omit<CommandSpec<T & Shared>, "run" | "options">),
    options: { ...options, ...jsonOption, ...connectionOptions },
    run: async (call) => {
      const values = call.values as unknown as Values<T> & Connection & { readonly json: boolean | undefined };
      return await run({ ...call, values, client: connect(values) });
    },
  });
}
