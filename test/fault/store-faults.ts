// The faults of a store that the matrix makes, what an operator sees of each, and how it heals. docs/operating.md has the
// same table for people; the matrix compares them.

import type { Fault, ProxiedRequest } from "../lib/fault-proxy.ts";
import { type FaultRow } from "../lib/fault-stand.ts";

export interface StoreFault {
  readonly name: string;
  readonly state: "healthy" | "retrying" | "stopped";
  /** What the trouble's code is, one of them; empty for none. */
  readonly codes: readonly string[];
  readonly hint: RegExp;
  readonly heals:
    | "by itself"
    | "at once, with the right secret"
    | "after `export retry`"
    | "after `export discard`"
    | "–";
  make(row: FaultRow): Promise<void> | void;
  /** The store is well again, and the operator did what the manual says. */
  mend(row: FaultRow): Promise<void> | void;
  /** Files that turned out to be there already, and ours; so many at least. */
  readonly adopted?: number;
  /** Paths that stood in the container and are gone, or were let go: what the store lost is not the export's to keep. */
  readonly missing?: (row: FaultRow) => Promise<ReadonlySet<string>>;
}

const isCommit = ({ method, query }: ProxiedRequest): boolean => method === "PUT" && query.get("comp") === "blocklist";
const isStage = ({ method, query }: ProxiedRequest): boolean => method === "PUT" && query.get("comp") === "block";
const pathIn = ({ url }: ProxiedRequest): string => decodeURIComponent(/\/row-\d+\/([^?]*)/.exec(url)?.[1] ?? "");

const clear = (row: FaultRow): void => row.proxy.clear();
const fails = (fault: Fault, when?: (request: ProxiedRequest) => boolean) => ({
  make: (row: FaultRow): void => void row.proxy.add(when === undefined ? { fault } : { fault, when }),
  mend: clear,
  heals: "by itself" as const,
});
const answers = (status: number, code?: string, headers?: Readonly<Record<string, string>>) =>
  fails({
    kind: "answer",
    status,
    ...(code === undefined ? {} : { code }),
    ...(headers === undefined ? {} : { headers }),
  });

const retrying = (...codes: readonly string[]) => ({ state: "retrying", codes, hint: /by itself/ }) as const;
const stopped = (code: string, hint: RegExp) => ({ state: "stopped", codes: [code], hint }) as const;

const someoneElses = Buffer.from("someone else's");
/** The name of the foreign blob each row met. */
const foreign = new WeakMap<FaultRow, string>();

/** A stranger's blob gets the name a moment before ours. */
const meetsStranger =
  (withLease: boolean) =>
  (row: FaultRow): void => {
    const action = async (request: ProxiedRequest): Promise<void> => {
      const path = pathIn(request);
      foreign.set(row, path);
      const blob = row.container.getBlockBlobClient(path);
      await blob.upload(someoneElses, someoneElses.length);
      if (withLease) await blob.getBlobLeaseClient().acquireLease(-1);
    };
    row.proxy.add({ when: isCommit, times: 1, fault: { kind: "before", action } });
  };
async function removeStranger(row: FaultRow): Promise<void> {
  const blob = row.container.getBlockBlobClient(foreign.get(row) ?? "");
  const content = await blob.downloadToBuffer();
  if (!content.equals(someoneElses)) throw new Error("the stranger's blob was overwritten");
  const { leaseState } = await blob.getProperties();
  if (leaseState === "leased") await blob.getBlobLeaseClient().breakLease(0);
  await blob.delete();
}
const isForeign = stopped("foreign-object", /Nothing was overwritten/);

/** What stood in a container when it was deleted. */
const gone = new WeakMap<FaultRow, ReadonlySet<string>>();

export const storeFaults: readonly StoreFault[] = [
  {
    name: "is slow, but in time",
    state: "healthy",
    codes: [],
    hint: /^$/,
    ...fails({ kind: "delay", delayMs: 400 }),
    heals: "–",
  },
  { name: "answers 429", ...retrying("http-429"), ...answers(429) },
  {
    name: "answers 503 with Retry-After",
    ...retrying("ServerBusy"),
    ...answers(503, "ServerBusy", { "retry-after": "30" }),
  },
  { name: "answers 500", ...retrying("InternalError"), ...answers(500, "InternalError") },
  {
    name: "cuts the connection in mid-upload",
    ...retrying("ECONNRESET", "EPIPE"),
    ...fails({ kind: "cut-request", bytes: 1000 }, isStage),
  },
  { name: "does not answer", ...retrying("timeout"), ...fails({ kind: "hang" }) },
  {
    name: "cannot be reached",
    ...retrying("ECONNREFUSED"),
    heals: "by itself",
    make: (row) => row.takeAway(),
    mend: (row) => row.bringBack(),
  },
  {
    name: "stores the file, and the answer is lost",
    adopted: 1,
    ...retrying("ECONNRESET"),
    ...fails({ kind: "lose-answer" }, isCommit),
  },
  {
    name: "stores the file after we gave up waiting",
    adopted: 1,
    ...retrying("timeout"),
    ...fails({ kind: "late", delayMs: 2500 }, isCommit),
  },
  {
    name: "is deleting the container",
    ...retrying("ContainerBeingDeleted"),
    hint: /Create it again/,
    ...answers(409, "ContainerBeingDeleted"),
  },
  {
    name: "answers 401",
    ...stopped("InvalidAuthenticationInfo", /Check the secret/),
    ...answers(401, "InvalidAuthenticationInfo"),
  },
  {
    name: "has another key now",
    ...stopped("AuthorizationFailure", /save the new secret/),
    heals: "at once, with the right secret",
    make: (row) =>
      row.saveSecret((secret) =>
        secret.replace(/AccountKey=[^;]*/, `AccountKey=${Buffer.alloc(64, "another key").toString("base64")}`),
      ),
    mend: (row) => row.saveSecret((secret) => secret),
  },
  {
    name: "does not allow it (403)",
    ...stopped("AuthorizationPermissionMismatch", /Storage Blob Data Contributor/),
    ...answers(403, "AuthorizationPermissionMismatch"),
  },
  { name: "is another service (404)", ...stopped("http-404", /check the storage account/), ...answers(404) },
  {
    name: "is behind a redirect",
    ...stopped("http-302", /redirects or refuses/),
    ...answers(302, undefined, { location: "/sign-in" }),
  },
  {
    name: "is behind a portal that answers 200 with a page",
    ...retrying("unexpected"),
    ...fails({ kind: "answer", status: 200, body: "<html>Please sign in.</html>" }),
  },
  {
    name: "has lost the container, and it is made again",
    ...stopped("ContainerNotFound", /Create the container/),
    heals: "by itself",
    async make(row) {
      gone.set(row, new Set((await row.files()).keys()));
      await row.container.delete();
    },
    mend: async (row) => void (await row.container.create()),
    missing: (row) => Promise.resolve(gone.get(row) ?? new Set()),
  },
  {
    name: "keeps the container immutable",
    ...stopped("BlobImmutableDueToPolicy", /allows new blobs/),
    ...fails({ kind: "answer", status: 409, code: "BlobImmutableDueToPolicy" }, isCommit),
  },
  {
    name: "has a stranger's file under the name, which is moved away",
    ...isForeign,
    heals: "after `export retry`",
    make: meetsStranger(false),
    async mend(row) {
      await removeStranger(row);
      await row.api("POST", "/retry");
    },
  },
  {
    name: "has a stranger's leased file under the name, which is moved away",
    ...isForeign,
    heals: "after `export retry`",
    make: meetsStranger(true),
    async mend(row) {
      await removeStranger(row);
      await row.api("POST", "/retry");
    },
  },
  {
    name: "has a stranger's file under the name, and the minute is let go",
    ...isForeign,
    heals: "after `export discard`",
    make: meetsStranger(false),
    async mend(row) {
      const { status } = await row.answer();
      await row.api("POST", "/discard", { windowLast: status.oldestOwedWindow, reason: "a stranger's file" });
      // Out of the way of the reading that follows: it is no Avro file.
      await removeStranger(row);
    },
    async missing(row) {
      const { items } = await row.api<{ items: readonly { readonly windowFirst: string; readonly reason: string }[] }>(
        "GET",
        "/gaps",
      );
      if (items.length !== 1 || items[0]?.reason !== "a stranger's file") throw new Error("the gap is not on record");
      return new Set([foreign.get(row) ?? ""]);
    },
  },
  {
    name: "has our very bytes under the name, from another writer",
    adopted: 2,
    state: "healthy",
    codes: [],
    hint: /^$/,
    heals: "–",
    make(row) {
      const action = async (request: ProxiedRequest, body: Buffer): Promise<void> => {
        await row.container.getBlockBlobClient(pathIn(request)).upload(body, body.length);
      };
      // Each file is one block here. Before it is staged at one file, between staging and commit at the next.
      let staged: Buffer = Buffer.alloc(0);
      const keep = async (_request: ProxiedRequest, body: Buffer): Promise<void> => {
        staged = body;
        return await Promise.resolve();
      };
      row.proxy.add({ when: isStage, times: 1, fault: { kind: "before", action } });
      row.proxy.add({ when: isStage, times: 1, fault: { kind: "before", action: keep } });
      const late = (request: ProxiedRequest): Promise<void> => action(request, staged);
      row.proxy.add({
        when: (request) => isCommit(request) && staged.length > 0,
        times: 1,
        fault: { kind: "before", action: late },
      });
    },
    mend: clear,
  },
];
