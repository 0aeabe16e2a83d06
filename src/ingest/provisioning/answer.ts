// What a device that is provisioned is told: JSON bodies in Azure's form, for any protocol. Pure but for tracking ids.
//
// Statuses are chosen for what the SDKs make of them: below 300 the body's `status` counts, from 429 on they ask again after
// `retry-after`, others are errors. Every body is JSON: some parse it unguarded.

import { createHash, randomUUID } from "node:crypto";

export interface ProvisioningAnswer {
  /** Of HTTP; in MQTT part of the topic. */
  readonly status: number;
  readonly retryAfterSeconds?: number | undefined;
  /** JSON. */
  readonly body: string;
}

const retryAfterSecondsMin = 3;
const retryAfterSecondsMax = 120;
/** A fleet that waits asks some hundred times a second in all, however large it is. */
const pollsPerSecond = 100;

/** Azure's numbers: the status, and three digits of which nobody knows all. */
const errorCodes: Readonly<Record<number, number>> = {
  400: 400_004,
  401: 401_002,
  404: 404_201,
  409: 409_203,
  429: 429_001,
  503: 503_000,
};

export function assignedAnswer(of: {
  readonly operationId: string;
  readonly registrationId: string;
  readonly deviceId: string;
  readonly assignedHub: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}): ProvisioningAnswer {
  const { operationId, registrationId, deviceId, assignedHub, createdAt, updatedAt } = of;
  const status = "assigned";
  const registrationState = {
    registrationId,
    createdDateTimeUtc: createdAt,
    assignedHub,
    deviceId,
    status,
    substatus: "initialAssignment",
    lastUpdatedDateTimeUtc: updatedAt,
    etag: createHash("sha256").update(`${deviceId} ${updatedAt}`).digest("base64").slice(0, 24),
  };
  return { status: 200, body: JSON.stringify({ operationId, status, registrationState }) };
}

/** @param waiting  how many wait in all. */
export function waitingAnswer(operationId: string, waiting: number): ProvisioningAnswer {
  const retryAfterSeconds = Math.min(
    retryAfterSecondsMax,
    Math.max(retryAfterSecondsMin, Math.ceil(waiting / pollsPerSecond)),
  );
  return { status: 202, retryAfterSeconds, body: JSON.stringify({ operationId, status: "assigning" }) };
}

/** It will not be assigned, however often it asks. */
export function stoppedAnswer(
  status: "disabled" | "failed",
  operationId: string,
  registrationId: string,
): ProvisioningAnswer {
  const [errorCode, errorMessage] =
    status === "disabled"
      ? [401_004, "This registration, or its enrollment or device, is disabled."]
      : [errorCodes[409], "There is a device of this id that was made another way, and this key does not open it."];
  const registrationState = { registrationId, status, errorCode, errorMessage };
  return { status: 200, body: JSON.stringify({ operationId, status, registrationState }) };
}

export function errorAnswer(status: number, message: string, retryAfterSeconds?: number): ProvisioningAnswer {
  const error = { errorCode: errorCodes[status], trackingId: randomUUID(), message };
  return { status, retryAfterSeconds, body: JSON.stringify({ ...error, timestampUtc: new Date().toISOString() }) };
}
