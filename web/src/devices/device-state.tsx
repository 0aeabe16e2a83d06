// How a device is, in words: blocked, connected, simulated.

import { Badge, makeStyles } from "@fluentui/react-components";
import { StateBadge } from "../parts/states.tsx";
import type { Device } from "./device-queries.ts";

const useStyles = makeStyles({ badges: { display: "flex", flexWrap: "wrap", gap: "6px" } });

export function DeviceState({ device }: { readonly device: Pick<Device, "enabled" | "connected" | "simulated"> }) {
  const styles = useStyles();
  return (
    <span className={styles.badges}>
      {!device.enabled && <StateBadge tone="bad">Blocked</StateBadge>}
      {device.enabled && !device.simulated && (
        <StateBadge tone={device.connected ? "good" : "off"}>
          {device.connected ? "Connected" : "Not connected"}
        </StateBadge>
      )}
      {device.simulated && (
        <Badge appearance="tint" color="brand" shape="rounded">
          Simulated
        </Badge>
      )}
    </span>
  );
}
