// A new enrollment group.

import { Select } from "@fluentui/react-components";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { FormDialog } from "../parts/form-dialog.tsx";
import { FormField, useServerErrors } from "../parts/server-errors.tsx";
import { TextField } from "../parts/text-field.tsx";
import { useToast } from "../parts/toasts.tsx";
import { ProofFields, newProof, sentProof } from "./attestation-fields.tsx";
import { keyFields } from "./own-keys.tsx";
import { type DeviceTemplate, caCertificatesQuery } from "./provisioning-queries.ts";
import { TermsFields, newTerms, termsFields } from "./terms-fields.tsx";

export function NewGroupDialog({
  templates,
  onClose,
}: {
  readonly templates: readonly DeviceTemplate[];
  readonly onClose: () => void;
}) {
  const toast = useToast();
  const [name, setName] = useState("");
  const [terms, setTerms] = useState(newTerms);
  const [proof, setProof] = useState(newProof);
  const certificates = useQuery(caCertificatesQuery);
  const verified = (certificates.data ?? []).filter(({ verifiedAt }) => verifiedAt !== null);
  const [chosenId, setChosenId] = useState("");
  const caCertificateId = chosenId === "" ? (verified[0]?.id ?? "") : chosenId;
  const make = useMutation({
    mutationFn: async () => {
      const body = { name, ...terms, ...sentProof(proof, { caCertificateId }) };
      await answerOf(api.POST("/api/v1/enrollment-groups", { body }));
      await invalidate("provisioning");
    },
    onSuccess: () => {
      toast(`The enrollment group ${name} is made`);
      onClose();
    },
  });
  const errors = useServerErrors(make.error, ["name", "caCertificateId", ...keyFields, ...termsFields]);
  return (
    <FormDialog
      title="New enrollment group"
      submitLabel="Make group"
      isBusy={make.isPending}
      isIncomplete={proof.attestation === "x509" && caCertificateId === ""}
      error={errors.rest}
      onSubmit={make.mutate}
      onClose={onClose}
    >
      <TextField label="Name" required autoFocus errors={errors} field="name" text={name} onChange={setName} />
      <TermsFields terms={terms} templates={templates} errors={errors} onChange={setTerms} />
      <ProofFields
        byKeys="Devices prove themselves by keys, derived from the group's"
        byCertificates="Devices prove themselves by certificates of a CA"
        keyHint="As in IoT Central's enrollment group: its devices then need no new key. Base64; left empty, a random one is made."
        proof={proof}
        errors={errors}
        onChange={setProof}
      >
        <FormField
          label="CA certificate"
          hint={
            verified.length === 0
              ? "There is no verified one. Add and verify it under CA certificates first."
              : "A device's certificate must lead to it, with the registration id as its common name."
          }
          errors={errors}
          field="caCertificateId"
        >
          <Select value={caCertificateId} onChange={(_event, { value }) => setChosenId(value)}>
            {verified.map(({ id, name: caName }) => (
              <option key={id} value={id}>
                {caName}
              </option>
            ))}
          </Select>
        </FormField>
      </ProofFields>
    </FormDialog>
  );
}
