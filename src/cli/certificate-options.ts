// By which certificates a device is known, as options: a thumbprint, or the certificate's file, which has it.

import { readCertificate } from "../lib/certificate.ts";
import type { ThumbprintChange } from "../registry/registry.ts";
import { readPem } from "./ca-certificate.ts";
import { UsageError } from "./errors.ts";

const group = "X.509";
const thumbprint = { group, type: "string", isFlagOnly: true, form: "40 or 64 hexadecimal digits" } as const;
const file = { group, type: "string", isFlagOnly: true, form: "a file's name" } as const;

export const certificateOptions = {
  thumbprint: { ...thumbprint, description: "Of the device's certificate: SHA-1 or SHA-256." },
  certificate: { ...file, description: "The device's certificate (PEM), instead of its thumbprint." },
  "secondary-thumbprint": { ...thumbprint, description: "Of a second certificate, that may be used as well." },
  "secondary-certificate": { ...file, description: "The second certificate (PEM), instead of its thumbprint." },
} as const;

/** For commands that change what is there. */
export const changedCertificateOptions = {
  ...certificateOptions,
  secondary: {
    group,
    type: "boolean",
    isFlagOnly: true,
    description: "With --no-secondary the second certificate is taken away.",
  },
} as const;

interface GivenCertificates {
  readonly thumbprint: string | undefined;
  readonly certificate: string | undefined;
  readonly secondaryThumbprint: string | undefined;
  readonly secondaryCertificate: string | undefined;
  readonly secondary?: boolean | undefined;
}

/** Only what was given; null when nothing was. */
export function thumbprintsGiven(command: string, given: GivenCertificates): ThumbprintChange | null {
  const primaryThumbprint = oneOf(command, "thumbprint", given.thumbprint, given.certificate);
  const { secondaryThumbprint: second, secondaryCertificate, secondary } = given;
  const secondaryGiven = oneOf(command, "secondary-thumbprint", second, secondaryCertificate);
  const secondaryThumbprint = secondaryGiven ?? (secondary === false ? null : undefined);
  if (primaryThumbprint === undefined && secondaryThumbprint === undefined) return null;
  return {
    ...(primaryThumbprint === undefined ? {} : { primaryThumbprint }),
    ...(secondaryThumbprint === undefined ? {} : { secondaryThumbprint }),
  };
}

function oneOf(
  command: string,
  option: string,
  given: string | undefined,
  certificate: string | undefined,
): string | undefined {
  if (certificate === undefined) return given;
  if (given === undefined) return thumbprintIn(command, certificate);
  throw new UsageError(command, `Give --${option} or the certificate's file, not both.`);
}

/** SHA-256. */
function thumbprintIn(command: string, path: string): string {
  const certificate = readCertificate(readPem(command, path));
  if (certificate === null) throw new UsageError(command, `${path} holds no certificate in PEM form.`);
  return certificate.thumbprintSha256;
}
