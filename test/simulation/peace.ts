// The end of a story: no faults any more, and all promises must come true.

import { checkBounds } from "./bounds.ts";
import type { Cast } from "./cast.ts";
import { containers } from "./export-administration.ts";
import type { Strikes } from "./strikes.ts";
import type { Waits } from "./waits.ts";

/** The longest that a stopped export waits before it looks again, the answer's time limit, and a minute's window. */
const freshMs = 7 * 60_000;
/** A device notices after 15 s that its connection is dead. */
const toldMs = 60_000;

export class Peace {
  readonly #cast: Cast;
  readonly #strikes: Strikes;
  readonly #waits: Waits;

  constructor(cast: Cast, strikes: Strikes, waits: Waits) {
    this.#cast = cast;
    this.#strikes = strikes;
    this.#waits = waits;
  }

  /** No faults any more; what was mended is said to be mended; time passes. Then nothing may be missing. */
  async keep(): Promise<void> {
    const { world, wire, network, machine, store, chance, administrator, devices, ledger, journal, oracle } =
      this.#cast;
    world.tell("story", "peace");
    this.#strikes.disarm();
    wire.shares = {};
    wire.outage = null;
    Object.assign(network.faults, { resetShare: 0, halfOpenShare: 0, slowShare: 0 });
    machine.disk.heal();
    machine.buryZombie();
    for (const name of containers) store.createContainer(name);
    this.#strikes.removeForeign();
    if (chance.is(0.5)) world.wallOffsetMs = world.startMs;
    await this.#waits.until(() => machine.hub !== null, 180_000, "the hub is up after all faults have ended");
    if (world.violation !== null) return;
    await this.#waits.until(() => !administrator.isBusy, 60_000, "the administrator's last call is answered");
    await this.#waits.done(administrator.learn());
    await this.#waits.done(administrator.mend());
    await world.pass(60_000);
    await this.#devicesTold();
    for (const device of devices.values()) device.stop();
    await world.pass(25_000); // answers under way
    const peaceMs = world.flowMs;
    await this.#fresh(peaceMs, "what was closed before");
    // Until a pass in which nothing was acknowledged: where the journal was full, what waits for room is taken minutes later.
    let acknowledged: number;
    do {
      acknowledged = ledger.acknowledged;
      const floors = new Map(journal.floors);
      const isLater = ([partition, floor]: readonly [number, number]): boolean => floor > (floors.get(partition) ?? 0);
      // At half the speed while the clock is behind, and a jump is believed after a minute.
      await this.#waits.until(() => [...journal.floors].every(isLater), 300_000, "every partition closes a window");
      await this.#fresh(world.flowMs, "what devices sent last");
      await world.pass(1_000);
    } while (world.violation === null && ledger.acknowledged > acknowledged);
    if (world.violation === null) oracle.checkAll();
    checkBounds(this.#cast);
    await this.#checkStates();
  }

  /**
   * Settings are changed, and each device that may connect comes to know: one that stays connected soon, one that was let go
   * or whose session was kept when it comes again.
   */
  async #devicesTold(): Promise<void> {
    const { world, plan, machine, devices, administrator, oracle, registry } = this.#cast;
    if (!plan.hasTwins) return;
    const untold = new Map([...devices].filter(([, { identity }]) => identity.isLetIn));
    // What some were told of just before they went is taken back while they are away.
    for (const { identity } of untold.values()) await this.#waits.done(administrator.devices.lend(identity, true));
    await world.pass(500);
    for (const device of untold.values()) if (this.#cast.chance.is(0.5)) device.hangUp();
    for (const { identity } of untold.values()) {
      await this.#waits.done(administrator.devices.lend(identity, false));
      await this.#waits.done(administrator.devices.turn(identity));
    }
    // Where the journal is full nobody is let in until an export has gone on.
    const endMs = world.flowMs + 2 * freshMs;
    const wrongSinceMs = new Map<object, number>();
    for (;;) {
      registry.lookAtThings();
      for (const [id, { twin }] of untold) {
        if (twin === null || oracle.twins.isTold(id, twin.desired)) untold.delete(id);
        else if (twin.connection !== null && twin.desired !== null) {
          const sinceMs = wrongSinceMs.get(twin.connection) ?? world.flowMs;
          wrongSinceMs.set(twin.connection, sinceMs);
          if (world.flowMs - sinceMs > toldMs) {
            return world.violate("D2", `${id} is connected and was not told of its settings`);
          }
        }
      }
      if (untold.size === 0 || world.violation !== null) return;
      if (world.flowMs > endMs) {
        // A small journal is full for as long as a clock that went back keeps its windows open.
        if (machine.hub?.journal.partitions.some(({ refusal }) => refusal === "full") === true) return;
        return world.violate("D2", `${[...untold.keys()].join(", ")} do not know their settings`);
      }
      await this.#letDamageGo();
      await world.pass(1_000);
    }
  }

  /** Freshness: within `freshMs` everything that was closed by `closedByMs` is exported. */
  async #fresh(closedByMs: number, what: string): Promise<void> {
    const { world, oracle } = this.#cast;
    const endMs = world.flowMs + freshMs;
    for (;;) {
      if (world.violation !== null) return;
      oracle.check();
      const late = oracle.lagging(closedByMs);
      const troubled = this.#troubled();
      if (late === null && troubled === null) return;
      await this.#letDamageGo();
      if (world.flowMs > endMs) {
        world.violate(
          "freshness",
          `${what} is not exported after ${freshMs / 60_000} minutes of peace: ${late ?? troubled}`,
        );
        return;
      }
      await world.pass(10_000);
    }
  }

  /** Damage was told; an administrator lets it go. */
  async #letDamageGo(): Promise<void> {
    const { machine, world, administrator } = this.#cast;
    const { hub } = machine;
    for (const status of hub?.exporter.statuses() ?? []) {
      const code = status.trouble?.code;
      if (code !== "journal-corrupt" && code !== "snapshot-lost") continue;
      if (!world.counts.has("bit flip")) world.violate("J3", `${code} without a bit flip: ${status.trouble?.message}`);
      world.count("damage told");
      await this.#waits.done(administrator.discard(status.exportId));
    }
  }

  #troubled(): string | null {
    const { machine } = this.#cast;
    for (const { exportId, trouble, owedFiles } of machine.hub?.exporter.statuses() ?? []) {
      if (trouble !== null) return `${exportId} has trouble: ${trouble.code} ${trouble.message}`;
      if (owedFiles > 0) return `${exportId} still owes ${owedFiles} files`;
    }
    return null;
  }

  /** What the hub says of itself at the end. */
  async #checkStates(): Promise<void> {
    const { world, machine } = this.#cast;
    const troubled = this.#troubled();
    if (troubled !== null) world.violate("state", troubled);
    for (const { exportId, state } of machine.hub?.exporter.statuses() ?? []) {
      if (!["healthy", "off", "draining"].includes(state)) world.violate("state", `${exportId} is ${state}`);
    }
    await Promise.resolve();
  }
}
