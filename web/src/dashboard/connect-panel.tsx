// How devices reach the hub.

import { Text } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import type { Schema } from "../api/client.ts";
import { CopyBox } from "../parts/copy-box.tsx";
import { Facts, Panel } from "../parts/panel.tsx";
import { LinkButton } from "../parts/plain-link.tsx";
import { deviceCountQuery } from "./dashboard-queries.ts";

export function ConnectPanel({ status }: { readonly status: Schema<"Status"> }) {
  const devices = useQuery(deviceCountQuery).data?.real;
  const { publicHosts, hostName, mqttPort, mqttsPort, httpsPort, caPath } = status.endpoints;
  const isFirst = devices === 0;
  return (
    <Panel
      title={isFirst ? "Connect your first device" : "How devices connect"}
      about={
        isFirst
          ? "Create a device in the device explorer: its page has the connection string and ready code for Node.js, Python, C# and mosquitto."
          : "A device's own page in the device explorer has its connection string and ready code."
      }
      actions={
        <LinkButton to="/devices" {...(isFirst ? { appearance: "primary" as const } : {})}>
          {isFirst ? "Create a device" : "Device explorer"}
        </LinkButton>
      }
    >
      <Facts
        items={[
          { name: publicHosts.length === 1 ? "Host" : "Hosts", value: publicHosts.join(", ") },
          { name: "Host name in connection strings", value: hostName },
          { name: "MQTT over TLS", value: `Port ${mqttsPort}` },
          { name: "HTTPS", value: `Port ${httpsPort}` },
          { name: "MQTT without TLS", value: mqttPort === null ? "Off" : `Port ${mqttPort}` },
        ]}
      />
      {caPath === null ? (
        <Text>The certificate is one that devices trust already.</Text>
      ) : (
        <CopyBox text={caPath} label="Certificate authority that devices must trust (a file on the server's machine)" />
      )}
    </Panel>
  );
}
