// A new individual enrollment.

import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { FormDialog } from "../parts/form-dialog.tsx";
import { useServerErrors } from "../parts/server-errors.tsx";
import { TextField } from "../parts/text-field.tsx";
import { ThumbprintFields, sentThumbprints, thumbprintFields } from "../parts/thumbprint-fields.tsx";
import { useToast } from "../parts/toasts.tsx";
import { ProofFields, newProof, sentProof } from "./attestation-fields.tsx";
import { keyFields } from "./own-keys.tsx";
import type { DeviceTemplate } from "./provisioning-queries.ts";
import { TermsFields, newTerms, termsFields } from "./terms-fields.tsx";

export function NewEnrollmentDialog({
  templates,
  onClose,
}: {
  readonly templates: readonly DeviceTemplate[];
  readonly onClose: () => void;
}) {
  const toast = useToast();
  const [registrationId, setRegistrationId] = useState("");
  const [deviceId, setDeviceId] = useState("");
  const [terms, setTerms] = useState(newTerms);
  const [proof, setProof] = useState(newProof);
  const [thumbprints, setThumbprints] = useState({ primary: "", secondary: "" });
  const make = useMutation({
    mutationFn: async () => {
      const id = registrationId.trim();
      const body = {
        registrationId: id,
        ...(deviceId.trim() === "" ? {} : { deviceId: deviceId.trim() }),
        ...terms,
        ...sentProof(proof, sentThumbprints(thumbprints)),
      };
      await answerOf(api.POST("/api/v1/enrollments", { body }));
      await invalidate("provisioning");
      toast(`${id} is enrolled`);
    },
    onSuccess: onClose,
  });
  const fields = ["registrationId", "deviceId", ...keyFields, ...thumbprintFields(), ...termsFields];
  const errors = useServerErrors(make.error, fields);
  return (
    <FormDialog
      title="New individual enrollment"
      submitLabel="Enroll device"
      isBusy={make.isPending}
      error={errors.rest}
      onSubmit={make.mutate}
      onClose={onClose}
    >
      <TextField
        label="Registration id"
        required
        autoFocus
        hint="What the device registers with."
        errors={errors}
        field="registrationId"
        text={registrationId}
        onChange={setRegistrationId}
      />
      <TextField
        label="Device id"
        hint="The registration id when left empty."
        errors={errors}
        field="deviceId"
        text={deviceId}
        onChange={setDeviceId}
      />
      <TermsFields terms={terms} templates={templates} errors={errors} onChange={setTerms} />
      <ProofFields
        byKeys="It proves itself by a key"
        byCertificates="It proves itself by a certificate"
        keyHint="As the device has it already. Base64; left empty, a random one is made."
        proof={proof}
        errors={errors}
        onChange={setProof}
      >
        <ThumbprintFields thumbprints={thumbprints} errors={errors} onChange={setThumbprints} />
      </ProofFields>
    </FormDialog>
  );
}
