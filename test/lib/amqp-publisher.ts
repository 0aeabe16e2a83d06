// The AMQP counterpart of MqttPublisher, over rhea.

import type { Duplex } from "node:stream";
import rhea, { type Sender } from "rhea";
import { AmqpClient } from "./amqp-client.ts";
import type { StreamPublisherOptions } from "./mqtt-publisher.ts";
import { NumberedLoad, type Publisher } from "./numbered-load.ts";

/** Publishes as fast as messages are accepted, until stopped or cut off. */
export class AmqpPublisher implements Publisher {
  readonly ended: Promise<void>;
  readonly #options: StreamPublisherOptions;
  readonly #load: NumberedLoad;
  readonly #stream: Duplex;
  #inFlight = 0;
  #isStopped = false;

  constructor(options: StreamPublisherOptions) {
    this.#options = options;
    this.#load = new NumberedLoad(options);
    this.#stream = options.stream;
    this.ended = new Promise((resolve) => this.#stream.once("close", () => resolve()));
    this.#run().catch(() => this.#stream.destroy()); // refused, or cut off on the way
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (let turn = 0; turn < 200 && this.#inFlight > 0 && !this.#stream.destroyed; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.#stream.destroy();
    await this.ended;
  }

  cut(): void {
    this.#stream.destroy();
  }

  async #run(): Promise<void> {
    const { deviceId, moduleId, stream, token, perSecond } = this.#options;
    const client = await AmqpClient.open(0, { stream });
    const sender = `devices/${deviceId}${moduleId === undefined ? "" : `/modules/${moduleId}`}`;
    if (token !== null) {
      const { status } = await client.putToken(`localhost/${sender}`, token);
      if (status !== 200) throw new Error(`The hub answered ${status}.`);
    }
    const link = await client.sender(`/${sender}/messages/events`);
    if (typeof link === "string") throw new Error(link);
    link.once("sender_close", () => stream.destroy()); // its token is over
    if (perSecond !== undefined) {
      const timer = setInterval(() => this.#fill(client, link), 20);
      stream.once("close", () => clearInterval(timer));
    }
    this.#fill(client, link);
  }

  #fill(client: AmqpClient, link: Sender): void {
    while (!this.#isStopped && !client.isEnded && this.#inFlight < this.#options.inFlight) {
      const message = this.#load.next();
      if (message === null) return;
      this.#inFlight++;
      void client.send(link, { body: rhea.message.data_section(message.body) }).then(({ state }) => {
        this.#inFlight--;
        if (state === "accepted") this.#load.acknowledged(message);
        this.#fill(client, link);
      });
    }
  }
}
