// MQTT sessions between connections (clean=false): what a device has subscribed to, and how far it knows what is wanted of it;
// and the calls for them. AMQP has no sessions that are kept: of a device that comes by it only the latter is.
//
// A session begins with the first subscription: without one there is nothing to keep. It ends with its device or module (D1), with
// a clean CONNECT, with the last subscription, or when it was not used for long.

import type { JsonObject } from "./twin-section.ts";

/** Whose session it is: a device, or a module of it, in one generation. */
export interface SessionOwner {
  readonly deviceId: string;
  readonly moduleId?: string | undefined;
  readonly generationId: string;
}

export type GrantedQos = 0 | 1;

/** Topic filters. */
export type Subscriptions = ReadonlyMap<string, GrantedQos>;

export interface KeptMqttSession {
  readonly subscriptions: Subscriptions;
  /** Real time. */
  readonly usedMs: number;
}

/** What of desired a device does not know. */
export interface UntoldDesired {
  /** A merge patch from what it knows; null removes. */
  readonly patch: JsonObject;
  readonly version: number;
}

export interface MqttSessionCalls {
  /** Null when there is none, or one without subscriptions. */
  mqttSession(owner: SessionOwner): Promise<KeptMqttSession | null>;
  /**
   * Keeps these subscriptions and no others; none end the session. Whoever begins to follow desired is taken to know what it is
   * at this moment: devices read their twin.
   *
   * @param nowMs  real time, as all times here: sessions belong to the devices' world.
   * @throws ColdpathError `device-not-found`, also when the owner is of another generation (D1).
   */
  keepMqttSession(
    owner: SessionOwner,
    session: { readonly subscriptions: Subscriptions; readonly followsDesired: boolean; readonly nowMs: number },
  ): Promise<void>;
  /**
   * Over AMQP: it is kept how far the device knows desired, from now on or as before; or no longer. Subscriptions stay.
   *
   * @throws ColdpathError `device-not-found`, as above.
   */
  followDesired(owner: SessionOwner, isFollowed: boolean, nowMs: number): Promise<void>;
  /** The device begins anew. */
  endMqttSession(owner: SessionOwner): Promise<void>;
  /** Null when it knows all, or does not follow desired. */
  untoldDesired(owner: SessionOwner): Promise<UntoldDesired | null>;
  /**
   * Desired in this version is about to be sent, and nobody will acknowledge that: from now on the device may have it, or what it
   * had before. Durable before it is sent, or a later patch could leave what it does not know of.
   *
   * @returns null, or the patch to a newer version that is to be sent instead.
   */
  desiredSent(owner: SessionOwner, version: number): Promise<UntoldDesired | null>;
  /** It knows desired in this version. Changes nothing when there is a newer one by now: it will be told of that. */
  desiredTold(owner: SessionOwner, version: number): Promise<void>;
  /** Their devices are connected. */
  useMqttSessions(owners: readonly SessionOwner[], nowMs: number): Promise<void>;
  /** Ends those that nobody has used since, some at a time. @returns how many: 0 when all are gone. */
  expireMqttSessions(usedBeforeMs: number): Promise<number>;
}
