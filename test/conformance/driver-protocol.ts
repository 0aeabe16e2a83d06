// What the suite and a process with an SDK in it say to each other: JSON, a line each, over standard input and output. The
// same for every language, so that a scenario is written once.
//
//     → {"call": 7, "do": "send", "client": "a", "message": {…}}
//     ← {"call": 7, "result": null}            or {"call": 7, "error": "NotConnectedError: …"}
//     ← {"event": "desired", "client": "a", "value": {"speed": {"value": 5}, "$version": 2}}
//
// A call to a client that is not open is an error. Values are JSON; bytes are base64.

export const transports = ["Mqtt", "MqttWs", "Amqp", "AmqpWs", "Http"] as const;
export type Transport = (typeof transports)[number];

/** A certificate chain and its key, as PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/** A message, in either direction. */
export interface DriverMessage {
  /** base64 */
  readonly body: string;
  readonly properties: readonly (readonly [name: string, value: string])[];
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
}

export interface OpenOptions {
  readonly transport: Transport;
  readonly deviceId: string;
  readonly moduleId?: string;
  readonly host: string;
  /** Either of both. */
  readonly key?: string;
  readonly certificate?: ClientCertificate;
  /** PEM of the authority behind the hub's certificate. */
  readonly ca: string;
  /** Clients of one name share one connection. */
  readonly sharedBy?: string;
  /** Tokens are good for so long, and replaced so long before their end. Without it, the SDK's own values. */
  readonly tokenSeconds?: { readonly valid: number; readonly margin: number };
}

export interface RegisterOptions {
  readonly transport: Transport;
  readonly host: string;
  readonly idScope: string;
  readonly registrationId: string;
  readonly key?: string;
  readonly certificate?: ClientCertificate;
  readonly payload?: unknown;
}

export const settlements = ["complete", "reject", "abandon"] as const;
export type Settlement = (typeof settlements)[number];

/** What can be asked of a client, with what and for what. */
export interface Calls {
  readonly open: { readonly asked: OpenOptions; readonly answer: null };
  readonly send: { readonly asked: { readonly message: DriverMessage }; readonly answer: null };
  readonly sendBatch: { readonly asked: { readonly messages: readonly DriverMessage[] }; readonly answer: null };
  /** Both sections, with their `$version`. */
  readonly twin: { readonly asked: object; readonly answer: { readonly desired: object; readonly reported: object } };
  readonly report: { readonly asked: { readonly patch: object }; readonly answer: null };
  /** Events `desired` from now on: what the SDK hands to its user. */
  readonly watchDesired: { readonly asked: object; readonly answer: null };
  /** Events `message` from now on. The first is settled as the list's first says, …; further ones as its last. */
  readonly watchMessages: { readonly asked: { readonly settle: readonly Settlement[] }; readonly answer: null };
  /** Events `method` with the payload; each call is answered so. */
  readonly answerMethod: {
    readonly asked: { readonly name: string; readonly status: number; readonly payload: unknown };
    readonly answer: null;
  };
  readonly register: {
    readonly asked: RegisterOptions;
    readonly answer: { readonly assignedHub: string; readonly deviceId: string };
  };
  readonly close: { readonly asked: object; readonly answer: null };
}

export interface Events {
  /** A patch of desired properties. */
  readonly desired: Readonly<Record<string, unknown>>;
  readonly message: DriverMessage;
  /** A message was settled: the error, or null. */
  readonly settled: string | null;
  readonly method: unknown;
  /** The SDK's own error event. */
  readonly error: string;
}
