// `coldpath storage list | show | test | containers`.

import { segment, type Client } from "./client.ts";
import { serverCommand } from "./family.ts";
import { type StorageAnswer, findStorage, listOf } from "./lookup.ts";
import { stateText } from "./output.ts";
import { renderFields, renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** What a probe found. */
export interface ProbeOutcome {
  readonly ok: boolean;
  readonly steps: readonly {
    readonly step: string;
    readonly outcome: "ok" | "failed" | "not-tried";
    readonly code?: string;
    readonly message?: string;
    readonly hint?: string;
    readonly permission?: string;
  }[];
  readonly step?: string;
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
}

export async function probe(client: Client, storageAccountId: string, container: string): Promise<ProbeOutcome> {
  return await client.post<ProbeOutcome>(`/storage-accounts/${segment(storageAccountId)}/test`, { container });
}

export const listStorageCommand = serverCommand({
  name: "storage list",
  purpose: "list storage accounts",
  options: {},
  examples: [
    ["coldpath storage list", "a table"],
    ["coldpath storage list --json", "for a program"],
  ],
  run: async ({ client, values, terminal }) => {
    const accounts = await listOf<StorageAnswer>(client, "/storage-accounts");
    if (values.json === true) terminal.print(JSON.stringify(accounts, null, 2));
    else if (accounts.length === 0) {
      terminal.complain("coldpath: There is no storage account yet; `coldpath storage add` makes one.");
    } else {
      const rows = accounts.map((one) => [one.id, one.name, one.settings.kind, placeOf(one), signInOf(one)]);
      terminal.print(renderTable(["id", "name", "kind", "place", "sign-in"], rows, terminal));
      for (const { name, warnings } of accounts) for (const one of warnings) terminal.print(`${name}: ${one}`);
    }
  },
});

export const showStorageCommand = serverCommand({
  name: "storage show",
  purpose: "show a storage account; its secret is never shown",
  arguments: ["STORAGE"],
  options: {},
  examples: [
    ["coldpath storage show azure", "one account"],
    ["coldpath storage show azure --json", "for a program"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const account = await findStorage(client, id);
    if (values.json === true) terminal.print(JSON.stringify(account, null, 2));
    else {
      terminal.print(
        renderFields(
          [
            ["id", account.id],
            ["name", account.name],
            ["kind", account.settings.kind],
            ["place", placeOf(account)],
            ["sign-in", signInOf(account)],
            ...(account.sasExpiresAt === null ? [] : [["SAS expires", account.sasExpiresAt] as const]),
            ["created", account.createdAt],
          ],
          terminal,
        ),
      );
      for (const warning of account.warnings) terminal.print(warning);
    }
  },
});

export const testStorageCommand = serverCommand({
  name: "storage test",
  purpose: "try what an export into a container needs; leaves nothing behind",
  arguments: ["STORAGE", "[CONTAINER]"],
  details: "Without CONTAINER, every container of the account is tried.",
  options: {},
  examples: [
    ["coldpath storage test azure iot", "sign in, write something invisible, list, read"],
    ["coldpath storage test lake --json", "all containers, for a program"],
  ],
  exitCodes: { 0: "All of it worked.", 1: "A step failed; it is printed with what to do, and how the others went." },
  run: async ({ client, values, positionals: [id = "", container], terminal }) => {
    const account = await findStorage(client, id);
    const names = container === undefined ? await containersOf(client, account.id) : [container];
    if (names.length === 0) {
      terminal.complain(
        `coldpath: ${account.name} can be reached and has no container; \`coldpath storage create-container\` makes one.`,
      );
      return 0;
    }
    const results: (ProbeOutcome & { readonly container: string })[] = [];
    for (const name of names) {
      const outcome = await probe(client, account.id, name);
      results.push({ container: name, ...outcome });
      if (values.json !== true) printOutcome(`${account.name}/${name}`, outcome, terminal);
    }
    if (values.json === true) terminal.print(JSON.stringify(results, null, 2));
    return results.every((one) => one.ok) ? 0 : 1;
  },
});

export const listContainersCommand = serverCommand({
  name: "storage containers",
  purpose: "list the containers of a storage account",
  arguments: ["STORAGE"],
  options: {},
  examples: [
    ["coldpath storage containers azure", "their names, one a line"],
    ["coldpath storage containers azure --json", "for a program"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const account = await findStorage(client, id);
    const names = await containersOf(client, account.id);
    if (values.json === true)
      terminal.print(
        JSON.stringify(
          names.map((name) => ({ name })),
          null,
          2,
        ),
      );
    else for (const name of names) terminal.print(name);
  },
});

async function containersOf(client: Client, id: string): Promise<readonly string[]> {
  const containers = await listOf<{ readonly name: string }>(client, `/storage-accounts/${segment(id)}/containers`);
  return containers.map(({ name }) => name);
}

function printOutcome(place: string, outcome: ProbeOutcome, terminal: Terminal): void {
  if (outcome.ok) terminal.print(`${stateText("ok", terminal)}      ${place}`);
  else {
    terminal.print(
      `${stateText("failed", terminal)}  ${place}: could not ${outcome.step}: ${outcome.message} (${outcome.code})`,
    );
    if (outcome.hint !== undefined) terminal.print(`          → ${outcome.hint}`);
    for (const { step, outcome: word, permission } of outcome.steps) {
      const missing = permission === undefined ? "" : ` – lacks ${permission}`;
      terminal.print(`          ${stateText(word === "not-tried" ? "not tried" : word, terminal)}: ${step}${missing}`);
    }
  }
}

function placeOf({ settings }: StorageAnswer): string {
  return settings.kind === "folder" ? settings.path : settings.endpoint;
}

function signInOf({ settings, hasSecret }: StorageAnswer): string {
  if (settings.kind === "folder") return "–";
  const { auth, accountName, clientId } = settings;
  const who = accountName ?? clientId;
  const what = auth === "entra" && !hasSecret ? "entra (this machine's identity)" : auth;
  return who === undefined ? what : `${what}, ${who}`;
}
