// What stands behind the hub in a story: it sends messages to devices, takes them back, and calls their methods, as the REST API
// would for it. What it was told is what the oracle holds the hub to.

import { ColdpathError, codeOf } from "../../src/lib/errors.ts";
import { ApiCalls } from "./api-calls.ts";
import type { SentMessage } from "./cloud-message-oracle.ts";
import type { DeviceAdministration } from "./device-administration.ts";
import type { Machine } from "./hub.ts";
import type { MethodCallStory } from "./method-oracle.ts";
import type { Oracle } from "./oracle.ts";
import type { Plan } from "./plan.ts";
import { type Chance, DeadProcess, Process, type World } from "./world.ts";

type Habits = Pick<Plan, "hasCloudMessages" | "hasMethods" | "sendsBursts">;

/** A call that is over is told at the latest so long after its time. */
const lateMs = 5_000;

export class Application {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #machine: Machine;
  readonly #oracle: Oracle;
  readonly #devices: DeviceAdministration;
  readonly #habits: Habits;
  readonly #calls: ApiCalls;
  #isBusy = false;
  #isStopped = false;
  #messages = 0;
  /** Nobody knows what became of it. */
  #unsure: SentMessage | null = null;

  constructor(world: World, machine: Machine, oracle: Oracle, devices: DeviceAdministration, habits: Habits) {
    this.#world = world;
    this.#chance = world.chance("application");
    this.#machine = machine;
    this.#oracle = oracle;
    this.#devices = devices;
    this.#habits = habits;
    this.#calls = new ApiCalls(world, machine, "app");
  }

  start(): void {
    const { hasCloudMessages, hasMethods } = this.#habits;
    if (hasCloudMessages || hasMethods) this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** The process is gone: whoever waits for its answer waits no longer. */
  processGone(): void {
    this.#calls.processGone();
  }

  #schedule(): void {
    this.#world.later(this.#chance.skewed(2_000, 60_000), () => {
      if (this.#isStopped) return;
      this.#act();
      this.#schedule();
    });
  }

  #act(): void {
    const { hasCloudMessages, hasMethods, sendsBursts } = this.#habits;
    const chance = this.#chance;
    const ids = [...this.#devices.identities.keys()];
    if (this.#isBusy || this.#machine.hub === null || ids.length === 0) return;
    const deviceId = chance.pick(ids);
    if (hasMethods && (!hasCloudMessages || chance.is(0.5))) {
      void this.call(deviceId, chance.pick([5_000, 30_000]), chance.pick([0, 0, 20_000]));
      return;
    }
    this.#isBusy = true;
    const done = async (): Promise<void> => {
      if (this.#unsure !== null) await this.#sendAgain(this.#unsure);
      else if (chance.is(0.05)) await this.#purge(deviceId);
      else {
        const count = sendsBursts && chance.is(0.05) ? chance.int(20, 60) : chance.skewed(1, 3);
        for (let sent = 0; sent < count && this.#unsure === null; sent++) await this.send(deviceId);
      }
    };
    void done().finally(() => {
      this.#isBusy = false;
    });
  }

  // ---- messages ----

  /** @returns what the oracle knows of it. */
  async send(deviceId: string, ttlMs = this.#chance.pick([5_000, 60_000, 3_600_000])): Promise<SentMessage> {
    const isPoison = this.#chance.is(0.04);
    const sent = this.#oracle.cloudMessages.sending(`c${++this.#messages}`, deviceId, ttlMs, isPoison);
    await this.#sendAgain(sent);
    return sent;
  }

  async #sendAgain(sent: SentMessage): Promise<void> {
    const { id, deviceId, ttlMs, isPoison } = sent;
    const { cloudMessages } = this.#oracle;
    const wasUnsure = this.#unsure === sent;
    const told = await this.#calls.call(`send ${id} to ${deviceId}`, async (hub) => {
      try {
        await hub.cloudMessages.send(deviceId, {
          messageId: id,
          ttlMs,
          body: Buffer.from(JSON.stringify({ id, isPoison })),
        });
        this.#world.outside(() => cloudMessages.accepted(sent));
        return "taken";
      } catch (error) {
        if (error instanceof ColdpathError) return error.code;
        throw error;
      }
    });
    // Refused by an error of the machine, it is as good as lost.
    this.#unsure = told.kind === "done" ? null : sent;
    if (told.kind !== "done" || told.value === "taken") return;
    if (told.value === "cloud-message-exists" && wasUnsure) cloudMessages.accepted(sent);
    else cloudMessages.refused(sent, told.value);
  }

  async #purge(deviceId: string): Promise<void> {
    this.#oracle.cloudMessages.purging(deviceId);
    await this.#calls.isDone(`purge what waits for ${deviceId}`, (hub) => hub.registry.purgeCloudMessages(deviceId));
  }

  // ---- methods ----

  /** @returns what the caller was told: `answered`, the error's code, or null when the process died under the call. */
  call(deviceId: string, responseTimeoutMs: number, connectTimeoutMs: number): Promise<string | null> {
    const world = this.#world;
    const { methods } = this.#oracle;
    const { hub } = this.#machine;
    if (hub === null) return Promise.resolve(null);
    const call = methods.calling(deviceId);
    world.tell("app", `calls ${deviceId}: ${call.number}`);
    return new Promise((resolve) => {
      let isOver = false;
      const end = (what: string | null): void => {
        if (isOver) return;
        isOver = true;
        world.tell("app", `  call ${call.number}: ${what}`);
        world.outside(() => resolve(what));
      };
      hub.process.run(() => {
        void this.#invoke(call, responseTimeoutMs, connectTimeoutMs).then(end, (error: unknown) => {
          if (hub.process.state === "alive" && !(error instanceof DeadProcess)) throw error;
        });
      });
      world.later(responseTimeoutMs + connectTimeoutMs + lateMs, () => {
        if (!isOver && this.#machine.process === hub.process && hub.process.state === "alive") {
          world.violate("method", `call ${call.number} of ${deviceId} is not over ${lateMs} ms after its time`);
        }
        end(null);
      });
    });
  }

  /** In the hub's process. */
  async #invoke(call: MethodCallStory, responseTimeoutMs: number, connectTimeoutMs: number): Promise<string> {
    const { methods } = this.#oracle;
    const { hub } = this.#machine;
    if (hub === null) throw new DeadProcess("it went in between");
    const { deviceId } = call;
    const isAlive = (): boolean => Process.current?.state === "alive";
    try {
      const { generationId } = await hub.registry.device(deviceId);
      call.generation = generationId;
      const answer = await hub.methods.invoke(
        { deviceId, generationId },
        { name: "turn", payload: JSON.stringify({ call: call.number }), responseTimeoutMs, connectTimeoutMs },
      );
      if (isAlive()) this.#world.outside(() => methods.answered(call, answer.status, answer.payload));
      return "answered";
    } catch (error) {
      if (!isAlive() || !(error instanceof ColdpathError)) throw error;
      const code = codeOf(error) ?? "";
      this.#world.outside(() => methods.failed(call, code));
      return code;
    }
  }
}
