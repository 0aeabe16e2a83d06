// Programs that connect as a device and send one message, ready but for the key. Pure.
//
// Names go into the languages' own literals: ids hold quotes, dollar signs and the like.

import type { Endpoints } from "./options.ts";
import { deviceConnectionString, hostNameOf } from "./connection-string.ts";

export const keyPlaceholder = "{{KEY}}";

export interface ConnectionSnippet {
  readonly language: "nodejs" | "python" | "csharp" | "mosquitto_pub";
  readonly title: string;
  readonly install: string;
  readonly file: string | null;
  readonly run: string | null;
  /** What else must be known, or null. */
  readonly note: string | null;
  readonly code: string;
}

interface Connecting {
  readonly deviceId: string;
  readonly endpoints: Pick<Endpoints, "publicHosts" | "mqttsPort" | "caPath">;
  /** The message, as JSON text. */
  readonly body: string;
}

const sdkPort = 8883;
const onlyPort = (port: number): string | null =>
  port === sdkPort
    ? null
    : `This SDK knows port ${sdkPort} only, and this server's is ${port}: start the server with --mqtts-port ${sdkPort}, or forward that port to it.`;

export function connectionSnippets({ deviceId, endpoints, body }: Connecting): readonly ConnectionSnippet[] {
  const { mqttsPort: port, caPath } = endpoints;
  const host = endpoints.publicHosts[0] ?? "localhost";
  const withPort = deviceConnectionString(hostNameOf(endpoints), deviceId, keyPlaceholder);
  const plain = deviceConnectionString(host, deviceId, keyPlaceholder);
  return [
    {
      language: "nodejs",
      title: "Node.js",
      install: "npm install azure-iot-device azure-iot-device-mqtt",
      file: "send.cjs",
      run: "node send.cjs",
      note: null,
      code: nodejs(withPort, caPath, body),
    },
    {
      language: "python",
      title: "Python",
      install: "pip install azure-iot-device",
      file: "send.py",
      run: "python3 send.py",
      note: onlyPort(port),
      code: python(plain, caPath, body),
    },
    {
      language: "csharp",
      title: "C#",
      install: "dotnet add package Microsoft.Azure.Devices.Client",
      file: "Program.cs",
      run: "dotnet run",
      note: onlyPort(port),
      code: csharp(plain, caPath, body),
    },
    {
      language: "mosquitto_pub",
      title: "mosquitto_pub",
      install: "apt-get install mosquitto-clients openssl",
      file: null,
      run: null,
      note: /[+#]/.test(deviceId)
        ? "MQTT allows no + and # in the topic: such a device can send over HTTPS only."
        : null,
      code: mosquitto(host, port, caPath, deviceId, body),
    },
  ];
}

function nodejs(connectionString: string, caPath: string | null, body: string): string {
  const ca =
    caPath === null ? "" : `client.setOptions({ ca: readFileSync(${js(caPath)}, "utf8") }); // trust this hub\n`;
  return `${caPath === null ? "" : 'const { readFileSync } = require("node:fs");\n'}const { Client, Message } = require("azure-iot-device");
const { Mqtt } = require("azure-iot-device-mqtt");

const client = Client.fromConnectionString(${js(connectionString)}, Mqtt);
${ca}
async function main() {
  await client.open();
  await client.sendEvent(new Message(${js(body)})); // resolves at the acknowledgement
  await client.close();
  console.log("sent");
}
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
`;
}

function python(connectionString: string, caPath: string | null, body: string): string {
  const open =
    caPath === null ? "" : `with open(${py(caPath)}) as file:\n    authority = file.read()  # trust this hub\n\n`;
  const trusting = caPath === null ? "" : ", server_verification_cert=authority";
  return `from azure.iot.device import IoTHubDeviceClient, Message

${open}client = IoTHubDeviceClient.create_from_connection_string(
    ${py(connectionString)}${trusting})
client.connect()
client.send_message(Message(${py(body)}))  # returns at the acknowledgement
client.shutdown()
print("sent")
`;
}

function csharp(connectionString: string, caPath: string | null, body: string): string {
  const settings =
    caPath === null
      ? ""
      : `var authority = X509Certificate2.CreateFromPem(File.ReadAllText(${cs(caPath)}));
var settings = new MqttTransportSettings(TransportType.Mqtt_Tcp_Only)
{
    RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
    {
        // Trust this hub: its own authority, and the name that was asked for.
        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)) return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(new X509Certificate2(certificate));
    },
};

`;
  const transport = caPath === null ? "TransportType.Mqtt_Tcp_Only" : "new ITransportSettings[] { settings }";
  const using =
    caPath === null ? "" : "using System.Net.Security;\nusing System.Security.Cryptography.X509Certificates;\n";
  return `${using}using System.Text;
using Microsoft.Azure.Devices.Client;
${caPath === null ? "" : "using Microsoft.Azure.Devices.Client.Transport.Mqtt;\n"}
${settings}using var client = DeviceClient.CreateFromConnectionString(
    ${cs(connectionString)},
    ${transport});
await client.OpenAsync();
await client.SendEventAsync(new Message(Encoding.UTF8.GetBytes(${cs(body)}))); // completes at the acknowledgement
await client.CloseAsync();
Console.WriteLine("sent");
`;
}

function mosquitto(host: string, port: number, caPath: string | null, deviceId: string, body: string): string {
  const trust = caPath === null ? "--capath /etc/ssl/certs" : `--cafile ${sh(caPath)}`;
  const resource = `${host}/devices/${deviceId}`;
  return `key='${keyPlaceholder}'
resource=${sh(encodeURIComponent(resource))}
expiry=$(($(date +%s) + 3600)) # the token is good for an hour
hexkey=$(printf %s "$key" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \\n')
signature=$(printf '%s\\n%s' "$resource" "$expiry" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$hexkey" -binary |
  openssl base64 -A | sed 's/+/%2B/g; s,/,%2F,g; s/=/%3D/g')
mosquitto_pub -V mqttv311 -q 1 -h ${sh(host)} -p ${port} ${trust} \\
  -i ${sh(deviceId)} -u ${sh(`${host}/${deviceId}/?api-version=2021-04-12`)} \\
  -P "SharedAccessSignature sr=$resource&sig=$signature&se=$expiry" \\
  -t ${sh(`devices/${deviceId}/messages/events/`)} -m ${sh(body)} && echo sent
`;
}

/** JSON is a literal of both; the separators that older JavaScript takes for line ends are escaped. */
function js(text: string): string {
  return JSON.stringify(text).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

/** JSON's escapes are Python's, but for those of characters beyond 16 bits, which JSON leaves as they are. */
const py = js;
/** And C#'s. */
const cs = js;

function sh(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
