// Another name for a device.

import { Input } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate, queryClient } from "../api/query-client.ts";
import { FormDialog } from "../parts/form-dialog.tsx";
import { FormField, useServerErrors } from "../parts/server-errors.tsx";
import { StaleEditDialog, isStaleEdit } from "../parts/stale-edit-dialog.tsx";
import { useToast } from "../parts/toasts.tsx";
import { deviceQuery } from "./device-queries.ts";

interface RenameDeviceDialogProps {
  readonly deviceId: string;
  readonly name: string;
  readonly etag: number;
  readonly onClose: () => void;
}

export function RenameDeviceDialog({ deviceId, name, etag, onClose }: RenameDeviceDialogProps) {
  const toast = useToast();
  const [text, setText] = useState(name);
  // Of what one saw when one began: what others save meanwhile is not overwritten unseen.
  const [base, setBase] = useState({ name, etag });
  const write = async (given: { readonly etag?: number }): Promise<void> => {
    await answerOf(
      api.PATCH("/api/v1/devices/{deviceId}", { params: { path: { deviceId } }, body: { name: text, ...given } }),
    );
    await invalidate("devices");
    toast("Renamed");
    onClose();
  };
  const rename = useMutation({
    mutationFn: async () => {
      try {
        await write({ etag: base.etag });
      } catch (error) {
        if (!isStaleEdit(error)) throw error;
        // Devices report properties all the time; only another name is in the way of this one.
        const now = await queryClient.fetchQuery({ ...deviceQuery(deviceId), staleTime: 0 });
        if (now.name !== base.name) throw error;
        await write({ etag: now.etag });
      }
    },
  });
  const errors = useServerErrors(isStaleEdit(rename.error) ? null : rename.error, ["name"]);
  return (
    <FormDialog
      title="Rename device"
      submitLabel="Save"
      busyLabel="Saving …"
      isBusy={rename.isPending}
      error={errors.rest}
      onSubmit={rename.mutate}
      onClose={onClose}
    >
      <FormField label="Name" hint="What people see. The id stays as it is." errors={errors} field="name">
        <Input value={text} onChange={(_event, { value }) => setText(value)} autoComplete="off" autoFocus />
      </FormField>
      <StaleEditDialog
        error={rename.error}
        onTakeTheirs={async () => {
          const now = await queryClient.fetchQuery({ ...deviceQuery(deviceId), staleTime: 0 });
          setText(now.name);
          setBase(now);
        }}
        onOverwrite={async () => await write({})}
        onClose={rename.reset}
      />
    </FormDialog>
  );
}
