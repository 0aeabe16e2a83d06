// The live connections, by device and module: at most one each, closed when the registry takes the access away (D1).
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

/** Under which a device's connection is known, or that of a module of it, beside its device's. */
export function connectionId(deviceId: string, moduleId: string | undefined): string {
  // No id has a slash.
  return moduleId === undefined ? deviceId : `${deviceId}/${moduleId}`;
}

export class ConnectionTable {
  /** Claimed, not yet authenticated. */
  readonly #claims = new Map<string, Set<LiveConnection>>();
  readonly #open = new Map<string, LiveConnection>();
  /** By device: connection ids of its modules that have a claim or a connection. */
  readonly #modules = new Map<string, Set<string>>();

  /**
   * Connections that sign in and will need a place, of all front ends: with those that are open they are never more than there
   * are places (M1).
   */
  readonly signIns = { count: 0 };

  /** Connections that are authenticated. */
  get openCount(): number {
    return this.#open.size;
  }

  isOpen(id: string): boolean {
    return this.#open.has(id);
  }

  /** Of the device's open connection. */
  addressOf(id: string): string | undefined {
    return this.#open.get(id)?.address;
  }

  claim(id: string, connection: LiveConnection): void {
    const claims = this.#claims.get(id);
    if (claims === undefined) this.#claims.set(id, new Set([connection]));
    else claims.add(connection);
    this.#noteModule(id);
  }

  /** The claim was authenticated: the device's former connection ends. */
  open(id: string, connection: LiveConnection): void {
    this.#unclaim(id, connection);
    const former = this.#open.get(id);
    this.#open.set(id, connection);
    this.#noteModule(id);
    former?.end("taken-over");
  }

  leave(id: string, connection: LiveConnection): void {
    this.#unclaim(id, connection);
    if (this.#open.get(id) === connection) this.#open.delete(id);
    this.#noteModule(id);
  }

  /** The listener for `Registry.subscribe`. */
  hear(event: RegistryEvent): void {
    if (event.kind === "device-deleted" || (event.kind === "device-changed" && event.access)) {
      // Modules are let in only while their device is; those whose keys did not change come back.
      this.#end([event.deviceId, ...(this.#modules.get(event.deviceId) ?? [])]);
    } else if (event.kind === "module-changed" && event.access) {
      this.#end([connectionId(event.deviceId, event.moduleId)]);
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

  #end(ids: readonly string[]): void {
    for (const id of ids) {
      const open = this.#open.get(id);
      const ended = [...(this.#claims.get(id) ?? []), ...(open === undefined ? [] : [open])];
      for (const connection of ended) connection.end("access");
    }
  }

  #endClaims(): void {
    for (const claims of this.#claims.values()) for (const connection of claims) connection.end("access");
  }

  #unclaim(id: string, connection: LiveConnection): void {
    const claims = this.#claims.get(id);
    if (claims?.delete(connection) === true && claims.size === 0) this.#claims.delete(id);
  }

  #noteModule(id: string): void {
    const slash = id.indexOf("/");
    if (slash < 0) return;
    const deviceId = id.slice(0, slash);
    const ids = this.#modules.get(deviceId) ?? new Set<string>();
    if (this.#claims.has(id) || this.#open.has(id)) this.#modules.set(deviceId, ids.add(id));
    else if (ids.delete(id) && ids.size === 0) this.#modules.delete(deviceId);
  }
}
