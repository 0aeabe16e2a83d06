// The SDK's client of one account: loaded at the first request, with connections of its own and no retries of its own.

import type { Agent } from "node:http";
import type { LookupFunction } from "node:net";
import type { BlobServiceClient, StoragePipelineOptions } from "@azure/storage-blob";
import type { NetworkPolicy } from "../networks.ts";
import type { AzureSignIn } from "./credential.ts";
import { guardedAgent } from "./guarded-agent.ts";

/** Idle connections are dropped before the service or a load balancer does it and the next minute's request finds out. */
const idleMs = 20_000;
const connectionsMax = 16;

export class ServiceClient {
  readonly #signIn: AzureSignIn;
  readonly #agent: Agent;
  #loading: Promise<BlobServiceClient> | undefined;

  constructor(signIn: AzureSignIn, policy: NetworkPolicy, lookup: LookupFunction | undefined) {
    const options = { keepAlive: true, maxSockets: connectionsMax, timeout: idleMs };
    this.#agent = guardedAgent(signIn.endpoint.startsWith("https:"), options, policy, lookup);
    this.#signIn = signIn;
  }

  get(): Promise<BlobServiceClient> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** Ends the connections; requests under way fail. */
  close(): void {
    this.#agent.destroy();
  }

  async #load(): Promise<BlobServiceClient> {
    const { AnonymousCredential, BlobServiceClient, newPipeline, StorageSharedKeyCredential } =
      await import("@azure/storage-blob");
    // The SDK hands these two on to its pipeline though its type does not name them. The agent is ours, so that close()
    // ends connections. The blob service redirects nobody: what answers with a redirect is not it.
    const options: StoragePipelineOptions & { agent: Agent; redirectOptions: { maxRetries: number } } = {
      agent: this.#agent,
      redirectOptions: { maxRetries: 0 },
      retryOptions: { maxTries: 1 },
      userAgentOptions: { userAgentPrefix: "coldpath" },
    };
    const { endpoint, credential } = this.#signIn;
    switch (credential.kind) {
      case "account-key": {
        const sharedKey = new StorageSharedKeyCredential(credential.accountName, credential.accountKey);
        return new BlobServiceClient(endpoint, newPipeline(sharedKey, options));
      }
      case "sas":
        return new BlobServiceClient(
          `${endpoint}?${credential.query}`,
          newPipeline(new AnonymousCredential(), options),
        );
      case "token":
        return new BlobServiceClient(endpoint, newPipeline(credential.source, options));
    }
  }
}
