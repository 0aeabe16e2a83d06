// The HTTPS counterpart of MqttPublisher: requests of one message each, or of a batch, over a few connections.

import { Agent, request } from "node:https";
import type { ConnectionOptions } from "node:tls";
import { type LoadOptions, NumberedLoad, type NumberedMessage, type Publisher } from "./numbered-load.ts";

export interface HttpsPublisherOptions extends LoadOptions {
  readonly port: number;
  readonly tls: ConnectionOptions;
  /** Asked for each request; null: the certificate is enough. */
  readonly token: () => string | null;
  /** Messages in a request; 1: each by itself. */
  readonly batch: number;
  readonly connections: number;
}

/** Sends as fast as requests are answered, until stopped or a connection is cut off. */
export class HttpsPublisher implements Publisher {
  readonly ended: Promise<void>;
  readonly #options: HttpsPublisherOptions;
  readonly #load: NumberedLoad;
  readonly #agent: Agent;
  #isStopped = false;

  constructor(options: HttpsPublisherOptions) {
    this.#options = options;
    this.#load = new NumberedLoad(options);
    this.#agent = new Agent({ keepAlive: true, ...options.tls, servername: "localhost" });
    const loops = Array.from({ length: options.connections }, async () => await this.#run());
    this.ended = Promise.all(loops).then(() => this.#agent.destroy());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.ended;
  }

  cut(): void {
    this.#isStopped = true;
    this.#agent.destroy();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const messages: NumberedMessage[] = [];
      while (messages.length < this.#options.batch) {
        const message = this.#load.next();
        if (message === null) break;
        messages.push(message);
      }
      if (messages.length === 0) {
        await aWhile();
        continue;
      }
      const status = await this.#post(messages);
      if (status === null) this.#isStopped = true;
      else if (status !== 204) await aWhile();
      else for (const message of messages) this.#load.acknowledged(message);
    }
  }

  /** Null: the connection is over, and nobody knows. */
  async #post(messages: readonly NumberedMessage[]): Promise<number | null> {
    const { deviceId, moduleId, port, batch } = this.#options;
    const token = this.#options.token();
    const module = moduleId === undefined ? "" : `/modules/${moduleId}`;
    const body =
      batch === 1
        ? (messages[0]?.body ?? "")
        : JSON.stringify(messages.map((one) => ({ body: one.body.toString(), base64Encoded: false })));
    return await new Promise((resolve) => {
      const call = request({
        host: "127.0.0.1",
        port,
        agent: this.#agent,
        method: "POST",
        path: `/devices/${deviceId}${module}/messages/events?api-version=2021-04-12`,
        headers: {
          ...(token === null ? {} : { authorization: token }),
          ...(batch === 1 ? {} : { "content-type": "application/vnd.microsoft.iothub.json" }),
        },
      });
      call.once("error", () => resolve(null));
      call.once("response", (response) => {
        response.once("error", () => resolve(null));
        response.resume().once("end", () => resolve(response.statusCode ?? null));
      });
      call.end(body);
    });
  }
}

const aWhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
