// Continuous Data Export on or off, at once. Turning off is asked about: what is sent meanwhile cannot be exported later.

import { Switch } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { ServerErrorBar } from "../parts/server-errors.tsx";
import { useToast } from "../parts/toasts.tsx";
import type { Export } from "./export-queries.ts";

export function ExportSwitch({ one }: { readonly one: Export }) {
  const toast = useToast();
  const [isAsking, setAsking] = useState(false);
  const turn = useMutation({
    mutationFn: async (on: boolean) => {
      const params = { params: { path: { exportId: one.id } }, body: {} };
      await answerOf(
        on ? api.POST("/api/v1/exports/{exportId}/on", params) : api.POST("/api/v1/exports/{exportId}/off", params),
      );
      await invalidate("exports");
    },
    onSuccess: (_answer, on) => toast(`${one.name} is turned ${on ? "on" : "off"}`),
  });
  return (
    <>
      <Switch
        label={one.on ? "On" : "Off"}
        aria-label={`Continuous Data Export of ${one.name}`}
        checked={one.on}
        disabled={turn.isPending}
        onChange={(_event, { checked }) => (checked ? turn.mutate(true) : setAsking(true))}
      />
      <ServerErrorBar error={turn.error} />
      <ConfirmDialog
        isOpen={isAsking}
        title={`Turn off ${one.name}?`}
        confirmLabel="Turn off"
        onConfirm={async () => await turn.mutateAsync(false)}
        onClose={() => setAsking(false)}
      >
        The minute that runs is still exported. What devices send after it is not, and it cannot be exported later.
        Files that were written stay.
      </ConfirmDialog>
    </>
  );
}
