// One sign-in: from CONNECT until the connection is let in, or refused.
//
//   D1  The device id is claimed before credentials are read, so that a change meanwhile reaches the connection.
//   M1  It holds a place from then on: with those that are open there are never more than there are places.

import { messageOf } from "../../lib/errors.ts";
import type { KeptMqttSession } from "../../registry/registry.ts";
import { type AuthOutcome, authenticate } from "../authenticate.ts";
import type { ShownCertificates } from "../../lib/certificate.ts";
import { type LiveConnection, connectionId } from "../connection-table.ts";
import type { RejectionReason } from "../ingest.ts";
import type { ProvisioningClaim } from "../provisioning/provisioning.ts";
import { type ConnectRequest, protocolRefusalOf, readConnect, silenceMsMaxOf } from "./connect.ts";
import type { MqttServerContext } from "./context.ts";
import { type IConnectPacket, connack } from "./packets.ts";
import { provisioningClaimOf } from "./provisioning-session.ts";

export type Identity = Extract<AuthOutcome, { kind: "known" }>;

/** The connection that signs in. */
export interface SigningIn extends LiveConnection {
  /** Shown in its TLS handshake. */
  readonly certificate: ShownCertificates | null;
  /** Nothing is read meanwhile: for the credentials, or because the device's former connection may not be taken over yet. */
  waitsFor(what: "authenticating" | "take-over"): void;
  /** @param kept  the session that it goes on with, or null. */
  letIn(request: ConnectRequest, identity: Identity, kept: KeptMqttSession | null): void;
  /** It is no device yet, and wants to be one. */
  provision(claim: ProvisioningClaim, expiresMs: number, silenceMsMax: number): void;
  refuse(reason: RejectionReason, returnCode: number): void;
}

const notWaiting = (): void => {};

export class SignIn {
  readonly #context: MqttServerContext;
  readonly #connection: SigningIn;
  #claimedId: string | null = null;
  /** Counted among the sign-ins. */
  #holdsPlace = false;
  #isOver = false;
  #cancelTakeOver = notWaiting;

  constructor(context: MqttServerContext, connection: SigningIn) {
    this.#context = context;
    this.#connection = connection;
  }

  /** The device, or module, that it says to be, once it said so. */
  get claimedId(): string | null {
    return this.#claimedId;
  }

  start(packet: IConnectPacket): void {
    const { limits, registry, isOurHost, table, log } = this.#context;
    const connection = this.#connection;
    const claim = provisioningClaimOf(packet);
    // A device may be called `registrations`.
    if (claim !== null && !isOurHost(claim.idScope))
      return this.#provision(packet, { ...claim, certificate: connection.certificate });
    const request = readConnect(packet, isOurHost, limits.keepAliveSecondsMax);
    if (request.kind === "refused") return connection.refuse(request.reason, request.returnCode);
    const { deviceId, moduleId, token } = request;
    // 3 is the one code after which the Azure SDKs try again by themselves.
    if (this.#context.refusal() !== null) return connection.refuse("not-ready", connack.serverUnavailable);
    // A device that comes back takes its own place.
    const id = connectionId(deviceId, moduleId);
    if (!table.isOpen(id) && !this.#takePlace()) {
      return connection.refuse("too-many-connections", connack.serverUnavailable);
    }
    connection.waitsFor("authenticating");
    this.#claimedId = id;
    table.claim(id, connection);
    const { certificate } = connection;
    authenticate(registry, isOurHost, { deviceId, moduleId, token, certificate }, Date.now()).then(
      (outcome) => {
        if (this.#isOver) return;
        if (outcome.kind === "rejected") return connection.refuse(outcome.reason, connack.notAuthorized);
        this.#admit(request, outcome);
      },
      (error: unknown) => {
        const fields = { error: messageOf(error), deviceId };
        log.error(fields, "The registry could not be asked for a device's credentials.");
        if (!this.#isOver) connection.refuse("not-ready", connack.serverUnavailable);
      },
    );
  }

  #provision(packet: IConnectPacket, claim: ProvisioningClaim): void {
    const { limits, provisioning, provisioned } = this.#context;
    const connection = this.#connection;
    const refusal = protocolRefusalOf(packet);
    if (refusal !== null) return connection.refuse(refusal.reason, refusal.returnCode);
    if (packet.clientId !== claim.registrationId) return connection.refuse("client-id", connack.identifierRejected);
    if (provisioned.count >= limits.connectionsMax) {
      return connection.refuse("too-many-connections", connack.serverUnavailable);
    }
    const outcome = provisioning.authenticate(claim, Date.now());
    if (outcome.kind === "rejected") return connection.refuse(outcome.reason, connack.notAuthorized);
    connection.provision(claim, outcome.expiresMs, silenceMsMaxOf(packet, limits.keepAliveSecondsMax));
  }

  /** The connection is closed, let in or not. */
  end(): void {
    this.#isOver = true;
    this.#leavePlace();
    this.#cancelTakeOver();
    if (this.#claimedId !== null) this.#context.table.leave(this.#claimedId, this.#connection);
  }

  /** Lets it in, unless the device's former connection is to be taken over and that must wait. */
  #admit(request: ConnectRequest, identity: Identity): void {
    const { table, takeOvers, signInRates } = this.#context;
    const id = connectionId(request.deviceId, request.moduleId);
    // Only who holds a key counts: nobody else can keep a device out.
    const bucket = signInRates?.bucketOf(id);
    if (bucket?.hasRoom === false) return this.#connection.refuse("reconnecting", connack.serverUnavailable);
    bucket?.spend(1, 0);
    if (!table.isOpen(id)) return this.#goOn(request, identity);
    this.#connection.waitsFor("take-over");
    const takeOver = { deviceId: id, address: this.#connection.address, formerAddress: table.addressOf(id) };
    this.#cancelTakeOver = takeOvers.admit(takeOver, () => {
      this.#connection.waitsFor("authenticating");
      this.#goOn(request, identity);
    });
  }

  /** With the session that the device kept, or none. */
  #goOn(request: ConnectRequest, identity: Identity): void {
    const { sessions, log } = this.#context;
    const { deviceId, moduleId, isCleanSession } = request;
    const owner = { deviceId, moduleId, generationId: identity.identityGenerationId };
    sessions.open(owner, isCleanSession, Date.now()).then(
      (kept) => {
        if (!this.#isOver) this.#letIn(request, identity, kept);
      },
      (error: unknown) => {
        log.error({ error: messageOf(error), deviceId }, "The registry could not be asked for a device's session.");
        if (!this.#isOver) this.#connection.refuse("not-ready", connack.serverUnavailable);
      },
    );
  }

  #letIn(request: ConnectRequest, identity: Identity, kept: KeptMqttSession | null): void {
    // The device's former connection may have gone meanwhile, and its place with it.
    const id = connectionId(request.deviceId, request.moduleId);
    if (!this.#holdsPlace && !this.#context.table.isOpen(id) && !this.#takePlace()) {
      return this.#connection.refuse("too-many-connections", connack.serverUnavailable);
    }
    this.#leavePlace();
    this.#connection.letIn(request, identity, kept);
  }

  /** M1: exact also in a storm, since credentials take time to be read. */
  #takePlace(): boolean {
    const { signIns, limits } = this.#context;
    if (this.#context.openCount() + signIns.count >= limits.connectionsMax) return false;
    signIns.count++;
    this.#holdsPlace = true;
    return true;
  }

  /** It is open from here on, or over. */
  #leavePlace(): void {
    if (this.#holdsPlace) this.#context.signIns.count--;
    this.#holdsPlace = false;
  }
}
