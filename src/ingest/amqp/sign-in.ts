// Who is let in on an AMQP connection: by a token that CBS or SASL brought, or by the certificate of its TLS.
//
//   D1  A device id is claimed before its credentials are read, so that a change meanwhile ends the sign-in.
//   M1  Each holds a place from then on: with those that are open there are never more than there are places. Tokens are kept of as many
//       devices as may share a connection.

import type { ShownCertificates } from "../../lib/certificate.ts";
import { messageOf } from "../../lib/errors.ts";
import { authenticate } from "../authenticate.ts";
import { type LiveConnection, connectionId } from "../connection-table.ts";
import type { RejectionReason } from "../ingest.ts";
import { isSignedWith, parseSasToken } from "../sas-token.ts";
import { type AmqpContext, bounds } from "./context.ts";
import { AmqpDevice, type Identity } from "./device.ts";

export interface Owner {
  readonly deviceId: string;
  readonly moduleId: string | undefined;
}

export interface SignInHost {
  readonly context: AmqpContext;
  readonly address: string | undefined;
  certificate(): ShownCertificates | null;
  /** A device that was let in has lost its place. */
  ended(device: AmqpDevice, why: "taken-over" | "access"): void;
}

export class SignIn {
  readonly #host: SignInHost;
  readonly #devices = new Map<string, AmqpDevice>();
  /** Of devices that CBS or SASL let in, and that are here or may come back. */
  readonly #tokens = new Map<string, string>();
  /** For the whole hub: it opens for each device that is asked for. */
  #hubToken: string | null = null;
  #isOver = false;
  #cancel: () => void = () => {};

  constructor(host: SignInHost) {
    this.#host = host;
  }

  /** Those that were let in. */
  get devices(): readonly AmqpDevice[] {
    return [...this.#devices.values()];
  }

  get deviceCount(): number {
    return this.#devices.size;
  }

  get isAnybodyIn(): boolean {
    return this.#devices.size > 0 || this.#hubToken !== null;
  }

  /** A token for one device, or for the hub. @returns null, or why not. Never rejects. */
  async byToken(owner: Owner | "hub", token: string): Promise<RejectionReason | null> {
    if (owner !== "hub") return await this.#signIn(owner, token, true);
    const { registry, isOurHost } = this.#host.context;
    const parsed = parseSasToken(token);
    if (parsed === null) return "token-malformed";
    if (parsed.policy === null || !isOurHost(parsed.resourceDecoded.split("/")[0] ?? "")) return "token-resource";
    const keys = await this.#orNull(registry.policyKeys(parsed.policy));
    if (keys === null) return "unknown-policy";
    if (!isSignedWith(parsed, [keys.primaryKey, keys.secondaryKey])) return "token-signature";
    if (parsed.expiresMs <= Date.now()) return "token-expired";
    this.#hubToken = token;
    for (const device of this.#devices.values()) {
      if (device.policy !== null) await this.#signIn(device, token, false);
    }
    return null;
  }

  /** The device that a link is for: let in before, or now by what the connection has shown. */
  async deviceOf(owner: Owner): Promise<AmqpDevice | RejectionReason> {
    const present = this.#devices.get(keyOf(owner));
    if (present !== undefined) return present;
    const token = this.#tokens.get(keyOf(owner)) ?? this.#hubToken;
    if (token === null && this.#host.certificate() === null) return "token-malformed";
    return (await this.#signIn(owner, token, false)) ?? this.#devices.get(keyOf(owner)) ?? "not-ready";
  }

  forgetExpired(nowMs: number): void {
    const expiresMs = this.#hubToken === null ? Infinity : (parseSasToken(this.#hubToken)?.expiresMs ?? 0);
    if (expiresMs <= nowMs) this.#hubToken = null;
  }

  /** The device is not served any more. */
  drop(device: AmqpDevice): void {
    this.#tokens.delete(keyOf(device));
    this.leave(device);
  }

  /** The device has gone. It may come back with what it has shown, as long as that is good. */
  leave(device: AmqpDevice): void {
    if (this.#devices.get(keyOf(device)) === device) this.#devices.delete(keyOf(device));
    this.#host.context.table.leave(keyOf(device), device);
    device.twin?.end();
  }

  /** The connection is over. */
  end(): void {
    this.#isOver = true;
    this.#cancel();
    for (const device of this.devices) this.drop(device);
  }

  async #signIn(owner: Owner, token: string | null, isItsOwn: boolean): Promise<RejectionReason | null> {
    const { context, address } = this.#host;
    const { table, accept, registry, isOurHost, limits, signIns, takeOvers, signInRates } = context;
    const { deviceId, moduleId } = owner;
    const present = this.#devices.get(keyOf(owner));
    if (accept.refusal !== null && accept.refusal !== "wait") return "not-ready";
    if (present === undefined && this.#devices.size >= bounds.devicesMax) return "too-many-links";
    const id = connectionId(deviceId, moduleId);
    const needsPlace = !table.isOpen(id);
    if (needsPlace && table.openCount + signIns.count >= limits.connectionsMax) return "too-many-connections";
    signIns.count++;
    let isAccessChanged = false;
    const claim: LiveConnection = { policy: null, address, end: () => (isAccessChanged = true) };
    table.claim(id, claim);
    try {
      const certificate = token === null ? this.#host.certificate() : null;
      const outcome = await this.#orNull(
        authenticate(registry, isOurHost, { deviceId, moduleId, token, certificate }, Date.now()),
      );
      if (outcome === null || this.#isOver || isAccessChanged) return "not-ready";
      if (outcome.kind === "rejected") return outcome.reason;
      if (isItsOwn && token !== null) this.#keep(owner, token);
      if (present !== undefined && this.#devices.get(keyOf(owner)) === present) return this.#renewed(present, outcome);
      // Only who holds a key counts: nobody else can keep a device out.
      const bucket = signInRates?.bucketOf(id);
      if (bucket?.hasRoom === false) return "reconnecting";
      bucket?.spend(1, 0);
      if (table.isOpen(id)) {
        const takeOver = { deviceId: id, address, formerAddress: table.addressOf(id) };
        await new Promise<void>((go) => {
          const cancel = takeOvers.admit(takeOver, go);
          this.#cancel = () => {
            cancel();
            go();
          };
        });
      }
      if (this.#isOver || isAccessChanged) return "not-ready";
      this.#letIn(owner, outcome);
      return null;
    } finally {
      signIns.count--;
      table.leave(id, claim);
    }
  }

  #keep(owner: Owner, token: string): void {
    const key = keyOf(owner);
    this.#tokens.delete(key);
    this.#tokens.set(key, token);
    if (this.#tokens.size <= bounds.devicesMax) return;
    for (const one of this.#tokens.keys()) {
      if (this.#devices.has(one)) continue;
      this.#tokens.delete(one); // who left first
      break;
    }
  }

  #renewed(device: AmqpDevice, identity: Identity): RejectionReason | null {
    if (identity.identityGenerationId !== device.owner.generationId) return "not-ready"; // it was made anew, and this one ends
    device.renew(identity);
    return null;
  }

  #letIn(owner: Owner, identity: Identity): void {
    const { context, address } = this.#host;
    const { deviceId } = owner;
    const from = { deviceId, address, path: context.accept.pathOf(deviceId) };
    const device = new AmqpDevice(identity, from, (one, why) => this.#host.ended(one, why));
    this.#devices.set(keyOf(owner), device);
    context.counters.connectionsOpened++;
    context.table.open(keyOf(owner), device);
  }

  /** Null when the registry could not be asked. */
  async #orNull<T>(asked: Promise<T>): Promise<T | null> {
    try {
      return await asked;
    } catch (error) {
      const fields = { error: messageOf(error) };
      this.#host.context.log.error(fields, "The registry could not be asked for a device's credentials.");
      return null;
    }
  }
}

function keyOf({ deviceId, moduleId }: Owner): string {
  return connectionId(deviceId, moduleId);
}
