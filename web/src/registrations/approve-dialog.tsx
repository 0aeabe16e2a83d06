// A device that waits is let in, with the device template it is to have.

import { Text } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { type Schema, answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { FormDialog } from "../parts/form-dialog.tsx";
import { useServerErrors } from "../parts/server-errors.tsx";
import { useToast } from "../parts/toasts.tsx";
import { TemplateChoice, firstChoice } from "../templates/template-choice.tsx";
import type { Registration } from "./registration-queries.ts";

export function ApproveDialog({
  registration: { registrationId, templateId, modelId },
  templates,
  onClose,
}: {
  readonly registration: Registration;
  /** Published ones, at least one. */
  readonly templates: readonly Schema<"DeviceTemplate">[];
  readonly onClose: () => void;
}) {
  const toast = useToast();
  const [choice, setChoice] = useState(() =>
    firstChoice(templates, templates.some(({ id }) => id === templateId) ? (templateId ?? undefined) : undefined),
  );
  const approve = useMutation({
    mutationFn: async () => {
      await answerOf(
        api.POST("/api/v1/registrations/{registrationId}/approve", {
          params: { path: { registrationId } },
          body: choice,
        }),
      );
      await invalidate("registrations", "devices", "provisioning");
      toast(`${registrationId} is a device now`);
    },
    onSuccess: onClose,
  });
  const errors = useServerErrors(approve.error, ["templateId", "templateVersion"]);
  return (
    <FormDialog
      title={`Approve ${registrationId}?`}
      submitLabel="Approve"
      isBusy={approve.isPending}
      error={errors.rest}
      onSubmit={approve.mutate}
      onClose={onClose}
    >
      <Text>
        It becomes a device of this template, and hears of it when it asks next, within seconds.
        {modelId !== null && ` It says that it is of the model ${modelId}.`}
      </Text>
      <TemplateChoice templates={templates} value={choice} errors={errors} onChange={setChoice} />
    </FormDialog>
  );
}
