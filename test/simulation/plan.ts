// What a story is made of, drawn from its seed. Each story has a random few of all the faults, at random rates (swarm
// testing): what hides when everything fails at once shows when only two things do.

import { type ExportType, exportTypes } from "../../src/registry/registry.ts";
import { type Act, administratorActs } from "./administrator.ts";
import type { Habits } from "./devices.ts";
import type { MachineOptions } from "./hub.ts";
import type { NetworkFaults } from "./network.ts";
import { type Outage, type StoreFault, outages, storeFaults } from "./wire.ts";
import type { Chance } from "./world.ts";

export const machineFaults = [
  "kill",
  "power cut",
  "kill at an operation",
  "power cut at an operation",
  "stop",
  "pause",
  "disk full",
  "disk EIO on write",
  "disk EIO on sync",
  "bit flip",
  "clock +1 h",
  "clock -1 h",
  "clock wrong year",
  "clock back over a restart",
  "container deleted",
  "foreign object",
] as const;
export type MachineFault = (typeof machineFaults)[number];

export interface Plan {
  readonly machine: MachineOptions;
  readonly devices: number;
  readonly habits: Habits;
  readonly acts: Partial<Record<Act, number>>;
  readonly types: readonly ExportType[];
  readonly storeShares: Partial<Record<StoreFault, number>>;
  readonly outages: readonly Outage[];
  readonly losesMetadata: boolean;
  readonly network: NetworkFaults;
  readonly faults: Partial<Record<MachineFault | "outage", number>>;
  /** Of 1: how often a step is a fault, an act of the administrator, or nothing but time. */
  readonly faultShare: number;
  readonly actShare: number;
  readonly diskDelayTurnsMax: number;
  readonly durationMs: number;
  readonly stepMsMax: number;
  /** Devices use their twins. */
  readonly hasTwins: boolean;
  /** An application sends messages to devices, or calls their methods. */
  readonly hasCloudMessages: boolean;
  readonly hasMethods: boolean;
  /** It sends many at once. */
  readonly sendsBursts: boolean;
  /** Devices that know only the provisioning service, and whether each has to be approved. */
  readonly newcomers: number;
  readonly approvesNewcomers: boolean;
}

/** What stories are given besides what chance gives them, so that they meet something often. */
export type Focus = { readonly [K in keyof Plan]?: Plan[K] extends number | boolean ? Plan[K] : Partial<Plan[K]> };

/** Chance decides as without a focus; then what the focus names is put in its place. */
export function focused(plan: Plan, focus: Focus): Plan {
  const both = Object.entries(plan).map(([key, value]: [string, unknown]) => {
    const wanted: unknown = focus[key as keyof Plan];
    const isGroup = typeof value === "object" && !Array.isArray(value);
    return [key, isGroup ? { ...value, ...(wanted as object | undefined) } : (wanted ?? value)];
  });
  return Object.fromEntries(both);
}

export function planOf(chance: Chance): Plan {
  const some = <T>(of: readonly T[], share: number): T[] => of.filter(() => chance.is(share));
  const weights = <T extends string>(of: readonly T[]): Partial<Record<T, number>> =>
    Object.fromEntries(of.map((one) => [one, chance.skewed(1, 8)])) as Partial<Record<T, number>>;
  const isCalm = chance.is(0.1);
  const share = isCalm ? 0 : chance.pick([0.15, 0.3, 0.5]);
  const isSmall = chance.is(0.2);
  return {
    machine: {
      partitions: chance.pick([1, 1, 2, 3]),
      journalBytesMax: isSmall ? chance.int(12_000, 40_000) : 1_000_000,
      freeBytesMin: chance.pick([0, 20_000]),
      retentionMs: chance.pick([0, 60_000, 600_000, 86_400_000]),
      recycleBytesMax: chance.pick([0, 20_000, 1_000_000]),
      frameBytesMax: chance.pick([4096, 8192, 16_384]),
      uploadsMax: chance.pick([1, 2, 4]),
      storeBlockBytes: chance.pick([256, 2000, 1_000_000]),
      foldWindowMs: chance.pick([0, 60_000, 3_600_000]),
      dupWindowMs: chance.pick([0, 60_000, 3_600_000]),
    },
    devices: chance.int(1, 4),
    habits: {
      isHttp: chance.is(0.5),
      sendsAgain: chance.is(0.7),
      storms: chance.is(share),
      repeats: chance.is(share),
      wills: chance.is(share),
      nonsense: chance.is(share),
      qos0: chance.is(share),
      staleKeys: chance.is(share),
      paceMs: chance.skewed(6_000, 60_000),
    },
    acts: weights(isCalm ? ["device edited"] : ["device edited", ...some(administratorActs, Math.max(share, 0.4))]),
    types: chance.is(0.3) ? ["measurements"] : chance.is(0.5) ? exportTypes : ["measurements", "devices"],
    storeShares: Object.fromEntries(some(storeFaults, share).map((fault) => [fault, chance.pick([0.02, 0.1, 0.3])])),
    outages: some(outages, share),
    losesMetadata: chance.is(share / 2),
    network: {
      resetShare: chance.is(share) ? chance.pick([0.01, 0.05]) : 0,
      halfOpenShare: chance.is(share) ? chance.pick([0.01, 0.05]) : 0,
      slowShare: chance.is(share) ? 0.3 : 0,
    },
    faults: weights(some([...machineFaults, "outage", "outage"] as const, share)),
    faultShare: chance.pick([0.05, 0.15, 0.3]),
    actShare: chance.pick([0.1, 0.3, 0.5]),
    diskDelayTurnsMax: chance.pick([0, 0, 1, 4]),
    durationMs: chance.int(2, 6) * 60_000,
    stepMsMax: chance.pick([5_000, 20_000, 60_000]),
    hasTwins: chance.is(0.5),
    hasCloudMessages: chance.is(0.25),
    hasMethods: chance.is(0.2),
    sendsBursts: chance.is(0.4),
    newcomers: chance.is(0.2) ? chance.int(1, 2) : 0,
    approvesNewcomers: chance.is(0.4),
  };
}
