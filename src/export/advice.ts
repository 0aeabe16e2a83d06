// What an export's state means and what a person does next, in plain words: the one table, for the page and the CLI. Pure.
//
// A trouble's own message and hint say it precisely, with names and codes; this says it to whoever has never seen the code.
// For a code that is not in the table the trouble's hint stands for itself.

import type { ExportState, ExportTrouble } from "./export.ts";

export interface Advice {
  /** One sentence: how it is, and why. */
  readonly happened: string;
  /** What to do next; null when there is nothing to do. */
  readonly toDo: string | null;
}

const nothingLost =
  "Nothing is lost meanwhile: messages wait in the journal, and every file is written once it works again.";
const goesOn = "Nothing, unless it lasts: it is tried again by itself.";

const quiet: Readonly<Record<Exclude<ExportState, "retrying" | "stopped">, Advice>> = {
  starting: {
    happened: "The export is on; its first file comes when the minute now running is over.",
    toDo: "Wait a minute or two. If no file comes, see whether devices send.",
  },
  healthy: { happened: "All that is due has been written.", toDo: null },
  draining: {
    happened: "The export was turned off and still writes what devices sent until then.",
    toDo: "Wait until it is off before you delete it.",
  },
  off: {
    happened: "The export is off: nothing is written.",
    toDo: "Turn it on to export what devices send from then on.",
  },
};

const key: Advice = {
  happened: "The storage account does not accept the key, SAS or identity that is saved here.",
  toDo: "Make a new key or SAS in Azure and save it under Storage accounts with Replace credentials, then test it.",
};
const rights: Advice = {
  happened: "The storage account knows the credential but does not allow this.",
  toDo: "Give the SAS Read (r), Create (c), Write (w) and List (l) on Container (c) and Object (o), or the identity the role Storage Blob Data Contributor; then test the storage account.",
};
const firewall: Advice = {
  happened:
    "The storage account refuses this machine: its firewall does not let it in, or the credential is wrong or may not do this.",
  toDo: "Allow this machine's address under Networking of the storage account in Azure; test the storage account to see which step fails.",
};
const container: Advice = {
  happened: "The container is gone, or was never made.",
  toDo: "Create it again under Storage accounts, or choose another container for this export.",
};
const unreachable: Advice = {
  happened: "The storage account cannot be reached over the network.",
  toDo: "If it lasts, check the account's address, the network, the proxy and the firewall. It is tried again by itself.",
};
const busy: Advice = { happened: "The storage account is busy or has a fault of its own.", toDo: goesOn };
const folderAway: Advice = {
  happened: "The folder's disk or file server does not answer.",
  toDo: "Check that it is well and mounted. It is tried again by itself.",
};
const folderRights: Advice = {
  happened: "The server may not write to the folder.",
  toDo: "Give the user that Coldpath runs as the right to read and write there; then test the storage account.",
};
const inTheWay: Advice = {
  happened: "Something else in the folder stands where a folder or file of the export belongs.",
  toDo: "Move it away, or give the export another container or path template.",
};
const diskFull: Advice = {
  happened: "The disk of the folder is full, or its quota used up.",
  toDo: "Free space there, or move older files away. It goes on by itself.",
};
const locked: Advice = {
  happened: "A lease, an immutability policy or a legal hold in Azure does not allow the write.",
  toDo: "Break the lease or lift the policy in Azure, or choose a container without one for this export.",
};
const certificate: Advice = {
  happened: "The certificate of the storage account's address is not trusted.",
  toDo: "Check the address and this machine's clock; for a private authority start the server with NODE_EXTRA_CA_CERTS.",
};
const address: Advice = {
  happened: "The storage account's address leads where the server may not connect to.",
  toDo: "Correct the address, or have whoever runs the server allow its network with --storage-networks.",
};

const adviceOfCode: Readonly<Record<string, Advice>> = {
  "sas-expired": {
    happened: "The SAS of the storage account has expired.",
    toDo: "Make a new SAS in Azure and save it under Storage accounts with Replace credentials.",
  },
  AuthenticationFailed: key,
  InvalidAuthenticationInfo: key,
  NoAuthenticationInformation: key,
  "sign-in-failed": key,
  "no-credential": {
    happened: "This machine has no identity to sign in to Azure with.",
    toDo: "Give the machine a managed identity, sign in with az login as the server's user, or save another credential under Storage accounts.",
  },
  "missing-credential": key,
  "invalid-connection-string": key,
  KeyBasedAuthenticationNotPermitted: {
    happened: "The storage account does not allow account keys.",
    toDo: "Use Entra ID for it under Storage accounts, or allow shared key access in Azure.",
  },
  AuthorizationFailure: firewall,
  AuthorizationSourceIPMismatch: {
    happened: "The SAS is only for other addresses than this machine's.",
    toDo: "Make a SAS that allows this machine's address, and save it under Storage accounts.",
  },
  AuthorizationProtocolMismatch: {
    happened: "The SAS is for https only, and the account's address is http.",
    toDo: "Change the address to https under Storage accounts.",
  },
  AccountRequiresHttps: {
    happened: "The storage account takes https only.",
    toDo: "Change its address to https under Storage accounts.",
  },
  AuthorizationPermissionMismatch: rights,
  AuthorizationResourceTypeMismatch: rights,
  AuthorizationServiceMismatch: rights,
  InsufficientAccountPermissions: rights,
  UnauthorizedBlobOverwrite: rights,
  AccountIsDisabled: {
    happened: "The storage account is disabled.",
    toDo: "Ask the owner of the Azure subscription to enable it: its bill may be unpaid.",
  },
  ContainerNotFound: container,
  "container-not-found": {
    happened: "The container's folder is not there: it was removed, or its disk is not mounted.",
    toDo: "Mount the disk, or create the container again under Storage accounts.",
  },
  ContainerDisabled: container,
  ContainerBeingDeleted: {
    happened: "The container is being deleted.",
    toDo: "Create it again in a minute under Storage accounts, or choose another container for this export.",
  },
  ResourceNotFound: container,
  LeaseIdMissing: locked,
  BlobImmutableDueToPolicy: locked,
  "foreign-object": {
    happened: "A file that this export did not write has the name of its next file; nothing was overwritten.",
    toDo: "Move that file away, or give the export another container or path template; then press Retry.",
  },
  ENOTFOUND: unreachable,
  EAI_AGAIN: unreachable,
  ECONNREFUSED: unreachable,
  ECONNRESET: unreachable,
  EPIPE: unreachable,
  ETIMEDOUT: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  timeout: {
    happened: "The storage account or the folder's file server did not answer in time.",
    toDo: "If it lasts, check the network and the store. It is tried again by itself.",
  },
  "endpoint-forbidden": address,
  "invalid-endpoint": address,
  ServerBusy: busy,
  InternalError: busy,
  OperationTimedOut: busy,
  ENOSPC: diskFull,
  EDQUOT: diskFull,
  EACCES: folderRights,
  EPERM: folderRights,
  EROFS: {
    happened: "The folder's disk is mounted read-only.",
    toDo: "Mount it for writing; a disk with errors is often turned read-only by the system.",
  },
  EIO: folderAway,
  ESTALE: folderAway,
  EBUSY: folderAway,
  ENOTDIR: inTheWay,
  EISDIR: inTheWay,
  ELOOP: inTheWay,
  "symbolic-link": {
    happened: "A symbolic link is on the way to the export's folder, and exports do not follow links.",
    toDo: "Put a real folder or a bind mount in its place.",
  },
  "not-a-file": inTheWay,
  "folder-forbidden": {
    happened: "The server may not export to this folder.",
    toDo: "Choose a folder that --storage-folders allows and that is not in the server's data directory.",
  },
  "journal-corrupt": {
    happened: "A part of the journal on this machine's disk is damaged: the messages of that minute cannot be read.",
    toDo: "Run coldpath journal check to see what is damaged; restore the disk if you can, or let the minute go under Discard backlog. Later minutes wait.",
  },
  "snapshot-lost": {
    happened:
      "A snapshot of devices or device templates that was waiting to be written is missing on this machine's disk.",
    toDo: "Look at the disk; then let it go under Discard backlog. The next full snapshot has every device again.",
  },
};

/** For every state, with or without a trouble. */
export function adviceOf({
  state,
  trouble,
}: {
  readonly state: ExportState;
  readonly trouble: ExportTrouble | null;
}): Advice {
  if (state !== "retrying" && state !== "stopped") return quiet[state];
  if (trouble === null) return { happened: "The export waits.", toDo: goesOn };
  const found =
    adviceOfCode[codeOf(trouble)] ?? (/CERT|^UNABLE_TO_|^HOSTNAME_MISMATCH$/.test(trouble.code) ? certificate : null);
  const { happened, toDo } = found ?? { happened: sentence(trouble.message), toDo: trouble.hint };
  return { happened: `${happened} ${nothingLost}`, toDo };
}

/** Azure has one code for a wrong signature and for one that has run out. */
function codeOf({ code, message }: ExportTrouble): string {
  return / shared access signature expired at /.test(message) ? "sas-expired" : code;
}

function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
