// What devices sent, what of it could be taken, and what was acknowledged: the devices' side of the promise.

export interface Message {
  /** The whole body: what a record is known by. Equal bodies share one entry. */
  readonly body: string;
  readonly deviceId: string;
  /** What the record must say besides. */
  readonly application: Readonly<Record<string, string>>;
  readonly system: Readonly<Record<string, string>>;
  /** Times it came to the hub whole over a connection whose access was not taken away. */
  delivered: number;
  acknowledged: number;
  /** Records of it in closed windows. */
  stored: number;
  /** How the connections were authenticated that it came over. */
  readonly scopes: Set<string>;
  /** Generations of the device while it may have been taken. */
  readonly generations: Set<string>;
}

export class Ledger {
  readonly messages = new Map<string, Message>();
  acknowledged = 0;

  message(of: Pick<Message, "body" | "deviceId" | "application" | "system">): Message {
    let message = this.messages.get(of.body);
    if (message === undefined) {
      message = { ...of, delivered: 0, acknowledged: 0, stored: 0, scopes: new Set(), generations: new Set() };
      this.messages.set(of.body, message);
    }
    return message;
  }
}
