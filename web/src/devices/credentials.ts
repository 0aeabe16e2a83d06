// A device's keys: asked for only when somebody wants to see them, and kept nowhere.

import { type Schema, answerOf, api } from "../api/client.ts";

export async function credentialsOf(deviceId: string): Promise<Schema<"DeviceCredentials">> {
  return await answerOf(api.GET("/api/v1/devices/{deviceId}/credentials", { params: { path: { deviceId } } }));
}
