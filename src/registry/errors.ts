// The registry's error codes: one table, from which every ColdpathError of this room is made.
//
// Owns:      code, kind, the plain meaning (for documents) and the default hint of each.
// Does not:  word the single case: the caller's message names the thing and the numbers.

import { ColdpathError, type ErrorKind } from "../lib/errors.ts";

interface ErrorEntry {
  readonly kind: ErrorKind;
  /** What it means, for the documents. */
  readonly meaning: string;
  /** What to do about it; a call may give a closer one. */
  readonly hint: string;
}

const registryErrors = {
  "input-invalid": {
    kind: "invalid",
    meaning: "A field of the input is missing, of the wrong type or out of its bounds.",
    hint: "Correct the field named and try again.",
  },
  "field-unknown": {
    kind: "invalid",
    meaning: "The input has a field that does not exist there.",
    hint: "Remove it, or use one of the fields named.",
  },
  "reference-unknown": {
    kind: "invalid",
    meaning: "The input names a thing that does not exist.",
    hint: "Name one that exists, or make it first.",
  },
  "value-invalid": {
    kind: "invalid",
    meaning: "A property or setting does not fit its definition in the device template.",
    hint: "Give a value that fits the definition.",
  },
  "etag-stale": {
    kind: "conflict",
    meaning: "The thing was changed since the caller read it.",
    hint: "Read it again, apply the change to what it is now, and send the new etag.",
  },
  "template-not-found": {
    kind: "not-found",
    meaning: "There is no such device template, or not in this version.",
    hint: "List the device templates to see ids and versions.",
  },
  "template-exists": {
    kind: "conflict",
    meaning: "A device template of this id, or this version of it, exists.",
    hint: "Use another id, or make a new version of the existing device template.",
  },
  "template-edit-breaking": {
    kind: "conflict",
    meaning: "The edit of a published version takes away what its devices, or programs that read their data, rely on.",
    hint: "Make a new version of the device template, publish it and migrate devices to it.",
  },
  "template-not-published": {
    kind: "conflict",
    meaning: "Devices use published versions only.",
    hint: "Publish the version first, or name a published one.",
  },
  "template-in-use": {
    kind: "conflict",
    meaning: "Devices use this device template.",
    hint: "Delete these devices or migrate them to another version first.",
  },
  "device-not-found": {
    kind: "not-found",
    meaning: "There is no such device.",
    hint: "List the devices; ids are case-sensitive.",
  },
  "device-exists": {
    kind: "conflict",
    meaning: "A device of this id exists.",
    hint: "Use another id, or delete the existing device first.",
  },
  "module-not-found": {
    kind: "not-found",
    meaning: "The device has no such module.",
    hint: "List the device's modules; ids are case-sensitive.",
  },
  "module-exists": {
    kind: "conflict",
    meaning: "The device has a module of this id.",
    hint: "Use another id, or delete the existing module first.",
  },
  "modules-too-many": {
    kind: "conflict",
    meaning: "The device has as many modules as it may have: 50.",
    hint: "Delete those that are no longer needed.",
  },
  "twin-invalid": {
    kind: "invalid",
    meaning: "A patch of a device twin has a key, a value or a depth that twins do not allow.",
    hint: "Keys: up to 1 KiB without dot, $, space and control characters; text up to 4 KiB; at most 10 levels.",
  },
  "twin-too-large": {
    kind: "invalid",
    meaning: "A section of a device twin would be larger than 32 KiB.",
    hint: "Remove properties that are no longer needed, by setting them to null.",
  },
  "ca-certificate-not-found": {
    kind: "not-found",
    meaning: "There is no such CA certificate.",
    hint: "List the CA certificates.",
  },
  "ca-certificate-exists": {
    kind: "conflict",
    meaning: "This CA certificate, or one of this name, is there already.",
    hint: "Use the one that is there, or another name.",
  },
  "ca-certificate-invalid": {
    kind: "invalid",
    meaning: "What was given is no CA certificate, or one that cannot be used.",
    hint: "Give the authority's own certificate as PEM: a text that begins with -----BEGIN CERTIFICATE-----.",
  },
  "ca-certificates-too-many": {
    kind: "conflict",
    meaning: "There are as many CA certificates as there may be.",
    hint: "Delete those that are no longer used.",
  },
  "ca-proof-invalid": {
    kind: "invalid",
    meaning: "The certificate does not prove that its sender has the key of the CA certificate.",
    hint: "Sign a certificate that has the verification code as its common name with the key of the CA certificate.",
  },
  "cloud-message-too-large": {
    kind: "invalid",
    meaning: "A cloud-to-device message is larger than 64 KiB, or its properties than 8 KiB.",
    hint: "Send less, or where it is to be found.",
  },
  "cloud-message-exists": {
    kind: "conflict",
    meaning: "The device has, or lately had, a cloud-to-device message of this id.",
    hint: "It was taken before: look what became of it. Give another message another id, or none.",
  },
  "cloud-message-not-found": {
    kind: "not-found",
    meaning: "No such cloud-to-device message waits for the device.",
    hint: "List its messages; those that ended need no purging.",
  },
  "cloud-messages-full": {
    kind: "conflict",
    meaning: "As many cloud-to-device messages wait as may: 50 for a device, or --cloud-message-bytes-max in all.",
    hint: "Wait until the device took some, or purge those that it need not get.",
  },
  "lock-lost": {
    kind: "conflict",
    meaning: "A device settles a cloud-to-device message that it does not hold any more.",
    hint: "Receive it again: it is delivered until it is completed, rejected or over.",
  },
  "policy-not-found": {
    kind: "not-found",
    meaning: "There is no such hub policy.",
    hint: "List the hub policies.",
  },
  "policy-exists": {
    kind: "conflict",
    meaning: "A hub policy of this name exists.",
    hint: "Use another name, or delete the existing policy first.",
  },
  "enrollment-not-found": {
    kind: "not-found",
    meaning: "There is no such enrollment group, or no enrollment for this registration id.",
    hint: "List the enrollment groups and the enrollments.",
  },
  "enrollment-exists": {
    kind: "conflict",
    meaning: "An enrollment group of this name, or an enrollment for this registration id, exists.",
    hint: "Use another name, or edit the existing one.",
  },
  "enrollments-too-many": {
    kind: "conflict",
    meaning: "There are as many enrollment groups, or enrollments, as there may be.",
    hint: "Delete those that are no longer used; devices that were made stay.",
  },
  "enrollment-without-keys": {
    kind: "conflict",
    meaning: "The enrollment group, or the enrollment, is proved by certificates and has no keys.",
    hint: "Its devices need a certificate; look at its attestation.",
  },
  "registration-not-found": {
    kind: "not-found",
    meaning: "There is no such registration.",
    hint: "List the registrations; ids are case-sensitive.",
  },
  "registration-not-waiting": {
    kind: "conflict",
    meaning: "Only a registration that waits can be approved.",
    hint: "Look at the registration: it has a device, or is blocked.",
  },
  "registration-assigned": {
    kind: "conflict",
    meaning: "A registration goes with its device.",
    hint: "Delete the device, or block the registration.",
  },
  "storage-not-found": {
    kind: "not-found",
    meaning: "There is no such storage account.",
    hint: "List the storage accounts, or create one first.",
  },
  "storage-exists": {
    kind: "conflict",
    meaning: "A storage account of this name exists.",
    hint: "Use another name.",
  },
  "storage-in-use": {
    kind: "conflict",
    meaning: "An export names this storage account, in its present or an earlier definition.",
    hint: "Create another storage account and edit the export; delete this one after deleting the export.",
  },
  "export-not-found": {
    kind: "not-found",
    meaning: "There is no such export.",
    hint: "List the exports.",
  },
  "export-exists": {
    kind: "conflict",
    meaning: "An export of this name exists.",
    hint: "Use another name.",
  },
  "export-on": {
    kind: "conflict",
    meaning: "An export that is on, or still owes files, cannot be deleted.",
    hint: "Turn it off and wait until its state is off: the minute it was turned off in ends first, and its file is written. Or discard its backlog.",
  },
  "user-not-found": {
    kind: "not-found",
    meaning: "There is no such user.",
    hint: "List the users.",
  },
  "user-exists": {
    kind: "conflict",
    meaning: "A user of this name, or of one that is taken for it, exists.",
    hint: "Use another name; case makes no difference.",
  },
  "users-too-many": {
    kind: "conflict",
    meaning: "There are as many users as there may be.",
    hint: "Delete users that are no longer needed.",
  },
  "last-administrator": {
    kind: "conflict",
    meaning: "An enabled administrator must remain.",
    hint: "Make another user an administrator first.",
  },
  "setup-over": {
    kind: "conflict",
    meaning: "The first administrator was made.",
    hint: "Sign in, or ask an administrator for a user.",
  },
  "sign-in-busy": {
    kind: "unavailable",
    meaning: "Too many are signing in at the same time.",
    hint: "Try again in a few seconds.",
  },
  "api-token-not-found": {
    kind: "not-found",
    meaning: "There is no such API token.",
    hint: "List the API tokens.",
  },
  "api-tokens-too-many": {
    kind: "conflict",
    meaning: "There are as many API tokens as there may be.",
    hint: "Delete those that are no longer used.",
  },
  "data-dir-in-use": {
    kind: "fatal",
    meaning: "Another server runs on this data directory.",
    hint: "Stop the other server, or give this one a --data-dir of its own.",
  },
  "data-dir-unusable": {
    kind: "fatal",
    meaning: "The data directory cannot be made, read or written.",
    hint: "Make the directory writable for the user this server runs as, or name another with --data-dir.",
  },
  "registry-newer": {
    kind: "fatal",
    meaning: "A newer Coldpath has used this data directory.",
    hint: "Start the newer version again; an older one cannot read its registry.",
  },
  "registry-older": {
    kind: "fatal",
    meaning: "An older Coldpath has used this data directory, and it can only be read.",
    hint: "Start this version's server once; it brings the registry up to date.",
  },
  "registry-unreadable": {
    kind: "fatal",
    meaning: "The registry's database cannot be opened or is damaged.",
    hint: "Restore registry.db and secret.key from the same backup, or start with an empty data directory.",
  },
  "hub-name-fixed": {
    kind: "fatal",
    meaning: "The hub name stands in the paths of exported files and cannot change.",
    hint: "Start with the name it has (or leave --hub-name out), or use a new data directory for the new name.",
  },
  "secret-key-missing": {
    kind: "fatal",
    meaning: "The key that the registry's secrets are encrypted with is gone.",
    hint: "Restore secret.key from the backup that registry.db belongs to, or give the key where it was kept elsewhere (COLDPATH_SECRET_KEY, --secret-key-command); no other key can read it.",
  },
  "secret-key-wrong": {
    kind: "fatal",
    meaning: "The key in secret.key is not the one the registry's secrets are encrypted with.",
    hint: "Restore secret.key from the backup that registry.db belongs to; no other key can read it.",
  },
  "secret-altered": {
    kind: "fatal",
    meaning: "A secret in the registry was altered or moved to another row.",
    hint: "Restore registry.db and secret.key from the same backup.",
  },
} as const satisfies Record<string, ErrorEntry>;

export type RegistryErrorCode = keyof typeof registryErrors;

/**
 * An error of this room.
 *
 * @param message  a sentence that names the operation, the thing and the numbers; never a secret (A2).
 */
export function registryError(
  code: RegistryErrorCode,
  message: string,
  more: { field?: string | undefined; hint?: string | undefined; cause?: unknown } = {},
): ColdpathError {
  const entry = registryErrors[code];
  return new ColdpathError(entry.kind, code, message, { ...more, hint: more.hint ?? entry.hint });
}
