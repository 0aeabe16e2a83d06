// The devices of a story: they connect, send, wait for acknowledgements, send again, come back in storms, speak nonsense.
// Each keeps to itself; what it sent and what was acknowledged goes into the ledger.

import { createHmac } from "node:crypto";
import { connectBytes, publishBytes } from "../lib/raw-mqtt.ts";
import type { Answered } from "./device-cloud-messages.ts";
import { DeviceSession } from "./device-session.ts";
import type { Ledger, Message } from "./ledger.ts";
import type { Link, Network } from "./network.ts";
import type { Oracle } from "./oracle.ts";
import type { Chance, World } from "./world.ts";

/** A secret that opens a device; not once it was replaced. */
export interface Key {
  readonly secret: string;
  /** Of a hub policy, or null. */
  readonly policy: string | null;
  isRevoked: boolean;
}

/** What is known of a device's identity: what an administrator was told. */
export interface Identity {
  readonly id: string;
  /** False once a deletion or a disabling was confirmed. */
  isLetIn: boolean;
  readonly keys: Key[];
}

/** Which of its habits the devices of a story have. */
export interface Habits {
  readonly isHttp: boolean;
  readonly sendsAgain: boolean;
  readonly storms: boolean;
  readonly repeats: boolean;
  readonly wills: boolean;
  readonly nonsense: boolean;
  readonly qos0: boolean;
  readonly staleKeys: boolean;
  /** Mean time between messages. */
  readonly paceMs: number;
}

interface Sent {
  readonly message: Message;
  /** Under which it went out last. */
  packetId?: number;
  readonly bytes: { readonly topic: string; readonly payload: string };
}

/** A connection, or a request under way. */
interface Connection {
  readonly key: Key;
  /** The hub has its CONNECT, or the whole request. */
  isThere: boolean;
  isRevoked: boolean;
  readonly link: Link | null;
  readonly will: Message | null;
  /** Of the device when the hub had its CONNECT. */
  generation?: string | undefined;
}

export interface Surroundings {
  readonly world: World;
  readonly network: Network;
  readonly ledger: Ledger;
  readonly oracle: Oracle;
  readonly habits: Habits;
  /** Devices use their twins. */
  readonly hasTwins: boolean;
  /** Messages are sent to devices. */
  readonly hasCloudMessages: boolean;
  /** Devices take direct methods. */
  readonly hasMethods: boolean;
  /** Keys of hub policies. */
  readonly policies: Key[];
  /** The number of the next message. */
  next(): number;
}

const host = "hub.test";
const inFlightMax = 20;

export class SimulatedDevice {
  readonly identity: Identity;
  readonly #of: Surroundings;
  readonly #chance: Chance;
  #isStopped = false;
  #connection: Connection | null = null;
  readonly #connections = new Set<Connection>();
  #state: "off" | "connecting" | "open" = "off";
  /** Sent and not acknowledged, by packet id. */
  readonly #inFlight = new Map<number, Sent>();
  /** To be sent again at the next connection. */
  #again: Sent[] = [];
  #packetId = 0;
  #silentSinceMs = 0;
  readonly session: DeviceSession;

  constructor(identity: Identity, of: Surroundings) {
    this.identity = identity;
    this.#of = of;
    this.#chance = of.world.chance(`device ${identity.id}`);
    this.session = new DeviceSession(identity.id, of, () => {
      this.hangUp();
      this.comeBack();
    });
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
  }

  hangUp(): void {
    this.#of.world.tell(this.identity.id, "hangs up");
    this.#leave(this.#connection);
  }

  /** Goes on with its session soon, unless it is connected. */
  comeBack(): void {
    this.#of.world.later(this.#chance.int(100, 2_000), () => {
      if (!this.#isStopped && this.#state === "off") this.#connect(false);
    });
  }

  /** Its access was taken away, so the administrator was told: what comes over these connections is not taken. */
  accessTaken(isStillConcerned: (key: Key) => boolean): void {
    for (const connection of this.#connections) {
      if (!isStillConcerned(connection.key)) continue;
      // What is still on its way is let in or not by its key, as it is when it comes.
      if (connection.isRevoked || !connection.isThere) continue;
      connection.isRevoked = true;
      const { link, will } = connection;
      // Its will goes with it, unless the connection had ended before.
      if (will !== null && link !== null && !link.isClosed && !link.server.destroyed) will.delivered--;
      // It does not know, and goes on.
      if (connection !== this.#connection || this.#state !== "open") continue;
      for (let times = this.#chance.int(0, 3); times > 0; times--) {
        this.#of.world.later(this.#chance.skewed(1, 3_000), () => {
          if (connection === this.#connection) this.#publish(this.#newMessage());
        });
      }
    }
  }

  #schedule(): void {
    const { world, habits } = this.#of;
    world.later(this.#chance.skewed(Math.max(1, Math.ceil(habits.paceMs / 20)), habits.paceMs * 2), () => {
      if (this.#isStopped) return;
      this.#act();
      this.#schedule();
    });
  }

  #act(): void {
    const { world, habits } = this.#of;
    const chance = this.#chance;
    if (habits.isHttp && chance.is(0.4)) {
      const { cloudMessages } = this.session;
      return cloudMessages !== null && chance.is(0.3) ? cloudMessages.poll(this.#askFor) : this.#request();
    }
    if (this.#state === "off") return this.#connect();
    const silentMs = world.flowMs - this.#silentSinceMs;
    if ((this.#inFlight.size > 0 || this.#state === "connecting") && silentMs > 15_000) {
      world.tell(this.identity.id, "waits no longer");
      this.#leave(this.#connection);
      return;
    }
    if (this.#state !== "open") return;
    if (habits.storms && chance.is(0.1)) {
      world.count("reconnect storm");
      for (let times = chance.int(1, 4); times > 0; times--) this.#connect();
      return;
    }
    this.session.act();
    if (habits.nonsense && chance.is(0.08)) return this.#nonsense();
    if (chance.is(0.05)) {
      world.tell(this.identity.id, "hangs up");
      if (chance.is(0.5)) this.#connection?.link?.send(Buffer.from([0xe0, 0]));
      else this.#leave(this.#connection);
      return;
    }
    if (chance.is(0.05)) this.#connection?.link?.send(Buffer.from([0xc0, 0]));
    for (let count = chance.skewed(1, 6); count > 0; count--) this.#publish(this.#newMessage());
  }

  // ---- MQTT ----

  #connect(clean = this.#chance.is(0.5)): void {
    const { world, network, habits } = this.#of;
    const chance = this.#chance;
    const key = this.#key();
    if (key === null) return;
    const will = habits.wills && chance.is(0.5) ? this.#message("will", { "iothub-MessageType": "Will" }, {}) : null;
    let rest = Buffer.alloc(0);
    const connection: Connection & { link: Link | null } = {
      key,
      isThere: false,
      isRevoked: false,
      will,
      link: null,
    };
    const link = network.connect({
      data: (bytes) => {
        rest = Buffer.concat([rest, bytes]);
        for (let end = packetEnd(rest); end > 0; end = packetEnd(rest)) {
          const packet = rest.subarray(0, end);
          rest = rest.subarray(end);
          this.#read(connection, packet);
        }
      },
      closed: () => this.#leave(connection),
    });
    if (link === null) return;
    connection.link = link;
    // The former one is left to the hub, which ends it when this one is let in.
    if (this.#connection !== null) this.#giveUp();
    this.#connection = connection;
    this.#connections.add(connection);
    this.#state = "connecting";
    this.#silentSinceMs = world.flowMs;
    world.count(clean ? "clean session" : "persistent session");
    const more = {
      clean,
      keepalive: chance.pick([10, 60, 0]),
      username: `${host}/${this.identity.id}/?api-version=2021-04-12`,
      ...(will === null
        ? {}
        : { will: { topic: this.#topic(""), payload: Buffer.from(will.body), qos: 1 as const, retain: false } }),
    };
    world.tell(
      this.identity.id,
      `connects${key.policy === null ? "" : " with a hub policy"}${key.isRevoked ? ", with an old key" : ""}`,
    );
    link.send(connectBytes(this.identity.id, this.#token(key), more), () => {
      connection.isThere = true;
      connection.generation = this.#generation;
      if (will !== null) this.#delivered(connection, [will]);
    });
  }

  #read(connection: Connection, packet: Buffer): void {
    const { world, oracle } = this.#of;
    if (connection !== this.#connection) return;
    this.#silentSinceMs = world.flowMs;
    const type = (packet[0] as number) >> 4;
    if (type === 2) {
      const code = packet[3];
      world.tell(this.identity.id, code === 0 ? "is let in" : `is refused with ${code}`);
      if (code !== 0) return this.#leave(connection);
      world.count("let in");
      this.#state = "open";
      // Made anew in between, it may be either.
      const generation = connection.generation === this.#generation ? this.#generation : undefined;
      if (connection.link !== null) this.session.letIn(connection.link, packet[2] === 1, generation);
      for (const sent of this.#again.splice(0)) {
        world.count("re-send");
        this.#publish(sent, true);
      }
    } else if (type === 3) {
      this.session.hear(packet);
    } else if (type === 4) {
      const id = ((packet[2] as number) << 8) | (packet[3] as number);
      const sent = this.#inFlight.get(id);
      if (sent === undefined) return;
      this.#inFlight.delete(id);
      world.tell(this.identity.id, `is acknowledged ${sent.message.body.slice(0, 24)}`);
      oracle.acknowledged([sent.message.body]);
    }
  }

  #publish(sent: Sent, isAgain = false): void {
    const { world, habits } = this.#of;
    const connection = this.#connection;
    if (connection === null || connection.link === null || this.#inFlight.size >= inFlightMax) return;
    const isQos0 = habits.qos0 && this.#chance.is(0.2);
    // An equal message, or one that is sent again, has the same packet id when that is free.
    const again = isAgain && this.#chance.is(0.7) ? sent.packetId : undefined;
    const kept = isAgain ? again : sent.message.body.includes("same") ? 7 : undefined;
    const packetId = kept === undefined || this.#inFlight.has(kept) ? this.#nextPacketId() : kept;
    // DUP says: the same packet, under the same id.
    const dup = isAgain && packetId === sent.packetId && this.#chance.is(0.7);
    sent.packetId = packetId;
    if (!isQos0) this.#inFlight.set(packetId, sent);
    else world.count("qos 0");
    world.count("sent");
    const { topic, payload } = sent.bytes;
    connection.link.send(publishBytes({ topic, payload, packetId, dup, qos: isQos0 ? 0 : 1 }), () =>
      this.#delivered(connection, [sent.message]),
    );
  }

  /** Of the device now. */
  get #generation(): string | undefined {
    return this.#of.oracle.registry.generations.get(this.identity.id);
  }

  #nextPacketId(): number {
    do this.#packetId = (this.#packetId % 50) + 8;
    while (this.#inFlight.has(this.#packetId));
    return this.#packetId;
  }

  /** Whole with the hub now: it may be taken, if the connection's access still stands. */
  #delivered(connection: Pick<Connection, "key" | "isRevoked">, messages: readonly Message[], isHttp = false): void {
    const { isLetIn } = this.identity;
    const generation = this.#generation;
    for (const message of messages) {
      if (!isLetIn || connection.isRevoked || connection.key.isRevoked) {
        this.#of.world.count("sent without access");
        continue;
      }
      message.delivered++;
      message.scopes.add(connection.key.policy === null ? "device" : "hub");
      if (generation !== undefined) message.generations.add(generation);
      if (isHttp) message.generations.add(`from ${generation ?? ""}`);
    }
  }

  #nonsense(): void {
    const { world } = this.#of;
    world.count("malformed packet");
    const link = this.#connection?.link;
    const payload = `{"wrong":${this.#of.next()}}`;
    link?.send(
      this.#chance.pick([
        Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]),
        Buffer.from([0x32, 0x02, 0x00, 0x09]),
        publishBytes({ topic: "devices/another/messages/events/", payload }),
        publishBytes({ topic: this.#topic("%ff"), payload }),
        publishBytes({ topic: this.#topic(""), payload: payload.padEnd(3000, " ") }),
        Buffer.from([0xf0, 0x00]),
        publishBytes({ topic: this.#topic(""), payload, qos: 2 }),
      ]),
    );
  }

  /** Nothing more is heard of the present connection; what was not acknowledged may be sent again. */
  #giveUp(): void {
    const isSentAgain = this.#of.habits.sendsAgain && this.#chance.is(0.8);
    if (isSentAgain) this.#again.push(...this.#inFlight.values());
    this.#inFlight.clear();
    this.session.left();
    this.#connection = null;
    this.#state = "off";
  }

  #leave(connection: Connection | null): void {
    if (connection === null) return;
    connection.link?.close();
    this.#connections.delete(connection);
    if (connection === this.#connection) this.#giveUp();
  }

  // ---- HTTPS ----

  #request(): void {
    const { world, network, oracle } = this.#of;
    const chance = this.#chance;
    const key = this.#key();
    if (key === null) return;
    const connection: Connection = { key, isThere: false, isRevoked: false, link: null, will: null };
    this.#connections.add(connection);
    const authorization = this.#token(key);
    const isBatch = chance.is(0.4);
    const path = `/devices/${this.identity.id}/messages/events?api-version=2021-04-12`;
    const messages: Message[] = [];
    let body: Buffer;
    let headers: Record<string, string>;
    if (isBatch) {
      const items = Array.from({ length: chance.int(1, 5) }, () => {
        const application: Record<string, string> = chance.is(0.3) ? { level: "3" } : {};
        const message = this.#message("n", application, {});
        messages.push(message);
        const isEncoded = chance.is(0.5);
        return {
          body: isEncoded ? Buffer.from(message.body).toString("base64") : message.body,
          ...(isEncoded ? {} : { base64Encoded: false }),
          properties: Object.fromEntries(
            Object.entries(application).map(([name, value]) => [`iothub-app-${name}`, value]),
          ),
        };
      });
      body = Buffer.from(JSON.stringify(items));
      headers = { Authorization: authorization, "Content-Type": "application/vnd.microsoft.iothub.json" };
      world.count("http batch");
    } else {
      const id = `m${this.#of.next()}`;
      const message = this.#message("n", { level: "2" }, { messageId: id });
      messages.push(message);
      body = Buffer.from(message.body);
      headers = { Authorization: authorization, "iothub-app-level": "2", "iothub-messageid": id };
      world.count("http single");
    }
    world.count("sent", messages.length);
    world.tell(this.identity.id, `requests ${isBatch ? "a batch of " : ""}${messages.length}`);
    network.request({
      method: "POST",
      url: path,
      headers,
      body,
      delivered: () => {
        connection.isThere = true;
        this.#delivered(connection, messages, true);
      },
      answered: (status) => {
        this.#connections.delete(connection);
        world.tell(this.identity.id, `is answered ${status ?? "nothing"}`);
        if (status === 204) oracle.acknowledged(messages.map((message) => message.body));
      },
    });
  }

  /** Something about messages for it, and no more often than once at a time. */
  readonly #askFor = (method: string, path: string, on: Answered): void => {
    const key = this.#key();
    if (key === null) return;
    this.#of.network.request({
      method,
      url: `/devices/${this.identity.id}/messages/devicebound${path}`,
      headers: { Authorization: this.#token(key) },
      body: Buffer.alloc(0),
      delivered: () => on.delivered?.(),
      said: (status) => on.said?.(status),
      answered: (status, headers) => on.answered(status, headers),
    });
  };

  // ---- messages ----

  #newMessage(): Sent {
    const { habits, world } = this.#of;
    const chance = this.#chance;
    if (habits.repeats && chance.is(0.25)) {
      world.count("identical message");
      const message = this.#of.ledger.message({
        body: `{"same":"${this.identity.id}"}`,
        deviceId: this.identity.id,
        application: {},
        system: {},
      });
      return { message, bytes: { topic: this.#topic(""), payload: message.body } };
    }
    const hasBag = chance.is(0.3);
    const number = this.#of.next();
    const application: Record<string, string> = hasBag ? { level: `${number % 3}`, "a b": "é" } : {};
    const system: Record<string, string> = hasBag ? { messageId: `m${number}` } : {};
    const message = this.#message("n", application, system);
    const bag = hasBag ? `$.mid=m${number}&level=${number % 3}&a%20b=%C3%A9` : "";
    return { message, bytes: { topic: this.#topic(bag), payload: message.body } };
  }

  #message(
    what: string,
    application: Readonly<Record<string, string>>,
    system: Readonly<Record<string, string>>,
  ): Message {
    const pad = "x".repeat(this.#chance.is(0.05) ? this.#chance.int(500, 1500) : this.#chance.skewed(0, 60));
    return this.#of.ledger.message({
      body: `{"${what}":${this.#of.next()},"pad":"${pad}"}`,
      deviceId: this.identity.id,
      application,
      system,
    });
  }

  #topic(bag: string): string {
    return `devices/${this.identity.id}/messages/events/${bag}`;
  }

  /** A key that it holds, now and then one that it should no longer use. */
  #key(): Key | null {
    const { policies, habits } = this.#of;
    const all = [...this.identity.keys, ...policies];
    const good = all.filter(({ isRevoked }) => !isRevoked);
    if (habits.staleKeys && this.#chance.is(0.2) && all.length > 0) return this.#chance.pick(all);
    return good.length === 0 ? null : this.#chance.pick(good);
  }

  #token(key: Key): string {
    const resource = encodeURIComponent(`${host}/devices/${this.identity.id}`);
    const expiry = Math.floor(this.#of.world.wallMs / 1000) + this.#chance.pick([60, 3600, 86_400]);
    const signature = createHmac("sha256", Buffer.from(key.secret, "base64"))
      .update(`${resource}\n${expiry}`)
      .digest("base64");
    const policy = key.policy === null ? "" : `&skn=${key.policy}`;
    return `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}${policy}`;
  }
}

/** Where the first packet in `bytes` ends, or 0. */
function packetEnd(bytes: Buffer): number {
  let length = 0;
  for (let at = 1; at < Math.min(bytes.length, 5); at++) {
    const byte = bytes[at] as number;
    length += (byte & 127) * 128 ** (at - 1);
    if (byte < 128) return bytes.length >= at + 1 + length ? at + 1 + length : 0;
  }
  return 0;
}
