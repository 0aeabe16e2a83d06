// Schemas of how devices prove who they are by X.509, and of CA certificates.

import { Type } from "typebox";
import { authenticationTypes } from "../../registry/registry.ts";
import { orNull, ref, shape, time, words } from "../schema.ts";

const thumbprint = Type.Optional(
  orNull(Type.String({ description: "SHA-1 or SHA-256, 40 or 64 hexadecimal digits; case and colons do not matter." })),
);
export const DeviceAuthentication = shape("DeviceAuthentication", "How a device proves who it is.", {
  type: words(
    authenticationTypes,
    "sas: a token, signed with one of its keys; x509-thumbprint: a certificate that is known by its thumbprint; x509-ca: any certificate for its id that leads to a verified CA certificate.",
  ),
  primaryThumbprint: thumbprint,
  secondaryThumbprint: thumbprint,
});

const stays = "What is left out stays; null for the second one: there is but one.";
export const ThumbprintChange = shape("ThumbprintChange", `A certificate replaced. ${stays}`, {
  primaryThumbprint: thumbprint,
  secondaryThumbprint: thumbprint,
});

export const CaCertificate = shape("CaCertificate", "An authority whose certificates let devices in.", {
  id: Type.String(),
  name: Type.String(),
  commonName: Type.String({ description: "Of its subject; empty when it has none." }),
  thumbprint: Type.String({ description: "SHA-256." }),
  validFrom: time(),
  validUntil: time(),
  verifiedAt: orNull(time("Null: nobody has proven to have its key, and nobody gets in by it.")),
  verification: orNull(
    Type.Object(
      {
        code: Type.String({ description: "To be the common name of a certificate that this authority signs." }),
        expiresAt: time(),
      },
      { additionalProperties: false },
    ),
  ),
  certificate: Type.String({ description: "PEM." }),
  createdAt: time(),
});
export const CaCertificateList = shape("CaCertificateList", "CA certificates, by name.", {
  items: Type.Array(ref(CaCertificate)),
});
export const NewCaCertificate = shape("NewCaCertificate", "A CA certificate to be added.", {
  name: Type.String(),
  certificate: Type.String({ description: "PEM." }),
});
export const CaCertificateProof = shape("CaCertificateProof", "The verification code, signed.", {
  certificate: Type.String({ description: "PEM: the code is its common name, the CA certificate's key signed it." }),
});
