// Who gets answers that are promises, other than of telemetry: devices that report, complete messages, subscribe and register, and
// an administrator who wants properties, sends messages and calls methods. Each keeps what it was answered, and looks after every
// start of the server whether it still holds.
//
// Owns:      the traffic, and what was answered.
// Does not:  kill: the stand does, at an answer.

import { Agent, request } from "node:https";
import { expect } from "vitest";
import { makeSasToken } from "../../src/ingest/sas-token.ts";
import { derivedKey } from "../../src/registry/derived-key.ts";
import { type BenchDevice, DeviceBench } from "../lib/device-bench.ts";
import { type LoadDevice, openStream } from "../lib/load-devices.ts";
import { emptyTemplate } from "../lib/plain-devices.ts";
import { Heard, TalkingAmqpDevice, type TalkingDevice, TalkingMqttDevice } from "../lib/talking-device.ts";

export interface Promised {
  /** Before the traffic of a round. */
  open(): Promise<void>;
  /** Traffic until the server is down. */
  run(): Promise<void>;
  /** What was answered still holds, after the next start. */
  check(): Promise<void>;
}

/** The server, and the moment at which it is killed: one of so many answers of a kind. */
export class AnswerStand {
  readonly bench: DeviceBench;
  isDown = false;
  #armed = "";
  #answersLeft = 0;
  #killed = Promise.withResolvers<void>();

  private constructor(bench: DeviceBench) {
    this.bench = bench;
  }

  static async open(): Promise<AnswerStand> {
    return new AnswerStand(await DeviceBench.open(...flags));
  }

  /** The server is killed the moment the next but so many answers of this kind come. Resolves then. */
  async killedAt(kind: string, answers: number): Promise<void> {
    this.#armed = kind;
    this.#answersLeft = answers;
    this.#killed = Promise.withResolvers<void>();
    await this.#killed.promise;
  }

  answered(kind: string): void {
    if (kind !== this.#armed || this.isDown || --this.#answersLeft > 0) return;
    this.isDown = true;
    this.#armed = "";
    void this.bench.hub.kill().then(() => this.#killed.resolve());
  }

  async start(): Promise<void> {
    await this.bench.start(...flags);
    this.isDown = false;
  }

  /** Again and again, until the server is down: what fails then does not count. */
  async untilDown(work: () => Promise<void>): Promise<void> {
    while (!this.isDown) {
      try {
        await work();
      } catch (error) {
        if (!this.isDown) throw error;
      }
    }
  }

  async https(method: string, path: string, token: string): Promise<HttpsAnswer> {
    const { ca, hub } = this.bench;
    const agent = (agents[hub.address.ports.https] ??= new Agent({ keepAlive: true, ca }));
    return await new Promise((resolve, reject) => {
      const options = { host: "localhost", port: hub.address.ports.https, agent, method, path };
      const call = request({ ...options, headers: { authorization: token } }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => (text += part));
        response.once("error", reject);
        response.once("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      });
      call.once("error", reject).end();
    });
  }

  async close(): Promise<void> {
    for (const agent of Object.values(agents)) agent.destroy();
    await this.bench.close();
  }
}

const flags = ["--device-sign-ins-per-second-max=0"];
const agents: Record<number, Agent> = {};

interface HttpsAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

interface Section {
  readonly content: Readonly<Record<string, number>>;
  readonly version: number;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** So many messages wait for a device, or are on their way. */
const messagesMax = 20;

/** Messages for one device, however it takes them. */
class Messages {
  readonly #stand: AnswerStand;
  readonly #id: string;
  readonly #over: string;
  readonly #sent = new Set<string>();
  readonly #came = new Set<string>();
  readonly #completed = new Set<string>();
  readonly #cameAgain: string[] = [];
  #next = 0;

  constructor(stand: AnswerStand, id: string, over: string) {
    this.#stand = stand;
    this.#id = id;
    this.#over = over;
  }

  came(messageId: string): void {
    this.#came.add(messageId);
    if (this.#completed.has(messageId)) this.#cameAgain.push(messageId);
  }

  completed(messageId: string): void {
    if (this.#completed.has(messageId)) return;
    this.#completed.add(messageId);
    this.#stand.answered(`${this.#over} completed`);
  }

  async send(): Promise<void> {
    if (this.#sent.size >= this.#came.size + messagesMax) return await pause(5);
    const messageId = `m-${++this.#next}`;
    const message = { messageId, body: messageId, ttlSeconds: 172_800 };
    await this.#stand.bench.hub.api("POST", `/devices/${this.#id}/cloud-messages`, message);
    this.#sent.add(messageId);
    this.#stand.answered(`${this.#over} sent`);
  }

  /** A PUBACK is not answered: the list says what came of it. */
  async look(): Promise<void> {
    const path = `/devices/${this.#id}/cloud-messages`;
    const { items } = await this.#stand.bench.hub.api<{ items: { messageId: string; state: string }[] }>("GET", path);
    for (const { messageId, state } of items) if (state === "completed") this.completed(messageId);
    await pause(10);
  }

  /** Those that were sent before came. */
  async check(): Promise<void> {
    await until(`${this.#over}: every message that was taken comes`, () =>
      [...this.#sent].every((one) => this.#came.has(one)),
    );
    expect(this.#cameAgain, `${this.#over}: completed, and came again`).toEqual([]);
    expect(this.#completed.size).toBeGreaterThan(0);
  }
}

/** A device that talks over MQTT or AMQP, and the administrator's side of it. */
export class Talks implements Promised {
  readonly #stand: AnswerStand;
  readonly #over: "mqtt" | "amqps";
  readonly #owner: BenchDevice;
  readonly #heard = new Heard();
  readonly #messages: Messages;
  #device: TalkingDevice | null = null;
  #reported = { count: 0, version: 1 };
  #reportsAsked = 0;
  /** By desired's version. */
  readonly #wanted = new Map<number, number>();
  #wantedAsked = 0;
  #calls = 0;
  readonly #answeredCalls: number[] = [];

  static async open(stand: AnswerStand, over: "mqtt" | "amqps"): Promise<Talks> {
    return new Talks(stand, over, await stand.bench.device(`talks-${over}`));
  }

  private constructor(stand: AnswerStand, over: "mqtt" | "amqps", owner: BenchDevice) {
    this.#stand = stand;
    this.#over = over;
    this.#owner = owner;
    this.#messages = new Messages(stand, owner.id, over);
    this.#heard.onMessage = (messageId) => this.#messages.came(messageId);
    this.#heard.onCompleted = (messageId) => this.#messages.completed(messageId);
  }

  async open(): Promise<void> {
    this.#device?.destroy();
    this.#device = await talkingDevice(this.#stand, this.#owner, this.#over, this.#heard);
  }

  async run(): Promise<void> {
    const works = [
      () => this.#report(),
      () => this.#want(),
      () => this.#call(),
      () => this.#messages.send(),
      ...(this.#over === "mqtt" ? [() => this.#messages.look()] : []),
    ];
    await Promise.all(works.map(async (work) => await this.#stand.untilDown(work)));
  }

  async check(): Promise<void> {
    const { hub } = this.#stand.bench;
    const { desired, reported } = await hub.api<{ desired: Section; reported: Section }>(
      "GET",
      `/devices/${this.#owner.id}/twin`,
    );
    // One may have been on its way.
    const count = reported.content["count"] ?? 0;
    expect(count, "reported").toBeGreaterThanOrEqual(this.#reported.count);
    expect(count, "reported").toBeLessThanOrEqual(this.#reportsAsked);
    expect(reported.version - this.#reported.version, "reported's version").toBe(count - this.#reported.count);
    this.#reported = { count, version: reported.version };
    this.#reportsAsked = count;

    const newest = Math.max(...this.#wanted.keys());
    expect(desired.version, "desired's version").toBeGreaterThanOrEqual(newest);
    expect(desired.content["count"], "desired").toBeGreaterThanOrEqual(this.#wanted.get(newest) ?? 0);
    this.#wanted.set(desired.version, desired.content["count"] ?? 0);
    await this.open();
    const { pushes, calls } = this.#heard;
    await until(`${this.#over}: the device is told what is wanted`, () => pushes.at(-1)?.version === desired.version);
    for (const [index, { connection, version, patch }] of pushes.entries()) {
      if (this.#wanted.has(version)) expect(patch["count"], `version ${version}`).toBe(this.#wanted.get(version));
      const before = pushes[index - 1];
      if (before?.connection === connection) expect(version, "told twice").toBeGreaterThan(before.version);
    }

    const numbers = calls.map((call) => (call as { readonly call: number }).call);
    expect(numbers.length, "calls that came twice").toBe(new Set(numbers).size);
    expect(
      this.#answeredCalls.filter((call) => !numbers.includes(call)),
      "answered, and never came",
    ).toEqual([]);
    await this.#messages.check();
  }

  async #report(): Promise<void> {
    const count = ++this.#reportsAsked;
    const version = await (this.#device as TalkingDevice).report({ count });
    this.#reported = { count, version };
    this.#stand.answered(`${this.#over} reported`);
  }

  async #want(): Promise<void> {
    const count = ++this.#wantedAsked;
    const path = `/devices/${this.#owner.id}/twin`;
    const { desired } = await this.#stand.bench.hub.api<{ desired: Section }>("PATCH", path, { desired: { count } });
    this.#wanted.set(desired.version, desired.content["count"] ?? 0);
    this.#stand.answered(`${this.#over} wanted`);
  }

  async #call(): Promise<void> {
    const call = ++this.#calls;
    const path = `/devices/${this.#owner.id}/methods`;
    const answer = await this.#stand.bench.hub.api("POST", path, { name: "echo", payload: { call } });
    expect(answer).toEqual({ status: 200, payload: { call } });
    this.#answeredCalls.push(call);
    this.#stand.answered(`${this.#over} called`);
  }
}

/** A device that polls for messages over HTTPS. */
export class Polls implements Promised {
  readonly #stand: AnswerStand;
  readonly #owner: BenchDevice;
  readonly #messages: Messages;

  static async open(stand: AnswerStand): Promise<Polls> {
    return new Polls(stand, await stand.bench.device("polls"));
  }

  private constructor(stand: AnswerStand, owner: BenchDevice) {
    this.#stand = stand;
    this.#owner = owner;
    this.#messages = new Messages(stand, owner.id, "https");
  }

  async open(): Promise<void> {}

  async run(): Promise<void> {
    const works = [() => this.#messages.send(), () => this.#poll()];
    await Promise.all(works.map(async (work) => await this.#stand.untilDown(work)));
  }

  /** A message that was polled is locked for a minute of the window clock: two seconds. */
  async check(): Promise<void> {
    const over = new AbortController();
    const polling = (async () => {
      while (!over.signal.aborted) await this.#poll();
    })();
    await this.#messages.check().finally(() => over.abort());
    await polling;
  }

  async #poll(): Promise<void> {
    const path = `/devices/${this.#owner.id}/messages/devicebound`;
    const token = tokenFor(this.#owner);
    const { status, headers } = await this.#stand.https("GET", path, token);
    if (status === 204) return await pause(5);
    expect(status).toBe(200);
    const messageId = String(headers["iothub-messageid"]);
    this.#messages.came(messageId);
    const settled = await this.#stand.https("DELETE", `${path}/${String(headers["etag"]).replaceAll('"', "")}`, token);
    if (settled.status === 204) this.#messages.completed(messageId);
    else expect(settled.status).toBe(412); // its lock was over meanwhile
  }
}

/** Devices that subscribe with a kept session, each once. */
export class Subscribes implements Promised {
  readonly #stand: AnswerStand;
  #subscribed: { readonly owner: BenchDevice; readonly device: TalkingDevice }[] = [];
  #next = 0;

  constructor(stand: AnswerStand) {
    this.#stand = stand;
  }

  async open(): Promise<void> {}

  async run(): Promise<void> {
    await this.#stand.untilDown(async () => {
      const owner = await this.#stand.bench.device(`subscribes-${++this.#next}`);
      const device = await talkingDevice(this.#stand, owner, "mqtt", new Heard());
      this.#subscribed.push({ owner, device });
      this.#stand.answered("subscribed");
      await pause(20);
    });
  }

  async check(): Promise<void> {
    for (const { owner } of this.#subscribed) {
      const device = await talkingDevice(this.#stand, owner, "mqtt", new Heard());
      expect((device as TalkingMqttDevice).hadSession, `${owner.id} has its session`).toBe(true);
      const answer = await this.#stand.bench.hub.api("POST", `/devices/${owner.id}/methods`, { name: "echo" });
      expect(answer).toMatchObject({ status: 200 });
      device.destroy();
    }
    this.#subscribed = [];
  }
}

const groupKey = Buffer.alloc(64, 7).toString("base64");

/** Devices of an enrollment group that register, each once. */
export class Registers implements Promised {
  readonly #stand: AnswerStand;
  readonly #idScope: string;
  /** When it was assigned first, by registration id; and the generation of its device, once it was seen. */
  readonly #assigned = new Map<string, { readonly createdAt: string; generationId: string | null }>();
  #next = 0;

  static async open(stand: AnswerStand): Promise<Registers> {
    const { hub } = stand.bench;
    const { idScope } = await hub.api<{ idScope: string }>("GET", "/provisioning");
    await hub.api("POST", "/enrollment-groups", {
      name: "line",
      primaryKey: groupKey,
      templateId: emptyTemplate.id,
    });
    return new Registers(stand, idScope);
  }

  private constructor(stand: AnswerStand, idScope: string) {
    this.#stand = stand;
    this.#idScope = idScope;
  }

  async open(): Promise<void> {}

  async run(): Promise<void> {
    await this.#stand.untilDown(async () => {
      const id = `registers-${++this.#next}`;
      const one = { createdAt: await this.#register(id), generationId: null as string | null };
      this.#assigned.set(id, one);
      this.#stand.answered("registered");
      one.generationId = await this.#generationOf(id);
      await pause(20);
    });
  }

  async check(): Promise<void> {
    for (const [id, one] of this.#assigned) {
      const generationId = await this.#generationOf(id);
      expect(generationId, id).toBe(one.generationId ?? generationId);
      expect(await this.#register(id), id).toBe(one.createdAt);
      expect(await this.#generationOf(id), id).toBe(generationId);
      one.generationId = generationId;
    }
  }

  /** @returns when it was assigned first. */
  async #register(id: string): Promise<string> {
    const resource = `${this.#idScope}/registrations/${id}`;
    const token = makeSasToken(resource, derivedKey(groupKey, id), Date.now() + 3_600_000, "registration");
    const { status, text } = await this.#stand.https("PUT", `/${resource}/register?api-version=2021-06-01`, token);
    const { registrationState: state } = JSON.parse(text) as {
      registrationState: { status: string; deviceId: string; createdDateTimeUtc: string };
    };
    expect({ status, state }).toMatchObject({ status: 200, state: { status: "assigned", deviceId: id } });
    return state.createdDateTimeUtc;
  }

  async #generationOf(id: string): Promise<string> {
    return (await this.#stand.bench.hub.api<{ generationId: string }>("GET", `/devices/${id}`)).generationId;
  }
}

function tokenFor({ id, key }: BenchDevice): string {
  return makeSasToken(`localhost/devices/${id}`, key, Date.now() + 3_600_000);
}

async function talkingDevice(
  { bench }: AnswerStand,
  owner: BenchDevice,
  transport: "mqtt" | "amqps",
  heard: Heard,
): Promise<TalkingDevice> {
  const { id, key } = owner;
  const way: LoadDevice = { id, key, transport, sender: "device by key", certificate: null };
  const stream = openStream(way, { ports: bench.hub.address.ports, ca: bench.ca });
  const options = { deviceId: id, token: tokenFor(owner), stream, heard };
  return transport === "mqtt" ? await TalkingMqttDevice.open(options) : await TalkingAmqpDevice.open(options);
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`It did not happen: ${what}.`);
    await pause(10);
  }
}
