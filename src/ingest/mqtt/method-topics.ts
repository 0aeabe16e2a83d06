// Direct methods of a connected device over MQTT: calls on `$iothub/methods/POST/…`, answers on `$iothub/methods/res/…`.
// Topics: docs/formats.md "MQTT". Calls wait in the room twins.

import type { Subscriptions } from "../../registry/registry.ts";
import type { MethodCall, Methods } from "../../twins/methods.ts";
import type { TwinOwner } from "../../twins/twins.ts";
import { publishPacket } from "./packets.ts";
import { type MethodReply, methodsFilter } from "./topics.ts";

export interface MethodTopicsOptions {
  readonly methods: Methods;
  readonly owner: TwinOwner;
  readonly subscriptions: Subscriptions;
  readonly write: (packet: Buffer) => void;
}

export class MethodTopics {
  readonly #options: MethodTopicsOptions;
  #stop: ((isExpectedBack: boolean) => void) | null = null;

  constructor(options: MethodTopicsOptions) {
    this.#options = options;
  }

  reply({ requestId, status }: MethodReply, payload: Buffer): void {
    const { methods, owner } = this.#options;
    methods.answer(owner, requestId, status, payload);
  }

  /** A filter was subscribed to, or left. */
  subscriptionsChanged(): void {
    const { methods, owner, subscriptions, write } = this.#options;
    if (!subscriptions.has(methodsFilter)) return this.close();
    this.#stop ??= methods.serve(owner, (call) => write(publishPacket(topicOf(call), call.payload)));
  }

  /** @param isExpectedBack  the connection ended, and its session is kept. */
  close(isExpectedBack = false): void {
    this.#stop?.(isExpectedBack);
    this.#stop = null;
  }
}

/** Encoded as little as a topic allows: the Node SDK takes the name as it stands there. */
function topicOf({ name, requestId }: MethodCall): string {
  const segment = encodeURIComponent(name).replace(/%(?:3A|40|24|2C|3B|3D)/g, decodeURIComponent);
  return `$iothub/methods/POST/${segment}/?$rid=${requestId}`;
}
