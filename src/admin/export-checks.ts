// What is checked before an export is saved: its path template, its container, and that it meets no other's files.

import { DestinationError } from "../destinations/destination.ts";
import { type Claim, claimsOf, refuseOverlap } from "../export/overlap.ts";
import { checkPathTemplate } from "../export/path-template.ts";
import { ColdpathError } from "../lib/errors.ts";
import { registryError } from "../registry/errors.ts";
import { exportSettingsOf } from "../registry/export-settings.ts";
import type { Export, ExportSettings } from "../registry/registry.ts";
import type { AdminOptions } from "./options.ts";
import { withStorage } from "./storage-use.ts";

type Place = Pick<ExportSettings, "storageAccountId" | "container">;

/**
 * @param own  the export that is edited; null for a new one.
 * @throws ColdpathError that names the field.
 */
export async function checkExport(given: ExportSettings, own: Export | null, options: AdminOptions): Promise<void> {
  const { registry, journal } = options;
  const settings = exportSettingsOf(given); // before anything is asked of a store
  checkPathTemplate(settings.pathTemplate, settings.types);
  const latest = own?.definitions.at(-1);
  const isMoved = settings.storageAccountId !== latest?.storageAccountId || settings.container !== latest.container;
  const root = await rootOrPlace(settings, () =>
    isMoved ? rootOfExisting(settings, options) : rootOf(settings, options),
  );

  const others = await registry.exports();
  const roots = new Map<string, string>([[placeKey(settings), root]]);
  for (const { storageAccountId, container } of others.flatMap(({ definitions }) => definitions)) {
    const key = placeKey({ storageAccountId, container });
    if (!roots.has(key)) roots.set(key, await rootOfOther({ storageAccountId, container }, options));
  }
  const claims: readonly Claim[] = others.flatMap((other) =>
    claimsOf(
      other,
      other.id === own?.id,
      journal.windowNext(),
      (definition) => roots.get(placeKey(definition)) ?? placeKey(definition),
    ),
  );
  refuseOverlap(settings, root, claims, registry.installation.hubName);
}

/**
 * The root that `ask` gives; of a store that does not answer the account and container: an edit must be possible while it
 * is away, and two exports into the same container of one account are found all the same.
 */
async function rootOrPlace(place: Place, ask: () => Promise<string>): Promise<string> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof DestinationError)) throw error;
    return placeKey(place);
  }
}

/** The root; of an account that cannot be opened (its key is no key) one of its own: it keeps no other from working. */
async function rootOfOther(place: Place, options: AdminOptions): Promise<string> {
  try {
    return await rootOrPlace(place, () => rootOf(place, options));
  } catch (error) {
    if (!(error instanceof ColdpathError)) throw error;
    return placeKey(place);
  }
}

async function rootOf({ storageAccountId, container }: Place, { openStorage }: AdminOptions): Promise<string> {
  return await withStorage(
    () => openAccount(storageAccountId, openStorage),
    async (storage, signal) => (await storage.container(container, signal)).root,
  );
}

/** The root, when the store does not say that the container is missing. A store that does not answer is no reason. */
async function rootOfExisting({ storageAccountId, container }: Place, { openStorage }: AdminOptions): Promise<string> {
  return await withStorage(
    () => openAccount(storageAccountId, openStorage),
    async (storage, signal) => {
      const destination = await storage.container(container, signal);
      try {
        for await (const _first of destination.list("", signal)) break;
      } catch (error) {
        if (!(error instanceof DestinationError)) throw error;
        if (/^(?:container-not-found|ContainerNotFound)$/.test(error.failure.code)) {
          throw new ColdpathError("invalid", "container-not-found", `There is no container ${container}.`, {
            field: "container",
            hint: `Create it first, or use one of those that the storage account has.`,
            cause: error,
          });
        }
        // Right or wrong, the export's status will tell: an edit must be possible while the store is away.
      }
      return destination.root;
    },
  );
}

async function openAccount(id: string, openStorage: AdminOptions["openStorage"]) {
  try {
    return await openStorage(id);
  } catch (error) {
    if (!(error instanceof ColdpathError) || error.kind !== "not-found") throw error;
    throw registryError("reference-unknown", error.message, { field: "storageAccountId", cause: error });
  }
}

function placeKey({ storageAccountId, container }: Place): string {
  return JSON.stringify([storageAccountId, container]);
}
