// The certificate by whose thumbprint somebody is known, and the one that is to follow it.

import type { ServerErrors } from "./server-errors.tsx";
import { TextField } from "./text-field.tsx";

export interface Thumbprints {
  readonly primary: string;
  readonly secondary: string;
}

/** What of them is sent: the server says what is missing. */
export function sentThumbprints({ primary, secondary }: Thumbprints) {
  return {
    ...(primary.trim() === "" ? {} : { primaryThumbprint: primary.trim() }),
    ...(secondary.trim() === "" ? {} : { secondaryThumbprint: secondary.trim() }),
  };
}

/** Their names in the server's messages. @param under  "authentication." where they are a part of that. */
export function thumbprintFields(under = ""): readonly [primary: string, secondary: string] {
  return [`${under}primaryThumbprint`, `${under}secondaryThumbprint`];
}

export function ThumbprintFields({
  thumbprints,
  under,
  errors,
  onChange,
}: {
  readonly thumbprints: Thumbprints;
  /** As for `thumbprintFields`. */
  readonly under?: string;
  readonly errors: ServerErrors;
  readonly onChange: (thumbprints: Thumbprints) => void;
}) {
  const [primaryField, secondaryField] = thumbprintFields(under);
  return (
    <>
      <TextField
        label="Primary thumbprint"
        required
        hint="SHA-1 or SHA-256, as openssl x509 -in device.pem -noout -fingerprint -sha256 shows it."
        errors={errors}
        field={primaryField}
        text={thumbprints.primary}
        onChange={(primary) => onChange({ ...thumbprints, primary })}
      />
      <TextField
        label="Secondary thumbprint"
        hint="Of the certificate that is to follow; may be empty."
        errors={errors}
        field={secondaryField}
        text={thumbprints.secondary}
        onChange={(secondary) => onChange({ ...thumbprints, secondary })}
      />
    </>
  );
}
