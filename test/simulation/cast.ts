// Who plays in a story: the hub's machine, the network and the store around it, the devices, the administrator, and those
// who know the truth.

import { Administrator } from "./administrator.ts";
import { Application } from "./application.ts";
import { enter } from "./builtins.ts";
import type { SimulatedDevice } from "./devices.ts";
import { EnrollmentAdministration } from "./enrollment-administration.ts";
import { Machine } from "./hub.ts";
import { JournalTruth } from "./journal-truth.ts";
import { Ledger } from "./ledger.ts";
import type { Newcomer } from "./newcomer.ts";
import { Network } from "./network.ts";
import { Oracle } from "./oracle.ts";
import { type Focus, type Plan, focused, planOf } from "./plan.ts";
import { RegistryTruth } from "./registry-truth.ts";
import { SimulatedStore } from "./store.ts";
import { SimulatedWire } from "./wire.ts";
import type { Chance, World } from "./world.ts";

export interface Cast {
  readonly world: World;
  /** What happens next. */
  readonly chance: Chance;
  readonly plan: Plan;
  readonly machine: Machine;
  readonly network: Network;
  readonly store: SimulatedStore;
  readonly wire: SimulatedWire;
  readonly ledger: Ledger;
  readonly journal: JournalTruth;
  readonly registry: RegistryTruth;
  readonly oracle: Oracle;
  readonly administrator: Administrator;
  readonly application: Application;
  readonly enrollments: EnrollmentAdministration;
  readonly devices: Map<string, SimulatedDevice>;
  /** By registration id, which is that of their devices. */
  readonly newcomers: Map<string, Newcomer>;
}

/** @param directory  on this machine: SQLite's files are real. */
export function castOf(world: World, directory: string, focus: Focus): Cast {
  const store = new SimulatedStore();
  const ledger = new Ledger();
  const chance = world.chance("story");
  const plan = focused(planOf(world.chance("plan")), focus);
  const network = new Network(world);
  const wire = new SimulatedWire(world);
  enter(world, network);
  const machine = new Machine(world, plan.machine, { directory, network, wire, store });
  const journal = new JournalTruth(world, machine.disk, ledger);
  const registry = new RegistryTruth(world);
  const oracle = new Oracle(world, { journal, registry, ledger });
  const administrator = new Administrator(world, machine, oracle, store, {
    acts: plan.acts,
    types: plan.types,
    exportsMax: 3,
    devicesMax: 8,
  });
  const application = new Application(world, machine, oracle, administrator.devices, plan);
  oracle.provisioning.asked = administrator.devices.asked;
  const registrationIds = Array.from({ length: plan.newcomers }, (_, index) => `new-${index + 1}`);
  const enrollments = new EnrollmentAdministration(world, machine, oracle, registrationIds);
  const truth = { ledger, journal, registry, oracle };
  const actors = { administrator, application, enrollments, devices: new Map(), newcomers: new Map() };
  return { world, chance, plan, machine, network, store, wire, ...truth, ...actors };
}
