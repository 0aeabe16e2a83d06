// Cloud-to-device messages: what waits for a device until it says that it is done with it, and the calls for them.
//
// A message is queued, given to the device under a lock (delivering), and ends: the device completes or rejects it; or it
// expires, was delivered too often without either (dead-lettered), or is purged. An ended one is known for a while, without
// its body, so that its sender can see what became of it. What a message may be: cloud-message-input.ts.

export const cloudMessageStates = [
  "queued",
  "delivering",
  "completed",
  "rejected",
  "expired",
  "dead-lettered",
  "purged",
] as const;
export type CloudMessageState = (typeof cloudMessageStates)[number];
export type CloudMessageEnd = Exclude<CloudMessageState, "queued" | "delivering">;
export const cloudMessageEnds: readonly CloudMessageEnd[] = [
  "completed",
  "rejected",
  "expired",
  "dead-lettered",
  "purged",
];

/** IoT Hub's bounds. */
export const cloudMessageBounds = {
  /** Body, names and values of properties. */
  bytesMax: 64 * 1024,
  /** Of properties alone: they travel in topics and headers. */
  propertyBytesMax: 8 * 1024,
  propertiesMax: 100,
  perDeviceMax: 50,
  ttlMsDefault: 60 * 60 * 1000,
  ttlMsMax: 48 * 60 * 60 * 1000,
  deliveriesMax: 10,
  lockMs: 60 * 1000,
  /** An ended message is known so long, and so many for each device. */
  endedKeptMs: 24 * 60 * 60 * 1000,
  endedKeptMax: 50,
} as const;

export interface NewCloudMessage {
  readonly body: Uint8Array;
  /** Made up when left out. No other message that the device is known to have had may have it. */
  readonly messageId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly userId?: string | undefined;
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly properties?: Readonly<Record<string, string>> | undefined;
  readonly ttlMs?: number | undefined;
}

/** What both sides see of a message. */
export interface CloudMessageHead {
  readonly messageId: string;
  readonly correlationId?: string | undefined;
  readonly userId?: string | undefined;
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly properties: Readonly<Record<string, string>>;
  readonly enqueuedAt: string;
  readonly expiresAt: string;
  /** How often it was given to the device. */
  readonly deliveryCount: number;
}

/** As its sender sees it. */
export interface CloudMessage extends CloudMessageHead {
  readonly state: CloudMessageState;
  /** Of the body. */
  readonly bytes: number;
  /** Of those that ended. */
  readonly endedAt?: string | undefined;
}

/** As the device gets it. */
export interface CloudDelivery extends CloudMessageHead {
  /** Grows by one with each message of the device, from 1 on. */
  readonly number: number;
  readonly body: Buffer;
  /** Another one each time. */
  readonly lockToken: string;
}

/** A device of one generation (D1). */
export interface CloudMessageOwner {
  readonly deviceId: string;
  readonly generationId: string;
}

export interface TakenCloudMessages {
  /** In order. */
  readonly deliveries: readonly CloudDelivery[];
  /** When the next lock of this device's ends; null when none is locked. On the registry's clock. */
  readonly lockEndsMs: number | null;
}

/** What changed in a device's queue. */
export interface CloudMessageChange {
  readonly deviceId: string;
  readonly generationId: string;
  /** Whether there may be one more to give to the device. */
  readonly isDeliverable: boolean;
  readonly enqueued: number;
  readonly ended: Readonly<Partial<Record<CloudMessageEnd, number>>>;
}

export interface CloudMessageTotals {
  /** Not ended. */
  readonly messages: number;
  readonly bytes: number;
}

export interface CloudMessageCalls {
  /**
   * Durable when it resolves (D2).
   *
   * @param bytesMax  of all messages that wait, of all devices.
   * @throws `device-not-found`, `input-invalid`, `cloud-message-too-large`, `cloud-message-exists`, `cloud-messages-full`.
   */
  sendCloudMessage(deviceId: string, message: NewCloudMessage, bytesMax: number): Promise<CloudMessage>;
  /** Those that wait, in order, then those that ended, the last one first. */
  cloudMessages(deviceId: string): Promise<readonly CloudMessage[]>;
  /** Locks the next ones that nobody holds, at most `countMax`; none when the device is not that generation. */
  takeCloudMessages(owner: CloudMessageOwner, countMax: number): Promise<TakenCloudMessages>;
  /**
   * The device is done with a message, or gives it back (`abandoned`).
   *
   * @throws `lock-lost` when the lock is over and another holds it, or the message ended.
   */
  settleCloudMessage(
    owner: CloudMessageOwner,
    lockToken: string,
    outcome: "completed" | "rejected" | "abandoned",
  ): Promise<void>;
  /** Gives back all that the device holds: its connection is over. */
  releaseCloudMessages(owner: CloudMessageOwner): Promise<void>;
  /** Ends those that wait, or the one named. @returns how many. @throws `device-not-found`, `cloud-message-not-found`. */
  purgeCloudMessages(deviceId: string, messageId?: string): Promise<number>;
  /** Ends those that expired or were delivered too often, and forgets those that ended long ago. Call it now and then. */
  sweepCloudMessages(): Promise<void>;
  cloudMessageTotals(): Promise<CloudMessageTotals>;
}
