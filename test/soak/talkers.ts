// The devices of a soak that talk: they report, hear what is wanted, answer direct methods and take messages, over MQTT with a kept
// session and over AMQP, also within WebSockets. The soak is the administrator at the other end.

import type { HubProcess } from "../lib/hub-process.ts";
import { type LoadDevice, type LoadTarget, openStream, tokenOf } from "../lib/load-devices.ts";
import { Heard, TalkingAmqpDevice, type TalkingDevice, TalkingMqttDevice } from "../lib/talking-device.ts";

/** What all talkers of a soak did. */
export class TalkTally {
  reports = 0;
  patches = 0;
  calls = 0;
  messages = 0;
  /** Asked of a device that was connected before and after, and not answered. */
  readonly failures: string[] = [];
}

export class Talker {
  readonly #hub: HubProcess;
  readonly #device: LoadDevice;
  readonly #target: () => LoadTarget;
  readonly #tally: TalkTally;
  readonly #heard = new Heard();
  readonly #over: Promise<void>;
  #talking: TalkingDevice | null = null;
  #isStopped = false;
  #turn = 0;
  readonly #sent = new Set<string>();
  #reported = 0;

  constructor(hub: HubProcess, device: LoadDevice, target: () => LoadTarget, tally: TalkTally) {
    this.#hub = hub;
    this.#device = device;
    this.#target = target;
    this.#tally = tally;
    this.#over = this.#run();
  }

  /** One of each, unless it is away. */
  async turn(): Promise<void> {
    const talking = this.#talking;
    if (talking === null) return;
    this.#turn++;
    const works = [() => this.#report(talking), () => this.#want(), () => this.#call(), () => this.#message()];
    await Promise.all(
      works.map(async (work) => {
        try {
          await work();
        } catch (error) {
          if (this.#talking === talking && !talking.isEnded)
            this.#tally.failures.push(`${this.#device.id}: ${String(error)}`);
        }
      }),
    );
  }

  cut(): void {
    this.#talking?.destroy();
  }

  /** @returns what is wrong in the end: all that was sent has come, all that was answered is there. */
  async settled(): Promise<readonly string[]> {
    const wrong: string[] = [];
    const { id } = this.#device;
    const endMs = performance.now() + 30_000;
    const missing = (): number => {
      const came = new Set(this.#heard.messages);
      return [...this.#sent].filter((one) => !came.has(one)).length;
    };
    while (missing() > 0 && performance.now() < endMs) await pause(100);
    if (missing() > 0) wrong.push(`${id}: ${missing()} of ${this.#sent.size} messages did not come`);
    const calls = this.#heard.calls.map((call) => JSON.stringify(call));
    if (new Set(calls).size < calls.length) wrong.push(`${id}: a direct method came twice`);
    const { desired, reported } = await this.#hub.api<Twin>("GET", `/devices/${id}/twin`);
    while (this.#heard.pushes.at(-1)?.version !== desired.version && performance.now() < endMs) await pause(100);
    if (this.#heard.pushes.at(-1)?.version !== desired.version) wrong.push(`${id}: it does not know what is wanted`);
    if (Number(reported.content["turn"]) < this.#reported) wrong.push(`${id}: its last report is not in its twin`);
    return wrong;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#talking?.destroy();
    await this.#over;
  }

  async #report(talking: TalkingDevice): Promise<void> {
    const turn = this.#turn;
    await talking.report({ turn });
    this.#reported = turn;
    this.#tally.reports++;
  }

  async #want(): Promise<void> {
    await this.#hub.api("PATCH", `/devices/${this.#device.id}/twin`, { desired: { turn: this.#turn } });
    this.#tally.patches++;
  }

  async #call(): Promise<void> {
    const payload = { turn: this.#turn, at: Date.now() };
    await this.#hub.api("POST", `/devices/${this.#device.id}/methods`, { name: "echo", payload });
    this.#tally.calls++;
  }

  async #message(): Promise<void> {
    const path = `/devices/${this.#device.id}/cloud-messages`;
    const { messageId } = await this.#hub.api<{ messageId: string }>("POST", path, { body: "x".repeat(300) });
    this.#sent.add(messageId);
    this.#tally.messages++;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const stream = openStream(this.#device, this.#target());
      const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
      const { id: deviceId, transport } = this.#device;
      const options = { deviceId, token: tokenOf(this.#device), stream, heard: this.#heard };
      const isMqtt = transport.startsWith("mqtt");
      try {
        this.#talking = await (isMqtt ? TalkingMqttDevice.open(options) : TalkingAmqpDevice.open(options));
        await closed;
      } catch {
        stream.destroy(); // it tries again
      }
      this.#talking = null;
      if (!this.#isStopped) await pause(200 + Math.random() * 2000);
    }
  }
}

interface Twin {
  readonly desired: { readonly version: number };
  readonly reported: { readonly content: Readonly<Record<string, unknown>> };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
