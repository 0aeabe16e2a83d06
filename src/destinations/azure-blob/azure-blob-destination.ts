// Azure Blob: a destination that is a container of a storage account.
//
// Owns:      the requests of one container, and what their answers mean.
// Does not:  create the container, retry (the SDK's own retries are off, so that the exporter sees each failure).
//
//   E5  A blob appears by one Put Block List that names all its blocks, under If-None-Match: *. Blocks staged before are
//       invisible, and Azure drops them after a week; their ids are of this attempt alone.
//
// Measured on Azurite and written down in the design: a name that is taken answers 409 BlobAlreadyExists; of two attempts
// whose staged blocks meet, the loser is told 400 InvalidBlockList. Both, and whatever else can only be said about an
// existing blob, mean *look at the name*.

import { randomBytes } from "node:crypto";
import type { ContainerClient } from "@azure/storage-blob";
import { assert } from "../../lib/assert.ts";
import type {
  Destination,
  HeadOutcome,
  Label,
  LevelRequest,
  ListedLevel,
  ListedObject,
  ProbeStep,
  PutOutcome,
  PutRequest,
} from "../destination.ts";
import { DestinationError } from "../destination.ts";
import { permanent, temporary, throwIfAborted } from "../failure.ts";
import { isListed, ownDirectory, refusePath } from "../object-path.ts";
import { chunksOf, labelOf, SourceError } from "../put-source.ts";
import { BlockBuffer, blockBytesAt, blockId } from "./block-buffer.ts";
import { type CredentialKind, probeReport } from "./probe-step.ts";
import type { Requests } from "./requests.ts";

export interface AzureBlobDestinationOptions {
  readonly client: () => Promise<ContainerClient>;
  readonly blockBytes: number;
  readonly requests: Requests;
  /** Whose words a missing permission is told in. */
  readonly credentialKind: CredentialKind;
}

/** Answers of a commit that only an existing blob can cause. */
const nameTaken = new Set([
  "BlobAlreadyExists",
  "InvalidBlockList",
  "InvalidBlobOrBlock",
  "InvalidBlobType",
  "ConditionNotMet",
  "LeaseIdMissing",
  "BlobImmutableDueToPolicy",
  "UnauthorizedBlobOverwrite",
]);

/** The only blob a probe stages, never committed: one name and one block id, so that probes leave one block in all. */
const probePath = `${ownDirectory}/probe`;
const probeBlockId = blockId("0".repeat(16), 0);

/** Why one blob cannot be read though others can. */
const unreadable = new Set(["BlobArchived", "BlobNotFound", "InvalidRange", "LeaseIdMissing", "http-416"]);

const contentType = "application/octet-stream";
const pageObjectsMax = 1_000;

export class AzureBlobDestination implements Destination {
  readonly root: string;
  readonly #options: AzureBlobDestinationOptions;

  /** @param root  `azure-blob:{endpoint}/{container}`. */
  constructor(root: string, options: AzureBlobDestinationOptions) {
    this.root = root;
    this.#options = options;
  }

  async put(request: PutRequest): Promise<PutOutcome> {
    const refused = refusePath(request.path);
    if (refused !== null) return refused;
    try {
      const blockIds = await this.#stageAll(request);
      const label = labelOf(request);
      throwIfAborted(request.signal, `writing ${request.path}`);
      return await this.#commit(request, blockIds, label);
    } catch (thrown) {
      if (thrown instanceof SourceError) throw thrown.cause;
      if (thrown instanceof DestinationError) return thrown.failure;
      throw thrown;
    }
  }

  async head(path: string, signal?: AbortSignal): Promise<HeadOutcome> {
    const refused = refusePath(path);
    if (refused !== null) return refused;
    try {
      return await this.#look(path, signal);
    } catch (thrown) {
      if (thrown instanceof DestinationError) return thrown.failure;
      throw thrown;
    }
  }

  async *read(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const refused = refusePath(path);
    if (refused !== null) throw new DestinationError(refused);
    const operation = `read ${path} in ${this.root}`;
    const { requests } = this.#options;
    const deadline = requests.deadline(signal);
    try {
      const client = await this.#options.client();
      const { signal: abortSignal } = deadline;
      const response = await deadline.race(
        client.getBlobClient(path).download(0, undefined, { abortSignal, maxRetryRequests: 0 }),
      );
      const bytes = response.contentLength ?? 0;
      let position = 0;
      deadline.restart();
      for await (const chunk of response.readableStreamBody ?? []) {
        deadline.pause();
        position += chunk.length;
        yield chunk as Buffer;
        deadline.restart();
      }
      if (position !== bytes) throw new DestinationError(shortRead(operation, position, bytes));
    } catch (thrown) {
      throw requests.error(thrown, operation, deadline, signal);
    } finally {
      deadline.end();
    }
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    const operation = `list ${JSON.stringify(prefix)} in ${this.root}`;
    const { requests } = this.#options;
    const deadline = requests.deadline(signal);
    try {
      const client = await this.#options.client();
      const pages = client
        .listBlobsFlat({ prefix, abortSignal: deadline.signal })
        .byPage({ maxPageSize: pageObjectsMax });
      for (;;) {
        deadline.restart();
        const page = await deadline.race(pages.next());
        deadline.pause();
        if (page.done === true) return;
        const { blobItems } = page.value.segment;
        for (const blob of blobItems) {
          if (isListed(blob.name)) yield { path: blob.name, bytes: blob.properties.contentLength ?? 0 };
        }
      }
    } catch (thrown) {
      throw requests.error(thrown, operation, deadline, signal);
    } finally {
      deadline.end();
    }
  }

  async listLevel({ prefix, limit, after, signal }: LevelRequest): Promise<ListedLevel> {
    const operation = `list ${JSON.stringify(prefix)} in ${this.root}`;
    throwIfAborted(signal, operation);
    const client = await this.#options.client();
    return await this.#options.requests.run(operation, signal, async (abortSignal) => {
      const settings = { maxPageSize: limit, ...(after === undefined ? {} : { continuationToken: after }) };
      const pages = client.listBlobsByHierarchy("/", { prefix, abortSignal }).byPage(settings);
      const { value, done } = await pages.next();
      if (done === true) return { folders: [], files: [], next: null };
      const { blobItems, blobPrefixes = [] } = value.segment;
      const token = value.continuationToken;
      return {
        folders: blobPrefixes.map(({ name }) => name).filter(isListed),
        files: blobItems
          .filter(({ name }) => isListed(name))
          .map(({ name, properties }) => ({ path: name, bytes: properties.contentLength ?? 0 })),
        next: token === undefined || token === "" ? null : token,
      };
    });
  }

  async probe(signal?: AbortSignal): Promise<readonly ProbeStep[]> {
    /** Any blob there is: reading one says more than a look at a name that is free. */
    let present: string | null = null;
    return await probeReport(this.#options.credentialKind, [
      ["stage a block", () => this.#stageProbe(signal)],
      ["list", async () => void (present = await this.#firstBlob(signal))],
      ["read", () => this.#readProbe(present, signal)],
    ]);
  }

  async #stageProbe(signal: AbortSignal | undefined): Promise<void> {
    throwIfAborted(signal, `trying ${this.root}`);
    const client = (await this.#options.client()).getBlockBlobClient(probePath);
    await this.#options.requests.run(`stage a block in ${this.root}`, signal, (abortSignal) =>
      client.stageBlock(probeBlockId, Buffer.from("?"), 1, { abortSignal }),
    );
  }

  async #firstBlob(signal: AbortSignal | undefined): Promise<string | null> {
    const client = await this.#options.client();
    return await this.#options.requests.run(`list ${this.root}`, signal, async (abortSignal) => {
      const { value } = await client.listBlobsFlat({ abortSignal }).byPage({ maxPageSize: 1 }).next();
      return value?.segment.blobItems[0]?.name ?? null;
    });
  }

  /** One byte of a blob. Where there is none, or that one is not to be read (archived, empty), its absence is looked at. */
  async #readProbe(path: string | null, signal: AbortSignal | undefined): Promise<void> {
    if (path !== null) {
      const client = (await this.#options.client()).getBlobClient(path);
      try {
        await this.#options.requests.run(`read ${path} in ${this.root}`, signal, async (abortSignal) => {
          const { readableStreamBody } = await client.download(0, 1, { abortSignal, maxRetryRequests: 0 });
          for await (const _chunk of readableStreamBody ?? []);
        });
        return;
      } catch (thrown) {
        const isOfTheBlob = thrown instanceof DestinationError && unreadable.has(thrown.failure.code);
        if (!isOfTheBlob) throw thrown;
      }
    }
    await this.#look(probePath, signal);
  }

  /** Stages the whole body; the ids of its blocks in order. */
  async #stageAll(request: PutRequest): Promise<readonly string[]> {
    const attemptId = randomBytes(8).toString("hex");
    const buffer = new BlockBuffer();
    const blockIds: string[] = [];
    throwIfAborted(request.signal, `writing ${request.path}`);
    for await (const chunk of chunksOf(request.bytes)) {
      throwIfAborted(request.signal, `writing ${request.path}`);
      for (let rest = chunk; rest.byteLength > 0;) {
        const limitBytes = this.#blockBytes(request.path, blockIds.length);
        if (buffer.length === limitBytes) await this.#stage(request, attemptId, blockIds, buffer);
        else rest = buffer.take(rest, limitBytes);
      }
    }
    if (buffer.length > 0) await this.#stage(request, attemptId, blockIds, buffer);
    assert(blockIds.length > 0, `E5: no empty object is ever written, ${request.path} would be`);
    return blockIds;
  }

  async #stage(request: PutRequest, attemptId: string, blockIds: string[], buffer: BlockBuffer): Promise<void> {
    const id = blockId(attemptId, blockIds.length);
    const client = (await this.#options.client()).getBlockBlobClient(request.path);
    const operation = `stage block ${blockIds.length} of ${request.path} in ${this.root}`;
    await this.#options.requests.run(operation, request.signal, (abortSignal) =>
      client.stageBlock(id, buffer.contents(), buffer.length, { abortSignal }),
    );
    blockIds.push(id);
    buffer.clear();
  }

  #blockBytes(path: string, index: number): number {
    const bytes = blockBytesAt(index, this.#options.blockBytes);
    if (bytes !== null) return bytes;
    throw new DestinationError(
      permanent(
        "object-too-large",
        `cannot write ${path} in ${this.root}: it needs more than 50,000 blocks`,
        "Lower file-bytes-max, or raise the block size.",
      ),
    );
  }

  async #commit(request: PutRequest, blockIds: readonly string[], label: Label): Promise<PutOutcome> {
    const client = (await this.#options.client()).getBlockBlobClient(request.path);
    try {
      await this.#options.requests.run(`commit ${request.path} in ${this.root}`, request.signal, (abortSignal) =>
        client.commitBlockList([...blockIds], {
          abortSignal,
          conditions: { ifNoneMatch: "*" },
          metadata: { ...label },
          blobHTTPHeaders: { blobContentType: contentType },
        }),
      );
      return { kind: "created" };
    } catch (thrown) {
      if (!(thrown instanceof DestinationError) || !nameTaken.has(thrown.failure.code)) throw thrown;
      if (thrown.failure.code === "BlobAlreadyExists") return { kind: "exists" };
      const found = await this.#look(request.path, request.signal);
      return found.kind === "found" ? { kind: "exists" } : thrown.failure;
    }
  }

  async #look(path: string, signal: AbortSignal | undefined): Promise<HeadOutcome> {
    const client = (await this.#options.client()).getBlobClient(path);
    try {
      const properties = await this.#options.requests.run(`look at ${path} in ${this.root}`, signal, (abortSignal) =>
        client.getProperties({ abortSignal }),
      );
      return { kind: "found", bytes: properties.contentLength ?? 0, label: labelFrom(properties.metadata) };
    } catch (thrown) {
      if (thrown instanceof DestinationError && thrown.failure.code === "BlobNotFound") return { kind: "absent" };
      throw thrown;
    }
  }
}

/** Metadata comes back with the letters' case of whoever stood in between. */
function labelFrom(metadata: Record<string, string> | undefined): Label | null {
  const entries = Object.entries(metadata ?? {});
  return entries.length === 0 ? null : Object.fromEntries(entries.map(([key, value]) => [key.toLowerCase(), value]));
}

function shortRead(operation: string, position: number, bytes: number): ReturnType<typeof temporary> {
  return temporary(
    "short-read",
    `cannot ${operation}: it ended at byte ${position} of ${bytes}`,
    "The connection was cut; try again.",
  );
}
