// What a client says in AMQP's SASL layer (AMQP 1.0, §5.3). Pure.
//
//   ANONYMOUS  it brings tokens by CBS, or has shown a certificate
//   EXTERNAL   it has shown a certificate
//   MSSBCBS    as ANONYMOUS: how Azure's SDK for C says that it brings tokens by CBS (azure-uamqp-c, sasl_mssbcbs)
//   PLAIN      user `{device id}@sas.{hub}`, `{policy}@sas.root.{hub}` or `{idScope}/registrations/{registrationId}`, password a token

import { parseRegistration } from "./address.ts";
import type { Owner } from "./sign-in.ts";
import { type Fields, codes, frame, frameTypes, performative } from "./performatives.ts";
import { encode } from "./values.ts";

export type SaslInit =
  | { readonly kind: "open" }
  | { readonly kind: "token"; readonly owner: Owner | "hub"; readonly token: string }
  | { readonly kind: "provisioning"; readonly idScope: string; readonly registrationId: string; readonly token: string }
  | { readonly kind: "refused" };

export function mechanismsFrame(hasCertificate: boolean): Buffer {
  const mechanisms = ["ANONYMOUS", "PLAIN", "MSSBCBS", ...(hasCertificate ? ["EXTERNAL"] : [])];
  return frame(0, performative(codes.saslMechanisms, [encode.symbols(mechanisms)]), undefined, frameTypes.sasl);
}

/** @param isIn  else the credentials are wrong. */
export function outcomeFrame(isIn: boolean): Buffer {
  return frame(0, performative(codes.saslOutcome, [encode.ubyte(isIn ? 0 : 1)]), undefined, frameTypes.sasl);
}

export function readInit(init: Fields, hasCertificate: boolean): SaslInit {
  const mechanism = init.text(0);
  if (mechanism === "ANONYMOUS" || mechanism === "MSSBCBS" || (mechanism === "EXTERNAL" && hasCertificate))
    return { kind: "open" };
  const response = init.at(1);
  if (mechanism !== "PLAIN" || !Buffer.isBuffer(response)) return { kind: "refused" };
  const [, user = "", token = ""] = response.toString("utf8").split("\0");
  const registration = parseRegistration(user);
  if (registration !== null) return { kind: "provisioning", ...registration, token };
  const match = /^(.+)@sas\.(root\.)?[^@]+$/.exec(user);
  if (match === null) return { kind: "refused" };
  if (match[2] !== undefined) return { kind: "token", owner: "hub", token };
  const [deviceId = "", moduleId, ...more] = (match[1] as string).split("/");
  if (deviceId === "" || moduleId === "" || more.length > 0) return { kind: "refused" };
  return { kind: "token", owner: { deviceId, moduleId }, token };
}
