// A storage service in memory, in the manner of Azure Blob: containers, staged blocks that nobody sees, one conditional
// commit that makes a blob. The product's own adapter for Azure speaks to it, through the calls of the SDK it uses.
//
// Each request travels over a `Wire`: the simulation's loses answers, fails and hangs; the contract suite's does not.

import type { ContainerClient } from "@azure/storage-blob";
import type { Destination, StorageAccess } from "../../src/destinations/destination.ts";
import { AzureBlobDestination } from "../../src/destinations/azure-blob/azure-blob-destination.ts";
import { maskOf } from "../../src/destinations/azure-blob/mask.ts";
import { Requests } from "../../src/destinations/azure-blob/requests.ts";
import { throwIfAborted } from "../../src/destinations/failure.ts";
import { ColdpathError } from "../../src/lib/errors.ts";

export interface Wire {
  /** Carries out one request: its effect at the service, and the answer. Rejects as the SDK does. */
  send<T>(operation: string, effect: () => T, signal: AbortSignal | undefined): Promise<T>;
}

export interface StoredBlob {
  readonly bytes: Buffer;
  readonly metadata: Readonly<Record<string, string>>;
}

export class Container {
  readonly blobs = new Map<string, StoredBlob>();
  readonly staged = new Map<string, Map<string, Buffer>>();
}

/** What the SDK throws when the service answers with an error. */
export function serviceError(statusCode: number, code: string): Error {
  const response = { headers: { get: (name: string) => (name === "x-ms-error-code" ? code : undefined) } };
  return Object.assign(new Error(`${code} (simulated)`), { name: "RestError", code, statusCode, response });
}

/** What the SDK throws when no answer came. */
export function wayError(code: string): Error {
  return Object.assign(new Error(`${code} (simulated)`), { name: "RestError", code });
}

export class SimulatedStore {
  readonly containers = new Map<string, Container>();
  /** Told of every new blob, in the moment it becomes visible, with the label that came with it. */
  onCreated: (container: string, path: string, blob: StoredBlob, label: Readonly<Record<string, string>>) => void =
    () => {};
  /** Told when a request puts something over a blob that is there. */
  onOverwritten: (container: string, path: string) => void = () => {};
  /** A service, or something on the way, that drops metadata. */
  losesMetadata: () => boolean = () => false;

  createContainer(name: string): boolean {
    if (this.containers.has(name)) return false;
    this.containers.set(name, new Container());
    return true;
  }

  /** An account that the product opens, over one wire. */
  open(wire: Wire, of: { readonly blockBytes: number; readonly requestTimeoutMs: number }): StorageAccess {
    const requests = new Requests({ requestTimeoutMs: of.requestTimeoutMs, mask: maskOf([]), sas: null });
    return {
      // oxlint-disable-next-line require-await -- the port's shape: a folder has to look
      container: async (name): Promise<Destination> => {
        requireName(name);
        const client = this.#client(name, wire) as unknown as ContainerClient;
        return new AzureBlobDestination(`azure-blob:https://simulated/${name}`, {
          client: () => Promise.resolve(client),
          blockBytes: of.blockBytes,
          requests,
          credentialKind: "account-key",
        });
      },
      listContainers: async (signal) => {
        throwIfAborted(signal, "list the containers");
        return await requests.run("list the containers", signal, (abortSignal) =>
          wire.send("list containers", () => [...this.containers.keys()].sort(), abortSignal),
        );
      },
      createContainer: async (name, signal) => {
        requireName(name);
        throwIfAborted(signal, "create a container");
        return await requests.run("create a container", signal, (abortSignal) =>
          wire.send("create container", () => this.createContainer(name), abortSignal),
        );
      },
      close: () => Promise.resolve(),
    };
  }

  #container(name: string): Container {
    const container = this.containers.get(name);
    if (container === undefined) throw serviceError(404, "ContainerNotFound");
    return container;
  }

  #blob(name: string, path: string): StoredBlob {
    const blob = this.#container(name).blobs.get(path);
    if (blob === undefined) throw serviceError(404, "BlobNotFound");
    return blob;
  }

  /** The calls of the SDK's ContainerClient that the adapter makes. */
  #client(name: string, wire: Wire) {
    type Options = { readonly abortSignal?: AbortSignal } | undefined;
    return {
      getBlockBlobClient: (path: string) => ({
        stageBlock: (id: string, body: Uint8Array, length: number, options: Options) => {
          const bytes = Buffer.from(body.subarray(0, length)); // as it goes out: the caller uses its buffer again
          const stage = (): void => {
            const { staged } = this.#container(name);
            const blocks = staged.get(path) ?? new Map<string, Buffer>();
            staged.set(path, blocks.set(id, bytes));
          };
          return wire.send(`stage ${name}/${path}`, stage, options?.abortSignal);
        },
        commitBlockList: (
          ids: readonly string[],
          options: Options & { conditions?: { ifNoneMatch?: string }; metadata?: Record<string, string> },
        ) => {
          const given = { ...options.metadata };
          return wire.send(
            `commit ${name}/${path}`,
            () => this.#commit(name, path, ids, options.conditions?.ifNoneMatch === "*", given),
            options.abortSignal,
          );
        },
      }),
      getBlobClient: (path: string) => ({
        getProperties: (options: Options) =>
          wire.send(
            `head ${name}/${path}`,
            () => {
              const { bytes, metadata } = this.#blob(name, path);
              return { contentLength: bytes.length, metadata: { ...metadata } };
            },
            options?.abortSignal,
          ),
        download: (from: number, count: number | undefined, options: Options) =>
          wire.send(
            `read ${name}/${path}`,
            () => {
              const whole = this.#blob(name, path).bytes;
              const bytes = whole.subarray(from, count === undefined ? whole.length : from + count);
              return { contentLength: bytes.length, readableStreamBody: pieces(bytes) };
            },
            options?.abortSignal,
          ),
      }),
      listBlobsFlat: (of: Options & { prefix?: string }) => ({
        byPage: () => this.#pages(name, of.prefix ?? "", wire, of.abortSignal),
      }),
      listBlobsByHierarchy: (delimiter: string, of: Options & { prefix?: string }) => ({
        byPage: (page: { maxPageSize: number; continuationToken?: string }) =>
          this.#levelPages(name, { delimiter, prefix: of.prefix ?? "", ...page }, wire, of.abortSignal),
      }),
    };
  }

  #commit(
    name: string,
    path: string,
    ids: readonly string[],
    isConditional: boolean,
    metadata: Record<string, string>,
  ): void {
    const container = this.#container(name);
    if (isConditional && container.blobs.has(path)) throw serviceError(409, "BlobAlreadyExists");
    const blocks = ids.map((id) => container.staged.get(path)?.get(id));
    if (blocks.some((block) => block === undefined)) throw serviceError(400, "InvalidBlockList");
    container.staged.delete(path);
    const blob = { bytes: Buffer.concat(blocks as Buffer[]), metadata: this.losesMetadata() ? {} : metadata };
    if (container.blobs.has(path)) this.onOverwritten(name, path);
    container.blobs.set(path, blob);
    this.onCreated(name, path, blob, metadata);
  }

  async *#pages(name: string, prefix: string, wire: Wire, signal: AbortSignal | undefined) {
    const blobItems = await wire.send(`list ${name}`, () => this.#items(name, prefix), signal);
    yield { segment: { blobItems } };
  }

  /** One level of names: what goes on behind the delimiter is one entry, its prefix. */
  async *#levelPages(name: string, of: LevelPage, wire: Wire, signal: AbortSignal | undefined) {
    const { delimiter, prefix, maxPageSize } = of;
    for (let after = of.continuationToken ?? ""; ;) {
      const list = () => {
        const entries = new Map<string, BlobItem | null>();
        for (const item of this.#items(name, prefix)) {
          const end = item.name.indexOf(delimiter, prefix.length);
          if (end < 0) entries.set(item.name, item);
          else entries.set(item.name.slice(0, end + delimiter.length), null);
        }
        const rest = [...entries].filter(([entry]) => entry > after).sort(([one], [other]) => (one < other ? -1 : 1));
        return { page: rest.slice(0, maxPageSize), isLast: rest.length <= maxPageSize };
      };
      const { page, isLast } = await wire.send(`list a level of ${name}`, list, signal);
      after = page.at(-1)?.[0] ?? "";
      yield {
        segment: {
          blobItems: page.flatMap(([, item]) => (item === null ? [] : [item])),
          blobPrefixes: page.flatMap(([entry, item]) => (item === null ? [{ name: entry }] : [])),
        },
        continuationToken: isLast ? "" : after,
      };
      if (isLast) return;
    }
  }

  #items(name: string, prefix: string): BlobItem[] {
    return [...this.#container(name).blobs]
      .filter(([path]) => path.startsWith(prefix))
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([path, { bytes }]) => ({ name: path, properties: { contentLength: bytes.length } }));
  }
}

interface BlobItem {
  readonly name: string;
  readonly properties: { readonly contentLength: number };
}

interface LevelPage {
  readonly delimiter: string;
  readonly prefix: string;
  readonly maxPageSize: number;
  /** Here: the last name of the page before. */
  readonly continuationToken?: string;
}

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1000) {
    await Promise.resolve();
    yield bytes.subarray(at, at + 1000);
  }
}

/** The names that this service takes. */
function requireName(name: string): void {
  if (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) && name.length >= 3 && name.length <= 63) return;
  throw new ColdpathError("invalid", "invalid-container-name", `the container name ${JSON.stringify(name)} is wrong`, {
    field: "container",
  });
}
