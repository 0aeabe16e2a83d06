// The settings of an export, changed. Whoever saved meanwhile is not overwritten unasked.

import { Text } from "@fluentui/react-components";
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate, queryClient } from "../api/query-client.ts";
import { PageFrame } from "../parts/page-frame.tsx";
import { StaleEditDialog, isStaleEdit } from "../parts/stale-edit-dialog.tsx";
import { Shown } from "../parts/states.tsx";
import { useToast } from "../parts/toasts.tsx";
import { ExportForm } from "./export-form.tsx";
import { type Export, type StorageAccount, exportQuery, storageAccountsQuery } from "./export-queries.ts";
import { type ExportValues, bodyOf, differences, valuesOf } from "./form-values.ts";

const route = getRouteApi("/shell/admin/exports/$exportId/edit");

export default function EditExportPage() {
  const { exportId } = route.useParams();
  const one = useQuery(exportQuery(exportId));
  const accounts = useQuery(storageAccountsQuery);
  const name = one.data?.name ?? "Export";
  return (
    <PageFrame
      title="Edit export"
      place={[
        { label: "Continuous Data Export", to: "/admin/exports" },
        { label: name, to: `/admin/exports/${encodeURIComponent(exportId)}` },
      ]}
    >
      <Shown query={one}>
        {(content) => (
          <Shown query={accounts}>{(items) => <Edit key={exportId} latest={content} accounts={items} />}</Shown>
        )}
      </Shown>
    </PageFrame>
  );
}

function Edit({ latest, accounts }: { readonly latest: Export; readonly accounts: readonly StorageAccount[] }) {
  const navigate = useNavigate();
  const toast = useToast();
  // What the form started from: what comes in meanwhile must not slip under the etag.
  const [base, setBase] = useState(latest);
  const [sent, setSent] = useState<ExportValues | null>(null);
  const save = useMutation({
    mutationFn: async ({ values, etag }: { readonly values: ExportValues; readonly etag?: number }) => {
      const params = { path: { exportId: base.id } };
      const body = { ...bodyOf(values), ...(etag === undefined ? {} : { etag }) };
      const saved = await answerOf(api.PATCH("/api/v1/exports/{exportId}", { params, body }));
      await invalidate("exports");
      return saved;
    },
    onSuccess: async ({ id, name }) => {
      toast(`${name} is saved`);
      await navigate({ to: "/admin/exports/$exportId", params: { exportId: id } });
    },
  });
  const theirs = differences(valuesOf(base), valuesOf(latest));
  return (
    <>
      <ExportForm
        key={base.etag}
        initial={valuesOf(base)}
        accounts={accounts}
        wasOn={base.on}
        error={isStaleEdit(save.error) ? null : save.error}
        isSaving={save.isPending}
        onSave={(values) => {
          setSent(values);
          save.mutate({ values, etag: base.etag });
        }}
        back={`/admin/exports/${encodeURIComponent(base.id)}`}
      />
      <StaleEditDialog
        error={save.error}
        onTakeTheirs={async () => setBase(await queryClient.fetchQuery({ ...exportQuery(base.id), staleTime: 0 }))}
        onOverwrite={async () => {
          if (sent !== null) await save.mutateAsync({ values: sent });
        }}
        onClose={save.reset}
      >
        {theirs.length > 0 && <Text>They changed: {theirs.join(", ")}.</Text>}
      </StaleEditDialog>
    </>
  );
}
