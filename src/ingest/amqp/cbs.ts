// Claims-based security: a device brings tokens to the node `$cbs`, the first and each that renews it, and is answered there.

import type { Delivery, Giver, OutgoingLink, Taken, Taker } from "./links.ts";
import { parseAudience } from "./address.ts";
import { bounds } from "./context.ts";
import { readMessage, writeMessage } from "./message.ts";
import type { Owner } from "./sign-in.ts";
import type { RejectionReason } from "../ingest.ts";
import { parseSasToken } from "../sas-token.ts";
import { type AmqpValue, Malformed, encode, textOf } from "./values.ts";

export interface CbsHost {
  /** Reading waits for it. Never rejects. */
  signIn(owner: Owner | "hub", token: string, answered: (reason: RejectionReason | null) => void): void;
  /** Counts a request that cannot be understood. */
  malformed(what: string): void;
}

/** Both directions of one connection. */
export class Cbs {
  readonly taker: Taker;
  readonly giver: Giver;
  #link: OutgoingLink | null = null;

  constructor(host: CbsHost) {
    this.taker = {
      credit: bounds.requestCredit,
      bytesMax: 16 * 1024,
      take: (delivery) => this.#take(host, delivery),
    };
    this.giver = {
      begin: (link) => (this.#link = link),
      end: (link) => {
        if (this.#link === link) this.#link = null;
      },
    };
  }

  #take(host: CbsHost, { message }: Delivery): Taken {
    try {
      const { properties, application, body } = readMessage(message);
      const word = (name: string): string => textOf(application?.get(name)) ?? "";
      const id = properties[0] ?? null;
      const token = body.source.toString("utf8", body.first, body.next);
      const audience = moduleOf(parseAudience(word("name")), token);
      const malformed = (what: string): void => {
        host.malformed(what);
        this.#answer(id, 400, what);
      };
      if (word("operation") !== "put-token") malformed("The operation must be put-token.");
      else if (!word("type").endsWith(":sastoken")) malformed("The type must be servicebus.windows.net:sastoken.");
      else if (audience === null) malformed("The name must be {host}/devices/{device id}.");
      else {
        host.signIn(audience, token, (reason) => {
          if (reason === null) this.#answer(id, 200, "OK");
          else
            this.#answer(
              id,
              401,
              `Unauthorized: ${shown.has(reason) ? reason : "the token does not open this device"}.`,
            );
        });
      }
      return "accepted";
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      return { condition: "amqp:decode-error", description: error.message };
    }
  }

  #answer(id: AmqpValue, status: number, description: string): void {
    const application = [
      ["status-code", encode.int(status)],
      ["status-description", encode.string(description)],
    ] as const;
    this.#link?.send(writeMessage({ to: "cbs", correlationId: encode.id(id), application, body: null }));
  }
}

/** Azure's SDK for Java names the device also where a module signs in: then the token says which. */
function moduleOf(audience: Owner | "hub" | null, token: string): Owner | "hub" | null {
  if (audience === null || audience === "hub" || audience.moduleId !== undefined) return audience;
  const named = parseAudience(parseSasToken(token)?.resourceDecoded ?? "");
  return named !== null && named !== "hub" && named.deviceId === audience.deviceId ? named : audience;
}

/** What may be told to whoever holds no key: it stands in the token itself. */
const shown: ReadonlySet<RejectionReason> = new Set<RejectionReason>([
  "token-malformed",
  "token-expired",
  "token-resource",
  "device-disabled",
]);
