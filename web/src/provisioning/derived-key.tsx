// The key of one device of an enrollment group: what is put on that device.

import { Button, makeStyles } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { CopyBox } from "../parts/copy-box.tsx";
import { ServerErrorBar, useServerErrors } from "../parts/server-errors.tsx";
import { TextField } from "../parts/text-field.tsx";
import type { EnrollmentGroup } from "./provisioning-queries.ts";

const useStyles = makeStyles({
  row: { display: "flex", flexWrap: "wrap", gap: "8px 12px", alignItems: "flex-end" },
  grows: { flex: "1 1 220px", maxWidth: "420px" },
  stack: { display: "flex", flexDirection: "column", rowGap: "10px", minWidth: 0 },
});

export function DerivedKey({ group: { id: groupId, name, etag } }: { readonly group: EnrollmentGroup }) {
  const styles = useStyles();
  const [registrationId, setRegistrationId] = useState("");
  const [shown, setShown] = useState<{ readonly id: string; readonly key: string; readonly etag: number } | null>(null);
  const derive = useMutation({
    mutationFn: async () => {
      const id = registrationId.trim();
      const keys = await answerOf(
        api.GET("/api/v1/enrollment-groups/{groupId}/device-keys/{registrationId}", {
          params: { path: { groupId, registrationId: id } },
        }),
      );
      setShown({ id, key: keys.primaryKey, etag });
    },
  });
  const errors = useServerErrors(derive.error, ["registrationId"]);
  return (
    <form
      className={styles.stack}
      aria-label={`Key of a device of ${name}`}
      onSubmit={(event) => {
        event.preventDefault();
        if (registrationId.trim() !== "" && !derive.isPending) derive.mutate();
      }}
    >
      <div className={styles.row}>
        <TextField
          className={styles.grows}
          label="Key of the device with the registration id"
          errors={errors}
          field="registrationId"
          text={registrationId}
          onChange={(text) => {
            setRegistrationId(text);
            setShown(null);
          }}
        />
        <Button type="submit" disabledFocusable={registrationId.trim() === "" || derive.isPending}>
          Show its key
        </Button>
      </div>
      {/* With the group's key this one is another. */}
      <div role="status">{shown?.etag === etag && <CopyBox label={`Key of ${shown.id}`} text={shown.key} />}</div>
      <ServerErrorBar error={errors.rest} />
    </form>
  );
}
