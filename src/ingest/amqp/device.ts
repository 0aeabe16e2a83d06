// A device on an AMQP connection: usually the only one, but a gateway may bring several.
//
//   D1  It is a connection of its own to the table: taken over and ended alone.

import type { Sender } from "../../message/message.ts";
import type { TwinOwner } from "../../twins/twins.ts";
import type { AcceptPath } from "../accept.ts";
import type { AuthOutcome } from "../authenticate.ts";
import type { LiveConnection } from "../connection-table.ts";
import type { TwinNode } from "./twin-node.ts";

export type Identity = Extract<AuthOutcome, { kind: "known" }>;

export class AmqpDevice implements LiveConnection {
  readonly deviceId: string;
  readonly moduleId: string | undefined;
  readonly address: string | undefined;
  readonly path: AcceptPath;
  sender: Sender;
  /** Whose twin, calls and messages these are. */
  readonly owner: TwinOwner;
  policy: string | null;
  caCertificateId: string | null;
  /** Real time. */
  expiresMs: number;
  /** Both links of the twin, once there is one of them. */
  twin: TwinNode | null = null;
  readonly #ended: (device: AmqpDevice, why: "taken-over" | "access") => void;

  constructor(
    identity: Identity,
    from: { readonly deviceId: string; readonly address: string | undefined; readonly path: AcceptPath },
    ended: (device: AmqpDevice, why: "taken-over" | "access") => void,
  ) {
    this.deviceId = from.deviceId;
    this.moduleId = identity.moduleId;
    this.address = from.address;
    this.path = from.path;
    this.policy = identity.policy;
    this.caCertificateId = identity.caCertificateId;
    this.expiresMs = identity.expiresMs;
    this.owner = {
      deviceId: from.deviceId,
      moduleId: identity.moduleId,
      generationId: identity.identityGenerationId,
    };
    this.sender = senderOf(from.deviceId, identity, undefined);
    this.#ended = ended;
  }

  /** A token renewed, while the device stays. */
  renew(identity: Identity): void {
    this.policy = identity.policy;
    this.caCertificateId = identity.caCertificateId;
    this.expiresMs = identity.expiresMs;
    this.sender = senderOf(this.deviceId, identity, this.sender.modelId);
  }

  /** It is of this model (IoT Plug and Play). */
  isOf(modelId: string): void {
    this.sender = { ...this.sender, modelId };
  }

  end(why: "taken-over" | "access"): void {
    this.#ended(this, why);
  }
}

function senderOf(deviceId: string, identity: Identity, modelId: string | undefined): Sender {
  const { moduleId, authScope, generationId } = identity;
  return { deviceId, moduleId, authScope, generationId, modelId };
}
