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

export interface LevelRequest {
  /** A virtual directory with its slash, or "" for the top; it may go on with the beginning of a name: `a/b/20`. */
  readonly prefix: string;
  /** Entries of the page, 1 to 1,000. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What lies on one level of names. */
export interface ListedLevel {
  /** Whole prefixes, each with a slash at its end. */
  readonly folders: readonly string[];
  readonly files: readonly ListedObject[];
  /** Opaque; null on the last page. A page may be short, or empty, and not be the last. */
  readonly next: string | null;
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
   * One level below `prefix`: names up to the next slash, in path order, without what lies below `.coldpath`, symbolic
   * links and the like. A level that does not exist is empty. Throws DestinationError.
   */
  listLevel(request: LevelRequest): Promise<ListedLevel>;
  /**
   * Tries what an export needs, step by step (reach, sign in, stage something invisible, list, read), and leaves nothing
   * visible. It needs no right to delete. Every step is told, in the order they are tried; what a failed one makes
   * impossible is not tried. Never throws.
   */
  probe(signal?: AbortSignal): Promise<readonly ProbeStep[]>;
}

export const probeOutcomes = ["ok", "failed", "not-tried"] as const;

export interface ProbeStep {
  /** In plain words, an imperative: "create a temporary file", "stage a block". */
  readonly step: string;
  readonly outcome: (typeof probeOutcomes)[number];
  /** Of a failed one. */
  readonly failure: Failure | null;
  /** What is missing, in the store's own words, where a missing permission is why: "List (l) on Container (c)". */
  readonly permission: string | null;
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
