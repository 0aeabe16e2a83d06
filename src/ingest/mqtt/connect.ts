// What a CONNECT asks for, or why it is refused before any credential is looked at. Pure.

import { type MessageProperties, withApplicationProperty } from "../../message/message.ts";
import { parsePropertyBag } from "../../message/property-bag.ts";
import type { RejectionReason } from "../ingest.ts";
import { type IConnectPacket, connack } from "./packets.ts";
import { bagOf, eventsTopic } from "./topics.ts";
import { parseUserName } from "./user-name.ts";

export interface ConnectRequest {
  readonly kind: "request";
  readonly deviceId: string;
  readonly moduleId: string | undefined;
  readonly modelId: string | undefined;
  readonly token: string | null;
  /** The device keeps nothing of its session from one connection to the next, and nor may we (§3.1.2.4). */
  readonly isCleanSession: boolean;
  /** The device's own topic, up to the property bag. */
  readonly events: string;
  readonly will: { readonly properties: MessageProperties; readonly body: Buffer } | null;
  /** Silence after which the connection ends: one and a half keep-alives (§3.1.2.10), never endless. */
  readonly silenceMsMax: number;
}

export interface ConnectRefusal {
  readonly kind: "refused";
  readonly reason: RejectionReason;
  readonly returnCode: number;
}

/** @param keepAliveSecondsMax  a device that asks for a longer keep-alive, or none, is held to it. */
export function readConnect(
  packet: IConnectPacket,
  isOurHost: (host: string) => boolean,
  keepAliveSecondsMax: number,
): ConnectRequest | ConnectRefusal {
  const refusal = protocolRefusalOf(packet);
  if (refusal !== null) return refusal;
  const claim = parseUserName(packet.clientId, packet.username ?? "");
  if (claim === "client-id") return refused(claim, connack.identifierRejected);
  if (claim === "user-name") return refused(claim, connack.badUserNameOrPassword);
  if (!isOurHost(claim.host)) return refused("unknown-host", connack.notAuthorized);
  const { deviceId, moduleId, modelId } = claim;
  const events = eventsTopic(deviceId, moduleId);
  const will = packet.will === undefined ? null : willOf(packet.will, events);
  if (will === "refused") return refused("will-topic", connack.notAuthorized);
  return {
    kind: "request",
    deviceId,
    moduleId,
    modelId,
    token: packet.password?.toString("utf8") ?? null,
    isCleanSession: packet.clean !== false,
    events,
    will,
    silenceMsMax: silenceMsMaxOf(packet, keepAliveSecondsMax),
  };
}

export function protocolRefusalOf(packet: IConnectPacket): ConnectRefusal | null {
  if (packet.protocolId === "MQTT" && packet.protocolVersion === 4) return null;
  return refused("protocol-version", connack.unacceptableProtocol);
}

/** Silence after which the connection ends. */
export function silenceMsMaxOf(packet: IConnectPacket, keepAliveSecondsMax: number): number {
  const asked = packet.keepalive ?? 0;
  return (asked === 0 ? keepAliveSecondsMax : Math.min(asked, keepAliveSecondsMax)) * 1500;
}

/** A will is a message of the device's own, marked as IoT Hub marks it. */
function willOf(will: NonNullable<IConnectPacket["will"]>, events: string): ConnectRequest["will"] | "refused" {
  const bag = bagOf(will.topic, events);
  const properties = bag === null ? null : parsePropertyBag(bag);
  if (properties === null || (will.qos ?? 0) > 1) return "refused";
  let marked = withApplicationProperty(properties, "iothub-MessageType", "Will");
  if (will.retain) marked = withApplicationProperty(marked, "mqtt-retain", "true");
  return { properties: marked, body: Buffer.from(will.payload) };
}

function refused(reason: RejectionReason, returnCode: number): ConnectRefusal {
  return { kind: "refused", reason, returnCode };
}
