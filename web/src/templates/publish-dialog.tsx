// Publishing a draft: from then on devices can use it, and exports have it.

import { Checkbox } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, answerOf } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { FormDialog } from "../parts/form-dialog.tsx";
import { useToast } from "../parts/toasts.tsx";
import type { DeviceTemplate } from "./template-draft.ts";

export function PublishDialog({
  template,
  onClose,
}: {
  readonly template: DeviceTemplate;
  readonly onClose: () => void;
}) {
  const toast = useToast();
  const [isSimulated, setSimulated] = useState(false);
  const { id: templateId, version, etag, name } = template;
  const publish = useMutation({
    mutationFn: async () => {
      await answerOf(
        api.POST("/api/v1/device-templates/{templateId}/versions/{version}/publish", {
          params: { path: { templateId, version } },
          body: { etag },
        }),
      );
      if (!isSimulated) return;
      await answerOf(
        api.POST("/api/v1/devices", {
          body: { name: `${name} (simulated)`, templateId, templateVersion: version, simulated: true },
        }),
      );
    },
    onSettled: async () => await invalidate("device-templates", "devices"),
    onSuccess: () => {
      toast(
        isSimulated ? `Version ${version} is published, with a simulated device` : `Version ${version} is published`,
      );
      onClose();
    },
  });
  return (
    <FormDialog
      title={`Publish version ${version}?`}
      submitLabel="Publish"
      busyLabel="Publishing …"
      isBusy={publish.isPending}
      error={publish.error}
      onSubmit={publish.mutate}
      onClose={onClose}
    >
      <div>
        Devices can use it, and the next export of device templates has it. Afterwards it can still be changed where
        nothing breaks; what breaks becomes a new version. It is published as it is saved now.
      </div>
      <Checkbox
        label="Make a simulated device of it, which sends made-up values"
        checked={isSimulated}
        onChange={(_event, { checked }) => setSimulated(checked === true)}
      />
    </FormDialog>
  );
}
