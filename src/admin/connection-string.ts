// What a device is configured with: host name, key, connection string. Pure.

import type { Endpoints } from "./options.ts";

const mqttsPortOfAzure = 8883;

/**
 * The host name of connection strings: the first public host, with the port where it is not the one that SDKs assume.
 * Azure's SDKs take `host:port` for MQTT and AMQP (not for HTTPS).
 */
export function hostNameOf({ publicHosts, mqttsPort }: Pick<Endpoints, "publicHosts" | "mqttsPort">): string {
  const host = publicHosts[0] ?? "localhost";
  if (mqttsPort === mqttsPortOfAzure) return host;
  return `${host.includes(":") ? `[${host}]` : host}:${mqttsPort}`;
}

export function deviceConnectionString(hostName: string, deviceId: string, key: string): string {
  return `HostName=${hostName};DeviceId=${deviceId};SharedAccessKey=${key}`;
}

/** For a device whose SDK gets the certificate and its key beside it. */
export function x509ConnectionString(hostName: string, deviceId: string): string {
  return `HostName=${hostName};DeviceId=${deviceId};x509=true`;
}

export function moduleConnectionString(hostName: string, deviceId: string, moduleId: string, key: string): string {
  return `HostName=${hostName};DeviceId=${deviceId};ModuleId=${moduleId};SharedAccessKey=${key}`;
}

export function policyConnectionString(hostName: string, policy: string, key: string): string {
  return `HostName=${hostName};SharedAccessKeyName=${policy};SharedAccessKey=${key}`;
}
