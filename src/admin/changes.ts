// What changed, for pages to ask again: the registry's events and the exports' states, gathered.
//
// Ten thousand devices made in one call are not ten thousand events: several times a second what changed is told, at most
// a few ids of each kind, and beyond that "some of this kind" (`id` is null).

import type { Exporter } from "../export/exporter.ts";
import type { Registry, RegistryEvent } from "../registry/registry.ts";

/** What can change under a page. */
export const changeKinds = [
  "device",
  "template",
  "policy",
  "provisioning",
  "registration",
  "ca-certificate",
  "storage-account",
  "export",
  "user",
  "token",
] as const;
export type ChangeKind = (typeof changeKinds)[number];

export interface ChangeOf {
  readonly kind: ChangeKind;
  /** Null: more of this kind than are named. */
  readonly id: string | null;
}

export interface ChangesOptions {
  readonly registry: Pick<Registry, "subscribe">;
  readonly exporter: Pick<Exporter, "statuses">;
}

/** At most so many ids of a kind, four times a second. */
const idsMax = 12;
const gatherMs = 250;

export class Changes {
  readonly #exporter: Pick<Exporter, "statuses">;
  readonly #unsubscribe: () => void;
  readonly #listeners = new Set<(changes: readonly ChangeOf[]) => void>();
  readonly #gathered = new Map<ChangeKind, Set<string | null>>();
  #timer: NodeJS.Timeout | null = null;
  /** What a page shows of each export's state; null while nobody listens. */
  #exports: Map<string, string> | null = null;

  constructor({ registry, exporter }: ChangesOptions) {
    this.#exporter = exporter;
    this.#unsubscribe = registry.subscribe((event) => {
      if (this.#listeners.size === 0) return;
      for (const { kind, id } of changesOf(event)) this.#add(kind, id);
    });
  }

  /** Tells what changes from now on. Returns a function that ends it. */
  subscribe(listener: (changes: readonly ChangeOf[]) => void): () => void {
    this.#exports ??= this.#statesOfExports();
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#exports = null;
    };
  }

  /** Looks whether exports are in another state than before: once a second. */
  look(): void {
    if (this.#exports === null) return;
    const states = this.#statesOfExports();
    for (const id of new Set([...states.keys(), ...this.#exports.keys()])) {
      if (states.get(id) !== this.#exports.get(id)) this.#add("export", id);
    }
    this.#exports = states;
  }

  close(): void {
    this.#unsubscribe();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #statesOfExports(): Map<string, string> {
    return new Map(
      this.#exporter.statuses().map(({ exportId, state, trouble, lastFile, audit }) => {
        const shown = [state, trouble?.code, trouble?.since, lastFile?.path, audit?.violationCount];
        return [exportId, shown.join("\n")];
      }),
    );
  }

  #add(kind: ChangeKind, id: string | null): void {
    let ids = this.#gathered.get(kind);
    if (ids === undefined) {
      ids = new Set();
      this.#gathered.set(kind, ids);
    }
    if (ids.size <= idsMax) ids.add(id);
    this.#timer ??= setTimeout(() => this.#tell(), gatherMs).unref();
  }

  #tell(): void {
    this.#timer = null;
    const changes: ChangeOf[] = [];
    for (const [kind, ids] of this.#gathered) {
      if (ids.size > idsMax || ids.has(null)) changes.push({ kind, id: null });
      else for (const id of ids) changes.push({ kind, id });
    }
    this.#gathered.clear();
    for (const listener of this.#listeners) listener(changes);
  }
}

function changesOf(event: RegistryEvent): readonly ChangeOf[] {
  switch (event.kind) {
    case "device-created":
    case "device-changed":
    case "device-deleted":
    case "desired-changed":
    case "cloud-messages-changed":
    case "module-changed":
      return [{ kind: "device", id: event.deviceId }];
    case "template-changed":
      return [{ kind: "template", id: event.templateId }];
    case "policy-changed":
      return [{ kind: "policy", id: event.name }];
    case "provisioning-changed":
      // The registrations by it may have gone with it, or wait for something else now.
      return [
        { kind: "provisioning", id: event.id },
        { kind: "registration", id: null },
      ];
    case "registration-changed":
      return [{ kind: "registration", id: event.registrationId }];
    case "ca-certificate-changed":
      return [{ kind: "ca-certificate", id: event.caCertificateId }];
    case "storage-changed":
      return [{ kind: "storage-account", id: event.storageAccountId }];
    case "export-changed":
      return [{ kind: "export", id: event.exportId }];
    case "user-changed":
      return [{ kind: "user", id: event.userId }];
    case "api-token-changed":
      return [{ kind: "token", id: event.apiTokenId }];
    case "session-ended":
      return [];
  }
}
