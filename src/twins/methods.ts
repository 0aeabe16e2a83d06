// Direct methods: a caller asks a connected device to do something and waits for its answer, whatever protocol it comes by.
//
// Owns:      calls that wait: for the device to come, or for its answer; their bounds and times.
// Does not:  keep anything (a call ends with the process), or know a protocol (ingest).
//
// Invariants:
//   D1  A call is for one generation of a device; another one neither gets nor answers it.
//   M1  There are at most `callsMax` calls, and `callsOfDeviceMax` for one device.

import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { ColdpathError } from "../lib/errors.ts";
import { isNestedBeyond } from "../lib/nesting.ts";
import type { RegistryEvent } from "../registry/registry.ts";

/** Who is called: a device, or a module of it, in one generation. */
export interface MethodOwner {
  readonly deviceId: string;
  readonly moduleId?: string | undefined;
  readonly generationId: string;
}

export interface MethodRequest {
  readonly name: string;
  /** JSON. */
  readonly payload: string;
  /** How long the device may take, from when it was asked. */
  readonly responseTimeoutMs: number;
  /** How long a device that is away may take to come. */
  readonly connectTimeoutMs: number;
}

/** What a device is told. */
export interface MethodCall {
  /** Given back in the answer. */
  readonly requestId: string;
  readonly name: string;
  /** JSON. */
  readonly payload: string;
}

export interface MethodAnswer {
  /** The device's own: 200 is usual for "done". */
  readonly status: number;
  /** What its JSON says; the text itself where it is none, or is nested too deep; null where there is nothing. */
  readonly payload: unknown;
}

/** Called with each call, at once or later. Must not throw. */
export type MethodListener = (call: MethodCall) => void;

export interface MethodsOptions {
  readonly clock: Clock;
  readonly callsMax: number;
}

/** IoT Hub's bounds. */
export const methodPayloadBytesMax = 128 * 1024;
/** Objects and arrays within each other, either way. */
export const methodPayloadLevelsMax = 100;
export const methodTimeouts = { responseMsMin: 5_000, responseMsMax: 300_000, connectMsMax: 300_000 } as const;
const callsOfDeviceMax = 10;
/** For a device that comes back, to answer over its next connection. */
const returnMs = 10_000;
/** What a topic can carry; `component*command` is a name. */
const namePattern = /^[^\p{Cc}\p{Cs}]{1,128}$/u;

interface Waiting {
  readonly owner: MethodOwner;
  readonly call: MethodCall;
  readonly responseTimeoutMs: number;
  readonly settle: (outcome: MethodAnswer | ColdpathError) => void;
  isAsked: boolean;
  /** Of the clock that only grows; once it is asked. */
  answerUntilMs: number;
  cancelTimer: () => void;
}

export class Methods {
  /** Plain numbers that grow. */
  readonly counters = { answered: 0, unanswered: 0, lateAnswers: 0 };
  readonly #clock: Clock;
  readonly #callsMax: number;
  /** By the owner's key, then by request id. */
  readonly #waiting = new Map<string, Map<string, Waiting>>();
  readonly #served = new Map<string, { readonly generationId: string; readonly listener: MethodListener }>();
  #calls = 0;

  constructor({ clock, callsMax }: MethodsOptions) {
    this.#clock = clock;
    this.#callsMax = callsMax;
  }

  /**
   * Asks a device and waits for its answer.
   *
   * @throws ColdpathError `input-invalid`; `device-offline` when nobody takes calls there and the connect time-out is over;
   *   `methods-busy` when too many wait; `method-timeout`, `device-disconnected`, `method-answer-too-large` when it was
   *   asked and what it did is not known; `device-not-found` when it was deleted meanwhile.
   */
  async invoke(owner: MethodOwner, request: MethodRequest): Promise<MethodAnswer> {
    checkRequest(request);
    const key = keyOf(owner);
    const ofDevice = this.#waiting.get(key) ?? new Map<string, Waiting>();
    const isServed = this.#listenerOf(owner) !== null;
    if (!isServed && request.connectTimeoutMs === 0) throw offline(owner);
    if (ofDevice.size >= callsOfDeviceMax || this.#calls >= this.#callsMax) throw busy(ofDevice.size, this.#calls);

    const call = { requestId: randomUUID(), name: request.name, payload: request.payload };
    this.#waiting.set(key, ofDevice);
    this.#calls++;
    try {
      const outcome = await new Promise<MethodAnswer | ColdpathError>((settle) => {
        const { responseTimeoutMs, connectTimeoutMs } = request;
        const waiting = {
          owner,
          call,
          responseTimeoutMs,
          settle,
          isAsked: false,
          answerUntilMs: 0,
          cancelTimer: () => {},
        };
        ofDevice.set(call.requestId, waiting);
        if (isServed) this.#ask(waiting);
        else waiting.cancelTimer = this.#clock.timer(connectTimeoutMs, () => settle(offline(owner)));
      });
      if (outcome instanceof ColdpathError) {
        this.counters.unanswered++;
        throw outcome;
      }
      this.counters.answered++;
      return outcome;
    } finally {
      ofDevice.get(call.requestId)?.cancelTimer();
      ofDevice.delete(call.requestId);
      if (ofDevice.size === 0 && this.#waiting.get(key) === ofDevice) this.#waiting.delete(key);
      this.#calls--;
    }
  }

  /**
   * A connected device takes calls from now on, those that wait for it first.
   *
   * @returns a function that ends it: calls that it was given and did not answer fail at once, or, where the device is
   *   expected back (a token is renewed, a session is kept), when it has not answered some seconds later.
   */
  serve(owner: MethodOwner, listener: MethodListener): (isExpectedBack?: boolean) => void {
    const key = keyOf(owner);
    const entry = { generationId: owner.generationId, listener };
    this.#served.set(key, entry);
    for (const waiting of this.#waitingFor(owner)) {
      if (waiting.isAsked) this.#awaitAnswer(waiting);
      else this.#ask(waiting);
    }
    return (isExpectedBack = false) => {
      if (this.#served.get(key) !== entry) return;
      this.#served.delete(key);
      for (const waiting of this.#waitingFor(owner)) {
        if (waiting.isAsked && isExpectedBack) this.#awaitReturn(waiting);
        else if (waiting.isAsked) waiting.settle(disconnected(waiting));
      }
    };
  }

  /** A device answers; one that nobody waits for any more is counted. @param payload  as it came: JSON, or not. */
  answer(owner: MethodOwner, requestId: string, status: number, payload: Buffer): void {
    const waiting = this.#waiting.get(keyOf(owner))?.get(requestId);
    if (waiting?.isAsked !== true || waiting.owner.generationId !== owner.generationId) {
      this.counters.lateAnswers++;
      return;
    }
    waiting.settle(payload.length > methodPayloadBytesMax ? tooLarge(waiting) : { status, payload: read(payload) });
  }

  /** The listener for `Registry.subscribe`. */
  hear(event: RegistryEvent): void {
    if (event.kind !== "device-deleted") return;
    const { deviceId } = event;
    const gone = new ColdpathError("not-found", "device-not-found", `The device ${deviceId} was deleted.`);
    for (const ofDevice of this.#waiting.values()) {
      for (const { owner, settle } of ofDevice.values()) if (owner.deviceId === deviceId) settle(gone);
    }
  }

  #ask(waiting: Waiting): void {
    const listener = this.#listenerOf(waiting.owner);
    if (listener === null) return;
    waiting.isAsked = true;
    waiting.answerUntilMs = this.#clock.monotonicMs() + waiting.responseTimeoutMs;
    this.#awaitAnswer(waiting);
    listener(waiting.call);
  }

  #awaitAnswer(waiting: Waiting): void {
    waiting.cancelTimer();
    const leftMs = Math.max(0, waiting.answerUntilMs - this.#clock.monotonicMs());
    waiting.cancelTimer = this.#clock.timer(leftMs, () => waiting.settle(timedOut(waiting)));
  }

  #awaitReturn(waiting: Waiting): void {
    waiting.cancelTimer();
    const leftMs = Math.max(0, waiting.answerUntilMs - this.#clock.monotonicMs());
    const settle = (): void => waiting.settle(disconnected(waiting));
    waiting.cancelTimer = this.#clock.timer(Math.min(leftMs, returnMs), settle);
  }

  #listenerOf(owner: MethodOwner): MethodListener | null {
    const entry = this.#served.get(keyOf(owner));
    return entry?.generationId === owner.generationId ? entry.listener : null;
  }

  #waitingFor(owner: MethodOwner): readonly Waiting[] {
    const all = [...(this.#waiting.get(keyOf(owner))?.values() ?? [])];
    return all.filter((waiting) => waiting.owner.generationId === owner.generationId);
  }
}

/** No id has a slash. */
function keyOf({ deviceId, moduleId }: MethodOwner): string {
  return moduleId === undefined ? deviceId : `${deviceId}/${moduleId}`;
}

function nameOf(owner: MethodOwner): string {
  return owner.moduleId === undefined ? `device ${owner.deviceId}` : `module ${keyOf(owner)}`;
}

function read(payload: Buffer): unknown {
  const text = payload.toString("utf8");
  if (text.trim() === "") return null;
  try {
    const value: unknown = JSON.parse(text);
    return isNestedBeyond(value, methodPayloadLevelsMax) ? text : value;
  } catch {
    return text;
  }
}

function checkRequest({ name, payload, responseTimeoutMs, connectTimeoutMs }: MethodRequest): void {
  const invalid = (field: string, message: string): never => {
    throw new ColdpathError("invalid", "input-invalid", message, { field });
  };
  if (!namePattern.test(name)) invalid("name", "name must be 1 to 128 characters without control characters.");
  const bytes = Buffer.byteLength(payload);
  if (bytes > methodPayloadBytesMax) {
    invalid("payload", `The payload is ${bytes} bytes of JSON; at most ${methodPayloadBytesMax}.`);
  }
  const { responseMsMin, responseMsMax, connectMsMax } = methodTimeouts;
  if (!(responseTimeoutMs >= responseMsMin && responseTimeoutMs <= responseMsMax)) {
    invalid(
      "responseTimeoutSeconds",
      `responseTimeoutSeconds must be ${responseMsMin / 1000} to ${responseMsMax / 1000}.`,
    );
  }
  if (!(connectTimeoutMs >= 0 && connectTimeoutMs <= connectMsMax)) {
    invalid("connectTimeoutSeconds", `connectTimeoutSeconds must be 0 to ${connectMsMax / 1000}.`);
  }
}

function offline(owner: MethodOwner): ColdpathError {
  const message = `The ${nameOf(owner)} is not connected, or takes no direct methods.`;
  const hint = "Try again when it is connected, or give a connect time-out. For a device that sleeps, send a message.";
  return new ColdpathError("not-found", "device-offline", message, { hint });
}

function busy(ofDevice: number, all: number): ColdpathError {
  const message = `${ofDevice} calls wait for this device, ${all} for all devices: one more is too many.`;
  return new ColdpathError("unavailable", "methods-busy", message, { hint: "Try again when some were answered." });
}

const mayHaveDone = "It may have done what it was asked: look before it is asked again.";

function timedOut({ owner, call, responseTimeoutMs }: Waiting): ColdpathError {
  const message = `The ${nameOf(owner)} did not answer ${call.name} within ${responseTimeoutMs / 1000} s.`;
  return new ColdpathError("no-answer", "method-timeout", message, { hint: mayHaveDone });
}

function disconnected({ owner, call }: Waiting): ColdpathError {
  const message = `The ${nameOf(owner)} disconnected before it answered ${call.name}.`;
  return new ColdpathError("no-answer", "device-disconnected", message, { hint: mayHaveDone });
}

function tooLarge({ owner, call }: Waiting): ColdpathError {
  const message = `The ${nameOf(owner)} answered ${call.name} with more than ${methodPayloadBytesMax} bytes.`;
  const hint = "It was asked and did something: have it answer with less.";
  return new ColdpathError("no-answer", "method-answer-too-large", message, { hint });
}
