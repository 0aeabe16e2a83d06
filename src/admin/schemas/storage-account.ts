// Schemas of storage accounts and containers. A secret is in what they take and never in what they answer (A2).

import { Type } from "typebox";
import { azureAuths } from "../../registry/registry.ts";
import type { StorageSettings as Settings } from "../../registry/registry.ts";
import { etag, givenEtag, ref, shape, time, words } from "../schema.ts";

const folder = Type.Object(
  { kind: Type.Literal("folder"), path: Type.String({ description: "Absolute, on the server's machine." }) },
  { additionalProperties: false },
);
const azureBlob = {
  kind: Type.Literal("azure-blob"),
  auth: words(azureAuths),
  accountName: Type.Optional(Type.String({ description: "For an account key." })),
  tenantId: Type.Optional(Type.String({ description: "Of an Entra ID service principal." })),
  clientId: Type.Optional(Type.String({ description: "Of an Entra ID service principal." })),
};
const endpoint = Type.String({ description: "E.g. https://mystorage.blob.core.windows.net" });

export const StorageSettings = Type.Unsafe<Settings>({
  $id: "StorageSettings",
  description: "A folder, or Azure Blob Storage.",
  anyOf: [folder, Type.Object({ ...azureBlob, endpoint }, { additionalProperties: false })],
});

/** `kind` decides which of the two forms is asked for, so that an error names its field. */
export const NewStorageSettings = Type.Unsafe<
  Settings | (Omit<Extract<Settings, { kind: "azure-blob" }>, "endpoint"> & { readonly endpoint?: string })
>({
  $id: "NewStorageSettings",
  description: 'Give a `kind`: "folder" or "azure-blob".',
  type: "object",
  required: ["kind"],
  discriminator: { propertyName: "kind" },
  oneOf: [
    folder,
    Type.Object(
      { ...azureBlob, endpoint: Type.Optional({ ...endpoint, description: "Left out with a connection string." }) },
      { additionalProperties: false },
    ),
  ],
});

const secret = Type.Optional(
  Type.String({
    writeOnly: true,
    description: "Connection string, account key, SAS or client secret, as `auth` says. It never comes out again.",
  }),
);

export const StorageAccount = shape("StorageAccount", "Where exports write to.", {
  id: Type.String(),
  name: Type.String(),
  settings: ref(StorageSettings),
  hasSecret: Type.Boolean(),
  etag,
  createdAt: time(),
});
export const StorageAccountList = shape("StorageAccountList", "Storage accounts.", {
  items: Type.Array(ref(StorageAccount)),
});
export const NewStorageAccount = shape("NewStorageAccount", "A storage account to be added.", {
  name: Type.String(),
  settings: ref(NewStorageSettings),
  secret,
});
export const StorageAccountChange = shape(
  "StorageAccountChange",
  "The whole account anew. A secret left out stays, while `kind` and `auth` stay.",
  { name: Type.String(), settings: ref(NewStorageSettings), secret, etag: givenEtag },
);

export const StorageTest = shape("StorageTest", "What to try of a saved account.", {
  container: Type.String(),
});
export const NewStorageTest = shape("NewStorageTest", "An account to be tried before it is saved.", {
  settings: ref(NewStorageSettings),
  secret,
  container: Type.Optional(Type.String({ description: "Left out: the containers are listed." })),
});
export const StorageTestOutcome = shape("StorageTestOutcome", "Whether all steps that an export needs worked.", {
  ok: Type.Boolean(),
  step: Type.Optional(Type.String({ description: "The one that failed." })),
  code: Type.Optional(Type.String({ description: "The service's own, where it has one." })),
  message: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
});

export const Container = shape("Container", "A container, or a directory of a folder account.", {
  name: Type.String(),
});
export const ContainerList = shape("ContainerList", "Containers, by name.", { items: Type.Array(ref(Container)) });
