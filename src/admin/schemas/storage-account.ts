// Schemas of storage accounts and containers. A secret is in what they take and never in what they answer (A2).

import { Type } from "typebox";
import { probeOutcomes } from "../../destinations/destination.ts";
import { azureAuths } from "../../registry/registry.ts";
import type { StorageSettings as Settings } from "../../registry/registry.ts";
import { etag, givenEtag, orNull, ref, shape, time, words } from "../schema.ts";

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
  sasExpiresAt: orNull(time("When its SAS ends; null without a SAS, or when a stored access policy decides.")),
  warnings: Type.Array(Type.String(), { description: "What does or soon will stand in the way, and what to do." }),
  etag,
  createdAt: time(),
});
export const StorageAccountList = shape("StorageAccountList", "Storage accounts.", {
  items: Type.Array(ref(StorageAccount)),
  folders: orNull(
    Type.Array(Type.String(), {
      description: "Folder accounts must lie below one of these; null: anywhere but in the server's data directory.",
    }),
  ),
});
export const NewStorageAccount = shape("NewStorageAccount", "A storage account to be added.", {
  name: Type.String(),
  settings: ref(NewStorageSettings),
  secret,
});
export const StorageAccountChange = shape(
  "StorageAccountChange",
  "The whole account anew. A secret left out stays, while `kind` and `auth` stay; null takes it away.",
  {
    name: Type.String(),
    settings: ref(NewStorageSettings),
    secret: Type.Optional(orNull(Type.String({ writeOnly: true, description: "As of a new account." }))),
    etag: givenEtag,
  },
);

export const StorageTest = shape("StorageTest", "What to try of a saved account.", {
  container: Type.Optional(Type.String({ description: "Left out: the containers are listed." })),
});
export const NewStorageTest = shape("NewStorageTest", "An account to be tried before it is saved.", {
  settings: ref(NewStorageSettings),
  secret,
  container: Type.Optional(Type.String({ description: "Left out: the containers are listed." })),
});
export const StorageTestStep = shape("StorageTestStep", "A step of a test.", {
  step: Type.String({ description: "What was tried, in plain words." }),
  outcome: words(probeOutcomes, "What a failed step makes impossible is not tried."),
  code: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
  permission: Type.Optional(
    Type.String({
      description: "What is missing, in the store's words: `List (l) on Container (c)`, a role, a right.",
    }),
  ),
});
export const StorageTestOutcome = shape("StorageTestOutcome", "Whether all steps that an export needs worked.", {
  ok: Type.Boolean(),
  steps: Type.Array(ref(StorageTestStep), { description: "All, in the order they are tried." }),
  step: Type.Optional(Type.String({ description: "The first one that failed; the next fields are its own." })),
  code: Type.Optional(Type.String({ description: "The service's own, where it has one." })),
  message: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
});

export const Container = shape("Container", "A container, or a directory of a folder account.", {
  name: Type.String(),
});
export const ContainerList = shape("ContainerList", "Containers, by name.", { items: Type.Array(ref(Container)) });
