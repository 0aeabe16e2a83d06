// How those of a new enrollment prove themselves: by keys, or by certificates.

import { Radio, RadioGroup } from "@fluentui/react-components";
import type { ReactNode } from "react";
import type { ServerErrors } from "../parts/server-errors.tsx";
import { type OwnKeys, OwnKeysFields, keysOf } from "./own-keys.tsx";
import type { EnrollmentGroup } from "./provisioning-queries.ts";

export interface Proof {
  readonly attestation: EnrollmentGroup["attestation"];
  /** Kept while certificates are looked at. */
  readonly keys: OwnKeys;
}
export const newProof: Proof = { attestation: "symmetric-key", keys: null };

/** What of it is sent. @param certificates  in place of keys. */
export function sentProof<Sent extends object>({ attestation, keys }: Proof, certificates: Sent) {
  return { attestation, ...(attestation === "symmetric-key" ? keysOf(keys) : certificates) };
}

export function ProofFields({
  byKeys,
  byCertificates,
  keyHint,
  proof,
  errors,
  onChange,
  children,
}: {
  /** What stands at each choice. */
  readonly byKeys: string;
  readonly byCertificates: string;
  readonly keyHint: string;
  readonly proof: Proof;
  readonly errors: ServerErrors;
  readonly onChange: (proof: Proof) => void;
  /** The fields of certificates. */
  readonly children: ReactNode;
}) {
  const { attestation, keys } = proof;
  return (
    <>
      <RadioGroup
        aria-label="How devices prove themselves"
        value={attestation}
        onChange={(_event, { value }) => onChange({ ...proof, attestation: value as Proof["attestation"] })}
      >
        <Radio value="symmetric-key" label={byKeys} />
        <Radio value="x509" label={byCertificates} />
      </RadioGroup>
      {attestation === "symmetric-key" ? (
        <OwnKeysFields
          keys={keys}
          hint={keyHint}
          errors={errors}
          onChange={(next) => onChange({ ...proof, keys: next })}
        />
      ) : (
        children
      )}
    </>
  );
}
