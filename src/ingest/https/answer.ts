// What a refused HTTPS request is told. Pure.
//
// The form is IoT Hub's, which its SDKs take apart at `;` and `:`:
//
//     {"Message":"ErrorCode:IotHubUnauthorizedAccess;The token …","ExceptionMessage":"Reason:token-expired"}
//
// Statuses are chosen for what the SDKs make of them: 401, 404 and 413 have errors of their own; 503 is tried again, 429
// is not, so 503 is what a device gets whenever a later try may succeed. A device that sends too much gets 429.
//
// Whoever holds no valid key learns nothing: an unknown device, a wrong key and an unknown policy get the same 401. The
// other 401s come after the signature was found right, or say only what stands in the request itself. (404 would tell
// which device ids exist.)

import type { RejectionReason } from "../ingest.ts";

export interface Answer {
  readonly status: number;
  /** IoT Hub's error code. */
  readonly code: string;
  /** A sentence without `;`. */
  readonly text: string;
  /** What `ExceptionMessage` says about the reason. */
  readonly shown: string;
  readonly retryAfterSeconds?: number | undefined;
}

export type HttpsReason = Extract<
  RejectionReason,
  | "token-malformed"
  | "unknown-device"
  | "unknown-module"
  | "unknown-policy"
  | "token-signature"
  | "token-expired"
  | "token-resource"
  | "device-disabled"
  | CertificateReason
  | "path"
  | "message-too-large"
  | "invalid-batch"
  | "malformed-request"
  | "request-timeout"
  | "not-ready"
  | "journal-full"
  | "overloaded"
  | "throttled"
  | "lock-lost"
>;

export type CertificateReason = Extract<RejectionReason, "authentication-type" | `certificate-${string}`>;

const unauthorized = (text: string, shown: string): Answer => ({
  status: 401,
  code: "IotHubUnauthorizedAccess",
  text,
  shown,
});
const unknown = unauthorized("The token or certificate does not open this device.", "unauthorized");
const unavailable = (text: string, shown: string, retryAfterSeconds: number): Answer => ({
  status: 503,
  code: "ServiceUnavailable",
  text,
  shown,
  retryAfterSeconds,
});

const answers: Readonly<Record<HttpsReason, Answer>> = {
  "token-malformed": unauthorized(
    "The Authorization header must hold a SharedAccessSignature with sr, sig and se, or the connection be made with a certificate.",
    "token-malformed",
  ),
  "unknown-device": unknown,
  "unknown-module": unknown,
  "unknown-policy": unknown,
  "token-signature": unknown,
  "token-expired": unauthorized("The token has expired.", "token-expired"),
  "token-resource": unauthorized("The token's sr names another hub or device.", "token-resource"),
  "authentication-type": unknown,
  "certificate-thumbprint": unknown,
  "certificate-name": unknown,
  "certificate-untrusted": unknown,
  "certificate-expired": unknown,
  "device-disabled": unauthorized("The device is disabled.", "device-disabled"),
  path: {
    status: 404,
    code: "ResourceNotFound",
    text: "Devices send to POST /devices/{id}/messages/events.",
    shown: "path",
  },
  "message-too-large": {
    status: 413,
    code: "MessageTooLarge",
    text: "The message, or the batch, is larger than this hub takes.",
    shown: "message-too-large",
  },
  "invalid-batch": { status: 400, code: "ArgumentInvalid", text: "The batch is invalid.", shown: "invalid-batch" },
  "malformed-request": {
    status: 400,
    code: "ArgumentInvalid",
    text: "The request is not well-formed HTTP/1.1, or its headers are too large.",
    shown: "malformed-request",
  },
  "request-timeout": {
    status: 408,
    code: "DeviceTimeout",
    text: "The request took too long to arrive.",
    shown: "request-timeout",
  },
  "not-ready": unavailable("The hub is starting or stopping.", "not-ready", 5),
  "journal-full": unavailable("The hub's journal is full of messages that are not exported yet.", "journal-full", 30),
  overloaded: unavailable("The hub has more to do than it can take now.", "overloaded", 5),
  throttled: {
    status: 429,
    code: "ThrottlingException",
    text: "The device sends more than it may.",
    shown: "throttled",
    retryAfterSeconds: 1,
  },
  "lock-lost": {
    status: 412,
    code: "DeviceMessageLockLost",
    text: "The device does not hold this message any more.",
    shown: "lock-lost",
  },
};

/**
 * The answer to a refusal.
 *
 * @param text              when more can be said than the table does; without `;`.
 * @param retryAfterSeconds  when it is known better than the table does.
 */
export function answerOf(reason: HttpsReason, text?: string, retryAfterSeconds?: number): Answer {
  const answer = answers[reason];
  return {
    ...answer,
    text: text ?? answer.text,
    retryAfterSeconds: retryAfterSeconds ?? answer.retryAfterSeconds,
  };
}

/** Of IoT Hub, but not of this hub yet. */
export function notImplemented(feature: string): Answer {
  return { status: 501, code: "NotImplemented", text: `This hub does not have ${feature} over HTTPS.`, shown: "path" };
}

export function answerBody(answer: Answer): string {
  return JSON.stringify({
    Message: `ErrorCode:${answer.code};${answer.text}`,
    ExceptionMessage: `Reason:${answer.shown}`,
  });
}
