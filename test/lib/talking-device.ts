// A device that does all but send messages, over MQTT with a kept session or over AMQP: it reports properties, hears of what is
// wanted, answers direct methods, and completes messages from the cloud. What it heard outlives its connections.

import type { Duplex } from "node:stream";
import mqtt, { type Packet } from "mqtt-packet";
import rhea, { type Message, type Sender } from "rhea";
import { AmqpClient } from "./amqp-client.ts";

/** What a device heard, over all of its connections. */
export class Heard {
  connections = 0;
  readonly pushes: { readonly connection: number; readonly version: number; readonly patch: Patch }[] = [];
  /** Payloads of direct methods. */
  readonly calls: unknown[] = [];
  /** Message ids, as they came. */
  readonly messages: string[] = [];
  /** Called with each, before the device completes it. */
  onMessage: (messageId: string) => void = () => {};
  onPush: () => void = () => {};
  /** Called when the hub has said that a message is over; over MQTT it never says so. */
  onCompleted: (messageId: string) => void = () => {};

  message(messageId: string): void {
    this.messages.push(messageId);
    this.onMessage(messageId);
  }

  push(version: number, patch: Patch): void {
    this.pushes.push({ connection: this.connections, version, patch });
    this.onPush();
  }
}

export type Patch = Readonly<Record<string, unknown>>;

export interface TalkingDevice {
  readonly isEnded: boolean;
  /** Reports. @returns reported's version by the answer. Rejects when the connection ends before it. */
  report(patch: Patch): Promise<number>;
  destroy(): void;
}

export interface TalkingOptions {
  readonly deviceId: string;
  /** Null: the certificate is enough. */
  readonly token: string | null;
  /** Of MQTT; 60 when left out. */
  readonly keepAliveSeconds?: number | undefined;
  /** Open, or opening. */
  readonly stream: Duplex;
  readonly heard: Heard;
}

/** Answers to requests that are under way, by their id. */
class Requests {
  readonly #waiting = new Map<string, { resolve: (version: number) => void; reject: (error: Error) => void }>();
  #next = 0;

  open(): { readonly id: string; readonly answered: Promise<number> } {
    const id = String(++this.#next);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#waiting.set(id, { resolve, reject });
    return { id, answered: promise };
  }

  answer(id: string, status: number, version: number): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (status >= 200 && status < 300) waiting?.resolve(version);
    else waiting?.reject(new Error(`The hub answered ${status}.`));
  }

  end(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error("The connection ended."));
    this.#waiting.clear();
  }
}

export class TalkingMqttDevice implements TalkingDevice {
  readonly #options: TalkingOptions;
  readonly #requests = new Requests();
  readonly #opened = Promise.withResolvers<void>();
  /** It found its session. */
  hadSession = false;
  isEnded = false;

  /** Connects with a kept session, and subscribes when it finds none. Resolves when it hears everything. */
  static async open(options: TalkingOptions): Promise<TalkingMqttDevice> {
    const device = new TalkingMqttDevice(options);
    await device.#opened.promise;
    return device;
  }

  private constructor(options: TalkingOptions) {
    this.#options = options;
    const { deviceId, token, stream, heard, keepAliveSeconds = 60 } = options;
    heard.connections++;
    const parser = mqtt.parser();
    parser.on("packet", (packet) => this.#received(packet));
    stream.on("data", (chunk) => parser.parse(chunk));
    stream.on("error", () => {}); // "close" follows
    stream.once("close", () => {
      this.isEnded = true;
      this.#requests.end();
      this.#opened.reject(new Error("The connection ended."));
    });
    this.#opened.promise.catch(() => {}); // whoever waits is told
    stream.write(
      mqtt.generate({
        cmd: "connect",
        protocolId: "MQTT",
        protocolVersion: 4,
        clean: false,
        keepalive: keepAliveSeconds,
        clientId: deviceId,
        username: `localhost/${deviceId}/?api-version=2021-04-12`,
        ...(token === null ? {} : { password: Buffer.from(token) }),
      }),
    );
  }

  async report(patch: Patch): Promise<number> {
    if (this.isEnded) throw new Error("The connection ended.");
    const { id, answered } = this.#requests.open();
    this.#publish(`$iothub/twin/PATCH/properties/reported/?$rid=${id}`, patch);
    return await answered;
  }

  destroy(): void {
    this.#options.stream.destroy();
  }

  #received(packet: Packet): void {
    const { stream, deviceId } = this.#options;
    if (packet.cmd === "connack") {
      this.hadSession = packet.sessionPresent;
      if (packet.returnCode !== 0) stream.destroy();
      else if (packet.sessionPresent) this.#opened.resolve();
      else {
        const filters = [
          "$iothub/twin/res/#",
          "$iothub/twin/PATCH/properties/desired/#",
          "$iothub/methods/POST/#",
          `devices/${deviceId}/messages/devicebound/#`,
        ];
        const subscriptions = filters.map((topic) => ({ topic, qos: 1 as const }));
        stream.write(mqtt.generate({ cmd: "subscribe", messageId: 1, subscriptions }));
      }
    } else if (packet.cmd === "suback") this.#opened.resolve();
    else if (packet.cmd === "publish") this.#heard(packet.topic, Buffer.from(packet.payload), packet.messageId);
  }

  #heard(topic: string, payload: Buffer, packetId: number | undefined): void {
    const { heard, stream } = this.#options;
    const [path = "", query = ""] = topic.split("/?");
    const words = new URLSearchParams(query);
    if (path.startsWith("$iothub/twin/res/")) {
      const status = Number(path.slice("$iothub/twin/res/".length));
      this.#requests.answer(words.get("$rid") ?? "", status, Number(words.get("$version")));
    } else if (path === "$iothub/twin/PATCH/properties/desired") {
      heard.push(Number(words.get("$version")), JSON.parse(payload.toString()) as Patch);
    } else if (path.startsWith("$iothub/methods/POST/")) {
      const call: unknown = JSON.parse(payload.toString());
      heard.calls.push(call);
      this.#publish(`$iothub/methods/res/200/?$rid=${words.get("$rid")}`, call);
    } else {
      const bag = new URLSearchParams(topic.slice(topic.lastIndexOf("/") + 1));
      heard.message(bag.get("$.mid") ?? "");
      stream.write(mqtt.generate({ cmd: "puback", messageId: packetId ?? 0 }));
    }
  }

  #publish(topic: string, payload: unknown): void {
    const packet = {
      cmd: "publish",
      topic,
      payload: JSON.stringify(payload),
      qos: 0,
      retain: false,
      dup: false,
    } as const;
    this.#options.stream.write(mqtt.generate(packet));
  }
}

const desired = "/notifications/twin/properties/desired";

export class TalkingAmqpDevice implements TalkingDevice {
  readonly #client: AmqpClient;
  readonly #heard: Heard;
  readonly #requests = new Requests();
  #twin!: Sender;
  #methods!: Sender;

  /** Signs in and attaches all links; settles messages second. Resolves when it hears everything. */
  static async open({ deviceId, token, stream, heard }: TalkingOptions): Promise<TalkingAmqpDevice> {
    heard.connections++;
    const client = await AmqpClient.open(0, { stream });
    const device = new TalkingAmqpDevice(client, heard);
    if (token !== null) {
      const { status } = await client.putToken(`localhost/devices/${deviceId}`, token);
      if (status !== 200) throw new Error(`The hub answered ${status}.`);
    }
    const [twin, methods, messages] = ["twin", "methods/devicebound", "messages/devicebound"].map(
      (name) => `/devices/${deviceId}/${name}`,
    ) as [string, string, string];
    await client.receive(twin, (message) => device.#twinMessage(message));
    await client.receive(methods, (message) => device.#call(message));
    device.#twin = must(await client.sender(twin));
    device.#methods = must(await client.sender(methods));
    await device.#ask("PUT", desired, {});
    await client.receive(messages, (message) => heard.message(String(message.message_id)), {
      rcv_settle_mode: 1,
      settled: (message) => heard.onCompleted(String(message.message_id)),
    });
    return device;
  }

  private constructor(client: AmqpClient, heard: Heard) {
    this.#client = client;
    this.#heard = heard;
    client.socket.once("close", () => this.#requests.end());
  }

  get isEnded(): boolean {
    return this.#client.isEnded;
  }

  async report(patch: Patch): Promise<number> {
    return await this.#ask("PATCH", "/properties/reported", patch);
  }

  destroy(): void {
    this.#client.destroy();
  }

  async #ask(operation: string, resource: string, body: Patch): Promise<number> {
    if (this.isEnded) throw new Error("The connection ended.");
    const { id, answered } = this.#requests.open();
    this.#twin.send({
      correlation_id: id,
      message_annotations: { operation, resource },
      body: rhea.message.data_section(Buffer.from(JSON.stringify(body))) as unknown,
    });
    return await answered;
  }

  #twinMessage({ correlation_id: id, message_annotations: annotations, body }: Message): void {
    if (id === undefined) {
      const patch = JSON.parse(textOf(body)) as Patch;
      this.#heard.push(Number(patch["$version"]), patch);
    } else this.#requests.answer(String(id), Number(annotations?.["status"]), Number(annotations?.["version"]));
  }

  #call({ correlation_id: id, body }: Message): void {
    const call: unknown = JSON.parse(textOf(body));
    this.#heard.calls.push(call);
    this.#methods.send({
      ...(id === undefined ? {} : { correlation_id: id }),
      application_properties: { "IoThub-status": rhea.types.wrap_int(200) },
      body: rhea.message.data_section(Buffer.from(textOf(body))) as unknown,
    });
  }
}

function textOf(body: unknown): string {
  return String((body as { readonly content: Buffer }).content);
}

function must(sender: Sender | string): Sender {
  if (typeof sender === "string") throw new Error(`The link was refused: ${sender}`);
  return sender;
}
