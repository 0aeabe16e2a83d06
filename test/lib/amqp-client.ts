// An AMQP client over rhea, which is not ours: connects, brings tokens, opens links, tells what became of a message.

import { type Socket, connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import rhea, {
  type Connection,
  type Delivery,
  type EventContext,
  type Message,
  type Receiver,
  type Sender,
  type SenderOptions,
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
  /** Open, or opening, in place of one of its own to `port`. */
  readonly stream?: Duplex | undefined;
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
  #cbs: { readonly sender: Sender; readonly waiting: Map<string, (answer: Message) => void> } | null = null;
  #requests = 0;

  /** Resolves when the connection is open; rejects when it is refused. */
  static async open(port: number, options: AmqpClientOptions = {}): Promise<AmqpClient> {
    const { user = "anonymous", password, ca, stream, windowFrames, frameBytesMax } = options;
    const socket = (stream as Socket | undefined) ?? socketTo(port, ca);
    const container = rhea.create_container();
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
    // What is written before it is open waits.
    setImmediate(() => (connection as unknown as { connected(): void }).connected());
    const client = new AmqpClient(connection, socket);
    await new Promise<void>((resolve, reject) => {
      connection.once("connection_open", () => resolve());
      const refuse = (): void => reject(new Error(`The hub refused: ${client.closedWith}`));
      connection.once("disconnected", refuse).once("connection_error", refuse);
      socket.once("close", refuse);
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
    socket.setMaxListeners(0); // whatever waits hears of its end
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
      const waiting = new Map<string, (answer: Message) => void>();
      await this.receive("$cbs", (answer) => waiting.get(String(answer.correlation_id))?.(answer));
      this.#cbs = { sender, waiting };
    }
    const { sender, waiting } = this.#cbs;
    const id = `id-${++this.#requests}`;
    const answered = new Promise<Message>((resolve, reject) => {
      waiting.set(id, resolve);
      this.socket.once("close", () => reject(new Error("The connection ended.")));
    });
    sender.send({
      message_id: id,
      reply_to: "cbs",
      application_properties: { operation: "put-token", type: "servicebus.windows.net:sastoken", name: audience },
      body: token,
    });
    const answer = await answered;
    waiting.delete(id);
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

  /** Calls `take` with what comes on a link, and then accepts it; `settled` when the hub has settled it, too. */
  async receive(
    address: string,
    take: (message: Message) => void,
    { rcv_settle_mode = 0, settled = () => {} }: { rcv_settle_mode?: 0 | 1; settled?: (message: Message) => void } = {},
  ): Promise<Receiver> {
    const receiver = this.connection.open_receiver({ source: address, credit_window: 100, rcv_settle_mode });
    const taken = new Map<Delivery, Message>();
    receiver.on("message", ({ message, delivery }: EventContext) => {
      if (message === undefined || delivery === undefined) return;
      if (rcv_settle_mode === 1) taken.set(delivery, message);
      take(message);
    });
    receiver.on("settled", ({ delivery }: EventContext) => {
      const message = delivery === undefined ? undefined : taken.get(delivery);
      if (delivery !== undefined) taken.delete(delivery);
      if (message !== undefined && isAccepted(delivery)) settled(message);
    });
    await this.#opened(receiver);
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

  /** Rejects when the connection ends before. */
  async #opened(receiver: Receiver): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      receiver.once("receiver_open", () => resolve());
      this.socket.once("close", () => reject(new Error("The connection ended.")));
    });
  }
}

function socketTo(port: number, ca: string | undefined): Socket {
  return ca === undefined
    ? connect({ port, host: "127.0.0.1", noDelay: true })
    : connectTls({ port, host: "localhost", ca });
}

/** Whether the hub's last word is that it wrote down what the device accepted. */
function isAccepted(delivery: Delivery | undefined): boolean {
  const state = delivery?.remote_state as { readonly constructor?: { readonly composite_type?: string } } | undefined;
  return state?.constructor?.composite_type === "accepted";
}

function conditionOf(error: unknown): string {
  return (error as { condition?: string } | undefined)?.condition ?? "";
}
