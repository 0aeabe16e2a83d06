// What a device says when it registers: `{"registrationId": "…", "payload": {"modelId": "dtmi:…"}}`. Pure.

import { isUtf8 } from "node:buffer";

export interface RegistrationRequest {
  readonly modelId: string | undefined;
}

/** As of a device template's. */
const modelIdCharsMax = 256;

/**
 * What of it counts here; anything else in it is passed over.
 *
 * @param registrationId  whom it must name, if anybody.
 * @returns a sentence when it cannot be understood.
 */
export function readRegistrationRequest(body: Buffer, registrationId: string): RegistrationRequest | string {
  const none = { modelId: undefined };
  if (!isUtf8(body)) return "The body is not UTF-8.";
  const text = body.toString("utf8").trim();
  if (text === "") return none;
  let request: unknown;
  try {
    request = JSON.parse(text);
  } catch {
    return "The body is not JSON.";
  }
  if (!isObject(request)) return "The body is not a JSON object.";
  const named = request["registrationId"];
  if (named !== undefined && named !== registrationId) return "The body names another registrationId.";
  const { payload } = request as { readonly payload?: unknown };
  if (!isObject(payload)) return none;
  // As of July 2020, as before, and as of the first firmware with models.
  const interfaces = payload["__iot:interfaces"];
  const modelId =
    payload["modelId"] ??
    payload["iotcModelId"] ??
    (isObject(interfaces) ? (interfaces["CapabilityModelId"] ?? undefined) : undefined);
  if (modelId === undefined || modelId === null || modelId === "") return none;
  if (typeof modelId !== "string" || modelId.length > modelIdCharsMax || !modelId.isWellFormed()) {
    return `The payload's modelId is not text of at most ${modelIdCharsMax} characters.`;
  }
  // oxlint-disable-next-line no-control-regex -- that is what is refused
  if (/[\u0000-\u001f\u007f]/.test(modelId)) return "The payload's modelId has control characters.";
  return { modelId };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
