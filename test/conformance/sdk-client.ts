// A client of an SDK in another process: its calls by name, its events to wait for.

import type { Calls, DriverMessage, Events, OpenOptions, Settlement } from "./driver-protocol.ts";
import type { SdkProcess } from "./sdk-process.ts";

export class SdkClient {
  readonly #sdk: SdkProcess;
  readonly #name: string;
  #isOpen = false;

  /** @param name  one no other client of the process has. */
  constructor(sdk: SdkProcess, name: string) {
    this.#sdk = sdk;
    this.#name = name;
  }

  async open(options: OpenOptions): Promise<void> {
    this.#isOpen = true;
    await this.#call("open", options);
  }

  /** Resolves when the SDK says that the hub has acknowledged. */
  async send(message: DriverMessage): Promise<void> {
    await this.#call("send", { message });
  }

  async sendBatch(messages: readonly DriverMessage[]): Promise<void> {
    await this.#call("sendBatch", { messages });
  }

  async twin(): Promise<Calls["twin"]["answer"]> {
    return await this.#call("twin", {});
  }

  async report(patch: object): Promise<void> {
    await this.#call("report", { patch });
  }

  async watchDesired(): Promise<void> {
    await this.#call("watchDesired", {});
  }

  async watchMessages(...settle: readonly Settlement[]): Promise<void> {
    await this.#call("watchMessages", { settle });
  }

  async answerMethod(name: string, status: number, payload: unknown): Promise<void> {
    await this.#call("answerMethod", { name, status, payload });
  }

  /** So far. */
  events<E extends keyof Events>(event: E): readonly Events[E][] {
    return this.#sdk.events(event, this.#name);
  }

  async until<E extends keyof Events>(
    event: E,
    areEnough: (events: readonly Events[E][]) => boolean,
  ): Promise<readonly Events[E][]> {
    return await this.#sdk.until(event, this.#name, areEnough);
  }

  /** Nothing when it is closed. */
  async close(): Promise<void> {
    if (!this.#isOpen || this.#sdk.isEnded) return;
    this.#isOpen = false;
    await this.#call("close", {});
  }

  async #call<N extends keyof Calls>(name: N, asked: Calls[N]["asked"]): Promise<Calls[N]["answer"]> {
    return await this.#sdk.call(name, this.#name, asked);
  }
}
