// A device of Azure's SDK for Node.js, as it is: it asks the provisioning service, connects to the hub that it is told, and sends one
// message. A process of its own, since the provisioning SDK trusts the process's authorities only (NODE_EXTRA_CA_CERTS).
//
// Argument: JSON of ProvisionRequest. Prints JSON: `{"state", "isSent"}`, or `{"error", "result"}`.

import device from "azure-iot-device";
import azureMqtt from "azure-iot-device-mqtt";
import provisioning from "azure-iot-provisioning-device";
import provisioningHttp from "azure-iot-provisioning-device-http";
import provisioningMqtt from "azure-iot-provisioning-device-mqtt";
import symmetricKey from "azure-iot-security-symmetric-key";
import x509 from "azure-iot-security-x509";
import https from "node:https";

export interface ProvisionRequest {
  readonly transport: "mqtt" | "http";
  /** With the port for MQTT. */
  readonly host: string;
  readonly httpsPort: number;
  readonly idScope: string;
  readonly registrationId: string;
  readonly key: string;
  /** PEM, in place of the key. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
  readonly payload?: object | undefined;
  /** Of the message that is sent; left out: it only asks. */
  readonly message?: string | undefined;
}

async function main(request: ProvisionRequest): Promise<object> {
  const { transport, host, idScope, registrationId, key, certificate, payload, message } = request;
  // The SDK has no option for the port of HTTPS: it takes that of the agent.
  Object.assign(https.globalAgent, { defaultPort: request.httpsPort });
  const client = provisioning.ProvisioningDeviceClient.create(
    host,
    idScope,
    transport === "mqtt" ? new provisioningMqtt.Mqtt() : new provisioningHttp.Http(),
    // Its declarations name another copy of a package of theirs.
    (certificate === undefined
      ? new symmetricKey.SymmetricKeySecurityClient(registrationId, key)
      : new x509.X509Security(registrationId, certificate)) as never,
  );
  if (payload !== undefined) client.setProvisioningPayload(payload);
  const state = await client.register();
  if (state === undefined) throw new Error("No result.");
  if (message === undefined) return { state, isSent: false };
  const proof = certificate === undefined ? `SharedAccessKey=${key}` : "x509=true";
  const connectionString = `HostName=${state.assignedHub};DeviceId=${state.deviceId};${proof}`;
  const hub = device.Client.fromConnectionString(connectionString, azureMqtt.Mqtt);
  if (certificate !== undefined) await hub.setOptions(certificate);
  await hub.open();
  await hub.sendEvent(new device.Message(message));
  await hub.close();
  return { state, isSent: true };
}

main(JSON.parse(process.argv[2] ?? "{}") as ProvisionRequest).then(
  (outcome) => console.log(JSON.stringify(outcome)),
  (error: Error & { result?: unknown }) =>
    console.log(JSON.stringify({ error: `${error.name}: ${error.message}`, result: error.result })),
);
