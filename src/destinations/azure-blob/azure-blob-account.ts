// A storage account in Azure: its containers by name, and the connections to it.

import type { LookupFunction } from "node:net";
import type { TokenCredential } from "@azure/identity";
import { assert } from "../../lib/assert.ts";
import { ColdpathError } from "../../lib/errors.ts";
import { DestinationError, type Destination, type StorageAccess } from "../destination.ts";
import { throwIfAborted } from "../failure.ts";
import type { NetworkPolicy } from "../networks.ts";
import { AzureBlobDestination } from "./azure-blob-destination.ts";
import { signInOf, type AzureBlobSettings, type AzureSignIn } from "./credential.ts";
import { maskOf } from "./mask.ts";
import { Requests } from "./requests.ts";
import { ServiceClient } from "./service-client.ts";

export interface AzureBlobOptions {
  /** Longest wait for the answer to one request, or for the next bytes of a read. Default 60 s. */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * Bytes of a staged block, and so the memory of one put. Default 8 MiB, at most 100 MiB. Objects of more than 10,000
   * blocks get larger ones, see block-buffer.ts.
   */
  readonly blockBytes?: number | undefined;
  /** For tests: gives tokens instead of @azure/identity. */
  readonly tokenSource?: TokenCredential | undefined;
  /** Where connections may go; judged at each. Default: wherever `networks.ts` does not always refuse. */
  readonly networkPolicy?: NetworkPolicy | undefined;
  /** For tests: resolves names instead of the system. */
  readonly lookup?: LookupFunction | undefined;
}

const defaultRequestTimeoutMs = 60_000;
const defaultBlockBytes = 8 * 1024 * 1024;
const blockBytesMax = 100 * 1024 * 1024;

/**
 * Opens an account of Azure Blob storage. Nothing is sent yet; a wrong secret shows at the first request.
 *
 * @param secret  connection string, account key, SAS or client secret, as `settings.auth` says.
 * @throws ColdpathError `invalid` that names the field (`secret`, `settings.endpoint`, …).
 */
export function openAzureBlob(
  settings: AzureBlobSettings,
  secret: string | undefined,
  options: AzureBlobOptions = {},
): StorageAccess {
  return new AzureBlobAccount(signInOf(settings, secret), options);
}

class AzureBlobAccount implements StorageAccess {
  readonly #endpoint: string;
  readonly #service: ServiceClient;
  readonly #requests: Requests;
  readonly #blockBytes: number;
  readonly #credentialKind: AzureSignIn["credential"]["kind"];

  constructor(signIn: AzureSignIn, options: AzureBlobOptions) {
    this.#blockBytes = options.blockBytes ?? defaultBlockBytes;
    assert(this.#blockBytes >= 1 && this.#blockBytes <= blockBytesMax, "blockBytes is 1 byte to 100 MiB");
    const { tokenSource } = options;
    const credential =
      tokenSource === undefined ? signIn.credential : ({ kind: "token", source: tokenSource } as const);
    this.#endpoint = signIn.endpoint;
    this.#credentialKind = credential.kind;
    this.#service = new ServiceClient({ ...signIn, credential }, options.networkPolicy ?? {}, options.lookup);
    this.#requests = new Requests({
      requestTimeoutMs: options.requestTimeoutMs ?? defaultRequestTimeoutMs,
      mask: maskOf(signIn.secrets),
      sas: credential.kind === "sas" ? credential.query : null,
    });
  }

  // oxlint-disable-next-line require-await -- the port's shape: a folder has to look
  async container(name: string): Promise<Destination> {
    requireContainerName(name);
    return new AzureBlobDestination(`azure-blob:${this.#endpoint}/${name}`, {
      client: async () => (await this.#service.get()).getContainerClient(name),
      blockBytes: this.#blockBytes,
      requests: this.#requests,
      credentialKind: this.#credentialKind,
    });
  }

  async listContainers(signal?: AbortSignal): Promise<readonly string[]> {
    const operation = `list the containers of ${this.#endpoint}`;
    throwIfAborted(signal, operation);
    return await this.#requests.run(operation, signal, async (abortSignal) => {
      const names: string[] = [];
      const service = await this.#service.get();
      for await (const container of service.listContainers({ abortSignal })) {
        // $logs, $web and their like are the service's own.
        if (containerNameProblem(container.name) === null) names.push(container.name);
      }
      return names.sort();
    });
  }

  async createContainer(name: string, signal?: AbortSignal): Promise<boolean> {
    requireContainerName(name);
    const operation = `create the container ${name} in ${this.#endpoint}`;
    throwIfAborted(signal, operation);
    try {
      await this.#requests.run(operation, signal, async (abortSignal) => {
        const service = await this.#service.get();
        await service.getContainerClient(name).create({ abortSignal });
      });
      return true;
    } catch (thrown) {
      if (thrown instanceof DestinationError && thrown.failure.code === "ContainerAlreadyExists") return false;
      throw thrown;
    }
  }

  close(): Promise<void> {
    this.#service.close();
    return Promise.resolve();
  }
}

function requireContainerName(name: string): void {
  const problem = containerNameProblem(name);
  if (problem === null) return;
  throw new ColdpathError(
    "invalid",
    "invalid-container-name",
    `the container name ${JSON.stringify(name)} ${problem}`,
    {
      field: "container",
      hint: "Use 3 to 63 lower case letters, digits and single hyphens, e.g. iot-data.",
    },
  );
}

/** https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata */
function containerNameProblem(name: string): string | null {
  if (name.length < 3 || name.length > 63) return "does not have 3 to 63 characters";
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) return "is not lower case letters, digits and single hyphens";
  return null;
}
