// The texts of `connectionAuthMethod`: compact JSON in a string, in IoT Hub's key order (docs/formats.md).

import type { AuthScope } from "./message.ts";

const texts: Readonly<Record<AuthScope, string>> = {
  device: '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
  hub: '{"scope":"hub","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
  module: '{"scope":"module","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
  x509: '{"scope":"device","type":"x509Certificate","issuer":"external","acceptingIpFilterRule":null}',
};

export function connectionAuthMethod(scope: AuthScope): string {
  return texts[scope];
}
