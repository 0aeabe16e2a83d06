// How those of a new enrollment prove themselves: by keys, or by certificates.

import { Radio, RadioGroup } from "@fluentui/react-components";
import type { EnrollmentGroup } from "./provisioning-queries.ts";

export type Attestation = EnrollmentGroup["attestation"];

export function AttestationChoice({
  keys,
  certificates,
  value,
  onChange,
}: {
  /** What stands at each choice. */
  readonly keys: string;
  readonly certificates: string;
  readonly value: Attestation;
  readonly onChange: (value: Attestation) => void;
}) {
  return (
    <RadioGroup
      aria-label="How devices prove themselves"
      value={value}
      onChange={(_event, { value: chosen }) => onChange(chosen as Attestation)}
    >
      <Radio value="symmetric-key" label={keys} />
      <Radio value="x509" label={certificates} />
    </RadioGroup>
  );
}
