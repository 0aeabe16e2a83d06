// The end of a story: no faults any more, and all promises must come true.

import { isDeepStrictEqual } from "node:util";
import { checkBounds } from "./bounds.ts";
import type { Cast } from "./cast.ts";
import { containers } from "./export-administration.ts";
import { derived } from "./newcomer.ts";
import type { Strikes } from "./strikes.ts";
import type { Waits } from "./waits.ts";

/** The longest that a stopped export waits before it looks again, the answer's time limit, and a minute's window. */
const freshMs = 7 * 60_000;
/** A device notices after 15 s that its connection is dead. */
const toldMs = 60_000;
/** A story waits no longer for room in its journal. */
const fullMsMax = 120_000;

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
    await this.#newcomersAssigned();
    await this.#waits.done(administrator.learn());
    await this.#waits.done(administrator.mend());
    await world.pass(60_000);
    await this.#devicesTold();
    await this.#devicesServed();
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

  /** Whoever asks to be provisioned now is assigned, and its device has the keys of its group; unless somebody chose others. */
  async #newcomersAssigned(): Promise<void> {
    const { world, plan, enrollments, newcomers, oracle } = this.#cast;
    if (plan.newcomers === 0) return;
    enrollments.stop();
    await this.#waits.until(() => !enrollments.isBusy, 60_000, "the last call about enrollments is answered");
    await this.#waits.done(enrollments.letAllIn());
    for (const [id, newcomer] of newcomers) {
      newcomer.stop();
      newcomer.ask();
      await this.#waits.until(() => newcomer.word !== null, 20_000, `${id} is told whether it is assigned`);
      if (world.violation !== null) return;
      // By the hand of an administrator, whether it is fair was judged when it was told.
      if (newcomer.word === "failed" || newcomer.word === "disabled") continue;
      if (newcomer.word !== "assigned") return world.violate("provisioning", `${id} is told ${newcomer.word} in peace`);
      if (oracle.provisioning.asked.keys.has(id)) continue;
      const keys = enrollments.keysOf(id);
      await this.#waits.done(keys);
      const expected = enrollments.keys.map((key) => derived(key, id));
      if (!isDeepStrictEqual(await keys, expected)) world.violate("D1", `${id} is assigned, and has other keys`);
    }
  }

  /**
   * Settings are changed, and each device that may connect comes to know: one that stays connected soon, one that was let go
   * or whose session was kept when it comes again.
   */
  async #devicesTold(): Promise<void> {
    const { world, plan, devices, administrator, oracle, registry } = this.#cast;
    if (!plan.hasTwins) return;
    const untold = new Map([...devices].filter(([, { identity }]) => identity.isLetIn));
    // What some are told of just before they go is taken back while they are away, and their session is kept.
    const going = [...untold.values()].filter(() => this.#cast.chance.is(0.5));
    for (const device of going) {
      device.hangUp();
      device.comeBack();
    }
    await world.pass(3_000);
    for (const device of untold.values()) {
      const { identity } = device;
      const isGoing = going.includes(device);
      await this.#waits.done(administrator.devices.lend(identity, true));
      if (isGoing) device.hangUp();
      await this.#waits.done(administrator.devices.lend(identity, false));
      await this.#waits.done(administrator.devices.turn(identity));
      if (isGoing) device.comeBack();
    }
    // Where the journal is full nobody is let in until an export has gone on.
    const endMs = world.flowMs + 2 * freshMs;
    const wrongSinceMs = new Map<object, number>();
    for (;;) {
      registry.lookAtThings();
      for (const [id, { session }] of untold) {
        const { twin } = session;
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
        if (this.#isFull()) return;
        return world.violate("D2", `${[...untold.keys()].join(", ")} do not know their settings`);
      }
      await this.#letDamageGo();
      await world.pass(1_000);
    }
  }

  /** A small journal is full for as long as a clock that went back keeps its windows open. */
  #isFull(): boolean {
    return this.#cast.machine.hub?.journal.partitions.some(({ refusal }) => refusal === "full") === true;
  }

  /** What the application sent to a device that may connect is over; one more message is completed, and a call answered. */
  async #devicesServed(): Promise<void> {
    const { world, plan, devices, application, oracle } = this.#cast;
    if (!plan.hasCloudMessages && !plan.hasMethods) return;
    application.stop();
    await this.#waits.until(() => !application.isBusy, 60_000, "the application's last call is answered");
    const present = [...devices.values()].filter(({ identity }) => identity.isLetIn);
    for (const device of present) {
      device.hangUp();
      device.session.calm();
      device.comeBack();
    }
    const endMs = world.flowMs + freshMs;
    let fullMs = 0;
    const within = async (isSo: () => boolean, what: string): Promise<boolean> => {
      while (!isSo() && world.violation === null) {
        // Nobody is let in, or read, where there is no room.
        if (this.#isFull()) fullMs += 500;
        if (fullMs > fullMsMax) return false;
        if (world.flowMs > endMs + fullMs) world.violate("D2", `it did not happen in peace: ${what}`);
        await this.#letDamageGo();
        await world.pass(500);
        oracle.cloudMessages.look();
      }
      return world.violation === null;
    };
    for (const { id } of present.map(({ identity }) => identity)) {
      if (plan.hasCloudMessages) {
        const isEmpty = (): boolean => oracle.cloudMessages.waiting(id) === 0;
        if (!(await within(isEmpty, `${id} gets all that waits for it`))) return;
        const sending = application.send(id, 3_600_000);
        await this.#waits.done(sending);
        const last = await sending;
        if (!(await within(() => last.row?.state === "completed", `${id} completes ${last.id}`))) return;
      }
      if (plan.hasMethods) {
        let told: string | null = null;
        const ask = async (): Promise<void> => {
          told = await application.call(id, 30_000, 20_000);
          if (told !== "answered" && world.flowMs < endMs) await ask();
        };
        void ask();
        if (!(await within(() => told === "answered", `${id} answers a call`))) return;
      }
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
