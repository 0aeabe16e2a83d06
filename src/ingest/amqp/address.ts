// The addresses of links (docs/formats.md, "AMQP"). Pure.
//
//     /devices/{id}/messages/events      /devices/{id}/modules/{module}/messages/events       and so on; $cbs
//     {idScope}/registrations/{registrationId}

export type LinkAddress =
  | { readonly kind: "cbs" }
  | { readonly kind: "provisioning"; readonly idScope: string; readonly registrationId: string }
  | { readonly kind: "unknown" }
  | {
      readonly kind: "events" | "devicebound" | "twin" | "methods";
      readonly deviceId: string;
      readonly moduleId: string | undefined;
    };

const kinds = new Map([
  ["messages/events", "events"],
  ["messages/devicebound", "devicebound"],
  ["twin", "twin"],
  ["methods/devicebound", "methods"],
] as const);

/** With scheme and host before it or without; ids are percent-encoded. */
export function parseAddress(address: string | null): LinkAddress {
  const path = (address ?? "").replace(/^amqps?:\/\/[^/]*/i, "").replace(/^\//, "");
  if (path === "$cbs" || path === "cbs") return { kind: "cbs" };
  const registration = parseRegistration(path);
  if (registration !== null) return { kind: "provisioning", ...registration };
  const owner = ownerOf(path.split("/"));
  if (owner === null) return { kind: "unknown" };
  const { rest, ...ids } = owner;
  const kind = (kinds as ReadonlyMap<string, "events" | "devicebound" | "twin" | "methods">).get(rest.join("/"));
  return kind === undefined ? { kind: "unknown" } : { kind, ...ids };
}

/** `{idScope}/registrations/{registrationId}`, as addresses and user names have it; null when it is something else. */
export function parseRegistration(path: string): { idScope: string; registrationId: string } | null {
  const [idScope = "", registrations, encodedId = "", ...more] = path.split("/");
  const registrationId = decode(encodedId);
  // There may be a device `registrations`.
  if (
    registrations !== "registrations" ||
    idScope === "" ||
    idScope === "devices" ||
    registrationId === null ||
    registrationId === ""
  )
    return null;
  return more.length === 0 ? { idScope, registrationId } : null;
}

/** Whom an audience of CBS is about: `{host}/devices/{id}[/modules/{module}]`, perhaps percent-encoded as a whole; null: the hub. */
export function parseAudience(audience: string): { deviceId: string; moduleId: string | undefined } | "hub" | null {
  const whole = decode(audience);
  if (whole === null) return null;
  const [, ...segments] = whole.replace(/^(?:amqps?|sb|https?):\/\//i, "").split("/");
  if (segments.length === 0 || (segments.length === 1 && (segments[0] === "" || segments[0] === "devices")))
    return "hub";
  const owner = ownerOf(segments);
  return owner === null ? null : { deviceId: owner.deviceId, moduleId: owner.moduleId };
}

function ownerOf(
  segments: readonly string[],
): { deviceId: string; moduleId: string | undefined; rest: string[] } | null {
  const [devices, encodedId = "", ...behind] = segments;
  const deviceId = decode(encodedId);
  if (devices !== "devices" || deviceId === null || deviceId === "") return null;
  if (behind[0] !== "modules") return { deviceId, moduleId: undefined, rest: behind };
  const moduleId = decode(behind[1] ?? "");
  return moduleId === null || moduleId === "" ? null : { deviceId, moduleId, rest: behind.slice(2) };
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null; // URIError: the only thing it throws
  }
}
