// `coldpath device authentication`: how a device proves who it is.

import { readCertificate } from "../lib/certificate.ts";
import { type Device, type DeviceAuthentication, authenticationTypes } from "../registry/registry.ts";
import { readPem } from "./ca-certificate.ts";
import { segment } from "./client.ts";
import { UsageError } from "./errors.ts";
import { serverCommand } from "./family.ts";
import { findDevice } from "./lookup.ts";
import { renderFields } from "./table.ts";

const name = "device authentication";
const thumbprint = { group: "Options", type: "string", isFlagOnly: true, form: "40 or 64 hexadecimal digits" } as const;

export const deviceAuthenticationCommand = serverCommand({
  name,
  purpose: "show or change how a device proves who it is: by a key or by a certificate",
  arguments: ["ID"],
  details:
    "sas: a token, signed with one of its keys. x509-thumbprint: a certificate that is known by its thumbprint. x509-ca: any certificate with the device's id as common name that leads to a verified CA certificate (`coldpath ca-certificate`). A change closes the device's connection.",
  options: {
    type: {
      group: "Options",
      type: "enum",
      values: authenticationTypes,
      isFlagOnly: true,
      description: "The new way; with a thumbprint it is x509-thumbprint when left out.",
    },
    thumbprint: { ...thumbprint, description: "Of the device's certificate: SHA-1 or SHA-256." },
    "secondary-thumbprint": { ...thumbprint, description: "Of a second one, that may be used as well." },
    certificate: {
      group: "Options",
      type: "string",
      isFlagOnly: true,
      form: "a file's name",
      description: "The device's certificate (PEM), instead of its thumbprint.",
    },
  },
  examples: [
    ["coldpath device authentication fridge-7", "as it is"],
    ["coldpath device authentication fridge-7 --certificate fridge-7.pem", "by this certificate"],
    ["coldpath device authentication fridge-7 --type x509-ca", "by one of a CA's"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    let device = await findDevice<Device>(client, id);
    const given =
      values.thumbprint ?? (values.certificate === undefined ? undefined : thumbprintIn(values.certificate));
    const { type = given === undefined ? undefined : "x509-thumbprint", secondaryThumbprint } = values;
    if (type !== undefined) {
      const change = { type, primaryThumbprint: given, secondaryThumbprint };
      device = await client.put<Device>(`/devices/${segment(device.id)}/authentication`, change);
    } else if (secondaryThumbprint !== undefined) {
      throw new UsageError(name, "A secondary thumbprint alone is none: give --thumbprint too.");
    }
    const { authentication } = device;
    if (values.json === true) terminal.print(JSON.stringify(authentication, null, 2));
    else terminal.print(renderFields(fieldsOf(authentication), terminal));
  },
});

function fieldsOf(authentication: DeviceAuthentication): readonly (readonly [string, string])[] {
  const { type } = authentication;
  if (type !== "x509-thumbprint") return [["type", type]];
  const { primaryThumbprint, secondaryThumbprint } = authentication;
  return [
    ["type", type],
    ["primary thumbprint", primaryThumbprint],
    ["secondary thumbprint", secondaryThumbprint ?? "–"],
  ];
}

/** SHA-256. */
function thumbprintIn(file: string): string {
  const certificate = readCertificate(readPem(name, file));
  if (certificate === null) throw new UsageError(name, `${file} holds no certificate in PEM form.`);
  return certificate.thumbprintSha256;
}
