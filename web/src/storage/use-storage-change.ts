// Saving a changed storage account: with the etag that was read, or over what somebody else saved meanwhile.

import { useMutation } from "@tanstack/react-query";
import { api, answerOf, type Schema } from "../api/client.ts";
import { queryClient } from "../api/query-client.ts";
import type { StorageAccount } from "./storage-account.ts";
import { storageAccountQuery, storageQuery } from "./storage-queries.ts";

export function useStorageChange(id: string, onSaved: (account: StorageAccount) => void) {
  return useMutation({
    mutationFn: async (body: Schema<"StorageAccountChange">) =>
      await answerOf(
        api.PUT("/api/v1/storage-accounts/{storageAccountId}", { params: { path: { storageAccountId: id } }, body }),
      ),
    onSuccess: async (account) => {
      queryClient.setQueryData(storageAccountQuery(id).queryKey, account);
      onSaved(account);
      await queryClient.invalidateQueries({ queryKey: storageQuery.queryKey });
    },
  });
}

/** What is saved now. */
export async function savedAccount(id: string): Promise<StorageAccount> {
  return await queryClient.fetchQuery({ ...storageAccountQuery(id), staleTime: 0 });
}
