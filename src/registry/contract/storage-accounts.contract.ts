import { describe, expect, test } from "vitest";
import type { NewStorageAccount } from "../registry.ts";
import { type MakeStand, eventsOf, exportSettings, makeExport } from "./stand.ts";

const key = Buffer.from("a key that is 32 bytes long, yes").toString("base64");
const otherKey = Buffer.from("another key of 32 bytes, really!").toString("base64");
const connection = (secret: string): string => `AccountName=acct;AccountKey=${secret}`;
const azure: NewStorageAccount = {
  name: "azure",
  settings: { kind: "azure-blob", auth: "connection-string", endpoint: "" },
  secret: connection(key),
};

export function storageStories(make: MakeStand): void {
  describe("storage accounts", () => {
    test("A2: a secret goes in and comes out only where the store is opened", async () => {
      const stand = await make();
      const account = await stand.registry.createStorageAccount(azure);
      expect(account).toMatchObject({
        name: "azure",
        hasSecret: true,
        settings: { endpoint: "https://acct.blob.core.windows.net", accountName: "acct" },
      });
      expect(JSON.stringify(await stand.registry.storageAccounts())).not.toContain(key);
      await stand.reopen();
      expect(await stand.registry.storageSecret(account.id)).toBe(connection(key));
      expect(await stand.registry.storageAccount(account.id)).toEqual(account);
    });

    test("an update without a secret keeps it, a new one replaces it", async () => {
      const { registry } = await make();
      const { id } = await registry.createStorageAccount(azure);
      const events = eventsOf(registry);
      const { secret: _secret, ...rest } = azure;
      expect((await registry.updateStorageAccount(id, rest)).etag).toBe(1);
      expect(await registry.updateStorageAccount(id, { ...rest, name: "renamed" })).toMatchObject({ etag: 2 });
      expect(await registry.storageSecret(id)).toBe(connection(key));
      await registry.updateStorageAccount(id, { ...azure, secret: connection(otherKey) }, 2);
      expect(await registry.storageSecret(id)).toBe(connection(otherKey));
      expect(events).toHaveLength(2);
      await expect(registry.updateStorageAccount(id, azure, 2)).rejects.toMatchObject({ code: "etag-stale" });
    });

    test("null takes a secret away: a service principal gives way to the machine's own identity", async () => {
      const { registry } = await make();
      const settings = {
        kind: "azure-blob",
        auth: "entra",
        endpoint: "https://acct.blob.core.windows.net",
        tenantId: "t",
        clientId: "c",
      } as const;
      const { id } = await registry.createStorageAccount({ name: "entra", settings, secret: "s" });
      const { tenantId: _tenant, clientId: _client, ...machine } = settings;
      const change = { name: "entra", settings: machine };
      expect(await registry.updateStorageAccount(id, { ...change, secret: null })).toMatchObject({ hasSecret: false });
      expect(await registry.storageSecret(id)).toBeNull();
      await registry.createStorageAccount(azure);
      const { id: other } = (await registry.storageAccounts()).find(({ name }) => name === "azure")!;
      await expect(registry.updateStorageAccount(other, { ...azure, secret: null })).rejects.toMatchObject({
        field: "secret",
      });
    });

    test("another way of signing in asks for its own secret", async () => {
      const { registry } = await make();
      const { id } = await registry.createStorageAccount(azure);
      const settings = {
        kind: "azure-blob",
        auth: "account-key",
        endpoint: "https://acct.blob.core.windows.net",
        accountName: "acct",
      } as const;
      await expect(registry.updateStorageAccount(id, { name: "azure", settings })).rejects.toMatchObject({
        field: "secret",
      });
      await expect(registry.updateStorageAccount(id, { name: "azure" } as never)).rejects.toMatchObject({
        field: "settings",
      });
      await registry.updateStorageAccount(id, { name: "azure", settings, secret: otherKey });
      expect(await registry.storageSecret(id)).toBe(otherKey);
    });

    test("names are unique, unknown ids not found", async () => {
      const { registry } = await make();
      await registry.createStorageAccount(azure);
      await expect(registry.createStorageAccount(azure)).rejects.toMatchObject({
        code: "storage-exists",
        field: "name",
      });
      for (const call of [
        registry.storageAccount("x"),
        registry.storageSecret("x"),
        registry.deleteStorageAccount("x"),
      ]) {
        await expect(call).rejects.toMatchObject({ kind: "not-found", code: "storage-not-found" });
      }
    });

    test("E2: one that an export names is neither deleted nor moved, but its secret may change", async () => {
      const { registry } = await make();
      const { id } = await registry.createStorageAccount(azure);
      const made = await makeExport(registry, "lake", 10, { storageAccountId: id });
      await expect(registry.deleteStorageAccount(id)).rejects.toMatchObject({
        code: "storage-in-use",
        message: /"lake"/,
      });
      const elsewhere = { ...azure, secret: `AccountName=elsewhere;AccountKey=${key}` };
      await expect(registry.updateStorageAccount(id, elsewhere)).rejects.toMatchObject({ code: "storage-in-use" });
      await registry.updateStorageAccount(id, { ...azure, secret: connection(otherKey) });
      // Also while only an earlier definition names it: its windows may still be owed.
      const [, other] = await registry.storageAccounts();
      await registry.updateExport(made.id, { settings: { ...exportSettings, storageAccountId: other!.id } }, () => 11);
      await expect(registry.deleteStorageAccount(id)).rejects.toMatchObject({ code: "storage-in-use" });
      await registry.deleteExport(made.id, true);
      await registry.deleteStorageAccount(id);
      await expect(registry.storageAccount(id)).rejects.toMatchObject({ kind: "not-found" });
    });
  });
}
