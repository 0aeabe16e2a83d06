// The report of a probe: what each request found, told as the steps that an operator knows.
//
// The first request shows whether the service is reached, the credential accepted and the container there: its failure's
// code says which of these it is, more than the request that met it.

import { DestinationError, type Failure, type ProbeStep } from "../destination.ts";
import { probeStep } from "../failure.ts";

export type CredentialKind = "account-key" | "sas" | "token";

type Request = readonly [step: ProbeRequest, request: () => Promise<void>];
type ProbeRequest = "stage a block" | "list" | "read";

const ways: readonly (readonly [base: string, step: string, code: RegExp])[] = [
  ["connect", "resolve the host name", /^(ENOTFOUND|EAI_.*)$/],
  ["connect", "connect", /^(endpoint-forbidden|timeout|aborted|ECONN.*|ETIMEDOUT|EHOST.*|ENET.*|EPIPE|PARSE_ERROR)$/],
  ["connect", "trust the certificate", /CERT|^UNABLE_TO_|^HOSTNAME_MISMATCH$/],
  ["authenticate", "sign in to Entra ID", /^(sign-in-failed|no-credential)$/],
  [
    "authenticate",
    "authenticate",
    /^(AuthenticationFailed|InvalidAuthenticationInfo|NoAuthenticationInformation|KeyBasedAuthenticationNotPermitted|AccountIsDisabled|http-401)$/,
  ],
  ["find the container", "find the container", /^Container/],
];
const bases = ["connect", "authenticate", "find the container"];

/** What Azure answers for want of a permission. */
const permissionCode =
  /^(AuthorizationPermissionMismatch|AuthorizationResourceTypeMismatch|AuthorizationServiceMismatch|InsufficientAccountPermissions|UnauthorizedBlobOverwrite|http-403)$/;

/** A SAS has permissions and, an account's, resource types, in the words of Azure's portal; an identity has a role. */
const permissions: Readonly<Record<ProbeRequest, string>> = {
  // Create (c) alone is not enough for blocks, though it is for blobs of one piece.
  "stage a block": "Write (w) on Object (o)",
  list: "List (l) on Container (c)",
  read: "Read (r) on Object (o)",
};
const role = "Storage Blob Data Contributor";

/** Runs the requests, and tells every step. */
export async function probeReport(
  credential: CredentialKind,
  requests: readonly Request[],
): Promise<readonly ProbeStep[]> {
  const found: { readonly step: ProbeRequest; readonly failure: Failure | null }[] = [];
  for (const [step, request] of requests) {
    const failure = await failureOf(request);
    const way = failure === null || found.length > 0 ? undefined : ways.find(([, , code]) => code.test(failure.code));
    if (failure !== null && way !== undefined) {
      const [base, precise] = way;
      const at = bases.indexOf(base);
      const after = [...bases.slice(at + 1), ...requests.map(([name]) => name)];
      return [
        ...bases.slice(0, at).map(probeStep.ok),
        probeStep.failed(precise, failure),
        ...after.map(probeStep.notTried),
      ];
    }
    found.push({ step, failure });
  }
  // Azurite says AuthorizationFailure of a wrong key, too, and Azure of a firewall: then nothing works at all.
  const worksInPart = found.some(({ failure }) => failure === null);
  return [
    ...bases.map(probeStep.ok),
    ...found.map(({ step, failure }) => {
      if (failure === null) return probeStep.ok(step);
      const isPermission =
        permissionCode.test(failure.code) || (worksInPart && failure.code === "AuthorizationFailure");
      if (!isPermission || credential === "account-key") return probeStep.failed(step, failure);
      return probeStep.failed(step, failure, credential === "sas" ? permissions[step] : role);
    }),
  ];
}

async function failureOf(request: () => Promise<void>): Promise<Failure | null> {
  try {
    await request();
    return null;
  } catch (thrown) {
    if (thrown instanceof DestinationError) return thrown.failure;
    throw thrown;
  }
}
