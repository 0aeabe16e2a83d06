// A new export, with what the server gives it by default.

import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { GoTo } from "../parts/go-to.tsx";
import { PageFrame } from "../parts/page-frame.tsx";
import { ErrorState, Loading } from "../parts/states.tsx";
import { useToast } from "../parts/toasts.tsx";
import { ExportForm } from "./export-form.tsx";
import { type StorageAccount, exportDefaultsQuery, exportsQuery, storageAccountsQuery } from "./export-queries.ts";
import type { NewExportSearch } from "./export-search.ts";
import { type ExportValues, bodyOf, newValues } from "./form-values.ts";

const route = getRouteApi("/shell/admin/exports/new");

/** The account that one comes from, else the only one there is. */
function placeOf(
  accounts: readonly StorageAccount[],
  { storageAccountId, container = "" }: NewExportSearch,
): { readonly storageAccountId: string; readonly container: string } {
  if (accounts.some(({ id }) => id === storageAccountId))
    return { storageAccountId: storageAccountId ?? "", container };
  return { storageAccountId: accounts.length === 1 ? (accounts[0]?.id ?? "") : "", container: "" };
}

export default function NewExportPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const toast = useToast();
  const exports = useQuery(exportsQuery);
  const accounts = useQuery(storageAccountsQuery);
  const defaults = useQuery(exportDefaultsQuery);
  const create = useMutation({
    mutationFn: async (values: ExportValues) => {
      const made = await answerOf(api.POST("/api/v1/exports", { body: bodyOf(values) }));
      await invalidate("exports");
      return made;
    },
    onSuccess: async ({ id, name, on }) => {
      toast(on ? `${name} is saved and turned on` : `${name} is saved`);
      await navigate({ to: "/admin/exports/$exportId", params: { exportId: id } });
    },
  });
  const failed = [exports, accounts, defaults].find(({ error, data }) => error !== null && data === undefined);
  // Without a storage account the list says what comes first.
  if (accounts.data?.length === 0) return <GoTo to="/admin/exports" />;
  return (
    <PageFrame title="New export" place={[{ label: "Continuous Data Export", to: "/admin/exports" }]}>
      {exports.data !== undefined && accounts.data !== undefined && defaults.data !== undefined ? (
        <ExportForm
          initial={newValues(
            defaults.data,
            exports.data.map(({ name }) => name),
            placeOf(accounts.data, search),
          )}
          accounts={accounts.data}
          wasOn={null}
          error={create.error}
          isSaving={create.isPending}
          onSave={(values) => create.mutate(values)}
          back="/admin/exports"
        />
      ) : failed?.error ? (
        <ErrorState error={failed.error} onRetry={() => void failed.refetch()} />
      ) : (
        <Loading />
      )}
    </PageFrame>
  );
}
