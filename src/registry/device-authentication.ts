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

/** As somebody may send it: thumbprints in any case, with colons or without. */
export interface GivenAuthentication {
  readonly type: AuthenticationType;
  readonly primaryThumbprint?: string | null | undefined;
  readonly secondaryThumbprint?: string | null | undefined;
}

/**
 * @param field  where it stands in the input; empty: it is the input.
 * @throws ColdpathError `input-invalid`, `field-unknown`.
 */
export function deviceAuthenticationOf(input: unknown, field: string): DeviceAuthentication {
  const { primaryThumbprint, secondaryThumbprint, ...given } = objectOf(input, field, [
    "type",
    "primaryThumbprint",
    "secondaryThumbprint",
  ]);
  const at = (name: string): string => (field === "" ? name : `${field}.${name}`);
  const type = oneOf(authenticationTypes, given["type"], at("type"));
  const primary = readThumbprint(primaryThumbprint, at("primaryThumbprint"));
  const secondary = readThumbprint(secondaryThumbprint, at("secondaryThumbprint"));
  if (type === "x509-thumbprint") {
    if (primary !== null) return { type, primaryThumbprint: primary, secondaryThumbprint: secondary };
    throw registryError("input-invalid", `${field}.primaryThumbprint is missing.`, {
      field: `${field}.primaryThumbprint`,
      hint: "Give the SHA-1 or SHA-256 thumbprint of the device's certificate.",
    });
  }
  if (primary === null && secondary === null) return { type };
  throw registryError("input-invalid", `${field} has a thumbprint, which the type ${type} does not use.`, {
    field: `${field}.${primary === null ? "secondaryThumbprint" : "primaryThumbprint"}`,
    hint: "Leave it out, or use the type x509-thumbprint.",
  });
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
