// AMQP as `dev-1` speaks it, and what a stream of the hub's says, for targets.

import { writeMessage } from "../../src/ingest/amqp/message.ts";
import {
  type Fields,
  codes,
  frame,
  performative,
  protocolHeaders,
  readPerformative,
} from "../../src/ingest/amqp/performatives.ts";
import { Described, Malformed, encode } from "../../src/ingest/amqp/values.ts";
import { claim } from "./engine/target.ts";
import { token } from "./one-device.ts";

export const open = frame(0, performative(codes.open, [encode.string("peer"), null, encode.uint(600)]));
export const begin = frame(0, performative(codes.begin, [null, encode.uint(0), encode.uint(2048), encode.uint(2048)]));
export function attach(handle: number, address: string, isReceiver = false): Buffer {
  const terminus = (code: number): Buffer => performative(code, [encode.string(address)]);
  return frame(
    0,
    performative(codes.attach, [
      encode.string(`${handle}`),
      encode.uint(handle),
      encode.bool(isReceiver),
      encode.ubyte(0),
      encode.ubyte(0),
      terminus(codes.source),
      terminus(codes.target),
      null,
      null,
      encode.uint(0),
    ]),
  );
}
export function transfer(
  handle: number,
  id: number,
  payload: Buffer,
  more: { format?: number; settled?: boolean; more?: boolean } = {},
): Buffer {
  const { format = 0, settled = false, more: isMore = false } = more;
  return frame(
    0,
    performative(codes.transfer, [
      encode.uint(handle),
      encode.uint(id),
      encode.binary(Buffer.of(id & 255)),
      encode.uint(format),
      encode.bool(settled),
      encode.bool(isMore),
    ]),
    payload,
  );
}
export const flow = (handle: number, credit: number): Buffer =>
  frame(
    0,
    performative(codes.flow, [
      encode.uint(0),
      encode.uint(100),
      encode.uint(0),
      encode.uint(100),
      encode.uint(handle),
      encode.uint(0),
      encode.uint(credit),
    ]),
  );
/** A message for `$cbs`. */
export function putToken(
  audience: string,
  { operation = "put-token", type = "servicebus.windows.net:sastoken", body = token } = {},
): Buffer {
  return writeMessage({
    messageId: encode.string("1"),
    application: [
      ["operation", encode.string(operation)],
      ["type", encode.string(type)],
      ["name", encode.string(audience)],
    ],
    body: Buffer.from(body),
  });
}

/** Of the link that the device's messages come by. */
export const eventsHandle = 2;
/** A device that has signed in, and may send. */
export const signedIn = Buffer.concat([
  protocolHeaders.amqp,
  open,
  begin,
  attach(0, "$cbs"),
  attach(1, "$cbs", true),
  flow(1, 10),
  transfer(0, 0, putToken("hub.test/devices/dev-1")),
  attach(eventsHandle, "/devices/dev-1/messages/events"),
]);

/** Deliveries that the hub said it accepted; throws when it does not speak AMQP. */
export function acceptedIn(written: Buffer): number {
  let accepted = 0;
  for (const fields of performativesIn(written, true)) {
    const state = fields.at(4);
    if (fields.code !== codes.disposition || !fields.bool(0)) continue;
    if (!(state instanceof Described) || state.descriptor !== 0x24n) continue;
    const first = fields.mandatoryUint(1);
    accepted += (fields.uint(2) ?? first) - first + 1;
  }
  return accepted;
}

/** Transfers on other links than the first for messages: requests are accepted at once, and have no record. */
export function requestsIn(stream: Buffer): number {
  let requests = 0;
  for (const fields of performativesIn(stream, false)) {
    if (fields.code === codes.transfer && fields.at(0) !== eventsHandle) requests++;
  }
  return requests;
}

function* performativesIn(bytes: Buffer, isStrict: boolean): Generator<Fields, void, void> {
  for (let at = 0; at + 8 <= bytes.length;) {
    if (bytes.toString("latin1", at, at + 4) === "AMQP") {
      at += 8;
      continue;
    }
    const size = bytes.readUInt32BE(at);
    if (isStrict) claim(size >= 8 && at + size <= bytes.length, "it writes half a frame");
    if (size < 8 || at + size > bytes.length) return;
    const contentAt = at + 4 * (bytes[at + 4] ?? 2);
    at += size;
    if (contentAt >= at) continue;
    try {
      yield readPerformative(bytes, contentAt, at).fields;
    } catch (error) {
      if (isStrict || !(error instanceof Malformed)) throw error;
      return;
    }
  }
}
