// The SDK's client of one account: loaded at the first request, with connections of its own and no retries of its own.

import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { BlobServiceClient, StoragePipelineOptions } from "@azure/storage-blob";
import type { AzureSignIn } from "./credential.ts";

/** Idle connections are dropped before the service or a load balancer does it and the next minute's request finds out. */
const idleMs = 20_000;
const connectionsMax = 16;

export class ServiceClient {
  readonly #signIn: AzureSignIn;
  readonly #agent: HttpAgent;
  #loading: Promise<BlobServiceClient> | undefined;

  constructor(signIn: AzureSignIn) {
    const AgentOfScheme = signIn.endpoint.startsWith("https:") ? HttpsAgent : HttpAgent;
    this.#agent = new AgentOfScheme({ keepAlive: true, maxSockets: connectionsMax, timeout: idleMs });
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
    // The SDK hands `agent` on to its pipeline though its type does not name it: ours, so that close() ends connections.
    const options: StoragePipelineOptions & { agent: HttpAgent } = {
      agent: this.#agent,
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
