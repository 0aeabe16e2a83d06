// What a person reads when the server has started: where it is, where files will be, how to send. Pure.

export interface BannerFacts {
  readonly version: string;
  readonly hubName: string;
  readonly webUrl: string;
  /** Null when there is a user. */
  readonly setUpLink: string | null;
  readonly publicHost: string;
  readonly ports: { readonly mqtt: number; readonly mqtts: number; readonly amqps: number; readonly https: number };
  readonly mqttHost: string;
  readonly dataDir: string;
  readonly caPath: string | null;
  readonly sample: SampleFacts | null;
}

export interface SampleFacts {
  readonly deviceId: string;
  readonly connectionString: string;
  /** A token good for a while, for `mosquitto_pub`. */
  readonly token: string;
  /** Where the first files will be. */
  readonly folder: string;
}

export function banner(facts: BannerFacts): string {
  const { ports, publicHost, caPath } = facts;
  const lines = [
    `Coldpath ${facts.version} · hub "${facts.hubName}" · data in ${facts.dataDir}`,
    "",
    `  Web page        ${facts.webUrl}`,
    `  MQTT over TLS   ${publicHost}:${ports.mqtts}`,
    `  AMQP over TLS   ${publicHost}:${ports.amqps}`,
    `  HTTPS           ${publicHost}:${ports.https}`,
    `  MQTT, no TLS    ${facts.mqttHost}:${ports.mqtt}`,
    `  REST API        ${facts.webUrl}/api/v1`,
    ...(caPath === null ? [] : [`  CA file         ${caPath}`]),
  ];
  if (facts.setUpLink !== null) {
    lines.push("", "There is no user yet. Make the first administrator in a browser:", `  ${facts.setUpLink}`);
  }
  if (facts.sample !== null) lines.push("", ...sampleLines(facts, facts.sample));
  lines.push(
    "",
    "Every minute's files are written when the minute is over. Stop with Ctrl-C: nothing accepted is lost.",
    "",
  );
  return lines.join("\n");
}

function sampleLines(facts: BannerFacts, sample: SampleFacts): string[] {
  const { ports, publicHost, caPath } = facts;
  const topic = `devices/${sample.deviceId}/messages/events/`;
  return [
    "The sample: ten simulated refrigerators send every few seconds; within two minutes files appear in",
    `  ${sample.folder}`,
    "  Read them:  ./coldpath read " + sample.folder,
    "",
    `Send as the device "${sample.deviceId}":`,
    `  ${sample.connectionString}`,
    "",
    "  Node.js (npm install azure-iot-device azure-iot-device-mqtt):",
    '    const { Client, Message } = require("azure-iot-device"); const { Mqtt } = require("azure-iot-device-mqtt");',
    `    const client = Client.fromConnectionString("${sample.connectionString}", Mqtt);`,
    ...(caPath === null ? [] : [`    client.setOptions({ ca: require("fs").readFileSync("${caPath}", "utf8") });`]),
    `    client.open().then(() => client.sendEvent(new Message('{"humidity":42}'))).then(() => client.close());`,
    "",
    "  mosquitto_pub:",
    `    mosquitto_pub -V mqttv311 -q 1 -h ${publicHost} -p ${ports.mqtts}${caPath === null ? "" : ` --cafile ${caPath}`} -i ${sample.deviceId} \\`,
    `      -u '${publicHost}/${sample.deviceId}/?api-version=2021-04-12' -t '${topic}' -m '{"humidity":42}' \\`,
    `      -P '${sample.token}'`,
  ];
}
