// Programs that register a device, connect as what it became and send one message; ready but for its id and key. Pure.

export interface ProvisioningPlace {
  /** With its port when it is not 8883. */
  readonly host: string;
  readonly idScope: string;
  /** Null: the authority is a public one. */
  readonly caPath: string | null;
}

export interface ReadyProgram {
  readonly id: "nodejs" | "python";
  readonly title: string;
  readonly install: string;
  readonly file: string;
  readonly run: string;
  /** What else must be known, or null. */
  readonly note: string | null;
  readonly text: string;
}

export function readyCode({ host, idScope, caPath }: ProvisioningPlace): readonly ReadyProgram[] {
  // A JSON string is one of JavaScript and of Python, too.
  const [hostText, scopeText, caText] = [host, idScope, caPath ?? ""].map((text) => JSON.stringify(text));
  const port = /:(\d+)$/.exec(host)?.[1];
  const trust = caPath === null ? "" : `NODE_EXTRA_CA_CERTS=${shellText(caPath)} `;
  return [
    {
      id: "nodejs",
      title: "Node.js",
      install:
        "npm install azure-iot-device azure-iot-device-mqtt azure-iot-provisioning-device azure-iot-provisioning-device-mqtt azure-iot-security-symmetric-key",
      file: "register.cjs",
      run: `${trust}node register.cjs`,
      note: null,
      text: `const { Client, Message } = require("azure-iot-device");
const { Mqtt } = require("azure-iot-device-mqtt");
const { ProvisioningDeviceClient } = require("azure-iot-provisioning-device");
const { Mqtt: Registration } = require("azure-iot-provisioning-device-mqtt");
const { SymmetricKeySecurityClient } = require("azure-iot-security-symmetric-key");

const id = "{{REGISTRATION_ID}}";
const key = "{{KEY}}";

async function main() {
  const security = new SymmetricKeySecurityClient(id, key);
  const provisioning = ProvisioningDeviceClient.create(${hostText}, ${scopeText}, new Registration(), security);
  const { assignedHub, deviceId } = await provisioning.register();
  const client = Client.fromConnectionString(
    \`HostName=\${assignedHub};DeviceId=\${deviceId};SharedAccessKey=\${key}\`, Mqtt);
  await client.open();
  await client.sendEvent(new Message(JSON.stringify({ hello: "world" })));
  await client.close();
  console.log("sent as", deviceId);
}
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
`,
    },
    {
      id: "python",
      title: "Python",
      install: "pip install azure-iot-device",
      file: "register.py",
      run: "python3 register.py",
      note:
        port === undefined
          ? null
          : `This SDK knows port 8883 only, and this server's is ${port}: forward that port to it.`,
      text: `from azure.iot.device import IoTHubDeviceClient, Message, ProvisioningDeviceClient

id = "{{REGISTRATION_ID}}"
key = "{{KEY}}"
${caPath === null ? "" : `with open(${caText}) as file:\n    trust = {"server_verification_cert": file.read()}  # trust this hub\n`}
provisioning = ProvisioningDeviceClient.create_from_symmetric_key(
    provisioning_host=${JSON.stringify(host.replace(/:\d+$/, ""))}, id_scope=${scopeText}, registration_id=id, symmetric_key=key${caPath === null ? "" : ", **trust"})
state = provisioning.register().registration_state
client = IoTHubDeviceClient.create_from_symmetric_key(
    symmetric_key=key, hostname=state.assigned_hub, device_id=state.device_id${caPath === null ? "" : ", **trust"})
client.connect()
client.send_message(Message('{"hello": "world"}'))
client.shutdown()
print("sent as", state.device_id)
`,
    },
  ];
}

function shellText(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
