// The MQTT user name of a device, in all forms that SDKs send:
//
//     {host}/{clientId}/?api-version=2021-04-12&model-id=dtmi%3A…&DeviceClientType=…
//     {host}/{clientId}/api-version=2016-11-14
//     {host}/{clientId}
//
// where the client id is `{deviceId}` or `{deviceId}/{moduleId}`.

export interface DeviceClaim {
  readonly host: string;
  readonly deviceId: string;
  readonly moduleId: string | undefined;
  readonly modelId: string | undefined;
}

/** `client-id`: the client id has no form of ours; `user-name`: the user name does not say the same client id. */
export function parseUserName(clientId: string, userName: string): DeviceClaim | "client-id" | "user-name" {
  const [deviceId = "", moduleId, ...more] = clientId.split("/");
  if (deviceId === "" || moduleId === "" || more.length > 0 || clientId.length > 257) return "client-id";
  const slash = userName.indexOf("/");
  if (slash <= 0) return "user-name";
  const host = userName.slice(0, slash);
  const rest = userName.slice(slash + 1);
  if (rest !== clientId && !rest.startsWith(`${clientId}/`)) return "user-name";
  const query = new URLSearchParams(rest.slice(clientId.length + 1).replace(/^\?/, ""));
  const modelId = query.get("model-id") ?? undefined;
  return { host, deviceId, moduleId, modelId: modelId === "" ? undefined : modelId };
}
