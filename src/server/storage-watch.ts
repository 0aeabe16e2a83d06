// Says in the log, once a day, which storage accounts will soon not be written to any more, or are not: a SAS that ends.

import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { Registry } from "../registry/registry.ts";
import { storageWarnings } from "../registry/storage-sas.ts";

const dayMs = 24 * 60 * 60 * 1000;

/** Looks now and once a day. @returns the function that ends it. */
export function watchStorage(registry: Pick<Registry, "storageAccounts">, log: Log): () => void {
  const look = (): void => {
    tellWarnings(registry, log).catch((error: unknown) =>
      log.error({ error: messageOf(error) }, "Storage accounts could not be looked at; it is tried again tomorrow."),
    );
  };
  look();
  const timer = setInterval(look, dayMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Real time: the service on the other side of the wire judges by it. */
export async function tellWarnings(registry: Pick<Registry, "storageAccounts">, log: Log): Promise<void> {
  for (const account of await registry.storageAccounts()) {
    const { id: storageAccountId, name, sas } = account;
    const isOver = sas?.expiresAt !== null && sas?.expiresAt !== undefined && Date.parse(sas.expiresAt) <= Date.now();
    for (const warning of storageWarnings(account, Date.now())) {
      const fields = { code: "storage-warning", storageAccountId, sasExpiresAt: sas?.expiresAt };
      log[isOver ? "error" : "warn"](fields, `The storage account ${name}: ${warning}`);
    }
  }
}
