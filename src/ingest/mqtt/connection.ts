// One MQTT connection, to its end. How it comes to be let in: sign-in.ts.
//
// Owns:      where packets begin and end; how the connection begins, what it may leave unsent, and its end.
// Does not:  know what packets mean, but for the first and the pings (device-session.ts, provisioning-session.ts).
//
// A device's PUBLISH is used in place in the socket's buffer, with no object per message; everything else goes through
// mqtt-packet. What cannot be taken now stays unread (paced-reading.ts).
//
//   D1  The connection ends when access ends.
//   M1  Packets, and what is unsent, have bounds.
//
// Facts about IoT Hub's protocol: docs/formats.md "MQTT"; MQTT 3.1.1 section numbers beside the rules.

import type { ShownCertificates } from "../../lib/certificate.ts";
import type { KeptMqttSession } from "../../registry/registry.ts";
import { clientCertificateOf } from "../client-certificate.ts";
import { connectionId } from "../connection-table.ts";
import type { DeviceStream } from "../device-stream.ts";
import type { RejectionReason } from "../ingest.ts";
import { PacedReading, type UsedBytes } from "../paced-reading.ts";
import type { ProvisioningClaim } from "../provisioning/provisioning.ts";
import type { GatedReader } from "../read-gate.ts";
import { Unsent } from "../unsent.ts";
import type { ConnectRequest } from "./connect.ts";
import { type MqttServerContext, coarseErrorMs } from "./context.ts";
import { DeviceSession } from "./device-session.ts";
import { connack, connackPacket, parsePacket, pingrespPacket } from "./packets.ts";
import { ProvisioningSession } from "./provisioning-session.ts";
import { openSession } from "./session.ts";
import { type Identity, SignIn, type SigningIn } from "./sign-in.ts";

/** A CONNECT may carry a will: topic, payload, client id, user name, password. */
const connectBytesMax = 128 * 1024;
/** Topic, packet id and fixed header around a message's body. */
const publishOverheadBytes = 65_535 + 2 + 2 + 5;
/** First byte of a CONNECT: its type, and flags that must be 0. */
const connectFirst = 0x10;
/** Of a PINGREQ. With flags it is malformed. §2.2.2-2 */
const pingreqFirst = 0xc0;

export class MqttConnection implements SigningIn {
  policy: string | null = null;
  caCertificateId: string | null = null;
  readonly #context: MqttServerContext;
  readonly #socket: DeviceStream;
  readonly #reading: PacedReading;
  readonly #unsent: Unsent;
  readonly #signIn: SignIn;
  #state: "connect" | "authenticating" | "open" | "closed" = "connect";
  #device: DeviceSession | null = null;
  /** In place of a device: of one that is none yet. */
  #provisioning: ProvisioningSession | null = null;
  #silenceMsMax: number;
  readonly #publishBytesMax: number;

  constructor(context: MqttServerContext, socket: DeviceStream) {
    const { limits, gate, turns } = context;
    this.#context = context;
    this.#socket = socket;
    this.#unsent = new Unsent(socket, limits.connectionUnsentBytesMax, () => {
      if (this.#isUnsentWithin) this.#reading.resume("unsent");
    });
    this.#signIn = new SignIn(context, this);
    this.#silenceMsMax = limits.connectTimeoutMs;
    this.#publishBytesMax = limits.messageBytesMax + publishOverheadBytes;
    socket.setNoDelay(true);
    socket.on("error", () => this.#close(true));
    socket.on("close", () => this.#close(true));
    this.#reading = new PacedReading({
      stream: socket,
      gate,
      turns,
      coarseMs: () => context.coarseMs(),
      use: (bytes) => this.#use(bytes),
      isOpen: () => this.#state === "open",
      tooSlow: () => this.#violation("overloaded"),
    });
  }

  /** For the gate. */
  get reader(): GatedReader {
    return this.#reading;
  }

  get certificate(): ShownCertificates | null {
    return clientCertificateOf(this.#socket);
  }

  get address(): string | undefined {
    const { remoteAddress, remotePort } = this.#socket;
    return remoteAddress === undefined ? undefined : `${remoteAddress}:${remotePort}`;
  }

  /** Called about once a second with real time in ms (for tokens). */
  sweep(nowMs: number): void {
    if (this.#state === "closed") return;
    const session = this.#device?.session;
    if (session !== undefined && session.expiresMs <= nowMs) {
      return this.#violation(session.sender.authScope === "x509" ? "certificate-expired" : "token-expired");
    }
    this.#device?.heard(this.#reading.heardMs);
    if (this.#provisioning !== null && this.#provisioning.expiresMs <= nowMs) return this.#violation("token-expired");
    if (this.#reading.silentMs > this.#silenceMsMax + coarseErrorMs) {
      this.#violation(this.#state === "open" ? "keep-alive" : "connect-timeout");
    }
  }

  end(why: "taken-over" | "access"): void {
    if (why === "taken-over") this.#context.counters.connectionsTakenOver++;
    // A device that lost its access sends no more, its will included.
    this.#close(why === "taken-over");
  }

  /** The server stops: acknowledgements on their way are still sent, no will; the device will connect again. */
  stop(): void {
    this.#unsent.flush();
    this.#socket.destroySoon();
    this.#close(false);
  }

  waitsFor(what: "authenticating" | "take-over"): void {
    this.#state = "authenticating";
    this.#reading.pause(what);
  }

  /** The session begins. */
  letIn(request: ConnectRequest, identity: Identity, kept: KeptMqttSession | null): void {
    const { accept, counters, sessions, table } = this.#context;
    this.policy = identity.policy;
    this.caCertificateId = identity.caCertificateId;
    const session = openSession(request, identity, accept.pathOf(request.deviceId), kept);
    sessions.begin(session);
    this.#state = "open";
    this.#silenceMsMax = request.silenceMsMax;
    counters.connectionsOpened++;
    table.open(connectionId(request.deviceId, request.moduleId), this);
    // Only now: the device's former connection has ended, and left what it had.
    const device = new DeviceSession({
      context: this.#context,
      session,
      reading: this.#reading,
      write: (packet) => this.write(packet),
      push: (packet) => this.#push(packet),
      isReading: () => this.#isUnsentWithin,
      leave: () => this.#close(false),
      stop: () => this.stop(),
      refuse: (reason, answer) => (answer === undefined ? this.#violation(reason) : this.#end(reason, answer)),
    });
    this.#device = device;
    this.write(connackPacket(connack.accepted, kept !== null));
    if (kept !== null) device.goOn();
    this.#reading.resume("authenticating");
  }

  provision(claim: ProvisioningClaim, expiresMs: number, silenceMsMax: number): void {
    this.#provisioning = new ProvisioningSession({
      provisioning: this.#context.provisioning,
      claim,
      expiresMs,
      write: (packet) => this.write(packet),
      leave: () => this.#close(false),
      refused: (reason) => this.#context.reject(reason, claim.registrationId, this.#socket.remoteAddress),
      violation: (reason) => this.#violation(reason),
    });
    this.#context.provisioned.count++;
    this.#state = "open";
    this.#silenceMsMax = silenceMsMax;
    this.write(connackPacket(connack.accepted));
  }

  refuse(reason: RejectionReason, returnCode: number): void {
    this.#end(reason, connackPacket(returnCode));
  }

  write(bytes: Buffer): void {
    if (this.#state === "closed") return;
    this.#unsent.write(bytes);
    // A device that does not read its acknowledgements gets no more of them until it does.
    if (!this.#isUnsentWithin) this.#reading.pause("unsent");
  }

  /** M1: what the device did not ask for; one that leaves too much unread gets it at its next connection. */
  #push(packet: Buffer): void {
    if (!this.#isUnsentWithin) return this.#violation("overloaded");
    this.write(packet);
  }

  get #isUnsentWithin(): boolean {
    return this.#unsent.bytes <= this.#context.limits.connectionUnsentBytesMax;
  }

  /** Whole packets, while nothing stands in the way. */
  #use(chunk: Buffer): UsedBytes {
    const end = chunk.length;
    let at = 0;
    let wanted = 0;
    const reading = this.#reading;
    const device = this.#device;
    const packetBytesMax = device === null ? connectBytesMax : this.#publishBytesMax;
    device?.chunkBegins();
    while (at < end && !reading.isPaused && this.#state !== "closed") {
      // Fixed header, §2.2: type and flags, then the remaining length in up to four bytes.
      const first = chunk[at] as number;
      // Another protocol is not waited for. §3.1.0-1
      if (this.#state === "connect" && first !== connectFirst) {
        this.#violation("unexpected-packet");
        break;
      }
      let bodyAt = at + 1;
      let length = 0;
      let shift = 0;
      let byte = 128;
      while (byte >= 128 && bodyAt < end && shift < 28) {
        byte = chunk[bodyAt++] as number;
        length |= (byte & 127) << shift;
        shift += 7;
      }
      if (byte >= 128) {
        if (shift === 28) this.#violation("malformed-packet");
        break; // or the header goes on in the next chunk
      }
      if (length > packetBytesMax) {
        this.#violation("packet-too-large");
        break;
      }
      const packetEnd = bodyAt + length;
      if (packetEnd > end) {
        wanted = packetEnd - at;
        break;
      }
      if ((first & 0xf0) !== 0x30 || device === null) this.#other(chunk.subarray(at, packetEnd), first);
      else if (!device.publish(chunk, at, first, bodyAt, packetEnd)) break;
      at = packetEnd;
    }
    device?.chunkEnds(chunk, at);
    return { used: at, wanted };
  }

  /** Every packet but a device's PUBLISH. */
  #other(bytes: Buffer, first: number): void {
    if (first === pingreqFirst && bytes.length === 2 && this.#state === "open") return this.write(pingrespPacket);
    const packet = parsePacket(bytes);
    if (packet === null) return this.#violation("malformed-packet");
    if (this.#state === "connect") {
      if (packet.cmd !== "connect") return this.#violation("malformed-packet");
      return this.#signIn.start(packet);
    }
    const session = this.#device ?? this.#provisioning;
    if (session === null) return this.#violation("unexpected-packet");
    session.take(packet);
  }

  /** MQTT 3.1.1 has no error packet: the connection ends (§4.8). */
  #violation(reason: RejectionReason): void {
    const id = this.#provisioning?.registrationId ?? this.#signIn.claimedId;
    this.#context.reject(reason, id, this.#socket.remoteAddress);
    this.#close(true);
  }

  /** Says no, and goes. */
  #end(reason: RejectionReason, answer: Buffer): void {
    this.#context.reject(reason, this.#signIn.claimedId, this.#socket.remoteAddress);
    this.write(answer);
    this.#unsent.flush();
    this.#socket.destroySoon();
    this.#close(true);
  }

  #close(withWill: boolean): void {
    if (this.#state === "closed") return;
    const device = this.#device;
    this.#state = "closed";
    this.#device = null;
    device?.heard(this.#reading.heardMs);
    if (this.#provisioning !== null) this.#context.provisioned.count--;
    this.#provisioning?.close();
    this.#signIn.end();
    this.#reading.end();
    this.#unsent.drop();
    this.#context.left(this);
    if (!this.#socket.writableEnded) this.#socket.destroy();
    device?.close(withWill);
  }
}
