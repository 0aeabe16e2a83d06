// Storage accounts: where exports write to, the secret that goes in and never comes out, and the calls for them. Checks:
// storage-settings.ts.

export const azureAuths = ["connection-string", "account-key", "sas", "entra"] as const;
export type AzureAuth = (typeof azureAuths)[number];

export type StorageSettings =
  | { readonly kind: "folder"; readonly path: string }
  | {
      readonly kind: "azure-blob";
      readonly auth: AzureAuth;
      /** The blob service endpoint, e.g. `https://acct.blob.core.windows.net`; taken from a connection string. */
      readonly endpoint: string;
      readonly accountName?: string | undefined;
      /** Entra ID. With a secret, both name a service principal; without, they narrow the default credential. */
      readonly tenantId?: string | undefined;
      readonly clientId?: string | undefined;
    };

/** What a shared access signature says about itself in the open. */
export interface SasFacts {
  /** ISO; null when a stored access policy decides. */
  readonly expiresAt: string | null;
  /** ISO; null: from when it was made. */
  readonly startsAt: string | null;
  /** Letters, e.g. `rcwl`; null when a stored access policy decides. */
  readonly permissions: string | null;
  /** Letters of an account's SAS, e.g. `sco`; null for a SAS of a service, a container or a blob. */
  readonly resourceTypes: string | null;
}

export interface StorageAccount {
  readonly id: string;
  readonly name: string;
  readonly settings: StorageSettings;
  readonly hasSecret: boolean;
  /** What the SAS says of itself, where the account signs in with one. */
  readonly sas: SasFacts | null;
  readonly etag: number;
  readonly createdAt: string;
}

export interface NewStorageAccount {
  readonly name: string;
  readonly settings: StorageSettings;
  /** Connection string, account key, SAS or client secret, as `auth` says. Goes in and never comes out (A2). */
  readonly secret?: string | undefined;
}

export type StorageAccountChange = Omit<NewStorageAccount, "secret"> & {
  readonly secret?: string | null | undefined;
};

/** Storage accounts by id. */
export interface StorageAccountCalls {
  createStorageAccount(account: NewStorageAccount): Promise<StorageAccount>;
  /**
   * `secret` left out keeps the present one, while `kind` and `auth` stay; null takes it away. The place (folder path, endpoint) is fixed
   * while an export names the account: conflict `storage-in-use`.
   */
  updateStorageAccount(id: string, account: StorageAccountChange, etag?: number): Promise<StorageAccount>;
  /** Conflict `storage-in-use` while an export names it, in any of its definitions. */
  deleteStorageAccount(id: string): Promise<void>;
  storageAccount(id: string): Promise<StorageAccount>;
  storageAccounts(): Promise<readonly StorageAccount[]>;
  /** Only for opening the store. Null when there is none. */
  storageSecret(id: string): Promise<string | null>;
}
