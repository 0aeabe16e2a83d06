// The two ends of a link that the hub has: one that takes what a device sends, one that sends to a device.

import type { AmqpError } from "./performatives.ts";

/** The session of a delivery, for whoever settles it. */
export interface Settling {
  /** @param state  encoded; of the deliveries from `first` to `last`. */
  settle(first: number, last: number, state: Buffer): void;
}

/** One message of a device, whole. */
export interface Delivery {
  readonly session: Settling;
  readonly id: number;
  /** The device does not want to hear of it. */
  readonly isSettled: boolean;
  readonly format: number;
  /** The message lies in the chunk that was read: it is good for this turn only. */
  readonly message: Buffer;
}

/**
 *   accepted  it is settled at once
 *   pending   who took it settles it when it is durable
 *   stopped   nothing was taken; reading is paused, and the delivery comes again
 *   an error  it is rejected with it
 */
export type Taken = "accepted" | "pending" | "stopped" | AmqpError;

/** What stands behind a link on which a device sends. */
export interface Taker {
  readonly credit: number;
  /** Of one message, as the device is told. */
  readonly bytesMax: number;
  /** Of one message that is taken all the same. Left out: `bytesMax`. */
  readonly takenBytesMax?: number;
  /** Asked before a message is put together: false pauses reading. */
  mayTake?(): boolean;
  take(delivery: Delivery): Taken;
}

export type Outcome = "accepted" | "rejected" | "released";

/** A message to the device of which the hub wants to hear. */
export interface Unsettled {
  /** Of this delivery and no other, also over connections, and 16 bytes: .NET's SDK makes a GUID of it, by which its user settles. */
  readonly tag: Buffer;
  /** Called once with what became of it. Never rejects. @returns when it is written down: false, it is not the device's any more. */
  settled(outcome: Outcome): Promise<boolean>;
}

/** What stands behind a link on which the hub sends. */
export interface Giver {
  /** It hears what becomes of its messages, unless the device wants them settled. Left out: all are sent settled. */
  readonly awaitsOutcomes?: boolean;
  /** The link is attached. */
  begin(link: OutgoingLink): void;
  /** It is detached. */
  end(link: OutgoingLink): void;
  /** When all is sent that there is now and that there is credit for. Never rejects. Left out: it always is. */
  given?(): Promise<void>;
}

export interface OutgoingLink {
  /** Sends a message when the device has credit. @param unsettled  left out: it is sent settled. */
  send(message: Buffer, unsettled?: Unsettled): void;
  /** The device wants messages settled, and says nothing of them. */
  readonly isSentSettled: boolean;
  /** Messages that the device would take now and that nobody has sent. */
  readonly room: number;
  /** Called when there is room; one listener. */
  onRoom: (() => void) | null;
}
