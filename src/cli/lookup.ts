// Things by id or by name: people remember names, and a name that only one thing has is as good as its id.

import { suggest } from "../config/suggest.ts";
import { ColdpathError } from "../lib/errors.ts";
import type { Device, DeviceTemplate, Export, Page, StorageAccount } from "../registry/registry.ts";
import { segment, type Client } from "./client.ts";

/** An answer of many; the API wraps lists so that they can gain fields. */
interface Listed<T> {
  readonly items: readonly T[];
}

interface Named {
  readonly id: string;
  readonly name: string;
}

export async function listOf<T>(client: Client, path: string): Promise<readonly T[]> {
  return (await client.get<Listed<T>>(path)).items;
}

export async function findDevice<T extends Device>(client: Client, idOrName: string): Promise<T> {
  try {
    return await client.get<T>(`/devices/${segment(idOrName)}`);
  } catch (error) {
    if (!(error instanceof ColdpathError) || error.kind !== "not-found") throw error;
    const page = await client.get<Page<T>>("/devices", { search: idOrName, limit: 100 });
    return pick("device", idOrName, page.items, error);
  }
}

/** The template itself; which version, the caller says. */
export async function findTemplateId(client: Client, idOrName: string): Promise<string> {
  const versions = await listOf<DeviceTemplate>(client, "/device-templates");
  const templates = new Map(versions.map(({ id, name }) => [id, { id, name }]));
  return pick("template", idOrName, [...templates.values()]).id;
}

export async function findStorage(client: Client, idOrName: string): Promise<StorageAccount> {
  return pick("storage", idOrName, await listOf<StorageAccount>(client, "/storage-accounts"));
}

export async function findExport<T extends Named = Export>(client: Client, idOrName: string): Promise<T> {
  return pick("export", idOrName, await listOf<T>(client, "/exports"));
}

const words = {
  device: "device",
  template: "device template",
  storage: "storage account",
  export: "export",
} as const;

/** @param absent  the server's own error when it knows of none. */
function pick<T extends Named>(
  command: keyof typeof words,
  idOrName: string,
  things: readonly T[],
  absent?: ColdpathError,
): T {
  const byId = things.find((thing) => thing.id === idOrName);
  if (byId !== undefined) return byId;
  const byName = things.filter((thing) => thing.name === idOrName);
  const [only, second] = byName;
  if (only !== undefined && second === undefined) return only;
  const word = words[command];
  if (only !== undefined) {
    throw new ColdpathError("conflict", "name-ambiguous", `${byName.length} ${word}s have the name ${idOrName}`, {
      hint: `Give the id: ${byName.map((thing) => thing.id).join(", ")}.`,
    });
  }
  const meant = suggest(
    idOrName,
    things.flatMap((thing) => [thing.id, thing.name]),
  );
  const list = `\`coldpath ${command} list\` shows them.`;
  const message = absent?.message ?? `there is no ${word} with the id or name ${idOrName}`;
  throw new ColdpathError("not-found", absent?.code ?? `${command}-not-found`, message, {
    hint: meant === null ? list : `Did you mean ${meant}? ${list}`,
  });
}
