// Who may be provisioned in a story: one enrollment group, whose keys change, that is disabled and enabled, and whose
// registrations are approved, blocked and unblocked, at any moment.

import { ApiCalls } from "./api-calls.ts";
import { templateId } from "./cooler-template.ts";
import type { Machine } from "./hub.ts";
import type { Oracle } from "./oracle.ts";
import type { Chance, World } from "./world.ts";

export class EnrollmentAdministration {
  idScope = "";
  /** The group's, as far as it is known. */
  keys: readonly string[] = [];
  /** Told of a device that may be let in again. */
  onUnblocked: (deviceId: string) => void = () => {};
  readonly #world: World;
  readonly #chance: Chance;
  readonly #oracle: Oracle;
  readonly #calls: ApiCalls;
  readonly #registrationIds: readonly string[];
  #groupId = "";
  #isBusy = false;
  #isStopped = false;

  /** @param registrationIds  of those that will come. */
  constructor(world: World, machine: Machine, oracle: Oracle, registrationIds: readonly string[]) {
    this.#world = world;
    this.#chance = world.chance("enrollments");
    this.#oracle = oracle;
    this.#calls = new ApiCalls(world, machine, "enroll");
    this.#registrationIds = registrationIds;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  processGone(): void {
    this.#calls.processGone();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** On a fresh hub. */
  async setUp(isApproving: boolean): Promise<void> {
    const { idScope } = await this.#calls.must("ID scopes", (hub) => hub.registry.idScopes());
    const group = await this.#calls.must("an enrollment group", (hub) =>
      hub.registry.createEnrollmentGroup({ name: "fleet", templateId, autoApprove: !isApproving }),
    );
    this.idScope = idScope;
    this.#groupId = group.id;
    this.#oracle.provisioning.isApproving = isApproving;
    await this.#learnKeys();
    this.#schedule();
  }

  /** Whatever keeps anybody out is taken back, and nobody has to be approved. */
  async letAllIn(): Promise<void> {
    await this.#learnKeys();
    await this.#calls.call("enable the group", (hub) =>
      hub.registry.updateEnrollmentGroup(this.#groupId, { enabled: true, autoApprove: true }),
    );
    for (const id of this.#registrationIds) {
      // Who waits is assigned at its next question.
      await this.#unblock(id);
    }
    Object.assign(this.#oracle.provisioning, { isApproving: false, mayBeBlocked: false, mayBeRefused: false });
  }

  /** The keys that a device has. */
  async keysOf(deviceId: string): Promise<readonly string[]> {
    const keys = await this.#calls.must(`keys of ${deviceId}`, (hub) => hub.registry.deviceKeys(deviceId));
    return [keys.primaryKey, keys.secondaryKey];
  }

  #schedule(): void {
    this.#world.later(this.#chance.skewed(1_000, 60_000), () => {
      if (this.#isStopped) return;
      if (!this.#isBusy) {
        this.#isBusy = true;
        void this.#act().finally(() => {
          this.#isBusy = false;
        });
      }
      this.#schedule();
    });
  }

  async #act(): Promise<void> {
    const chance = this.#chance;
    const { provisioning } = this.#oracle;
    if (this.keys.length === 0) return await this.#learnKeys();
    const id = chance.pick(this.#registrationIds);
    switch (chance.weighted({ approve: 8, rotate: 1, block: 1, unblock: 2, turn: 2 })) {
      case "approve": {
        if (!provisioning.isApproving) return;
        const done = await this.#calls.call(`approve ${id}`, async (hub) => {
          await hub.registry.approveRegistration(id);
          this.#world.outside(() => provisioning.approved(id));
        });
        if (done.kind === "lost") this.#world.count("approval lost");
        return;
      }
      case "rotate":
        provisioning.mayBeRefused = true;
        this.keys = [];
        await this.#calls.call("change a key of the group", (hub) =>
          hub.registry.setEnrollmentGroupKeys(
            this.#groupId,
            chance.pick(["regenerate-primary", "regenerate-secondary"]),
          ),
        );
        return await this.#learnKeys();
      case "block":
        provisioning.mayBeBlocked = true;
        await this.#calls.call(`block ${id}`, (hub) => hub.registry.blockRegistration(id));
        return;
      case "unblock":
        await this.#unblock(id);
        return;
      case "turn": {
        const enabled = chance.is(0.6);
        if (!enabled) provisioning.mayBeBlocked = true;
        await this.#calls.call(`${enabled ? "enable" : "disable"} the group`, (hub) =>
          hub.registry.updateEnrollmentGroup(this.#groupId, { enabled }),
        );
        return;
      }
    }
  }

  /** Its device is enabled, perhaps also when nobody hears that it is. */
  async #unblock(id: string): Promise<void> {
    this.onUnblocked(id);
    await this.#calls.call(`unblock ${id}`, (hub) => hub.registry.unblockRegistration(id));
    this.onUnblocked(id);
  }

  async #learnKeys(): Promise<void> {
    const keys = await this.#calls.call("keys of the group", (hub) => hub.registry.enrollmentGroupKeys(this.#groupId));
    if (keys.kind !== "done") return;
    this.keys = [keys.value.primaryKey, keys.value.secondaryKey];
    for (const key of this.keys) this.#oracle.secrets.add(key);
  }
}
