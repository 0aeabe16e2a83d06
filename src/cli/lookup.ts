// Things by id or by name: people remember names, and a name that only one thing has is as good as its id.

import { must } from "../lib/assert.ts";
import { suggest } from "../config/suggest.ts";
import { ColdpathError } from "../lib/errors.ts";
import type {
  ApiToken,
  CaCertificate,
  Device,
  DeviceTemplate,
  EnrollmentGroup,
  Export,
  Page,
  StorageAccount,
  User,
} from "../registry/registry.ts";
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

export async function findCaCertificate(client: Client, nameOrId: string): Promise<CaCertificate> {
  const all = await listOf<CaCertificate>(client, "/ca-certificates");
  const found = all.find((one) => one.name === nameOrId) ?? all.find((one) => one.id === nameOrId);
  if (found !== undefined) return found;
  const message = `There is no CA certificate ${nameOrId}.`;
  throw new ColdpathError("not-found", "ca-certificate-not-found", message, {
    hint: "`coldpath ca-certificate list` shows them.",
  });
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

/**
 * A version of a template: the one named, else the newest published one, else the newest draft.
 *
 * @param idOrName  may be undefined while there is only one template.
 */
export async function findTemplate(
  client: Client,
  idOrName: string | undefined,
  version?: string,
): Promise<DeviceTemplate> {
  const versions = await templateVersions(client, idOrName);
  if (version === undefined)
    return must(versions.findLast((one) => one.published) ?? versions.at(-1), "a template has a version");
  const found = versions.find((one) => one.version === version);
  if (found !== undefined) return found;
  const { name } = must(versions[0], "a template has a version");
  throw new ColdpathError("not-found", "template-not-found", `${name} has no version ${version}.`, {
    hint: `It has ${versions.map((one) => one.version).join(", ")}.`,
  });
}

/** All versions of one template, oldest first. */
export async function templateVersions(
  client: Client,
  idOrName: string | undefined,
): Promise<readonly DeviceTemplate[]> {
  const all = await listOf<DeviceTemplate>(client, "/device-templates");
  // The newest version's name is the template's.
  const templates = [...new Map(all.map(({ id, name }) => [id, { id, name }])).values()];
  const [only, second] = templates;
  if (idOrName === undefined && (only === undefined || second !== undefined)) {
    throw new ColdpathError("invalid", "template-missing", "Which device template?", {
      field: "template",
      hint:
        only === undefined
          ? "There is none yet: make one with `coldpath template create FILE.json --publish`."
          : `Give one with --template: ${templates.map(({ name }) => JSON.stringify(name)).join(", ")}.`,
    });
  }
  const { id } = idOrName === undefined ? must(only, "there is one") : pick("template", idOrName, templates);
  return all.filter((one) => one.id === id);
}

/** A storage account, as the API answers it. */
export type StorageAnswer = Omit<StorageAccount, "sas"> & {
  readonly sasExpiresAt: string | null;
  readonly warnings: readonly string[];
};

export async function findStorage(client: Client, idOrName: string): Promise<StorageAnswer> {
  return pick("storage", idOrName, await listOf<StorageAnswer>(client, "/storage-accounts"));
}

export async function findExport<T extends Named = Export>(client: Client, idOrName: string): Promise<T> {
  return pick("export", idOrName, await listOf<T>(client, "/exports"));
}

export async function findUser(client: Client, idOrName: string): Promise<User> {
  const users = await listOf<User>(client, "/users");
  const lower = idOrName.toLowerCase();
  return pick("user", users.find(({ name }) => name.toLowerCase() === lower)?.id ?? idOrName, users);
}

export async function findEnrollmentGroup(client: Client, idOrName: string): Promise<EnrollmentGroup> {
  return pick("enrollment-group", idOrName, await listOf<EnrollmentGroup>(client, "/enrollment-groups"));
}

export async function findApiToken(client: Client, idOrName: string): Promise<ApiToken> {
  return pick("token", idOrName, await listOf<ApiToken>(client, "/tokens"));
}

const words = {
  device: "device",
  template: "device template",
  storage: "storage account",
  export: "export",
  user: "user",
  token: "API token",
  "enrollment-group": "enrollment group",
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
    throw new ColdpathError("conflict", "name-ambiguous", `${byName.length} ${word}s have the name ${idOrName}.`, {
      hint: `Give the id: ${byName.map((thing) => thing.id).join(", ")}.`,
    });
  }
  const meant = suggest(
    idOrName,
    things.flatMap((thing) => [thing.id, thing.name]),
  );
  const few = things.length > 0 && things.length <= 5 ? `Known: ${things.map((thing) => thing.name).join(", ")}.` : "";
  const list = few === "" ? `\`coldpath ${command} list\` shows them.` : few;
  const message = absent?.message ?? `There is no ${word} with the id or name ${idOrName}.`;
  throw new ColdpathError("not-found", absent?.code ?? `${command}-not-found`, message, {
    hint: meant === null ? list : `Did you mean ${meant}? ${list}`,
  });
}
