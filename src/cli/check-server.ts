// Checks by a running server: it tries each place that its exports write to, with its own secrets.

import type { Config } from "../config/config.ts";
import { ColdpathError, messageOf } from "../lib/errors.ts";
import type { StorageAccount } from "../registry/registry.ts";
import type { CheckResult } from "./check-machine.ts";
import type { Client } from "./client.ts";
import { connect } from "./connection.ts";
import type { ExportAnswer } from "./export-views.ts";
import { isInUse } from "./journal-directory.ts";
import { listOf } from "./lookup.ts";
import { counted, durationText } from "./output.ts";
import { probe } from "./storage-views.ts";

interface ServerChecks {
  /** A server holds the data directory. */
  readonly isRunning: boolean;
  readonly results: readonly CheckResult[];
}

interface StatusAnswer {
  readonly hubName: string;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

export async function checkServer({ dataDir }: Config): Promise<ServerChecks> {
  if (!(await isInUse(dataDir))) {
    const detail = "none runs on the data directory; destinations are tried when one does";
    return { isRunning: false, results: [{ name: "server", state: "skipped", detail }] };
  }
  try {
    const client = connect({ dataDir, url: undefined, token: undefined, tlsCa: undefined });
    return { isRunning: true, results: [await checkStatus(client), ...(await checkDestinations(client))] };
  } catch (error) {
    const hint = error instanceof ColdpathError ? error.hint : undefined;
    return { isRunning: true, results: [{ name: "server", state: "failed", detail: messageOf(error), hint }] };
  }
}

async function checkStatus(client: Client): Promise<CheckResult> {
  const { hubName, version, uptimeSeconds, ready, reasons } = await client.get<StatusAnswer>("/status");
  const detail = `${version} at ${client.url}, hub ${hubName}, up ${durationText(uptimeSeconds * 1000)}`;
  if (ready) return { name: "server", state: "ok", detail };
  return { name: "server", state: "failed", detail: `${detail}: not ready`, hint: reasons.join("; ") };
}

async function checkDestinations(client: Client): Promise<readonly CheckResult[]> {
  const [exports, accounts] = await Promise.all([
    listOf<ExportAnswer>(client, "/exports"),
    listOf<StorageAccount>(client, "/storage-accounts"),
  ]);
  const nameOf = new Map(accounts.map(({ id, name }) => [id, name]));
  const results: CheckResult[] = [];
  const tried = new Set<string>();
  for (const { name, status, latestDefinition } of exports) {
    const { storageAccountId, container } = latestDefinition;
    const place = `${nameOf.get(storageAccountId) ?? storageAccountId}/${container}`;
    if (!tried.has(place)) {
      tried.add(place);
      const outcome = await probe(client, storageAccountId, container);
      const why = `could not ${outcome.step}: ${outcome.message} (${outcome.code})`;
      results.push(
        outcome.ok
          ? { name: `destination ${place}`, state: "ok", detail: "signed in, wrote something invisible, listed, read" }
          : { name: `destination ${place}`, state: "failed", detail: why, hint: outcome.hint },
      );
    }
    const { state, trouble, owedFiles } = status;
    results.push(
      trouble === null
        ? { name: `export ${name}`, state: "ok", detail: `${state}, ${counted(owedFiles, "file")} owed` }
        : {
            name: `export ${name}`,
            state: state === "stopped" ? "failed" : "warning",
            detail: `${state} since ${trouble.since}: ${trouble.message} (${trouble.code})`,
            hint: trouble.hint,
          },
    );
  }
  if (exports.length === 0) results.push({ name: "exports", state: "ok", detail: "there is none yet" });
  return results;
}
