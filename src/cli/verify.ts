// `coldpath verify`: reads destinations back and proves that every owed minute has its files.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { serverOptions } from "../config/options.ts";
import { DestinationError, type StorageAccess } from "../destinations/destination.ts";
import type { Verification } from "../export/verify/verification.ts";
import { systemClock } from "../lib/clock.ts";
import { ColdpathError, messageOf } from "../lib/errors.ts";
import { silentLog } from "../lib/log.ts";
import { type Window, windowOf } from "../lib/window.ts";
import type { Export } from "../registry/registry.ts";
import type { ReadRegistry } from "../registry/sqlite/sqlite-registry.ts";
import { readGivenKey } from "../server/given-secret-key.ts";
import { command } from "./command.ts";
import { UsageError } from "./errors.ts";
import { dataDirOption } from "./journal-directory.ts";
import { counted, jsonOption } from "./output.ts";
import { secretKeyOptions } from "./secret-key-options.ts";
import type { Terminal } from "./terminal.ts";
import { type Unseen, answerOf, printUnseen, printVerification, unseenAnswerOf } from "./verify-views.ts";

const group = "Selection";
const minuteOption = (description: string) =>
  ({
    group,
    type: "string",
    isFlagOnly: true,
    pattern: /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::00)?Z?)?$/,
    form: "a UTC minute such as 2026-01-02T03:04, or a day such as 2026-01-02",
    description,
  }) as const;

/** Requests to a store at once. */
const requestsMax = 8;
const progressMs = 5000;

export const verifyCommand = command({
  name: "verify",
  purpose: "read exported files back and prove that every owed minute is there, unharmed",
  details: [
    "Compares what lies in the folder or container with the record of every file that was written: none missing, none twice, none changed, cut off or under another name. It also looks whether the records themselves join without a hole. Works beside a running server and without one, and changes nothing.",
    "Names, sizes and labels are looked at; a file whose label is gone or differs is read. With --deep every byte of every file is read.",
    "The secrets of Azure accounts come from the registry, with the key that the server has.",
  ].join("\n"),
  options: {
    ...dataDirOption,
    ...secretKeyOptions,
    export: { group, type: "string", isFlagOnly: true, description: "Only this export: its name or id." },
    from: minuteOption("From this UTC minute or day on."),
    to: minuteOption("Up to this UTC minute or day, inclusive."),
    "storage-timeout": { ...serverOptions["storage-timeout"], group: "Options" },
    deep: { group: "Options", type: "boolean", isFlagOnly: true, description: "Read every byte of every file." },
    ...jsonOption,
  },
  examples: [
    ["coldpath verify --data-dir /var/lib/coldpath", "all exports, all that is on record"],
    ["coldpath verify --export lake --from 2026-01-01 --to 2026-01-31 --deep", "a month, every byte"],
  ],
  exitCodes: {
    0: "Proven: every file is there once, as it was written.",
    1: "Something is missing, doubled or changed; it is printed.",
    2: "No fault seen, but not all could be looked at (137 where a folder hung: it ended by SIGKILL).",
  },
  run: async ({ values, terminal }) => {
    const range = rangeOf(values.from, values.to);
    const isJson = values.json === true;
    try {
      const outcomes = await verify(values, range, terminal, (outcome) => {
        if (isJson) return;
        if ("failure" in outcome) printUnseen(outcome, terminal);
        else printVerification(outcome, terminal);
      });
      if (isJson) {
        const answers = outcomes.map((one) => ("failure" in one ? unseenAnswerOf(one) : answerOf(one)));
        terminal.print(JSON.stringify(answers, null, 2));
      }
      if (outcomes.some((one) => "faultCount" in one && one.faultCount > 0)) return 1;
      return outcomes.some((one) => "failure" in one) ? 2 : 0;
    } catch (error) {
      throw fatal(error);
    }
  },
});

interface Values {
  readonly dataDir: string;
  readonly export: string | undefined;
  readonly deep: boolean | undefined;
  readonly storageTimeoutMs: number;
  readonly secretKey: string | undefined;
  readonly secretKeyCommand: string | undefined;
}

type Range = { readonly first: Window; readonly last: Window } | null;

/** An export whose destination cannot be looked at keeps nobody from the others. */
type Outcome = Verification | Unseen;

async function verify(
  values: Values,
  range: Range,
  terminal: Terminal,
  onOutcome: (outcome: Outcome) => void,
): Promise<readonly Outcome[]> {
  const { dataDir } = values;
  const file = join(dataDir, "registry.db");
  if (!existsSync(file)) {
    throw new ColdpathError("not-found", "registry-not-found", `${dataDir} is not a server's data directory.`, {
      hint: "Name it with --data-dir (COLDPATH_DATA_DIR).",
    });
  }
  const [{ readSqliteRegistry }, { hasWal }] = await Promise.all([
    import("../registry/sqlite/sqlite-registry.ts"),
    import("../registry/sqlite/database.ts"),
  ]);
  const secretKey = await readGivenKey({
    text: values.secretKey,
    command: values.secretKeyCommand,
    option: "secret-key",
  });
  const wasInUse = hasWal(file);
  const registry = await readSqliteRegistry({ directory: dataDir, secretKey, clock: systemClock });
  const storages = new Map<string, Promise<StorageAccess>>();
  try {
    const outcomes: Outcome[] = [];
    for (const one of chosen(await registry.exports(), values.export)) {
      const outcome = await verifyOne(registry, storages, one, range, values, terminal).catch((error: unknown) => {
        if (!(error instanceof DestinationError)) throw error;
        return { export: one, failure: error.failure };
      });
      outcomes.push(outcome);
      onOutcome(outcome);
    }
    if (!wasInUse && hasWal(file)) {
      throw new ColdpathError("conflict", "registry-changed", "A server was started meanwhile.", {
        hint: "Run it again: beside a running server it works as well.",
      });
    }
    return outcomes;
  } finally {
    for (const storage of storages.values()) await storage.then((one) => one.close()).catch(() => {});
    await registry.close();
  }
}

async function verifyOne(
  registry: ReadRegistry,
  storages: Map<string, Promise<StorageAccess>>,
  one: Export,
  range: Range,
  { deep, storageTimeoutMs: requestTimeoutMs }: Values,
  terminal: Terminal,
): Promise<Verification> {
  const [{ verifyExport }, { openStorage }] = await Promise.all([
    import("../export/verify/verify.ts"),
    import("../destinations/open-storage.ts"),
  ]);
  const open = async (id: string): Promise<StorageAccess> => {
    const { settings } = await registry.storageAccount(id);
    return openStorage(settings, (await registry.storageSecret(id)) ?? undefined, {
      log: silentLog,
      requestTimeoutMs,
    });
  };
  let toldMs = performance.now();
  return await verifyExport({
    registry,
    export: one,
    destinationOf: async ({ storageAccountId: id, container }) => {
      const storage = storages.get(id) ?? open(id);
      storages.set(id, storage);
      return await (await storage).container(container);
    },
    range,
    isDeep: deep === true,
    requestsMax,
    clock: systemClock,
    onRetry: (message, delayMs) =>
      terminal.complain(`coldpath: ${one.name}: ${message} Tried again in ${delayMs / 1000} s.`),
    onProgress: (files) => {
      if (performance.now() - toldMs < progressMs) return;
      toldMs = performance.now();
      terminal.complain(`coldpath: ${one.name}: ${counted(files, "file")} looked at …`);
    },
  });
}

function chosen(exports: readonly Export[], wanted: string | undefined): readonly Export[] {
  if (wanted === undefined) return exports;
  const found = exports.filter(({ id, name }) => id === wanted || name === wanted);
  if (found.length > 0) return found;
  throw new ColdpathError("not-found", "export-not-found", `There is no export ${JSON.stringify(wanted)}.`, {
    hint: `Exports: ${exports.map(({ name }) => JSON.stringify(name)).join(", ") || "none"}.`,
  });
}

function rangeOf(from: string | undefined, to: string | undefined): Range {
  if (from === undefined && to === undefined) return null;
  const first = from === undefined ? 0 : minuteOf(from, "00:00");
  const last = to === undefined ? windowOf(Date.now()) : minuteOf(to, "23:59");
  if (first > last)
    throw new UsageError(
      "verify",
      to === undefined ? `--from ${from} is in the future.` : "--from is later than --to.",
    );
  return { first, last };
}

function minuteOf(text: string, time: string): Window {
  const timeMs = Date.parse(`${text.length === 10 ? `${text}T${time}` : text.slice(0, 16)}:00Z`);
  if (!Number.isNaN(timeMs)) return windowOf(timeMs);
  throw new UsageError("verify", `${text} is not a day or minute of the calendar.`);
}

/** Exit code 2: nothing was found out. */
function fatal(error: unknown): unknown {
  if (error instanceof UsageError) return error;
  if (error instanceof ColdpathError) {
    return new ColdpathError("fatal", error.code, messageOf(error), { hint: error.hint, cause: error });
  }
  return error;
}
