// Which step of a probe a failure belongs to, when its code says more than the request that met it.

import type { Failure } from "../destination.ts";

const steps: readonly (readonly [step: string, code: RegExp])[] = [
  ["resolve the host name", /^(ENOTFOUND|EAI_.*)$/],
  ["connect", /^(endpoint-forbidden|ECONN.*|ETIMEDOUT|EHOST.*|ENET.*|EPIPE)$/],
  ["trust the certificate", /CERT|^UNABLE_TO_|^HOSTNAME_MISMATCH$/],
  ["sign in to Entra ID", /^(sign-in-failed|no-credential)$/],
  [
    "authenticate",
    /^(AuthenticationFailed|InvalidAuthenticationInfo|NoAuthenticationInformation|KeyBasedAuthenticationNotPermitted|AccountIsDisabled|http-401)$/,
  ],
  ["find the container", /^Container/],
];

/** The step in plain words; null when the request itself is the step. */
export function stepOf(failure: Failure): string | null {
  return steps.find(([, code]) => code.test(failure.code))?.[0] ?? null;
}
