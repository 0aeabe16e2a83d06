// Storage accounts: added, tried, changed; their containers.

import { Type } from "typebox";
import type { ProbeStep, StorageAccess } from "../../destinations/destination.ts";
import { DestinationError } from "../../destinations/destination.ts";
import { probeFailure, probeStep } from "../../destinations/failure.ts";
import { ColdpathError } from "../../lib/errors.ts";
import type {
  NewStorageAccount as RegistryNewStorageAccount,
  StorageAccount as RegistryStorageAccount,
  StorageAccountChange as RegistryStorageAccountChange,
} from "../../registry/registry.ts";
import { storageWarnings } from "../../registry/storage-sas.ts";
import { storageSettingsOf } from "../../registry/storage-settings.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { gone } from "../schemas/error.ts";
import {
  Container,
  ContainerList,
  NewStorageAccount,
  NewStorageTest,
  StorageAccount,
  StorageAccountChange,
  StorageAccountList,
  StorageTest,
  StorageTestOutcome,
} from "../schemas/storage-account.ts";
import { withStorage } from "../storage-use.ts";

const tags = ["storage-accounts"];
const oneAccount = Type.Object({ storageAccountId: Type.String() });

export function storageAccountRoutes(
  api: Api,
  { registry, openStorage, openStorageWith, storageFolders }: AdminOptions,
): void {
  /** The destination reads settings and secret too: what it cannot sign in with is told here, not minutes later. */
  const checkSignIn = async (settings: unknown, secret: string | undefined): Promise<void> => {
    await openStorageWith(storageSettingsOf(settings, secret ?? null), secret).close();
  };

  api.get(
    "/storage-accounts",
    {
      schema: {
        operationId: "listStorageAccounts",
        summary: "All storage accounts.",
        tags,
        access: "administrator",
        response: { 200: ref(StorageAccountList) },
      },
    },
    async () => ({ items: (await registry.storageAccounts()).map(storageAnswer), folders: storageFolders }),
  );

  api.post(
    "/storage-accounts",
    {
      schema: {
        operationId: "createStorageAccount",
        summary: "Adds a storage account. Nothing is tried: see testStorageAccount.",
        tags,
        access: "administrator",
        body: ref(NewStorageAccount),
        response: { 201: ref(StorageAccount) },
        failures: [409],
      },
    },
    async (request, reply) => {
      await checkSignIn(request.body.settings, request.body.secret);
      reply.code(201);
      // The registry takes the endpoint from a connection string, and asks for it otherwise.
      return storageAnswer(await registry.createStorageAccount(request.body as RegistryNewStorageAccount));
    },
  );

  api.post(
    "/storage-accounts/test",
    {
      schema: {
        operationId: "testNewStorageAccount",
        summary: "Tries a storage account before it is saved.",
        tags,
        access: "administrator",
        changesNothing: true,
        body: ref(NewStorageTest),
        response: { 200: ref(StorageTestOutcome) },
      },
    },
    async (request) => {
      const { settings, secret, container } = request.body;
      const clean = storageSettingsOf(settings, secret ?? null);
      return await outcomeOf(() => openStorageWith(clean, secret), container);
    },
  );

  api.get(
    "/storage-accounts/:storageAccountId",
    {
      schema: {
        operationId: "getStorageAccount",
        summary: "One storage account.",
        tags,
        access: "administrator",
        params: oneAccount,
        response: { 200: ref(StorageAccount) },
        failures: [404],
      },
    },
    async (request) => storageAnswer(await registry.storageAccount(request.params.storageAccountId)),
  );

  api.put(
    "/storage-accounts/:storageAccountId",
    {
      schema: {
        operationId: "updateStorageAccount",
        summary: "Changes a storage account. Exports use it at once.",
        tags,
        access: "administrator",
        params: oneAccount,
        body: ref(StorageAccountChange),
        response: { 200: ref(StorageAccount) },
        failures: [404, 409],
      },
    },
    async (request) => {
      const { etag, ...account } = request.body;
      const { storageAccountId } = request.params;
      if (account.secret !== undefined) await checkSignIn(account.settings, account.secret ?? undefined);
      return storageAnswer(
        await registry.updateStorageAccount(storageAccountId, account as RegistryStorageAccountChange, etag),
      );
    },
  );

  api.delete(
    "/storage-accounts/:storageAccountId",
    {
      schema: {
        operationId: "deleteStorageAccount",
        summary: "Forgets a storage account; refused while an export names it. Its files stay.",
        tags,
        access: "administrator",
        params: oneAccount,
        response: { 204: gone },
        failures: [404, 409],
      },
    },
    async (request, reply) => {
      await registry.deleteStorageAccount(request.params.storageAccountId);
      return await reply.code(204).send(null);
    },
  );

  api.post(
    "/storage-accounts/:storageAccountId/test",
    {
      schema: {
        operationId: "testStorageAccount",
        summary: "Tries what an export into a container needs; leaves nothing behind.",
        tags,
        access: "administrator",
        changesNothing: true,
        params: oneAccount,
        body: ref(StorageTest),
        response: { 200: ref(StorageTestOutcome) },
        failures: [404],
      },
    },
    async (request) => {
      const { storageAccountId } = request.params;
      await registry.storageAccount(storageAccountId); // not found is an error, not an outcome
      return await outcomeOf(() => openStorage(storageAccountId), request.body.container);
    },
  );

  api.get(
    "/storage-accounts/:storageAccountId/containers",
    {
      schema: {
        operationId: "listContainers",
        summary: "The containers of a storage account.",
        tags,
        access: "administrator",
        params: oneAccount,
        response: { 200: ref(ContainerList) },
        failures: [404, 409, 503],
      },
    },
    async (request) => {
      const open = () => openStorage(request.params.storageAccountId);
      const names = await withStorage(open, async (storage, signal) => await storage.listContainers(signal));
      return { items: names.map((name) => ({ name })) };
    },
  );

  api.post(
    "/storage-accounts/:storageAccountId/containers",
    {
      schema: {
        operationId: "createContainer",
        summary: "Makes a container.",
        tags,
        access: "administrator",
        params: oneAccount,
        body: ref(Container),
        response: { 201: ref(Container) },
        failures: [404, 409, 503],
      },
    },
    async (request, reply) => {
      const { name } = request.body;
      const open = () => openStorage(request.params.storageAccountId);
      const isNew = await withStorage(open, async (storage, signal) => await storage.createContainer(name, signal));
      if (!isNew) {
        throw new ColdpathError("conflict", "container-exists", `The container ${name} exists.`, {
          field: "name",
          hint: "Use it, or choose another name.",
        });
      }
      reply.code(201);
      return { name };
    },
  );
}

/** What the registry has, with what it means today. Real time: the service on the other side of the wire judges by it. */
export function storageAnswer({ sas, ...account }: RegistryStorageAccount) {
  return { ...account, sasExpiresAt: sas?.expiresAt ?? null, warnings: storageWarnings({ sas }, Date.now()) };
}

/** Failing is an outcome here, not an error. */
async function outcomeOf(open: () => StorageAccess | Promise<StorageAccess>, container: string | undefined) {
  const steps = await withStorage(open, async (storage, signal) =>
    container === undefined ? await listed(storage, signal) : await probed(storage, container, signal),
  );
  const shown = steps.map(({ step, outcome, failure, permission }) => ({
    step,
    outcome,
    ...(failure === null ? {} : { code: failure.code, message: failure.message, hint: failure.hint }),
    ...(permission === null ? {} : { permission }),
  }));
  const first = probeFailure(steps);
  if (first === null) return { ok: true, steps: shown };
  const { step, code, message, hint } = first;
  return { ok: false, steps: shown, step, code, message, hint };
}

async function probed(storage: StorageAccess, container: string, signal: AbortSignal): Promise<readonly ProbeStep[]> {
  const step = "find the container";
  try {
    const destination = await storage.container(container, signal);
    return await destination.probe(signal);
  } catch (error) {
    if (error instanceof DestinationError) return [probeStep.failed(step, error.failure)];
    throw error;
  }
}

async function listed(storage: StorageAccess, signal: AbortSignal): Promise<readonly ProbeStep[]> {
  const step = "list the containers";
  try {
    await storage.listContainers(signal);
    return [probeStep.ok(step)];
  } catch (error) {
    if (error instanceof DestinationError) return [probeStep.failed(step, error.failure)];
    throw error;
  }
}
