// What a connected device and the hub say to each other on topics that are not messages: its twin, direct methods, messages for it.

import type { Log } from "../../lib/log.ts";
import type { Subscriptions } from "../../registry/registry.ts";
import type { Methods } from "../../twins/methods.ts";
import type { TwinOwner, Twins } from "../../twins/twins.ts";
import type { CloudMessages } from "../../twins/cloud-messages.ts";
import { CloudMessageTopics } from "./cloud-message-topics.ts";
import { MethodTopics } from "./method-topics.ts";
import { DesiredPushes, type DesiredPushesOptions } from "../desired-pushes.ts";
import type { RejectionReason } from "../ingest.ts";
import { publishPacket } from "./packets.ts";
import { desiredFilter, parseHubTopic } from "./topics.ts";
import { TwinTopics } from "./twin-topics.ts";

export interface HubTopicsOptions extends Omit<DesiredPushesOptions, "tell"> {
  readonly twins: Twins;
  readonly methods: Methods;
  readonly cloudMessages: CloudMessages;
  readonly log: Log;
  readonly owner: TwinOwner;
  /** Of the session; asked again at each use. */
  readonly subscriptions: Subscriptions;
  readonly write: (packet: Buffer) => void;
  /** As `write`; ends the connection when the device leaves too much unread. */
  readonly push: (packet: Buffer) => void;
  /** Whether the device reads what it is sent. */
  readonly isReading: () => boolean;
  /** Counts what is refused. */
  readonly reject: (reason: RejectionReason, deviceId: string | null, address: string | undefined) => void;
}

export class HubTopics {
  readonly #twin: TwinTopics;
  readonly #desired: DesiredPushes;
  readonly #methods: MethodTopics;
  readonly #cloudMessages: CloudMessageTopics;
  readonly #isKept: boolean;
  readonly #subscriptions: Subscriptions;

  constructor(options: HubTopicsOptions) {
    this.#isKept = !options.session.isClean;
    this.#twin = new TwinTopics(options);
    this.#subscriptions = options.subscriptions;
    this.#desired = new DesiredPushes({
      ...options,
      tell: (patch, version) =>
        options.push(publishPacket(`$iothub/twin/PATCH/properties/desired/?$version=${version}`, patch)),
    });
    this.#methods = new MethodTopics(options);
    this.#cloudMessages = new CloudMessageTopics(options);
  }

  /** A PUBLISH that is no message. @returns whether its topic is one of the hub's. */
  take(topic: string, payload: Buffer): boolean {
    const said = parseHubTopic(topic);
    if (said === null) return false;
    if (said.kind === "method-reply") this.#methods.reply(said, payload);
    else this.#twin.request(said, payload);
    return true;
  }

  /** Filters were subscribed to, or left. Called behind the SUBACK, or the CONNACK of a session that was kept: the device must know what comes. */
  subscriptionsChanged(): void {
    if (this.#subscriptions.has(desiredFilter)) this.#desired.follow();
    else this.#desired.close();
    this.#methods.subscriptionsChanged();
    this.#cloudMessages.subscriptionsChanged();
  }

  /** A PUBACK. */
  acknowledged(packetId: number): void {
    this.#cloudMessages.acknowledged(packetId);
  }

  /** @param heardMs  when something was last read from the device, in the time of `coarseMs`. */
  heard(heardMs: number): void {
    this.#desired.heard(heardMs);
  }

  close(): void {
    this.#twin.close();
    this.#desired.close();
    this.#methods.close(this.#isKept);
    this.#cloudMessages.close();
  }
}
