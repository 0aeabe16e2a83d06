// The twins room: the live side of device twins.
//
// Owns:      a device's requests to its twin, whatever protocol they come by; telling connected devices what is wanted of them.
// Does not:  keep twins (registry), or know a protocol (ingest).
//
// Invariants:
//   D1  A request and a push belong to one generation of a device.
//   D2  A report is answered after its change is durable.

import { isUtf8 } from "node:buffer";
import { ColdpathError } from "../lib/errors.ts";
import type { JsonObject, Registry, RegistryEvent } from "../registry/registry.ts";

/** Whose twin it is: a device, or a module of it. */
export interface TwinOwner {
  readonly deviceId: string;
  readonly moduleId?: string | undefined;
  /** Of the device, or of the module: one that is made anew is another (D1). */
  readonly generationId: string;
}

type TwinRegistry = Pick<Registry, "deviceTwin" | "reportTwin" | "moduleTwin" | "reportModuleTwin">;

/** Called with a desired patch as JSON, `$version` in it, in the order of versions. Must not throw. */
export type DesiredListener = (patch: string, version: number) => void;

/** Whitespace and removals are on top of what a section may hold. */
const reportBytesMax = 128 * 1024;

export class Twins {
  readonly #registry: TwinRegistry;
  /** By the owner's key. */
  readonly #listeners = new Map<string, { readonly generationId: string; readonly listener: DesiredListener }>();

  constructor(registry: TwinRegistry) {
    this.#registry = registry;
  }

  /** Both sections with their versions, as the device gets them: JSON. Throws `device-not-found`, `module-not-found`. */
  async read(owner: TwinOwner): Promise<string> {
    const { deviceId, moduleId, generationId } = owner;
    const twin = await (moduleId === undefined
      ? this.#registry.deviceTwin(deviceId)
      : this.#registry.moduleTwin(deviceId, moduleId));
    if (twin.generationId !== generationId) {
      const code = moduleId === undefined ? "device-not-found" : "module-not-found";
      throw new ColdpathError("not-found", code, `${keyOf(owner)} was made anew.`);
    }
    const { desired, reported } = twin;
    return JSON.stringify({
      desired: { ...desired.content, $version: desired.version },
      reported: { ...reported.content, $version: reported.version },
    });
  }

  /**
   * Takes a report: JSON, a merge patch.
   *
   * @returns reported's version after it. Throws `twin-invalid`, `twin-too-large`, `device-not-found`, `module-not-found`.
   */
  async report({ deviceId, moduleId, generationId }: TwinOwner, body: Buffer): Promise<number> {
    if (body.length > reportBytesMax) {
      const message = `A report of ${body.length} bytes; at most ${reportBytesMax}.`;
      throw new ColdpathError("invalid", "twin-too-large", message, { field: "reported" });
    }
    let patch: unknown;
    if (!isUtf8(body)) {
      throw new ColdpathError("invalid", "twin-invalid", "The report is not UTF-8.", { field: "reported" });
    }
    try {
      patch = JSON.parse(body.toString("utf8"));
    } catch {
      throw new ColdpathError("invalid", "twin-invalid", "The report is not JSON.", { field: "reported" });
    }
    return await (moduleId === undefined
      ? this.#registry.reportTwin(deviceId, generationId, patch)
      : this.#registry.reportModuleTwin(deviceId, moduleId, generationId, patch));
  }

  /** @returns a function that ends it. A device has one connection, so one listener. */
  follow(owner: TwinOwner, listener: DesiredListener): () => void {
    const key = keyOf(owner);
    const entry = { generationId: owner.generationId, listener };
    this.#listeners.set(key, entry);
    return () => {
      if (this.#listeners.get(key) === entry) this.#listeners.delete(key);
    };
  }

  /** The listener for `Registry.subscribe`. */
  hear(event: RegistryEvent): void {
    if (event.kind !== "desired-changed") return;
    const entry = this.#listeners.get(keyOf(event));
    if (entry?.generationId !== event.generationId) return;
    entry.listener(desiredPatchText(event.patch, event.version), event.version);
  }
}

/** A patch of desired as a device gets it. */
export function desiredPatchText(patch: JsonObject, version: number): string {
  return JSON.stringify({ ...patch, $version: version });
}

function keyOf({ deviceId, moduleId }: Pick<TwinOwner, "deviceId" | "moduleId">): string {
  // No id has a slash.
  return moduleId === undefined ? deviceId : `${deviceId}/${moduleId}`;
}
