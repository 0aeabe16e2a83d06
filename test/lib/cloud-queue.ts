// A queue of messages for one device, without a registry: what a fuzz target puts behind a front end.

import type { CloudDelivery, CloudMessageCalls } from "../../src/registry/registry.ts";

export class CloudQueue implements CloudMessageCalls {
  readonly settled: string[] = [];
  readonly #deliveries: CloudDelivery[];
  readonly #held = new Set<string>();

  /** @param count  messages that wait; the lock of the first is `lock-1`. */
  constructor(count: number) {
    this.#deliveries = Array.from({ length: count }, (_one, index) => ({
      number: index + 1,
      lockToken: `lock-${index + 1}`,
      messageId: `m-${index + 1}`,
      properties: { a: "x/y & z" },
      body: Buffer.from(`body ${index + 1}`),
      enqueuedAt: "2026-01-02T03:04:05.678Z",
      expiresAt: "2026-01-02T04:04:05.678Z",
      deliveryCount: 1,
    }));
  }

  async takeCloudMessages(_owner: unknown, countMax: number) {
    const deliveries = this.#deliveries.splice(0, countMax);
    for (const { lockToken } of deliveries) this.#held.add(lockToken);
    return { deliveries, lockEndsMs: null };
  }

  async settleCloudMessage(_owner: unknown, lockToken: string, outcome: string): Promise<void> {
    if (!this.#held.delete(lockToken)) throw Object.assign(new Error("lost"), { code: "lock-lost" });
    this.settled.push(`${lockToken} ${outcome}`);
  }

  async releaseCloudMessages(): Promise<void> {}
  async sweepCloudMessages(): Promise<void> {}
  async sendCloudMessage(): Promise<never> {
    throw new Error("nobody sends here");
  }
  async cloudMessages() {
    return [];
  }
  async purgeCloudMessages() {
    return 0;
  }
  async cloudMessageTotals() {
    return { messages: this.#deliveries.length, bytes: 0 };
  }
}
