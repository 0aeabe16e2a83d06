// An AMQP client over rhea, which is not ours: connects, brings tokens, opens links, tells what became of a message.

import { type Socket, connect } from "node:net";
import { connect as connectTls } from "node:tls";
import {
  type Connection,
  type Delivery,
  type EventContext,
  type Message,
  type Receiver,
  type Sender,
  type SenderOptions,
  create_container,
} from "rhea";

export interface AmqpClientOptions {
  /** With both: SASL PLAIN; neither: ANONYMOUS. */
  readonly user?: string;
  readonly password?: string;
  /** With it over TLS. */
  readonly ca?: string | undefined;
  /** Of a session to the device, in transfers. */
  readonly windowFrames?: number | undefined;
  readonly frameBytesMax?: number | undefined;
}

/** What became of a message, and why. */
export interface Outcome {
  readonly state: string;
  readonly condition?: string | undefined;
}

export class AmqpClient {
  readonly socket: Socket;
  readonly connection: Connection;
  /** Of the hub's Close, or "" when there was none. */
  closedWith = "";
  isEnded = false;
  readonly #outcomes = new Map<Delivery, (outcome: Outcome) => void>();
  #cbs: { readonly sender: Sender; readonly answers: Message[] } | null = null;

  /** Resolves when the connection is open; rejects when it is refused. */
  static async open(port: number, options: AmqpClientOptions = {}): Promise<AmqpClient> {
    const { user = "anonymous", password, ca, windowFrames, frameBytesMax } = options;
    const socket =
      ca === undefined
        ? connect({ port, host: "127.0.0.1", noDelay: true })
        : connectTls({ port, host: "localhost", ca });
    const container = create_container();
    container.on("error", () => {});
    const connection = container.connect({
      port,
      connection_details: () => ({ port, host: "127.0.0.1", connect: () => socket }),
      reconnect: false,
      username: user,
      ...(password === undefined ? {} : { password }),
      ...(windowFrames === undefined ? {} : { session_buffer_size: { incoming: windowFrames } }),
      ...(frameBytesMax === undefined ? {} : { max_frame_size: frameBytesMax }),
    });
    socket.once(ca === undefined ? "connect" : "secureConnect", () =>
      (connection as unknown as { connected(): void }).connected(),
    );
    const client = new AmqpClient(connection, socket);
    await new Promise<void>((resolve, reject) => {
      connection.once("connection_open", () => resolve());
      const refuse = (): void => reject(new Error(`The hub refused: ${client.closedWith}`));
      connection.once("disconnected", refuse).once("connection_error", refuse);
    });
    return client;
  }

  /** Brings a token for itself. */
  static async device(
    port: number,
    deviceId: string,
    token: string,
    options: AmqpClientOptions = {},
  ): Promise<AmqpClient> {
    const client = await AmqpClient.open(port, options);
    const { status, description } = await client.putToken(`localhost/devices/${deviceId}`, token);
    if (status !== 200) throw new Error(`The hub answered ${status}: ${description}`);
    return client;
  }

  private constructor(connection: Connection, socket: Socket) {
    this.connection = connection;
    this.socket = socket;
    const settle = (state: string) => (context: EventContext) => {
      const { delivery } = context;
      if (delivery === undefined) return;
      const remote = delivery.remote_state as { error?: { condition?: string } } | undefined;
      this.#outcomes.get(delivery)?.({ state, condition: remote?.error?.condition });
      this.#outcomes.delete(delivery);
    };
    for (const state of ["accepted", "rejected", "released", "modified"] as const) connection.on(state, settle(state));
    connection.on("connection_error", () => {
      this.closedWith = (connection.error as { condition?: string } | undefined)?.condition ?? "";
    });
    for (const event of [
      "disconnected",
      "connection_close",
      "sender_error",
      "receiver_error",
      "protocol_error",
    ] as const) {
      (connection as unknown as { on(name: string, listener: () => void): void }).on(event, () => {});
    }
    socket.on("close", () => {
      this.isEnded = true;
      for (const told of this.#outcomes.values()) told({ state: "ended" });
    });
  }

  async putToken(audience: string, token: string): Promise<{ status: number; description: string }> {
    if (this.#cbs === null) {
      const sender = await this.sender("$cbs");
      if (typeof sender === "string") throw new Error(sender);
      this.#cbs = { sender, answers: await this.messages("$cbs") };
    }
    const { sender, answers } = this.#cbs;
    const before = answers.length;
    sender.send({
      message_id: `id-${before}`,
      reply_to: "cbs",
      application_properties: { operation: "put-token", type: "servicebus.windows.net:sastoken", name: audience },
      body: token,
    });
    await until(() => answers.length > before || this.isEnded);
    const answer = answers[before];
    if (answer?.correlation_id !== `id-${before}`) throw new Error("The answer is to another request.");
    const { "status-code": status, "status-description": description } = answer.application_properties ?? {};
    return { status, description };
  }

  /** A link to send on; or why it was refused. */
  async sender(address: string, options: SenderOptions = {}): Promise<Sender | string> {
    const sender = this.connection.open_sender({ target: address, ...options });
    return await new Promise<Sender | string>((resolve) => {
      sender.once("sendable", () => resolve(sender));
      sender.once("sender_error", () => resolve(conditionOf(sender.error)));
      this.socket.once("close", () => resolve(this.closedWith));
    });
  }

  /** As `sender`, and must not be refused. */
  async events(deviceId: string, options: SenderOptions = {}): Promise<Sender> {
    const sender = await this.sender(`/devices/${deviceId}/messages/events`, options);
    if (typeof sender === "string") throw new Error(`The link was refused: ${sender}`);
    return sender;
  }

  /** A link to receive on. */
  async receiver(address: string, credit = 100): Promise<Receiver> {
    const receiver = this.connection.open_receiver({ source: address, credit_window: credit });
    await new Promise((resolve) => receiver.once("receiver_open", resolve));
    return receiver;
  }

  /** What comes on a link, in one list that grows. */
  async messages(address: string): Promise<Message[]> {
    const messages: Message[] = [];
    const receiver = this.connection.open_receiver({ source: address });
    receiver.on("message", ({ message }: EventContext) => {
      if (message !== undefined) messages.push(message);
    });
    await new Promise((resolve) => receiver.once("receiver_open", resolve));
    return messages;
  }

  /** Sends, and resolves with what became of it. */
  send(sender: Sender, message: Message | Buffer, format?: number): Promise<Outcome> {
    const delivery = sender.send(message, undefined, format);
    if (delivery.settled) return Promise.resolve({ state: "settled" });
    return new Promise((resolve) => this.#outcomes.set(delivery, resolve));
  }

  destroy(): void {
    this.socket.destroy();
  }
}

function conditionOf(error: unknown): string {
  return (error as { condition?: string } | undefined)?.condition ?? "";
}

async function until(is: () => boolean): Promise<void> {
  const endMs = performance.now() + 5_000;
  while (!is()) {
    if (performance.now() > endMs) throw new Error("It did not happen.");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
