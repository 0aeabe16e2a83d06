// What a request is about, from its method and path. Pure.

export type Route =
  | { readonly kind: "events"; readonly deviceId: string; readonly moduleId?: string | undefined }
  /** A poll for a message. */
  | { readonly kind: "devicebound"; readonly deviceId: string }
  /** `PUT …/register`. */
  | { readonly kind: "register"; readonly idScope: string; readonly registrationId: string }
  /** `GET …/operations/{id}`. */
  | {
      readonly kind: "operation";
      readonly idScope: string;
      readonly registrationId: string;
      readonly operationId: string;
    }
  /** What became of a message that was polled. */
  | {
      readonly kind: "settle";
      readonly deviceId: string;
      readonly lockToken: string;
      readonly outcome: "completed" | "rejected" | "abandoned";
    }
  /** A feature of IoT Hub's that does not exist here, or not yet; `name` completes "does not have …". */
  | { readonly kind: "missing"; readonly name: string }
  | { readonly kind: "unknown" };

/**
 * `/devices/{url-encoded id}[/modules/{url-encoded id}]/messages/events?api-version=…`; any api-version, or none, is taken. A
 * proxy's form with scheme and host before it is the same (RFC 9112 §3.2.2); who the host is, only the token says.
 */
export function routeOf(method: string, target: string): Route {
  const local = target.replace(/^https?:\/\/[^/?]*/i, "");
  const question = local.indexOf("?");
  const path = question < 0 ? local : local.slice(0, question);
  const provisioning = provisioningRouteOf(method, path);
  if (provisioning !== null) return provisioning;
  const [root, devices, encodedId = "", ...rest] = path.split("/");
  if (root !== "" || devices !== "devices" || encodedId === "") return { kind: "unknown" };
  const deviceId = decoded(encodedId);
  if (deviceId === null) return { kind: "unknown" };
  const what = rest.join("/");
  if (rest[0] === "modules") {
    const moduleId = decoded(rest[1] ?? "");
    const isEvents = method === "POST" && rest.slice(2).join("/") === "messages/events";
    if (isEvents && moduleId !== null && moduleId !== "") return { kind: "events", deviceId, moduleId };
    return { kind: "missing", name: "anything of modules but their messages" };
  }
  if (method === "POST" && what === "messages/events") return { kind: "events", deviceId };
  if (method === "GET" && what === "messages/devicebound") return { kind: "devicebound", deviceId };
  const lockToken = /^messages\/devicebound\/([^/]+)(\/abandon)?$/.exec(what);
  if (lockToken !== null) {
    const outcome = outcomeOf(method, lockToken[2] !== undefined, question < 0 ? "" : local.slice(question + 1));
    if (outcome !== null) return { kind: "settle", deviceId, lockToken: lockToken[1] ?? "", outcome };
  }
  if (rest[0] === "files") return { kind: "missing", name: "file uploads" };
  if (rest[0] === "twin" || rest[0] === "methods") return { kind: "missing", name: "device twins and methods" };
  return { kind: "unknown" };
}

/** `/{idScope}/registrations/{url-encoded id}/…` of the provisioning service. */
function provisioningRouteOf(method: string, path: string): Route | null {
  const [root, idScope = "", registrations, encodedId = "", what, operationId = "", ...rest] = path.split("/");
  if (root !== "" || registrations !== "registrations" || idScope === "" || encodedId === "") return null;
  const registrationId = decoded(encodedId);
  if (registrationId === null || rest.length > 0) return null;
  if (method === "PUT" && what === "register" && operationId === "")
    return { kind: "register", idScope, registrationId };
  if (method !== "GET" || what !== "operations" || operationId === "") return null;
  return { kind: "operation", idScope, registrationId, operationId };
}

function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null; // URIError: the only thing it throws
  }
}

function outcomeOf(method: string, isAbandon: boolean, query: string): "completed" | "rejected" | "abandoned" | null {
  if (isAbandon) return method === "POST" ? "abandoned" : null;
  if (method !== "DELETE") return null;
  const words = new URLSearchParams(query);
  // Azure's SDK for Java writes `&%3Freject=true`.
  return words.has("reject") || words.has("?reject") ? "rejected" : "completed";
}
