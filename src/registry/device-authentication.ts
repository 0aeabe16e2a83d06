// How a device, or a module, proves who it is: by a key (a shared access signature), or by an X.509 certificate.

import { thumbprintOf } from "../lib/certificate.ts";
import { registryError } from "./errors.ts";
import { objectOf, oneOf } from "./input.ts";

export const authenticationTypes = ["sas", "x509-thumbprint", "x509-ca"] as const;
export type AuthenticationType = (typeof authenticationTypes)[number];

export type DeviceAuthentication =
  /** Either of its keys. */
  | { readonly type: "sas" }
  /** One of two certificates, known by thumbprint: SHA-1 or SHA-256, upper case hex. */
  | {
      readonly type: "x509-thumbprint";
      readonly primaryThumbprint: string;
      /** Null: there is but one. */
      readonly secondaryThumbprint: string | null;
    }
  /** Any certificate that leads to a verified CA certificate and has the device's id as its common name. */
  | { readonly type: "x509-ca" };

export type ByThumbprint = Extract<DeviceAuthentication, { readonly type: "x509-thumbprint" }>;

/**
 * Thumbprints in any case, with colons or without. What is left out stays; null for the second: there is but one. So a certificate
 * is replaced without a gap: the next one is the second until the device has it, then the first.
 */
export interface ThumbprintChange {
  readonly primaryThumbprint?: string | null | undefined;
  readonly secondaryThumbprint?: string | null | undefined;
}

/** As somebody may send it, with all that it is to have. */
export interface GivenAuthentication extends ThumbprintChange {
  readonly type: AuthenticationType;
}

/**
 * @param field  where it stands in the input; empty: it is the input.
 * @throws ColdpathError `input-invalid`, `field-unknown`.
 */
export function deviceAuthenticationOf(input: unknown, field: string): DeviceAuthentication {
  const given = objectOf(input, field, ["type", "primaryThumbprint", "secondaryThumbprint"]);
  const type = oneOf(authenticationTypes, given["type"], within(field, "type"));
  if (type === "x509-thumbprint") return nextThumbprints(null, given, field);
  const extra = (["primaryThumbprint", "secondaryThumbprint"] as const).find(
    (name) => readThumbprint(given[name], within(field, name)) !== null,
  );
  if (extra === undefined) return { type };
  throw registryError("input-invalid", `${within(field, extra)} is given, and the type ${type} has no thumbprint.`, {
    field: within(field, extra),
    hint: "Leave it out, or use the type x509-thumbprint.",
  });
}

/**
 * @param present  null: there are none yet.
 * @param field  where the change stands in the input; empty: it is the input.
 * @throws ColdpathError `input-invalid`.
 */
export function nextThumbprints(
  present: ByThumbprint | null,
  { primaryThumbprint, secondaryThumbprint }: { readonly [K in keyof ThumbprintChange]?: unknown },
  field: string,
): ByThumbprint {
  const primaryField = within(field, "primaryThumbprint");
  const primary =
    primaryThumbprint === undefined
      ? (present?.primaryThumbprint ?? null)
      : readThumbprint(primaryThumbprint, primaryField);
  if (primary === null) {
    throw registryError("input-invalid", `${primaryField} is missing.`, {
      field: primaryField,
      hint: "Give the SHA-1 or SHA-256 thumbprint of the device's certificate.",
    });
  }
  return {
    type: "x509-thumbprint",
    primaryThumbprint: primary,
    secondaryThumbprint:
      secondaryThumbprint === undefined
        ? (present?.secondaryThumbprint ?? null)
        : readThumbprint(secondaryThumbprint, within(field, "secondaryThumbprint")),
  };
}

function within(field: string, name: string): string {
  return field === "" ? name : `${field}.${name}`;
}

function readThumbprint(input: unknown, field: string): string | null {
  if (input === undefined || input === null) return null;
  const thumbprint = typeof input === "string" ? thumbprintOf(input) : null;
  if (thumbprint !== null) return thumbprint;
  throw registryError("input-invalid", `${field} must be a SHA-1 or SHA-256 thumbprint.`, {
    field,
    hint: "Give 40 or 64 hexadecimal digits, as `openssl x509 -fingerprint -sha256` shows them; colons and case do not matter.",
  });
}
