// The live connections, by device: at most one each, closed when the registry takes the device's access away (D1).
//
// A connection enters the table when it claims a device id, before its credentials are read, so that a change which
// happens while they are being read reaches it too.

import type { RegistryEvent } from "../registry/registry.ts";

export interface LiveConnection {
  /** The hub policy it came in by, once known. */
  readonly policy: string | null;
  /** The CA certificate that its own leads to, once known. */
  readonly caCertificateId?: string | null | undefined;
  /** Of its other end: address and port; for people. */
  readonly address?: string | undefined;
  /** `taken-over` by a newer connection of the same device; `access` was taken away by an administrator. */
  end(why: "taken-over" | "access"): void;
}

export class ConnectionTable {
  /** Claimed, not yet authenticated. */
  readonly #claims = new Map<string, Set<LiveConnection>>();
  readonly #open = new Map<string, LiveConnection>();

  /** Connections that are authenticated. */
  get openCount(): number {
    return this.#open.size;
  }

  isOpen(deviceId: string): boolean {
    return this.#open.has(deviceId);
  }

  /** Of the device's open connection. */
  addressOf(deviceId: string): string | undefined {
    return this.#open.get(deviceId)?.address;
  }

  claim(deviceId: string, connection: LiveConnection): void {
    const claims = this.#claims.get(deviceId);
    if (claims === undefined) this.#claims.set(deviceId, new Set([connection]));
    else claims.add(connection);
  }

  /** The claim was authenticated: the device's former connection ends. */
  open(deviceId: string, connection: LiveConnection): void {
    this.#unclaim(deviceId, connection);
    const former = this.#open.get(deviceId);
    this.#open.set(deviceId, connection);
    former?.end("taken-over");
  }

  leave(deviceId: string, connection: LiveConnection): void {
    this.#unclaim(deviceId, connection);
    if (this.#open.get(deviceId) === connection) this.#open.delete(deviceId);
  }

  /** The listener for `Registry.subscribe`. */
  hear(event: RegistryEvent): void {
    if (event.kind === "device-deleted" || (event.kind === "device-changed" && event.access)) {
      const ended = [...(this.#claims.get(event.deviceId) ?? [])];
      const open = this.#open.get(event.deviceId);
      if (open !== undefined) ended.push(open);
      for (const connection of ended) connection.end("access");
    } else if (event.kind === "policy-changed") {
      // A claim may be reading the policy's keys right now.
      this.#endClaims();
      for (const connection of this.#open.values()) if (connection.policy === event.name) connection.end("access");
    } else if (event.kind === "ca-certificate-changed" && event.isGone) {
      this.#endClaims();
      for (const connection of this.#open.values()) {
        if (connection.caCertificateId === event.caCertificateId) connection.end("access");
      }
    }
  }

  #endClaims(): void {
    for (const claims of this.#claims.values()) for (const connection of claims) connection.end("access");
  }

  #unclaim(deviceId: string, connection: LiveConnection): void {
    const claims = this.#claims.get(deviceId);
    if (claims?.delete(connection) === true && claims.size === 0) this.#claims.delete(deviceId);
  }
}
