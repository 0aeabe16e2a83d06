// What an error of Azure Storage, of the way to it, or of signing in means: temporary or permanent, and what to do.
//
// Decided by the service's error code; the status decides only for codes we do not know, and an unknown 4xx is permanent.
// Codes: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes

import { AssertionError } from "../../lib/assert.ts";
import { codeOf, messageOf } from "../../lib/errors.ts";
import type { Failure } from "../destination.ts";
import { permanent, temporary } from "../failure.ts";
import { forbiddenCode } from "./guarded-agent.ts";
import type { Mask } from "./mask.ts";

interface Meaning {
  readonly kind: Failure["kind"];
  readonly sentence: string;
  readonly hint: string;
}

const goesOn = "Nothing to do unless it lasts: the export tries again by itself.";
const checkWay = "Check the endpoint, the network, the proxy and the firewall; the export tries again by itself.";
const checkSecret =
  "Check the secret (keys are rotated, a SAS expires) and this machine's clock, then save the new secret in the storage account.";
const giveRights =
  "Give the identity the role Storage Blob Data Contributor on the container, or the SAS the permissions read, create, " +
  "write and list; if the account has a firewall, allow this machine's address in its networking settings.";
const checkTls =
  "Check this machine's clock and the endpoint's certificate; for a private authority start Node with NODE_EXTRA_CA_CERTS.";
const checkAddress =
  "Give the endpoint of a blob service. Metadata services, link-local addresses and this server's own ports are never allowed; for private or loopback addresses see --storage-networks.";

const gone = (sentence: string, hint: string): Meaning => ({ kind: "permanent", sentence, hint });
const passing = (sentence: string, hint = goesOn): Meaning => ({ kind: "temporary", sentence, hint });

const authentication = gone("the account does not accept the credential", checkSecret);
const authorization = gone("the credential is known but not allowed to do this", giveRights);

const serviceMeanings: Readonly<Record<string, Meaning>> = {
  AuthenticationFailed: authentication,
  InvalidAuthenticationInfo: authentication,
  NoAuthenticationInformation: authentication,
  // Azure says it of firewalls, Azurite of a wrong key too.
  AuthorizationFailure: { ...authorization, hint: `${giveRights} ${checkSecret}` },
  AuthorizationPermissionMismatch: authorization,
  AuthorizationResourceTypeMismatch: authorization,
  AuthorizationServiceMismatch: authorization,
  AuthorizationSourceIPMismatch: authorization,
  AuthorizationProtocolMismatch: authorization,
  InsufficientAccountPermissions: authorization,
  PublicAccessNotPermitted: authorization,
  UnauthorizedBlobOverwrite: authorization,
  KeyBasedAuthenticationNotPermitted: gone(
    "the account does not allow account keys",
    "Use Entra ID for this storage account, or allow shared key access in the account's configuration.",
  ),
  AccountIsDisabled: gone(
    "the storage account is disabled",
    "Ask the owner of the Azure subscription to enable the account (its bill may be unpaid).",
  ),
  AccountRequiresHttps: gone("the account takes https only", "Change the endpoint to https."),
  ContainerNotFound: gone(
    "the container does not exist",
    "Create the container, or choose another one for the export.",
  ),
  ContainerDisabled: gone("the container is disabled", "Enable the container, or choose another one for the export."),
  InvalidResourceName: gone(
    "the service does not allow this name",
    "Use a container name of 3 to 63 lower case letters, digits and single hyphens.",
  ),
  BlobNotFound: gone("there is no such blob", "Check the name; list the container to see what is there."),
  ResourceNotFound: gone("there is no such resource", "Check the endpoint, the container and the name."),
  BlobArchived: gone("the blob is in the archive tier", "Rehydrate the blob to a readable tier and try again."),
  LeaseIdMissing: gone("somebody holds a lease on it", "Break the lease on the blob or container."),
  BlobImmutableDueToPolicy: gone(
    "an immutability policy or legal hold protects it",
    "Use a container without such a policy, or one that allows new blobs.",
  ),
  BlockCountExceedsLimit: gone(
    "the blob has too many uncommitted blocks",
    "Wait a week until Azure drops them, or change the export's path template.",
  ),
  RequestBodyTooLarge: gone("the service refuses a block of this size", "Lower the block size."),
  UnsupportedHeader: gone("this account does not support a conditional create", "Use a standard blob account."),
  InvalidHeaderValue: gone(
    "the service does not know a header's value",
    "If this is an emulator, use one that knows the API version of @azure/storage-blob 12.33.",
  ),
  ServerBusy: passing("the service is busy"),
  InternalError: passing("the service had an internal error"),
  OperationTimedOut: passing("the service ran out of time"),
  ContainerBeingDeleted: passing(
    "the container is being deleted",
    "Create it again when Azure has finished (it takes 30 s or more), or choose another one for the export.",
  ),
  AccountBeingCreated: passing("the storage account is still being created"),
  Md5Mismatch: passing("bytes were damaged on the way"),
  Crc64Mismatch: passing("bytes were damaged on the way"),
  InvalidBlockList: passing("another attempt took the staged blocks away"),
  InvalidBlobOrBlock: passing("another attempt staged blocks of another kind"),
};

/** What a code says when there was no answer of the service. Every other system error code is temporary too. */
const wayMeanings: Readonly<Record<string, Meaning>> = {
  ENOTFOUND: passing(
    "the host name cannot be resolved",
    "Check the account's name in the endpoint and this machine's DNS; the export tries again by itself.",
  ),
  EAI_AGAIN: passing("the host name cannot be resolved now", checkWay),
  ECONNREFUSED: passing("nobody listens there", checkWay),
  ECONNRESET: passing("the connection was cut", checkWay),
  EPIPE: passing("the connection was cut", checkWay),
  ETIMEDOUT: passing("no connection could be made in time", checkWay),
  EHOSTUNREACH: passing("the host cannot be reached", checkWay),
  ENETUNREACH: passing("the network cannot be reached", checkWay),
  PARSE_ERROR: passing("the answer is not one of Azure Storage", checkWay),
};

const certificateCode =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|ERR_TLS_CERT|HOSTNAME_MISMATCH)/;

/** What the SDK throws, as far as we look at it. */
interface ServiceError extends Error {
  readonly code?: string;
  readonly statusCode?: number;
  readonly response?: { readonly headers?: { get(name: string): string | undefined } };
  readonly errorResponse?: { readonly error?: string };
}

/**
 * The failure that `thrown` stands for.
 *
 * @param operation  what was tried, as "stage a block of measurements/…/00.avro in azure-blob:https://…/iot".
 * @throws `thrown` itself when it is a broken invariant of ours.
 */
export function serviceFailure(thrown: unknown, operation: string, mask: Mask): Failure {
  if (thrown instanceof AssertionError || !(thrown instanceof Error)) throw thrown;
  const error = thrown as ServiceError;
  if (/Authentication|CredentialUnavailable/.test(error.name)) return signInFailure(error, operation, mask);
  // Not the error's own status: a body cut short after a 200 is a matter of the way.
  const status = error.code === "PARSE_ERROR" ? undefined : error.statusCode;
  const code = plainCode(error.response?.headers?.get("x-ms-error-code") ?? codeOf(error), mask);
  if (status !== undefined && status >= 300) return answerFailure(status, code, error, operation, mask);
  if (code !== undefined && certificateCode.test(code)) {
    return permanent(code, `cannot ${operation}: the certificate is not trusted (${code})`, checkTls);
  }
  if (code === forbiddenCode) {
    const refused = firstLine(mask(messageOf(error)));
    return permanent(code, `cannot ${operation}: ${refused} (${code})`, checkAddress);
  }
  const meaning = wayMeanings[code ?? ""] ?? passing(firstLine(mask(messageOf(error))), checkWay);
  const shownCode = code ?? "unexpected";
  return temporary(shownCode, `cannot ${operation}: ${meaning.sentence} (${shownCode})`, meaning.hint);
}

/**
 * A2: a code is shown, stored and counted by, and what answers may be no service of Azure's but something that says our
 * own headers back: only what looks like a code is one.
 */
function plainCode(code: string | undefined, mask: Mask): string | undefined {
  return code !== undefined && /^[A-Za-z][A-Za-z0-9_-]{0,79}$/.test(code) && mask(code) === code ? code : undefined;
}

/** The service, or something on the way to it, answered with an error. */
function answerFailure(status: number, code: string | undefined, error: Error, operation: string, mask: Mask): Failure {
  const meaning = serviceMeanings[code ?? ""] ?? meaningOfStatus(status, firstLine(mask(error.message)));
  const shownCode = code ?? `http-${status}`;
  const build = meaning.kind === "temporary" ? temporary : permanent;
  const numbers = code === undefined ? `HTTP ${status}` : `${code}, HTTP ${status}`;
  return build(shownCode, `cannot ${operation}: ${meaning.sentence} (${numbers})`, meaning.hint);
}

function meaningOfStatus(status: number, text: string): Meaning {
  const sentence = text === "" ? "the service answered with an error" : text;
  if (status === 408 || status === 429 || status >= 500) return passing(sentence);
  if (status === 401) return { ...authentication, sentence };
  if (status === 403) return { ...authorization, sentence };
  if (status < 400 || status === 407) return gone(sentence, `Something on the way redirects or refuses. ${checkWay}`);
  return gone(sentence, "Look the code up in the error codes of Azure Blob storage and check the storage account.");
}

/** @azure/identity could not get a token. */
function signInFailure(error: ServiceError, operation: string, mask: Mask): Failure {
  const status = error.statusCode ?? 400;
  const isPassing = status === 429 || status >= 500 || error.errorResponse?.error === "temporarily_unavailable";
  const code = error.name === "CredentialUnavailableError" ? "no-credential" : "sign-in-failed";
  const message = `cannot ${operation}: Entra ID gave no token: ${firstLine(mask(error.message))}`;
  if (isPassing) return temporary(code, message, goesOn);
  return permanent(
    code,
    message,
    "Check tenant, client and client secret (it may be expired), or this machine's managed identity or az login.",
  );
}

function firstLine(text: string): string {
  return (text.split("\n", 1)[0] ?? "").trim().slice(0, 300);
}
