// `coldpath device authentication`: how a device proves who it is.

import { type Device, type DeviceAuthentication, authenticationTypes } from "../registry/registry.ts";
import { changedCertificateOptions, thumbprintsGiven } from "./certificate-options.ts";
import { segment } from "./client.ts";
import { serverCommand } from "./family.ts";
import { findDevice } from "./lookup.ts";
import { renderFields } from "./table.ts";

const name = "device authentication";

export const deviceAuthenticationCommand = serverCommand({
  name,
  purpose: "show or change how a device proves who it is: by a key or by a certificate",
  arguments: ["ID"],
  details:
    "sas: a token, signed with one of its keys. x509-thumbprint: a certificate that is known by its thumbprint, or a second one. x509-ca: any certificate with the device's id as common name that leads to a verified CA certificate (`coldpath ca-certificate`). A change closes the device's connection; it comes back at once by what lets it in.\nA certificate is replaced without a gap: give the next one as the second, put it on the device, then give it as the first, with --no-secondary. What is not given stays.",
  options: {
    type: {
      group: "Options",
      type: "enum",
      values: authenticationTypes,
      isFlagOnly: true,
      description: "The new way; with a certificate it is x509-thumbprint when left out.",
    },
    ...changedCertificateOptions,
  },
  examples: [
    ["coldpath device authentication fridge-7", "as it is"],
    ["coldpath device authentication fridge-7 --certificate fridge-7.pem", "by this certificate"],
    ["coldpath device authentication fridge-7 --secondary-certificate next.pem", "by the next one, too"],
    ["coldpath device authentication fridge-7 --type x509-ca", "by one of a CA's"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    let device = await findDevice<Device>(client, id);
    const thumbprints = thumbprintsGiven(name, values);
    const { type = thumbprints === null ? undefined : "x509-thumbprint" } = values;
    const path = `/devices/${segment(device.id)}/authentication`;
    if (type === "x509-thumbprint" && device.authentication.type === type) {
      device = await client.patch<Device>(path, thumbprints ?? {});
    } else if (type !== undefined) {
      device = await client.put<Device>(path, { type, ...thumbprints });
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
