// Destinations: where exported files go. Bytes and names only; nothing here knows Avro, windows or exports.
//
// A destination is one container (Azure) or directory (folder) and takes objects under a path. The rules every adapter
// keeps, and which `destination.contract.ts` tries on each:
//
//   E5  No partial or empty object is ever visible under a final name; nothing that exists is overwritten.
//   -   `put` decides nothing about an existing object: it reports `exists`, the exporter looks whether it is ours.
//   -   The adapter knows its protocol, so it decides whether a failure is temporary or permanent, by the service's
//       error code, not by status alone. It does not retry: the exporter does, so that retries are seen.
//
// A label is what the exporter wants to know again about an object (which cut it is, its hash). It travels beside the
// bytes: blob metadata in Azure, a side record under `.coldpath/` in a folder. It may be lost; the bytes may not.

/**
 * Key: `[a-z][a-z0-9_]*`, at most 64 characters; value: 1 to 512 characters of printable ASCII, none a space at either
 * end; at most 20 entries and 4,096 characters in all (Azure takes 8 KiB of metadata). `assertLabel` holds the rule.
 */
export type Label = Readonly<Record<string, string>>;

export interface Failure {
  readonly kind: "temporary" | "permanent";
  /**
   * The service's own code where it has one (`AuthorizationFailure`, `ENOSPC`), else ours in kebab-case: `aborted`,
   * `timeout`, `invalid-path`, `container-not-found` (folder; Azure says `ContainerNotFound`), `object-not-found`, …
   */
  readonly code: string;
  /** What happened, to what, with names and numbers; no secrets. */
  readonly message: string;
  /** What an operator can do about it. */
  readonly hint: string;
}

export type PutOutcome = { readonly kind: "created" } | { readonly kind: "exists" } | Failure;

export type HeadOutcome =
  | { readonly kind: "found"; readonly bytes: number; readonly label: Label | null }
  | { readonly kind: "absent" }
  | Failure;

export interface ListedObject {
  readonly path: string;
  readonly bytes: number;
}

export interface PutRequest {
  /** Relative, `/`-separated, no empty, `.` or `..` segment, not below `.coldpath`; the rule is in object-path.ts. */
  readonly path: string;
  /**
   * Never empty in sum (asserted); chunks of any size. Read once. A chunk may be reused by its source after the next is
   * asked for. The source heeds the same `signal`: an abort is seen between two chunks, not while one is waited for.
   */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Asked once, after the last chunk: the hash in it is known only then. */
  readonly label: () => Label;
  readonly signal?: AbortSignal | undefined;
}

export interface Destination {
  /** Canonical and free of secrets; two destinations with the same root hold the same objects. */
  readonly root: string;
  /**
   * Creates the object, whole and durable, or leaves the name as it was (E5).
   *
   * `created` only after the destination confirmed. After a lost answer the outcome is a temporary failure, and the
   * next attempt sees `exists`. An abort gives a temporary failure, code `aborted`; nothing is visible, unless the last
   * request was under way and its answer is lost. An aborted call ends soon, also where a store hangs. Throws only what `bytes` or `label` threw (and AssertionError).
   */
  put(request: PutRequest): Promise<PutOutcome>;
  /** What is under the name. A label that is lost, or is not this object's, is null. Never throws. */
  head(path: string, signal?: AbortSignal): Promise<HeadOutcome>;
  /** The object's bytes; a body shorter than the store said is an error, never a short read. Throws DestinationError. */
  read(path: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** Objects whose path starts with `prefix`, in path order, never those below `.coldpath`. Throws DestinationError. */
  list(prefix: string, signal?: AbortSignal): AsyncIterable<ListedObject>;
  /**
   * Tries what an export needs, step by step (resolve, authenticate, stage something invisible, list), and leaves
   * nothing visible. `null` when all of it worked.
   */
  probe(signal?: AbortSignal): Promise<ProbeFailure | null>;
}

export interface ProbeFailure extends Failure {
  /** The step that failed, in plain words: "create a temporary file", "stage a block". */
  readonly step: string;
}

/** A storage account: containers by name. */
export interface StorageAccess {
  /**
   * Does not say whether it exists: `put` and the others do. ColdpathError `invalid` for a name the store forbids;
   * DestinationError when what its root is cannot be found out (a folder's file server does not answer).
   */
  container(name: string, signal?: AbortSignal): Promise<Destination>;
  /** In name order. Throws DestinationError. */
  listContainers(signal?: AbortSignal): Promise<readonly string[]>;
  /** Returns false when it existed. Throws DestinationError; ColdpathError `invalid` for a name the store forbids. */
  createContainer(name: string, signal?: AbortSignal): Promise<boolean>;
  /** Frees connections; unfinished calls fail. */
  close(): Promise<void>;
}

export class DestinationError extends Error {
  override readonly name = "DestinationError";
  readonly failure: Failure;
  constructor(failure: Failure, cause?: unknown) {
    super(failure.message, cause === undefined ? undefined : { cause });
    this.failure = failure;
  }
}
